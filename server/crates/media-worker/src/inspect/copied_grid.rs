//! The grid of a title whose picture is copied: segments are cut at IDR pictures of the source, and
//! the rungs that are encoded follow, unless these are so far apart that the copy has cuts of its
//! own. Pure. What does not belong here: the grid of all other titles (`grid`).

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{ChunkProposal, GridPolicy};

use super::grid::{Grid, Picture, entries_for, frames_between};

/// About so much is copied as one unit: a minute.
const SPAN: i64 = 60 * VIDEO_TIMESCALE as i64;

/// Segments between IDR pictures, as near to the nominal lengths as these allow; `None` if one
/// would be longer than the policy allows. `idrs` are when IDR pictures are shown, in order.
pub fn at_idrs(picture: &Picture<'_>, idrs: &[i64], policy: &GridPolicy) -> Option<Grid> {
    let nominal = |segment: usize| {
        let is_opening = segment <= policy.opening_segments as usize;
        if is_opening {
            policy.opening_segment
        } else {
            policy.segment
        }
    };
    let cuts = cuts(picture, idrs, policy.longest_copied, nominal)?;
    Some(Grid {
        chunks: runs(picture, &cuts, &lengths(&cuts, policy.chunk)),
        cuts,
    })
}

/// Cuts for the copy alone; `None` if a segment would be longer than the policy allows. The rungs
/// are cut there, too, each time with a chunk of their own: so the segments are as long as chunks
/// where keyframes are near.
pub fn apart(picture: &Picture<'_>, idrs: &[i64], policy: &GridPolicy) -> Option<Vec<i64>> {
    cuts(picture, idrs, policy.longest_apart, |_| policy.chunk)
}

/// The runs of segments that are copied as one unit each.
pub fn spans(picture: &Picture<'_>, cuts: &[i64]) -> Vec<ChunkProposal> {
    runs(picture, cuts, &lengths(cuts, SPAN))
}

/// Cuts at IDR pictures, with the segments, counted from 1, as near to `nominal` as these allow.
fn cuts(
    picture: &Picture<'_>,
    idrs: &[i64],
    longest: i64,
    nominal: impl Fn(usize) -> i64,
) -> Option<Vec<i64>> {
    let mut cuts = vec![0];
    while let Some(cut) = next_cut(picture, idrs, longest, nominal(cuts.len()), &cuts) {
        cuts.push(cut);
    }
    cuts.push(picture.end);
    let fits = cuts.windows(2).all(|pair| pair[1] - pair[0] <= longest);
    fits.then_some(cuts)
}

/// The IDR picture at which the next segment ends; `None` for the end of the title.
fn next_cut(
    picture: &Picture<'_>,
    idrs: &[i64],
    longest: i64,
    nominal: i64,
    cuts: &[i64],
) -> Option<i64> {
    let start = *cuts.last()?;
    if picture.end - start <= nominal + nominal / 2 {
        return None;
    }
    // Never at the first frame: where the picture starts late, nothing would be before the cut.
    let after = start.max(*picture.frames.first()?);
    let before = (start + longest).min(picture.end - nominal / 3);
    let from = idrs.partition_point(|idr| *idr <= after);
    let to = idrs.partition_point(|idr| *idr <= before);
    let near = idrs.get(from..to)?.iter().copied();
    near.min_by_key(|idr| (idr - start - nominal).abs())
}

/// How many segments each run has, so that runs come near to their nominal length.
fn lengths(cuts: &[i64], nominal: i64) -> Vec<usize> {
    let mut lengths = Vec::new();
    let (mut start, mut count) = (0, 0);
    for pair in cuts.windows(2) {
        let half_way = pair[0] + (pair[1] - pair[0]) / 2;
        if count > 0 && half_way - start > nominal {
            lengths.push(std::mem::take(&mut count));
            start = pair[0];
        }
        count += 1;
    }
    lengths.push(count);
    lengths
}

fn runs(picture: &Picture<'_>, cuts: &[i64], lengths: &[usize]) -> Vec<ChunkProposal> {
    let mut first = 0;
    let runs = lengths.iter().filter_map(|length| {
        let (start, end) = (*cuts.get(first)?, *cuts.get(first + length)?);
        first += length;
        Some(ChunkProposal {
            segment_count: u32::try_from(*length).unwrap_or(u32::MAX),
            frames: frames_between(picture.frames, start, end),
            entries: entries_for(picture.keyframes, start),
        })
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use super::{apart, at_idrs, spans};
    use crate::inspect::grid::tests::{POLICY, SECOND};
    use crate::inspect::grid::{Grid, Picture};

    /// The grid of a picture of 25 frames a second from `first` to `end`, in milliseconds.
    fn grid(first: i64, end: i64, idrs: &[i64]) -> Option<Grid> {
        let ticks = |milliseconds: i64| milliseconds * SECOND / 1000;
        let frames: Vec<i64> = (first..end).step_by(40).map(ticks).collect();
        let idrs: Vec<i64> = idrs.iter().copied().map(ticks).collect();
        let picture = Picture {
            frames: &frames,
            keyframes: &[],
            end: ticks(end),
        };
        let grid = at_idrs(&picture, &idrs, &POLICY)?;
        for runs in [&grid.chunks, &spans(&picture, &grid.cuts)] {
            let segments: u32 = runs.iter().map(|run| run.segment_count).sum();
            assert_eq!(segments as usize, grid.cuts.len() - 1, "all segments");
            let count: u32 = runs.iter().map(|run| run.frames).sum();
            assert_eq!(count as usize, frames.len(), "all frames");
        }
        Some(grid)
    }

    fn cuts(first: i64, end: i64, idrs: &[i64]) -> Option<Vec<i64>> {
        let grid = grid(first, end, idrs)?;
        Some(grid.cuts.iter().map(|cut| cut * 1000 / SECOND).collect())
    }

    fn every(step: i64, end: i64) -> Vec<i64> {
        (0..end).step_by(usize::try_from(step).unwrap()).collect()
    }

    #[test]
    fn cuts_are_the_nearest_keyframes() {
        let cases = [
            (
                "every second",
                every(1_000, 20_000),
                20_000,
                vec![0, 2_000, 4_000, 8_000, 12_000, 16_000, 20_000],
            ),
            (
                "every five seconds",
                every(5_000, 20_000),
                20_000,
                vec![0, 5_000, 10_000, 15_000, 20_000],
            ),
            (
                "every ten seconds",
                every(10_000, 25_000),
                25_000,
                vec![0, 10_000, 20_000, 25_000],
            ),
            (
                "scenes",
                vec![0, 400, 7_200, 7_600, 9_000, 13_000],
                14_000,
                vec![0, 400, 7_200, 9_000, 14_000],
            ),
            ("one for a short clip", vec![0], 9_000, vec![0, 9_000]),
            (
                "one just before the end",
                vec![0, 9_960],
                10_000,
                vec![0, 10_000],
            ),
        ];
        for (what, idrs, end, expected) in cases {
            assert_eq!(cuts(0, end, &idrs), Some(expected), "{what}");
        }
    }

    #[test]
    fn keyframes_too_far_apart_are_no_grid() {
        let cases = [
            ("a hole", vec![0, 2_000, 13_000, 15_000], 16_000),
            ("one for a long clip", vec![0], 11_000),
            ("sound that goes on", every(2_000, 8_000), 60_000),
        ];
        for (what, idrs, end) in cases {
            assert_eq!(cuts(0, end, &idrs), None, "{what}");
        }
    }

    #[test]
    fn a_copy_may_have_long_segments_of_its_own() {
        let cases = [
            (
                "every twenty seconds",
                every(20_000, 50_000),
                50_000,
                Some(vec![0, 20_000, 40_000, 50_000]),
            ),
            (
                "scenes",
                vec![0, 3_000, 9_000, 13_000, 40_000],
                45_000,
                Some(vec![0, 9_000, 13_000, 40_000, 45_000]),
            ),
            ("a single one", vec![0], 60_000, Some(vec![0, 60_000])),
            ("a hole", vec![0, 2_000, 70_000], 75_000, None),
            ("a single one in a long film", vec![0], 60_040, None),
        ];
        for (what, idrs, end, expected) in cases {
            let end = end * SECOND / 1000;
            let frames: Vec<i64> = (0..end).step_by(3_600).collect();
            let idrs: Vec<i64> = idrs.iter().map(|idr| idr * SECOND / 1000).collect();
            let picture = Picture {
                frames: &frames,
                keyframes: &[],
                end,
            };
            let cuts = apart(&picture, &idrs, &POLICY);
            let cuts: Option<Vec<i64>> =
                cuts.map(|cuts| cuts.iter().map(|cut| cut * 1000 / SECOND).collect());
            assert_eq!(cuts, expected, "{what}");
        }
    }

    #[test]
    fn about_a_minute_is_copied_as_one_unit() {
        let counts = |step: i64| -> Vec<u32> {
            let frames: Vec<i64> = (0..150 * SECOND).step_by(3_600).collect();
            let picture = Picture {
                frames: &frames,
                keyframes: &[],
                end: 150 * SECOND,
            };
            let cuts: Vec<i64> = (0..=150 / step).map(|cut| cut * step * SECOND).collect();
            let spans = spans(&picture, &cuts);
            spans.iter().map(|span| span.segment_count).collect()
        };
        assert_eq!(counts(5), [12, 12, 6]);
        assert_eq!(counts(30), [2, 2, 1]);
        assert_eq!(counts(75), [1, 1], "never more than one long segment");
    }

    #[test]
    fn a_picture_that_begins_late_has_no_empty_segment() {
        let late = cuts(3_000, 12_000, &[3_000, 6_000, 9_000]);
        assert_eq!(late, Some(vec![0, 6_000, 9_000, 12_000]));
    }

    #[test]
    fn chunks_are_of_about_the_nominal_length() {
        let counts = |step: i64, end: i64| -> Vec<u32> {
            let grid = grid(0, end, &every(step, end)).unwrap();
            grid.chunks
                .iter()
                .map(|chunk| chunk.segment_count)
                .collect()
        };
        assert_eq!(counts(1_000, 24_000), [3, 2, 2], "2 + 2 + 4, then 4 + 4");
        assert_eq!(counts(5_000, 30_000), [2, 2, 2], "5 + 5");
        assert_eq!(counts(10_000, 30_000), [1, 1, 1]);
    }
}
