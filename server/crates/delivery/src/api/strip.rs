//! The filmstrip of an unfinished title: what exists of it, over its time. It is made of segment
//! rows and nothing else.

use std::ops::RangeInclusive;

use catalog::library::StreamCoverage;
use model::plan::Plan;
use serde::Serialize;
use utoipa::ToSchema;

/// More cells than this are too small to be seen on a phone.
const MAX_CELLS: usize = 96;

/// Cells in playing order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Strip {
    pub(crate) cells: Vec<Cell>,
    /// The cell that is being encoded now, as far as can be told: where somebody waits, else the
    /// first that is not whole.
    pub(crate) working: Option<usize>,
    /// Cells that a viewer waits for, ascending.
    pub(crate) wished: Vec<usize>,
}

/// A part of the film; `start` and `end` are fractions of its length.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Cell {
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// How much of the cell exists, 0 to 1: one entry for each rung from the lowest, or a single
    /// one for sound alone.
    pub(crate) lit: Vec<f64>,
}

/// Draws the strip of `plan`. `wishes` are segment numbers that are waited for, oldest first;
/// `running` tells whether anybody works on the title.
pub(crate) fn draw(
    plan: &Plan,
    streams: &[StreamCoverage],
    wishes: &[u32],
    running: bool,
) -> Strip {
    let groups = group(parts(plan));
    let shown = plan.rungs().len().max(1);
    let cells: Vec<Cell> = groups
        .iter()
        .map(|segments| cell(plan, streams, shown, segments))
        .collect();
    let cell_of = |number: &u32| groups.iter().position(|segments| segments.contains(number));
    let mut wished: Vec<usize> = wishes.iter().filter_map(cell_of).collect();
    let unfinished = cells
        .iter()
        .position(|cell| cell.lit.iter().any(|lit| *lit < 1.0));
    let working = wished.first().copied().or(unfinished).filter(|_| running);
    wished.sort_unstable();
    wished.dedup();
    Strip {
        cells,
        working,
        wished,
    }
}

/// The natural parts of a film: its chunks, or its segments where there is no picture.
fn parts(plan: &Plan) -> Vec<RangeInclusive<u32>> {
    if plan.video.is_none() {
        return (1..=plan.segment_count())
            .map(|number| number..=number)
            .collect();
    }
    plan.chunks()
        .iter()
        .map(|chunk| chunk.first_segment..=chunk.first_segment + chunk.segment_count.max(1) - 1)
        .collect()
}

/// Joins neighbours until there are few enough.
fn group(parts: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    let together = parts.len().div_ceil(MAX_CELLS).max(1);
    parts
        .chunks(together)
        .filter_map(|group| Some(*group.first()?.start()..=*group.last()?.end()))
        .collect()
}

fn cell(
    plan: &Plan,
    streams: &[StreamCoverage],
    shown: usize,
    segments: &RangeInclusive<u32>,
) -> Cell {
    let total = plan.end().seconds().max(f64::MIN_POSITIVE);
    let boundary = |index: u32| {
        let cut = plan.cuts.get(index as usize).copied().unwrap_or(plan.end());
        (cut.seconds() / total).clamp(0.0, 1.0)
    };
    let lit = |stream| {
        streams
            .get(stream)
            .map_or(0.0, |stream| share(stream, segments))
    };
    Cell {
        start: boundary(segments.start() - 1),
        end: boundary(*segments.end()),
        lit: (0..shown).map(lit).collect(),
    }
}

/// Which part of `segments` the stream has.
fn share(stream: &StreamCoverage, segments: &RangeInclusive<u32>) -> f64 {
    let within = |range: &RangeInclusive<u32>| {
        let (from, to) = (
            range.start().max(segments.start()),
            range.end().min(segments.end()),
        );
        f64::from((to + 1).saturating_sub(*from))
    };
    let wanted = f64::from(segments.end() - segments.start() + 1);
    stream.ranges.iter().map(within).sum::<f64>() / wanted
}

#[cfg(test)]
mod tests {
    use super::{Cell, MAX_CELLS, draw};
    use crate::manifest::samples::{film, sound_only};
    use catalog::library::StreamCoverage;
    use model::plan::Chunk;
    use model::time::Ticks;
    use std::ops::RangeInclusive;

    fn stored(ranges: &[RangeInclusive<u32>]) -> StreamCoverage {
        StreamCoverage {
            ranges: ranges.to_vec(),
            sizes: Vec::new(),
        }
    }

    #[test]
    fn a_cell_is_a_chunk_filled_by_what_is_stored() {
        let strip = draw(
            &film(),
            &[stored(&[1..=2, 4..=4]), stored(&[1..=1])],
            &[],
            true,
        );
        let end = 360_000.0 / 990_000.0;
        let expected = [
            Cell {
                start: 0.0,
                end,
                lit: vec![1.0, 0.5],
            },
            Cell {
                start: end,
                end: 1.0,
                lit: vec![0.5, 0.0],
            },
        ];
        assert_eq!(
            strip.cells, expected,
            "two chunks of two segments, two rungs"
        );
        assert_eq!(strip.working, Some(0), "the first cell that is not whole");
    }

    #[test]
    fn a_viewer_pulls_the_work() {
        let strip = draw(&film(), &[], &[4, 3, 1], true);
        assert_eq!(strip.working, Some(1), "the oldest wish comes first");
        assert_eq!(strip.wished, [0, 1], "each cell is marked once");
        assert_eq!(
            draw(&film(), &[], &[4], false).working,
            None,
            "nobody works"
        );
    }

    #[test]
    fn sound_alone_has_one_layer() {
        let strip = draw(&sound_only(), &[stored(&[1..=1])], &[], true);
        let lit: Vec<&[f64]> = strip.cells.iter().map(|cell| cell.lit.as_slice()).collect();
        assert_eq!(lit, [&[1.0], &[0.0]]);
    }

    #[test]
    fn a_long_film_has_cells_that_can_be_seen() {
        let mut plan = film();
        plan.cuts = (0..=1_000).map(|index| Ticks(index * 90_000)).collect();
        if let Some(video) = &mut plan.video {
            video.chunks = (0..1_000)
                .map(|index| Chunk {
                    first_segment: index + 1,
                    segment_count: 1,
                    frames: 25,
                    entries: Vec::new(),
                })
                .collect();
        }
        let strip = draw(&plan, &[stored(&[1..=1_000])], &[], true);
        assert!(
            strip.cells.len() <= MAX_CELLS,
            "{} cells",
            strip.cells.len()
        );
        assert_eq!(
            strip.cells.last().map(|cell| cell.end),
            Some(1.0),
            "it reaches the end"
        );
        assert!(
            strip.cells.iter().all(|cell| cell.lit[0] == 1.0),
            "all of the first rung"
        );
    }
}
