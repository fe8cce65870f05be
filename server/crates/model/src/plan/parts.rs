//! A plan in parts whose progress can be seen at a glance. What does not belong here: how far they
//! are made, and how that is drawn (`delivery`).

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::time::VideoTicks;

/// Into how many parts a summary divides a film at most: more are too small to be seen on a phone.
pub const MOST_PARTS: usize = 96;

/// A stretch of a film whose progress is shown as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number of its first segment, from 1.
    pub first_segment: u32,
    /// Number of its last segment.
    pub last_segment: u32,
    /// The first and the last segment that show something of it, of a copy that stands apart.
    pub apart_segments: Option<(u32, u32)>,
    /// Where it begins.
    pub start: VideoTicks,
    /// Where it ends.
    pub end: VideoTicks,
}

impl Plan {
    /// The film in [`MOST_PARTS`] parts at most, each of whole chunks, or of whole segments where
    /// there is no picture.
    pub fn parts(&self) -> Vec<Part> {
        let natural: Vec<(u32, u32)> = match &self.video {
            None => (1..=self.segment_count())
                .map(|number| (number, number))
                .collect(),
            Some(video) => video
                .chunks
                .iter()
                .map(|chunk| {
                    let last = chunk.first_segment + chunk.segment_count.max(1) - 1;
                    (chunk.first_segment, last)
                })
                .collect(),
        };
        let together = natural.len().div_ceil(MOST_PARTS).max(1);
        let cut = |index: u32| self.cuts.get(index as usize).copied().unwrap_or(self.end());
        natural
            .chunks(together)
            .filter_map(|chunks| {
                let (first_segment, last_segment) = (chunks.first()?.0, chunks.last()?.1);
                let start = cut(first_segment.saturating_sub(1));
                let end = cut(last_segment);
                Some(Part {
                    first_segment,
                    last_segment,
                    apart_segments: self.apart_cuts().map(|cuts| touching(cuts, start, end)),
                    start,
                    end,
                })
            })
            .collect()
    }
}

/// The first and the last segment between `cuts` that have a part of `start..end`.
fn touching(cuts: &[VideoTicks], start: VideoTicks, end: VideoTicks) -> (u32, u32) {
    let first = cuts.partition_point(|cut| *cut <= start).max(1);
    let last = cuts.partition_point(|cut| *cut < end).max(first);
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    (number(first), number(last))
}

#[cfg(test)]
mod tests {
    use super::{Part, touching};
    use crate::time::VideoTicks;

    #[test]
    fn parts_of_before_copies_stood_apart_are_read() {
        let text = r#"{"first_segment":1,"last_segment":2,"start":0,"end":720000}"#;
        let part: Part = serde_json::from_str(text).unwrap();
        assert_eq!((part.last_segment, part.apart_segments), (2, None));
    }

    #[test]
    fn parts_name_the_segments_of_a_copy_that_touch_them() {
        let cuts: Vec<VideoTicks> = [0, 20, 40, 50].map(VideoTicks::from_seconds).to_vec();
        for (start, end, expected) in [
            (0, 8, (1, 1)),
            (8, 20, (1, 1)),
            (16, 24, (1, 2)),
            (20, 40, (2, 2)),
            (0, 50, (1, 3)),
            (48, 50, (3, 3)),
        ] {
            let (start, end) = (
                VideoTicks::from_seconds(start),
                VideoTicks::from_seconds(end),
            );
            assert_eq!(
                touching(&cuts, start, end),
                expected,
                "{start:?} to {end:?}"
            );
        }
    }
}
