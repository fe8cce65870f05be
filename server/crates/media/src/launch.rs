//! How a worker comes to life, as an interface: the server starts processes, tests answer from
//! memory. What does not belong here: the protocol (`connection`).

use async_trait::async_trait;
use model::error::Result;
use std::fmt::Debug;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::limits::Duty;

/// Brings workers to life.
#[async_trait]
pub trait Launch: Send + Sync + Debug {
    /// Starts one worker.
    ///
    /// Fails with `NotFound` if no worker is installed, and with `Unavailable` if the machine
    /// could not start it.
    async fn launch(&self, errand: Errand) -> Result<Launched>;

    /// The encoder in graphics hardware that workers may be given, if one works.
    fn hardware(&self) -> Option<String> {
        None
    }

    /// The encoder of a worker did as it should, or failed. After some failures in a row it is left
    /// alone until the next start.
    fn hardware_did(&self, well: bool) {
        let _ = well;
    }
}

/// What a worker is given for life.
#[derive(Debug)]
pub struct Errand {
    /// The one file it reads, already open.
    pub input: File,
    /// The one folder it writes into; exists and is empty.
    pub scratch: PathBuf,
    /// What it is for.
    pub duty: Duty,
    /// How many encoders in graphics hardware it gets, each a process of its own. It gets none
    /// where that does not work.
    pub encoders: u32,
}

/// A worker that was just started and has not spoken yet.
pub struct Launched {
    /// Where requests go.
    pub requests: Box<dyn AsyncWrite + Send + Unpin>,
    /// Where events come from.
    pub events: Box<dyn AsyncRead + Send + Unpin>,
    /// The life behind the two pipes. Dropping it ends that life.
    pub life: Box<dyn Life>,
}

impl Debug for Launched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launched")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// The life behind a pair of pipes.
#[async_trait]
pub trait Life: Send + Debug {
    /// Waits up to `grace` for the worker to end by itself, kills it otherwise, and tells how it
    /// went. Calling it again tells the same.
    async fn end(&mut self, grace: Duration) -> Ending;
}

/// How a worker ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Completes a sentence that begins with "it": "was killed by signal 11 (SIGSEGV)".
    pub how: String,
    /// The end of what it wrote to its standard error.
    pub last_words: Option<String>,
}
