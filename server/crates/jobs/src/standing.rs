//! What the dispatcher keeps in memory about a job it holds: just enough to decide what comes
//! next. Whole plans stay in the catalog; hundreds of jobs may be held at once.

use catalog::work::Unit;
use model::clock::WallTime;
use model::plan::{Plan, StreamKind};
use model::segment::Piece;
use model::time::{Ticks, VideoTicks};
use std::collections::HashSet;

use crate::work::{Run, Work};

/// A job in hand.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which job, and which life of it.
    pub run: Run,
    /// Higher comes first.
    pub priority: i64,
    /// Among equals the older comes first.
    pub created_at: WallTime,
    /// The shape of its plan; absent until it was inspected.
    pub outline: Option<Outline>,
    /// What needs no more work.
    pub done: HashSet<Unit>,
}

/// The shape of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// How many streams are pictures; the others are sound.
    pub rungs: u32,
    /// The chunks in playing order.
    pub chunks: Vec<ChunkOutline>,
    /// How many audio tracks there are.
    pub audio: u32,
    /// Length of the title.
    pub end: VideoTicks,
    /// How many segments each stream has.
    pub segments: u32,
}

/// The shape of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkOutline {
    /// Number of its first segment.
    pub first_segment: u32,
    /// How many segments it has.
    pub segment_count: u32,
    /// Where it begins.
    pub begin: VideoTicks,
    /// Where it ends.
    pub end: VideoTicks,
}

impl Outline {
    /// The shape of `plan`.
    pub fn of(plan: &Plan) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let chunks = plan.chunks().iter().map(|chunk| {
            let cuts = plan.chunk_cuts(chunk);
            ChunkOutline {
                first_segment: chunk.first_segment,
                segment_count: chunk.segment_count,
                begin: cuts.first().copied().unwrap_or_default(),
                end: cuts.last().copied().unwrap_or_default(),
            }
        });
        Self {
            rungs: count(plan.rungs().len()),
            chunks: chunks.collect(),
            audio: count(plan.audio.len()),
            end: plan.end(),
            segments: plan.segment_count(),
        }
    }

    /// The work that makes a segment, if the title has it.
    pub fn work_for(&self, stream: u32, number: u32) -> Option<Work> {
        if number == 0 || number > self.segments {
            return None;
        }
        match self.kind(stream)? {
            StreamKind::Video(_) => self.chunk_of(number).map(Work::Chunk),
            StreamKind::Audio(index) => u32::try_from(index).ok().map(Work::Audio),
        }
    }

    /// Every unit the title needs.
    pub fn units(&self) -> impl Iterator<Item = Unit> {
        let chunks = (0..).take(self.chunks.len()).map(Unit::Chunk);
        let audio = (0..self.audio).map(Unit::Audio);
        // Sound alone has no poster.
        let poster = (self.rungs > 0).then_some(Unit::Poster);
        chunks.chain(audio).chain(poster)
    }

    /// Every piece that `unit` makes.
    pub fn pieces(&self, unit: Unit) -> Box<dyn Iterator<Item = Piece>> {
        match unit {
            Unit::Chunk(index) => {
                let Some(chunk) = self.chunk(index).copied() else {
                    return Box::new(std::iter::empty());
                };
                let numbers = chunk.first_segment..chunk.first_segment + chunk.segment_count;
                let media = |stream| move |number| Piece::Media { stream, number };
                let streams = 0..self.rungs;
                Box::new(streams.flat_map(move |stream| numbers.clone().map(media(stream))))
            }
            Unit::Audio(index) => {
                let stream = self.rungs.saturating_add(index);
                Box::new((1..=self.segments).map(move |number| Piece::Media { stream, number }))
            }
            Unit::Poster => Box::new(std::iter::once(Piece::Poster)),
        }
    }

    /// How much of the title's measure `unit` stands for: the picture counts, or the sound where
    /// there is no picture.
    pub fn weight(&self, unit: Unit) -> VideoTicks {
        match unit {
            Unit::Chunk(index) => {
                let chunk = self.chunk(index);
                chunk.map_or(Ticks::ZERO, |chunk| chunk.end - chunk.begin)
            }
            Unit::Audio(_) if self.rungs == 0 => Ticks(self.end.0 / i64::from(self.audio.max(1))),
            Unit::Audio(_) | Unit::Poster => Ticks::ZERO,
        }
    }

    /// How much of `unit` is behind an encoder that has come to `position`.
    pub fn share(&self, unit: Unit, position: VideoTicks) -> VideoTicks {
        let behind = match unit {
            Unit::Chunk(index) => {
                let chunk = self.chunk(index);
                chunk.map_or(Ticks::ZERO, |chunk| position - chunk.begin)
            }
            Unit::Audio(_) => Ticks(position.0 / i64::from(self.audio.max(1))),
            Unit::Poster => Ticks::ZERO,
        };
        behind.clamp(Ticks::ZERO, self.weight(unit))
    }

    fn chunk(&self, index: u32) -> Option<&ChunkOutline> {
        self.chunks.get(usize::try_from(index).ok()?)
    }

    fn kind(&self, stream: u32) -> Option<StreamKind> {
        let index = |number: u32| usize::try_from(number).ok();
        if stream < self.rungs {
            return index(stream).map(StreamKind::Video);
        }
        let audio = stream - self.rungs;
        (audio < self.audio).then(|| index(audio).map(StreamKind::Audio))?
    }

    fn chunk_of(&self, number: u32) -> Option<u32> {
        let later = self
            .chunks
            .partition_point(|chunk| chunk.first_segment <= number);
        u32::try_from(later.checked_sub(1)?).ok()
    }
}

impl Standing {
    /// Whether that work still has to be done.
    pub fn needs(&self, work: Work) -> bool {
        match (work.unit(), &self.outline) {
            (None, outline) => outline.is_none(),
            (Some(_), None) => false,
            (Some(unit), Some(_)) => !self.done.contains(&unit),
        }
    }

    /// Nothing is left to do.
    pub fn is_complete(&self) -> bool {
        let outline = self.outline.as_ref();
        outline.is_some_and(|outline| outline.units().all(|unit| self.done.contains(&unit)))
    }

    /// How much of the title's measure is done, besides what is being worked on.
    pub fn finished(&self) -> VideoTicks {
        let Some(outline) = &self.outline else {
            return Ticks::ZERO;
        };
        let done = self.done.iter().map(|unit| outline.weight(*unit).0);
        Ticks(done.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::{ChunkOutline, Outline};
    use catalog::work::Unit;
    use model::time::VideoTicks;

    use crate::work::Work;

    /// Two rungs, one audio track, five segments in three chunks, 20 s.
    fn film() -> Outline {
        let chunk = |first_segment, segment_count, begin, end| ChunkOutline {
            first_segment,
            segment_count,
            begin: VideoTicks::from_seconds(begin),
            end: VideoTicks::from_seconds(end),
        };
        Outline {
            rungs: 2,
            audio: 1,
            segments: 5,
            end: VideoTicks::from_seconds(20),
            chunks: vec![chunk(1, 2, 0, 8), chunk(3, 2, 8, 16), chunk(5, 1, 16, 20)],
        }
    }

    #[test]
    fn every_segment_is_made_by_one_piece_of_work() {
        let cases = [
            ((0, 1), Some(Work::Chunk(0))),
            ((1, 4), Some(Work::Chunk(1))),
            ((1, 5), Some(Work::Chunk(2))),
            ((2, 5), Some(Work::Audio(0))),
            ((3, 1), None),
            ((0, 6), None),
            ((0, 0), None),
        ];
        for ((stream, number), expected) in cases {
            let work = film().work_for(stream, number);
            assert_eq!(work, expected, "segment {number} of stream {stream}");
        }
    }

    #[test]
    fn units_make_every_piece_exactly_once() {
        let film = film();
        let pieces: Vec<String> = film
            .units()
            .flat_map(|unit| film.pieces(unit))
            .map(|piece| piece.to_string())
            .collect();
        let mut distinct = pieces.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(pieces.len(), distinct.len(), "no piece is made twice");
        assert_eq!(
            pieces.len(),
            3 * 5 + 1,
            "three streams of five segments and a poster"
        );
    }

    #[test]
    fn the_picture_measures_a_film_and_the_sound_a_song() {
        let film = film();
        let measure =
            |outline: &Outline| -> i64 { outline.units().map(|unit| outline.weight(unit).0).sum() };
        assert_eq!(measure(&film), film.end.0);
        let halfway = film.share(Unit::Chunk(1), VideoTicks::from_seconds(12));
        assert_eq!(
            halfway,
            VideoTicks::from_seconds(4),
            "half of the second chunk"
        );
        let song = Outline {
            rungs: 0,
            audio: 2,
            chunks: Vec::new(),
            ..film
        };
        assert_eq!(measure(&song), song.end.0, "two tracks are half each");
        assert!(
            !song.units().any(|unit| unit == Unit::Poster),
            "a song has no poster"
        );
    }
}
