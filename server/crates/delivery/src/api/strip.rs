//! The filmstrip of an unfinished title: what exists of it, over its time. It is made of segment
//! rows and nothing else.

use std::ops::RangeInclusive;

use catalog::library::StreamTotal;
use model::plan::parts::Part;
use serde::Serialize;
use utoipa::ToSchema;

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

/// A segment that is waited for: the index of its stream, and its number.
pub(crate) type Wished = (usize, u32);

/// Draws the strip of a title: a cell for each of its `parts`, with the first `shown` of its
/// `streams`; a copy that stands apart is the last of these. `wishes` come oldest first; `running`
/// tells whether anybody works on the title.
pub(crate) fn draw(
    parts: &[Part],
    streams: &[StreamTotal],
    shown: usize,
    wishes: &[Wished],
    running: bool,
) -> Strip {
    let end_s = parts.last().map_or(0.0, |part| part.end.seconds());
    let end_s = end_s.max(f64::MIN_POSITIVE);
    let cells: Vec<Cell> = parts
        .iter()
        .map(|part| cell(part, end_s, streams, shown))
        .collect();
    let cell_of = |(stream, number): &Wished| {
        let mut parts = parts.iter();
        parts.position(|part| segments(part, *stream, shown).contains(number))
    };
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

fn cell(part: &Part, end_s: f64, streams: &[StreamTotal], shown: usize) -> Cell {
    let lit = |stream: usize| {
        streams
            .get(stream)
            .map_or(0.0, |total| share(total, &segments(part, stream, shown)))
    };
    Cell {
        start: (part.start.seconds() / end_s).clamp(0.0, 1.0),
        end: (part.end.seconds() / end_s).clamp(0.0, 1.0),
        lit: (0..shown).map(lit).collect(),
    }
}

/// The segments of a stream that show something of the part.
fn segments(part: &Part, stream: usize, shown: usize) -> RangeInclusive<u32> {
    let apart = part.apart_segments.filter(|_| stream + 1 == shown);
    let (first, last) = apart.unwrap_or((part.first_segment, part.last_segment));
    first..=last
}

/// Which share of the `wanted` segments the stream has.
fn share(stream: &StreamTotal, wanted: &RangeInclusive<u32>) -> f64 {
    let within = |range: &RangeInclusive<u32>| {
        let from = *range.start().max(wanted.start());
        let to = *range.end().min(wanted.end());
        f64::from((to + 1).saturating_sub(from))
    };
    let count = f64::from(wanted.end() - wanted.start() + 1);
    stream.ranges.iter().map(within).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::{Cell, Strip, Wished};
    use crate::manifest::samples::{film, film_apart, sound_only};
    use catalog::library::StreamTotal;
    use model::plan::parts::MOST_PARTS;
    use model::plan::{Chunk, Plan};
    use model::time::Ticks;
    use std::ops::RangeInclusive;

    fn stored(ranges: &[RangeInclusive<u32>]) -> StreamTotal {
        StreamTotal {
            ranges: ranges.to_vec(),
            ..StreamTotal::default()
        }
    }

    fn draw(plan: &Plan, streams: &[StreamTotal], wishes: &[Wished], running: bool) -> Strip {
        let shown = plan.rungs().len().max(1);
        super::draw(&plan.parts(), streams, shown, wishes, running)
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
        let strip = draw(&film(), &[], &[(0, 4), (0, 3), (1, 1)], true);
        assert_eq!(strip.working, Some(1), "the oldest wish comes first");
        assert_eq!(strip.wished, [0, 1], "each cell is marked once");
        assert_eq!(
            draw(&film(), &[], &[(0, 4)], false).working,
            None,
            "nobody works"
        );
    }

    #[test]
    fn a_copy_that_stands_apart_lights_what_its_segments_show() {
        // The parts are of four and seven seconds, and so are the segments of the copy.
        let none = stored(&[]);
        let strip = draw(
            &film_apart(),
            &[none.clone(), none, stored(&[2..=2])],
            &[(2, 2)],
            true,
        );
        let lit: Vec<f64> = strip.cells.iter().map(|cell| cell.lit[2]).collect();
        assert_eq!(lit, [0.0, 1.0]);
        assert_eq!(
            strip.wished,
            [1],
            "its second segment is not the rungs' second"
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
            strip.cells.len() <= MOST_PARTS,
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
