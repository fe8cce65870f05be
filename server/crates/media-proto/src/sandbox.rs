//! What a worker's self-test reports: how far the kernel lets it lock itself in.

use serde::{Deserialize, Serialize};
use std::io;

/// The argument with which the worker tests its own sandbox instead of serving.
pub const SELF_TEST_ARGUMENT: &str = "self-test";

/// Every attempt to get out, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// Version of the kernel's Landlock that holds the worker; 0 if there is none.
    pub landlock: u32,
    /// What was tried.
    pub trials: Vec<Trial>,
}

/// Something a worker tried from inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Completes a sentence that begins with "a worker can".
    pub what: String,
    /// It must not be possible; the rest is what work needs.
    pub forbidden: bool,
    /// The kernel refused it.
    pub refused: bool,
    /// What the kernel answered.
    pub answer: String,
}

impl SelfTest {
    /// As the worker prints it.
    pub fn to_json(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }

    /// What a worker printed.
    pub fn from_json(text: &[u8]) -> io::Result<Self> {
        Ok(serde_json::from_slice(text)?)
    }

    /// What a worker could do and must not.
    pub fn gaps(&self) -> impl Iterator<Item = &Trial> {
        let trials = self.trials.iter();
        trials.filter(|trial| trial.forbidden && !trial.refused)
    }

    /// What a worker could not do and must.
    pub fn obstacles(&self) -> impl Iterator<Item = &Trial> {
        let trials = self.trials.iter();
        trials.filter(|trial| !trial.forbidden && trial.refused)
    }
}
