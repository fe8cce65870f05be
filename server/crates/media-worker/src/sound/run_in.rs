//! Where a block belongs, to the sample. A span is decoded from a little before its beginning,
//! and its first sample must be the very one that follows the span before it; but containers
//! like Matroska round their times to milliseconds. So the blocks of the run-in are counted,
//! their times averaged, and where these agree with the blocks since the beginning of the track,
//! the place is taken from there. Pure arithmetic.

use media_proto::AUDIO_TIMESCALE;
use std::collections::VecDeque;

/// Blocks whose times are averaged: a second of the shortest common ones.
const MOST_BLOCKS: usize = 64;
/// How far from the grid of the track's blocks an average may be to count as on it, in samples at
/// 48 kHz: 2 ms, twice what the coarsest clock rounds away.
const NEAR_SAMPLES: i128 = 96;

/// A decoded block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// When its container says it is heard, in samples at 48 kHz.
    pub position: Option<i64>,
    /// How many samples it has, at its own rate.
    pub samples: i64,
    /// Samples a second.
    pub sample_rate: i64,
}

/// The first block of a track: when it ends, in samples at 48 kHz from its beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// When it begins to be heard, in samples at 48 kHz.
    pub position: i64,
    /// How many samples it has, at its own rate.
    pub samples: i64,
    /// Samples a second.
    pub sample_rate: i64,
}

/// Where the newest block belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// In samples at 48 kHz, without the skipped ones.
    pub position: i64,
    /// Samples, at the block's own rate, to be skipped for the rest to begin at a whole sample at
    /// 48 kHz; in between, resampling would be out of step with the span before.
    pub skipped: i64,
}

/// The blocks on the way to the beginning of a span.
#[derive(Debug)]
pub struct RunIn {
    anchor: Option<Anchor>,
    /// Differences in time that are rounding, in samples at 48 kHz.
    tolerance: i64,
    /// The newest blocks that follow each other without a gap, with the samples before each.
    blocks: VecDeque<(Block, i64)>,
}

impl RunIn {
    /// For a track that begins with `anchor`.
    pub fn new(anchor: Option<Anchor>, tolerance: i64) -> Self {
        Self {
            anchor,
            tolerance,
            blocks: VecDeque::new(),
        }
    }

    /// Takes in another block. Returns its place; `None` as long as none had a time.
    pub fn push(&mut self, block: Block) -> Option<Place> {
        let before = self
            .blocks
            .back()
            .map_or(0, |(last, before)| before + last.samples);
        if !self.goes_on(block, before) {
            self.blocks.clear();
        }
        if self.blocks.len() == MOST_BLOCKS {
            self.blocks.pop_front();
        }
        self.blocks.push_back((block, before));
        let averaged = self.averaged()?;
        Some(match self.on_grid(averaged) {
            Some(exact) => whole(exact, block),
            None => Place {
                position: rounded(averaged, i128::from(block.sample_rate)),
                skipped: 0,
            },
        })
    }

    /// The block follows the last one at the same rate, and when it should.
    fn goes_on(&self, block: Block, before: i64) -> bool {
        let Some((last, _)) = self.blocks.back() else {
            return true;
        };
        if last.sample_rate != block.sample_rate {
            return false;
        }
        let (Some((first, first_before)), Some(position)) = (self.timed().next(), block.position)
        else {
            return true;
        };
        let since = (before - first_before) * i64::from(AUDIO_TIMESCALE) / block.sample_rate.max(1);
        let expected = first.position.unwrap_or_default().saturating_add(since);
        position.saturating_sub(expected).abs() <= self.tolerance
    }

    fn timed(&self) -> impl Iterator<Item = (Block, i64)> + '_ {
        let blocks = self.blocks.iter().copied();
        blocks.filter(|(block, _)| block.position.is_some())
    }

    /// When the newest block is heard by the average of all times, in samples at 48 kHz times
    /// its rate: in this unit every sample of the source takes a whole number.
    fn averaged(&self) -> Option<i128> {
        let (newest, before) = self.blocks.back().copied()?;
        let first_heard = self.timed().map(|(block, before)| {
            let position = i128::from(block.position.unwrap_or_default());
            position * i128::from(newest.sample_rate) - counted(before)
        });
        let (count, sum) = first_heard.fold((0, 0), |(count, sum), time| (count + 1, sum + time));
        (count > 0).then(|| rounded_wide(sum, count) + counted(before))
    }

    /// The multiple of whole blocks behind the track's first one that is near `averaged`, if all
    /// blocks are equal; in the same unit.
    fn on_grid(&self, averaged: i128) -> Option<i128> {
        let (newest, _) = self.blocks.back().copied()?;
        let anchor = self.anchor?;
        let equal = self
            .blocks
            .iter()
            .all(|(block, _)| block.samples == newest.samples);
        if !equal || newest.samples <= 0 || anchor.sample_rate != newest.sample_rate {
            return None;
        }
        let rate = i128::from(newest.sample_rate);
        let base = i128::from(anchor.position) * rate + counted(anchor.samples);
        let step = counted(newest.samples);
        let exact = base + rounded_wide(averaged - base, step) * step;
        let near = (NEAR_SAMPLES * rate).min(step / 4);
        ((exact - averaged).abs() <= near).then_some(exact)
    }
}

/// Samples of the source in samples at 48 kHz times their rate.
fn counted(samples: i64) -> i128 {
    i128::from(samples) * i128::from(AUDIO_TIMESCALE)
}

/// The first whole sample at 48 kHz within the block, which begins at `exact`.
fn whole(exact: i128, block: Block) -> Place {
    let rate = i128::from(block.sample_rate.max(1));
    let is_whole = |skipped: &i64| (exact + counted(*skipped)).rem_euclid(rate) == 0;
    let skipped = (0..block.samples).find(is_whole).unwrap_or(0);
    Place {
        position: rounded(exact + counted(skipped), rate),
        skipped,
    }
}

fn rounded(value: i128, over: i128) -> i64 {
    let value = rounded_wide(value, over);
    i64::try_from(value).unwrap_or(if value > 0 { i64::MAX } else { i64::MIN })
}

/// `value / over` to the nearest whole number, halves up.
fn rounded_wide(value: i128, over: i128) -> i128 {
    let over = over.max(1);
    (value * 2 + over).div_euclid(over * 2)
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Block, Place, RunIn};

    const TOLERANCE: i64 = 384;

    /// Blocks `from..to` of a track of equal blocks, timed by a clock of `ticks` a second.
    fn blocks(
        (samples, sample_rate): (i64, i64),
        from: i64,
        to: i64,
        ticks: i64,
    ) -> impl Iterator<Item = Block> {
        (from..to).map(move |number| {
            let exact = number * samples * ticks;
            let tick = (exact * 2 + sample_rate).div_euclid(sample_rate * 2);
            let position = (tick * 48_000 * 2 + ticks).div_euclid(ticks * 2);
            Block {
                position: Some(position),
                samples,
                sample_rate,
            }
        })
    }

    fn anchor((samples, sample_rate): (i64, i64)) -> Option<Anchor> {
        Some(Anchor {
            position: 0,
            samples,
            sample_rate,
        })
    }

    fn place(anchor: Option<Anchor>, blocks: impl Iterator<Item = Block>) -> Place {
        let mut run_in = RunIn::new(anchor, TOLERANCE);
        blocks
            .filter_map(|block| run_in.push(block))
            .last()
            .unwrap()
    }

    #[test]
    fn a_coarse_clock_is_corrected_by_counting_blocks() {
        let kinds = [
            ("AAC", (1024, 48_000)),
            ("AC-3", (1536, 48_000)),
            ("DTS", (512, 48_000)),
            ("MP3 of a CD", (1152, 44_100)),
            ("AAC of a CD", (1024, 44_100)),
            ("FLAC of a CD", (4096, 44_100)),
            ("a voice", (160, 8_000)),
        ];
        for (name, kind) in kinds {
            for start in [0, 1, 17, 5_000, 253_124] {
                let run = blocks(kind, start, start + 47, 1000);
                let place = place(anchor(kind), run);
                let first = (start + 46) * kind.0 + place.skipped;
                let exact = first * 48_000;
                assert_eq!(exact % kind.1, 0, "{name} from {start}: a whole sample");
                assert_eq!(place.position, exact / kind.1, "{name} from {start}");
            }
        }
    }

    #[test]
    fn the_first_block_of_a_track_stays_where_it_is() {
        let first = Block {
            position: Some(-17),
            samples: 648,
            sample_rate: 48_000,
        };
        let anchor = Anchor {
            position: -17,
            samples: 648,
            sample_rate: 48_000,
        };
        let expected = Place {
            position: -17,
            skipped: 0,
        };
        assert_eq!(place(Some(anchor), std::iter::once(first)), expected);
        assert_eq!(place(None, std::iter::once(first)), expected);
    }

    #[test]
    fn what_does_not_follow_the_first_block_is_placed_by_its_own_times() {
        let kind = (1024, 48_000);
        // 5 ms off the grid: a pause was cut out, or the clock drifts.
        let shifted = blocks(kind, 100, 147, 48_000).map(|block| Block {
            position: block.position.map(|position| position + 240),
            ..block
        });
        let expected = Place {
            position: 146 * 1024 + 240,
            skipped: 0,
        };
        assert_eq!(place(anchor(kind), shifted), expected);
    }

    #[test]
    fn blocks_of_many_lengths_are_averaged() {
        let mut before = 1_000_000;
        let blocks = (0..40).map(|number| {
            let position = (before / 48) * 48;
            let samples = 64 << (number * 7 % 5);
            before += samples;
            Block {
                position: Some(position),
                samples,
                sample_rate: 48_000,
            }
        });
        let blocks: Vec<Block> = blocks.collect();
        let last =
            blocks.iter().map(|block| block.samples).sum::<i64>() + 1_000_000 - blocks[39].samples;
        let place = place(anchor((1024, 48_000)), blocks.into_iter());
        // The clock rounds down; all lengths are multiples of 16, so by 0, 16 or 32 samples.
        let off = place.position + 16 - last;
        assert!(off.abs() <= 4, "{off} samples off");
    }

    #[test]
    fn a_gap_begins_a_new_count() {
        let kind = (1024, 48_000);
        let run = blocks(kind, 0, 20, 48_000).chain(blocks(kind, 30, 40, 48_000));
        assert_eq!(place(anchor(kind), run).position, 39 * 1024);
    }

    #[test]
    fn blocks_without_a_time_are_counted() {
        let timed = Block {
            position: Some(500),
            samples: 1024,
            sample_rate: 48_000,
        };
        let untimed = Block {
            position: None,
            ..timed
        };
        let mut run_in = RunIn::new(None, TOLERANCE);
        assert_eq!(run_in.push(untimed), None, "nobody knows when");
        let place = run_in.push(timed).unwrap();
        assert_eq!(place.position, 500);
        assert_eq!(run_in.push(untimed).unwrap().position, 1524);
    }
}
