//! What is said about pictures that are copied instead of encoded.

use serde::{Deserialize, Serialize};

use crate::message::{ChunkProposal, EntryPoint};

/// What is known of a picture that can be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyFacts {
    /// Over the whole title, in bits per second.
    pub average_bps: u32,
    /// Of its densest segment, in bits per second.
    pub peak_bps: u32,
    /// Its own segment boundaries, from 0 to the end of media, where its keyframes are too far apart
    /// to cut the rungs at. Each of them is a cut of the rungs, too.
    pub apart: Option<Vec<i64>>,
    /// Consecutive runs of its segments that are copied at once.
    pub spans: Vec<ChunkProposal>,
}

/// Segments of the picture that are copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopySpec {
    /// The track's index in the source.
    pub track: u32,
    /// Stream number in segment names.
    pub stream: u32,
    /// Zero of the timeline on the source's clock, in video ticks.
    pub origin: i64,
    /// Number of the first segment, from 1.
    pub first_segment: u32,
    /// `segment_count + 1` boundaries, in video ticks; IDR pictures are shown there.
    pub cuts: Vec<i64>,
    /// Pictures that the packet index promises.
    pub frames: u32,
    /// Keyframes to start from, nearest first.
    pub entries: Vec<EntryPoint>,
}
