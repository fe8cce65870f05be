//! What the server asks of single pictures of a film: its poster, and the small ones for the seek
//! bar.

use serde::{Deserialize, Serialize};

use crate::clock::ClockStep;
use crate::message::EntryPoint;

/// What stands for a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosterSpec {
    /// What it is drawn from.
    pub from: PosterSource,
    /// Attached pictures of the file, by track. The first that can be decoded is the poster of
    /// sound, and one of those to choose from for a film.
    pub covers: Vec<u32>,
    /// Zero of the timeline on the source's clock, in video ticks.
    pub origin: i64,
    /// Where the track's clock steps; all times here count on over these.
    pub clock_steps: Vec<ClockStep>,
    /// Longest side of the picture, in pixels.
    pub long_side: u32,
}

/// What a poster is drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PosterSource {
    /// The liveliest keyframes of a film.
    Film {
        /// The track to take them from.
        track: u32,
        /// Stretches of the title by some places to look at, in video ticks; each gives one
        /// picture at most.
        stretches: Vec<Vec<i64>>,
    },
    /// The loudness of sound over its time, as bars.
    Sound {
        /// The track to listen to.
        track: u32,
        /// End of the title, in video ticks.
        end: i64,
    },
}

/// A sheet of small pictures, row by row; what is left over at the end is black.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SheetSpec {
    /// Number of the sheet in the name of the file, from 1.
    pub number: u32,
    /// Width of one picture, even, in pixels.
    pub tile_width: u32,
    /// Height of one picture, even, in pixels.
    pub tile_height: u32,
    /// Pictures in a row.
    pub columns: u32,
    /// How many rows there are.
    pub rows: u32,
    /// From one picture to the next, in video ticks.
    pub every: i64,
    /// What the pictures show, in video ticks on the timeline, rising.
    pub times: Vec<i64>,
    /// Keyframes around there, rising; where there is none before a time, decoding starts at the
    /// beginning of the file.
    pub entries: Vec<EntryPoint>,
}
