//! The grid: where segments are cut and which of them one decode makes. Pure.
//!
//! Chunks start at keyframes of the source where one is near the wanted length, so that no frame
//! is decoded twice; elsewhere they start at any frame, and the worker decodes from the keyframe
//! before. Segments inside a chunk are of about equal length, cut at frames.

use media_proto::message::{ChunkProposal, EntryPoint, GridPolicy};

/// A keyframe and where it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Keyframe {
    /// Video ticks on the timeline; negative for keyframes that are never shown.
    pub shown_at: i64,
    /// How to find it.
    pub entry: EntryPoint,
}

/// What the packet index says about the picture. Times are video ticks on the timeline.
#[derive(Debug)]
pub struct Picture<'a> {
    /// When frames are shown: strictly increasing.
    pub frames: &'a [i64],
    /// In order of `shown_at`; empty where seeking cannot be trusted.
    pub keyframes: &'a [Keyframe],
    /// End of media, after the last frame.
    pub end: i64,
}

/// Cuts and chunks.
#[derive(Debug, PartialEq, Eq)]
pub struct Grid {
    /// From 0 to the end of media.
    pub cuts: Vec<i64>,
    /// Consecutive, covering all segments.
    pub chunks: Vec<ChunkProposal>,
}

/// Keyframes to try before decoding starts at the beginning of the file.
const MAX_ENTRIES: usize = 3;

/// The grid of a title with a picture. Chunks end at all `stops`, which rise and are frames.
pub fn with_picture(picture: &Picture<'_>, policy: &GridPolicy, stops: &[i64]) -> Grid {
    let mut grid = Grid {
        cuts: vec![0],
        chunks: Vec::new(),
    };
    let mut start = 0;
    while start < picture.end {
        let next_stop = stops.partition_point(|stop| *stop <= start);
        let limit = stops.get(next_stop).copied().unwrap_or(picture.end);
        let end = chunk_end(picture, policy, start, limit);
        let inner = inner_cuts(picture, policy, start, end);
        let segment_count = u32::try_from(inner.len() + 1).unwrap_or(u32::MAX);
        grid.cuts.extend(inner);
        grid.cuts.push(end);
        grid.chunks.push(ChunkProposal {
            segment_count,
            frames: frames_between(picture.frames, start, end),
            entries: entries_for(picture.keyframes, start),
        });
        start = end;
    }
    grid
}

/// The cuts of a title that is only sound.
pub fn sound_only(end: i64, policy: &GridPolicy) -> Vec<i64> {
    let mut cuts = vec![0];
    let opening = opening_cuts(policy, 0, end);
    let from = opening.last().copied().unwrap_or(0);
    cuts.extend(opening);
    cuts.extend(equal_cuts(policy, from, end, Some));
    cuts.push(end.max(1));
    cuts
}

/// Into how many segments each span of sound is divided: spans of about the nominal length, the
/// last one longer rather than short.
pub fn sound_spans(cuts: &[i64], policy: &GridPolicy) -> Vec<u32> {
    let mut spans: Vec<u32> = Vec::new();
    let end = cuts.last().copied().unwrap_or(0);
    let mut start = cuts.first().copied().unwrap_or(0);
    let mut count = 0;
    for cut in cuts.iter().skip(1) {
        count += 1;
        let long_enough = cut - start >= policy.sound_span && end - cut >= policy.sound_span / 2;
        if long_enough || *cut == end {
            spans.push(std::mem::take(&mut count));
            start = *cut;
        }
    }
    spans
}

/// Where the chunk that starts at `start` ends, at `limit` at the latest.
fn chunk_end(picture: &Picture<'_>, policy: &GridPolicy, start: i64, limit: i64) -> i64 {
    if limit - start <= policy.chunk + policy.chunk / 2 {
        return limit;
    }
    let wanted = start + policy.chunk;
    let from = start + policy.chunk / 2;
    let to = (start + policy.chunk + policy.chunk / 2).min(limit - policy.segment / 3);
    let near = picture
        .keyframes
        .iter()
        .map(|keyframe| keyframe.shown_at)
        .filter(|shown_at| (from..=to).contains(shown_at))
        .min_by_key(|shown_at| (shown_at - wanted).abs());
    near.or_else(|| frame_near(picture.frames, wanted, start, limit))
        .unwrap_or(limit)
}

/// The cuts strictly inside a chunk.
fn inner_cuts(picture: &Picture<'_>, policy: &GridPolicy, start: i64, end: i64) -> Vec<i64> {
    let mut cuts: Vec<i64> = Vec::new();
    for wanted in opening_cuts(policy, start, end) {
        let after = cuts.last().copied().unwrap_or(start);
        cuts.extend(frame_near(picture.frames, wanted, after, end));
    }
    let from = cuts.last().copied().unwrap_or(start);
    let snapped = equal_cuts(policy, from, end, |wanted| {
        frame_near(picture.frames, wanted, from, end)
    });
    for cut in snapped {
        if cuts.last().is_none_or(|last| *last < cut) {
            cuts.push(cut);
        }
    }
    cuts
}

/// The ends of the short segments at the very beginning, as far as the chunk has room for them
/// and for one further segment.
fn opening_cuts(policy: &GridPolicy, start: i64, end: i64) -> Vec<i64> {
    if start != 0 {
        return Vec::new();
    }
    (1..=i64::from(policy.opening_segments))
        .map(|index| index * policy.opening_segment)
        .filter(|cut| cut + policy.opening_segment / 2 <= end)
        .collect()
}

/// Cuts that split `from..end` into parts of about the nominal length.
fn equal_cuts(
    policy: &GridPolicy,
    from: i64,
    end: i64,
    snap: impl Fn(i64) -> Option<i64>,
) -> Vec<i64> {
    let length = end - from;
    let parts = ((length + policy.segment / 2) / policy.segment).max(1);
    (1..parts)
        .filter_map(|index| snap(from + length * index / parts))
        .collect()
}

/// The frame shown nearest to `wanted`, strictly between `after` and `before`. Never the very
/// first one: where a picture starts late, a cut there would leave an empty segment before it.
fn frame_near(frames: &[i64], wanted: i64, after: i64, before: i64) -> Option<i64> {
    let after = after.max(*frames.first()?);
    let right = frames.partition_point(|frame| *frame < wanted);
    [right.checked_sub(1), Some(right)]
        .into_iter()
        .flatten()
        .filter_map(|index| frames.get(index).copied())
        .filter(|frame| after < *frame && *frame < before)
        .min_by_key(|frame| (frame - wanted).abs())
}

pub(super) fn frames_between(frames: &[i64], start: i64, end: i64) -> u32 {
    let from = frames.partition_point(|frame| *frame < start);
    let to = frames.partition_point(|frame| *frame < end);
    u32::try_from(to - from).unwrap_or(u32::MAX)
}

/// The last keyframes shown at or before `start`, nearest first. The first chunk needs none: it
/// starts at the beginning of the file, which also covers keyframes that are never shown.
pub(super) fn entries_for(keyframes: &[Keyframe], start: i64) -> Vec<EntryPoint> {
    if start == 0 {
        return Vec::new();
    }
    let end = keyframes.partition_point(|keyframe| keyframe.shown_at <= start);
    keyframes[..end]
        .iter()
        .rev()
        .take(MAX_ENTRIES)
        .map(|keyframe| keyframe.entry)
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Grid, Keyframe, Picture, sound_only, sound_spans, with_picture};
    use media_proto::message::{EntryPoint, GridPolicy};

    pub(crate) const SECOND: i64 = 90_000;
    pub(crate) const POLICY: GridPolicy = GridPolicy {
        segment: 4 * SECOND,
        opening_segment: 2 * SECOND,
        opening_segments: 2,
        longest_copied: 10 * SECOND,
        longest_apart: 60 * SECOND,
        largest_apart_bytes: 1_000_000,
        chunk: 8 * SECOND,
        sound_span: 60 * SECOND,
    };

    fn frames(seconds: i64, a_second: i64) -> Vec<i64> {
        (0..seconds * a_second)
            .map(|frame| frame * SECOND / a_second)
            .collect()
    }

    fn keyframe(shown_at: i64) -> Keyframe {
        Keyframe {
            shown_at,
            entry: EntryPoint {
                pts: shown_at,
                dts: shown_at,
                position: shown_at,
            },
        }
    }

    fn check(picture: &Picture<'_>) -> Grid {
        check_with(picture, &[])
    }

    fn check_with(picture: &Picture<'_>, stops: &[i64]) -> Grid {
        let grid = with_picture(picture, &POLICY, stops);
        assert!(
            stops.iter().all(|stop| grid.cuts.contains(stop)),
            "{:?} must have {stops:?}",
            grid.cuts
        );
        assert_eq!(
            (grid.cuts[0], *grid.cuts.last().unwrap()),
            (0, picture.end),
            "from 0 to the end"
        );
        assert!(
            grid.cuts.windows(2).all(|pair| pair[0] < pair[1]),
            "{:?} must increase",
            grid.cuts
        );
        let segments: u32 = grid.chunks.iter().map(|chunk| chunk.segment_count).sum();
        assert_eq!(
            segments as usize,
            grid.cuts.len() - 1,
            "chunks cover all segments"
        );
        let frames: u32 = grid.chunks.iter().map(|chunk| chunk.frames).sum();
        assert_eq!(
            frames as usize,
            picture.frames.len(),
            "chunks cover all frames"
        );
        let inner = &grid.cuts[1..grid.cuts.len() - 1];
        assert!(
            inner.iter().all(|cut| picture.frames.contains(cut)),
            "every cut is a frame"
        );
        grid
    }

    #[test]
    fn sound_is_divided_into_spans_of_about_a_minute() {
        for (what, seconds, expected) in [
            ("a clip", vec![2, 2, 4, 4], vec![4]),
            ("a minute and a half", vec![4; 22], vec![22]),
            ("two minutes", vec![4; 30], vec![15, 15]),
            ("a tail that is too short", vec![4; 37], vec![15, 22]),
            ("long segments", vec![50, 50, 50], vec![2, 1]),
        ] {
            let mut end = 0;
            let cuts = std::iter::once(0).chain(seconds.iter().map(|length| {
                end += length * SECOND;
                end
            }));
            let spans = sound_spans(&cuts.collect::<Vec<i64>>(), &POLICY);
            assert_eq!(spans, expected, "{what}");
        }
    }

    #[test]
    fn a_film_with_regular_keyframes_is_cut_at_them() {
        let frames = frames(60, 25);
        let keyframes: Vec<Keyframe> = (0..30).map(|index| keyframe(index * 2 * SECOND)).collect();
        let grid = check(&Picture {
            frames: &frames,
            keyframes: &keyframes,
            end: 60 * SECOND,
        });
        let seconds: Vec<i64> = grid.cuts.iter().map(|cut| cut / SECOND).collect();
        assert_eq!(
            seconds[..6],
            [0, 2, 4, 8, 12, 16],
            "two short segments, then four seconds each"
        );
        assert_eq!(
            grid.chunks[1].entries[0].pts,
            8 * SECOND,
            "the second chunk starts at a keyframe"
        );
        assert!(
            grid.chunks[0].entries.is_empty(),
            "the first chunk starts at the file's beginning"
        );
    }

    #[test]
    fn a_film_with_one_keyframe_is_cut_at_frames_all_the_same() {
        let frames = frames(40, 30);
        let grid = check(&Picture {
            frames: &frames,
            keyframes: &[keyframe(0)],
            end: 40 * SECOND,
        });
        assert!(
            grid.chunks.len() >= 4,
            "chunks stay short, so that a viewer can jump"
        );
        assert_eq!(
            grid.chunks[3].entries,
            [keyframe(0).entry],
            "decoding starts at the only keyframe"
        );
    }

    #[test]
    fn chunks_end_where_another_stream_is_cut() {
        let frames = frames(60, 25);
        let keyframes: Vec<Keyframe> = (0..30).map(|index| keyframe(index * 2 * SECOND)).collect();
        let picture = Picture {
            frames: &frames,
            keyframes: &keyframes,
            end: 60 * SECOND,
        };
        let stops = [21, 22, 50].map(|second| second * SECOND);
        let grid = check_with(&picture, &stops);
        let mut first = 0;
        let ends = grid.chunks.iter().map(|chunk| {
            first += chunk.segment_count as usize;
            grid.cuts[first] / SECOND
        });
        let ends: Vec<i64> = ends.collect();
        assert_eq!(ends, [8, 16, 21, 22, 30, 38, 50, 60]);
    }

    #[test]
    fn odd_films_get_a_grid_too() {
        let cases: [(&str, Vec<i64>, i64); 6] = [
            ("one frame", vec![0], 3_600),
            ("one late frame", vec![90_000], 93_600),
            (
                "one frame a second",
                (0..12).map(|frame| frame * SECOND).collect(),
                12 * SECOND,
            ),
            (
                "a frame that lasts a minute",
                vec![0, 3_000, 60 * SECOND],
                61 * SECOND,
            ),
            ("a short tail", frames(9, 25), 9 * SECOND),
            (
                "thirty frames in 50 ms, then sound",
                (0..30).map(|frame| frame * 149).collect(),
                SECOND,
            ),
        ];
        for (name, frames, end) in cases {
            let grid = check(&Picture {
                frames: &frames,
                keyframes: &[keyframe(0)],
                end,
            });
            assert!(!grid.chunks.is_empty(), "{name}");
        }
    }

    #[test]
    fn sound_alone_is_cut_by_the_clock() {
        let cuts: Vec<i64> = sound_only(20 * SECOND, &POLICY)
            .iter()
            .map(|cut| cut / SECOND)
            .collect();
        assert_eq!(cuts, [0, 2, 4, 8, 12, 16, 20]);
        assert_eq!(sound_only(0, &POLICY), [0, 1], "even nothing has a grid");
    }
}
