//! From the packet index to the offer to copy the picture: where it can be cut, what it asks of the
//! network. What does not belong here: single packets (`examine`), and whether the offer is taken
//! (the server).

use media_proto::copy::CopyFacts;
use media_proto::message::GridPolicy;

use crate::av::stream::Stream;
use crate::inspect::copied_grid::{apart, at_idrs, spans};
use crate::inspect::grid::{Grid, Picture, with_picture};
use crate::inspect::rates::{a_second, bits_of_segments, peak};
use crate::inspect::scan::TrackScan;
use crate::timeline::Timeline;

/// How the picture can be copied.
#[derive(Debug)]
pub struct Offer {
    /// Of the rungs, and of the copy unless that stands apart.
    pub grid: Grid,
    /// For the server.
    pub facts: CopyFacts,
}

/// Why a picture is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Players could not show it, or not together with other rungs.
    Unfit,
    /// It is only for its keyframes, which lie further apart than any segment may be long.
    FarKeyframes,
    /// The same, for too much lies between two of them.
    LargeSegments,
}

impl Refusal {
    /// What the owner reads of it; nothing of what concerns most films.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Unfit => None,
            Self::FarKeyframes => {
                Some("The picture is not offered as it is: its keyframes are too far apart.")
            }
            Self::LargeSegments => Some(
                "The picture is not offered as it is: \
                 there are too many megabytes between two of its keyframes.",
            ),
        }
    }
}

/// The offer for the main picture; `picture` is what its index says on the timeline `clock`.
pub fn propose(
    stream: &Stream,
    scan: &TrackScan,
    clock: &Timeline,
    picture: &Picture<'_>,
    policy: &GridPolicy,
) -> Result<Offer, Refusal> {
    if !is_fit(stream, scan, picture) {
        return Err(Refusal::Unfit);
    }
    let idrs: Vec<i64> = scan
        .packets
        .iter()
        .filter(|packet| packet.is_key && packet.is_idr && !packet.is_discarded)
        .map(|packet| clock.ticks(packet.pts))
        .collect();
    let (grid, apart) = match at_idrs(picture, &idrs, policy) {
        Some(grid) => (grid, None),
        None => {
            let cuts = apart(picture, &idrs, policy).ok_or(Refusal::FarKeyframes)?;
            (with_picture(picture, policy, &cuts), Some(cuts))
        }
    };
    let cuts = apart.as_deref().unwrap_or(&grid.cuts);
    let bits = bits_of_segments(scan, clock, cuts);
    let is_large = |bits: &u64| *bits > policy.largest_apart_bytes.saturating_mul(8);
    if apart.is_some() && bits.iter().any(is_large) {
        return Err(Refusal::LargeSegments);
    }
    let facts = CopyFacts {
        average_bps: a_second(bits.iter().sum(), picture.end),
        peak_bps: peak(&bits, cuts),
        spans: spans(picture, cuts),
        apart,
    };
    Ok(Offer { grid, facts })
}

/// Upright, in square pixels, with every frame at a moment of its own.
fn is_fit(stream: &Stream, scan: &TrackScan, picture: &Picture<'_>) -> bool {
    let is_square = |(width, height): (i32, i32)| width == 0 || width == height;
    let is_even = |(width, height): (u32, u32)| width % 2 == 0 && height % 2 == 0;
    let last_shown = scan.packets.iter().rposition(|packet| !packet.is_discarded);
    // What is cut away at the end is left out; elsewhere others may need it.
    let shown = last_shown.and_then(|last| scan.packets.get(..=last));
    let all_shown = shown.is_some_and(|shown| {
        shown.len() == picture.frames.len() && shown.iter().all(|packet| !packet.is_discarded)
    });
    scan.may_be_copied
        && all_shown
        && scan.untimed == 0
        && !(scan.interlaced || scan.hdr || stream.is_hdr())
        && stream.dolby_vision.is_none()
        && is_square(stream.sample_aspect_ratio)
        && scan.sample_aspect_ratio.is_none_or(is_square)
        && scan
            .size
            .is_some_and(|size| is_even(size) && size == stream.coded_size())
        && !picture.keyframes.is_empty()
}
