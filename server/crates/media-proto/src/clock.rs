//! Clocks that step: recordings that were joined, or whose sender began to count anew.

use serde::{Deserialize, Serialize};

/// From here on the clock of a track has another zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockStep {
    /// The track's index in the source.
    pub track: u32,
    /// Byte position of the first packet that goes by the new zero.
    pub position: i64,
    /// What is added to the times of this packet and of those behind it, up to the track's next
    /// step, so that they follow what came before; in video ticks, in which such containers count.
    pub offset: i64,
}
