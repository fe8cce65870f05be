//! Encoders in graphics hardware: what a worker reports that was asked to try them, and what is
//! said between a worker and the process in which one runs.
//!
//! Drivers are no place for a worker that decodes hostile files, and the other way round: a worker
//! is locked in and sends decoded pictures through a pipe, a process that sees nothing else sends
//! encoded ones back.

use serde::{Deserialize, Serialize};
use std::io;

/// The argument behind [`SELF_TEST_ARGUMENT`](crate::sandbox::SELF_TEST_ARGUMENT) with which the
/// worker tries encoders, whose names may follow; without any it tries [`ENCODERS`].
pub const HARDWARE_ARGUMENT: &str = "hardware";

/// libav's names of the encoders that are hardware, best first.
pub const ENCODERS: [&str; 4] = ["h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox"];

/// The argument with which the program is such a process; the encoder's name follows.
pub const ENCODE_ARGUMENT: &str = "encode";

/// The argument behind which a worker is told how many encoders it finds.
pub const ENCODERS_ARGUMENT: &str = "--encoders";

/// What a worker tells an encoder. Each order has one [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Pictures of this kind come; whatever was before is forgotten.
    Open(EncoderSpec),
    /// A picture in 8-bit 4:2:0, whose three planes follow this message without padding.
    Picture {
        /// When it is shown, in ticks of the specified timescale.
        pts: i64,
        /// A segment begins with it.
        keyframe: bool,
    },
    /// That was the last picture.
    Close,
}

/// What an encoder must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSpec {
    /// Even, in pixels.
    pub width: u32,
    /// Even, in pixels.
    pub height: u32,
    /// Ticks a second.
    pub timescale: u32,
    /// Frames per second as a fraction; an average where it varies.
    pub frame_rate: (u32, u32),
    /// Cap of the buffer model in bits per second.
    pub peak_bps: u32,
    /// Primaries, transfer and matrix by their numbers in ITU-T H.273.
    pub colour: [u32; 3],
}

/// What an encoder says to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// These packets are ready; their bytes follow this message, one after another.
    Packets(Vec<PacketHead>),
    /// It cannot go on. Nothing more comes.
    Failed {
        /// In a few words, without a full stop.
        reason: String,
    },
}

/// An encoded picture, in Annex B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketHead {
    /// As the picture had it.
    pub pts: i64,
    /// Its length.
    pub size_bytes: u32,
}

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
