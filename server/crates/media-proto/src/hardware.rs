//! What a worker reports that was asked to try the encoders in graphics hardware.

use serde::{Deserialize, Serialize};
use std::io;

/// The argument behind [`SELF_TEST_ARGUMENT`](crate::sandbox::SELF_TEST_ARGUMENT) with which the
/// worker tries encoders, whose names may follow; without any it tries [`ENCODERS`].
pub const HARDWARE_ARGUMENT: &str = "hardware";

/// libav's names of the encoders that are hardware, best first.
pub const ENCODERS: [&str; 4] = ["h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox"];

/// What became of each encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// In the order in which they were asked for.
    pub trials: Vec<Trial>,
}

/// An encoder that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// libav's name.
    pub encoder: String,
    /// What became of it.
    pub finding: Finding,
}

/// What became of an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The libav at hand does not have it, or it is none that we know.
    NotCompiledIn,
    /// There is nothing it could run on.
    NoDevice {
        /// In a few words, without a full stop.
        reason: String,
    },
    /// It does not work, or not as it must.
    Failed {
        /// In a few words, without a full stop.
        reason: String,
    },
    /// Two seconds were encoded, and look as they should.
    Passed {
        /// Peak signal-to-noise ratio of the worst plane, on average.
        decibels: f64,
    },
}

impl Report {
    /// As the worker prints it.
    pub fn to_json(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }

    /// What a worker printed.
    pub fn from_json(text: &[u8]) -> io::Result<Self> {
        Ok(serde_json::from_slice(text)?)
    }
}
