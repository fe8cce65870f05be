//! What is said about the bytes of a coded picture.

use serde::{Deserialize, Serialize};

/// What a coded picture asks of the network with a keyframe at the start of every segment, in bits
/// per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureRates {
    /// Over the whole title.
    pub average_bps: u32,
    /// In its densest segment.
    pub peak_bps: u32,
}
