//! What is said about files of subtitles beside a film.

use serde::{Deserialize, Serialize};

/// A file of subtitles beside a film.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidecarSpec {
    /// What its name says it is.
    pub format: TextFormat,
    /// BCP 47 in small letters, if its name says it; it helps to find the charset.
    pub language: Option<String>,
    /// Number in the name of the file that is written.
    pub index: u32,
    /// End of the title, in video ticks.
    pub end: i64,
}

/// A format of subtitles in files of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFormat {
    /// `.srt`
    SubRip,
    /// `.ass` and `.ssa`
    Ass,
    /// `.vtt`
    WebVtt,
}
