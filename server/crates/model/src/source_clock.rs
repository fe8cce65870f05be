//! Clocks of sources that step: recordings that were joined, or whose sender began to count anew.
//! What does not belong here: how steps are found (the worker does).

use serde::{Deserialize, Serialize};

/// From here on the clock of a track has another zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStep {
    /// The track's index in the source.
    pub track: u32,
    /// Byte position of the first packet that goes by the new zero.
    pub position: i64,
    /// What is added to the times of this packet and of those behind it, up to the track's next
    /// step, in ticks of the source's clock.
    pub offset: i64,
}
