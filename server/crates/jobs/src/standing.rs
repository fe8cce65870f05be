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
    /// Which of them is copied.
    pub copied: Option<u32>,
    /// What is copied at once, in playing order.
    pub copies: Vec<Stretch>,
    /// The chunks in playing order.
    pub chunks: Vec<Stretch>,
    /// How many audio streams there are.
    pub audio: u32,
    /// The one that players begin with.
    pub default_audio: u32,
    /// The spans of each of them, in playing order.
    pub spans: Vec<Stretch>,
    /// How many sheets of thumbnails there are.
    pub thumb_sheets: u32,
    /// Length of the title.
    pub end: VideoTicks,
    /// How many segments each stream has.
    pub segments: u32,
    /// How many the copied stream has instead, if it stands apart.
    pub apart_segments: Option<u32>,
}

/// The shape of a chunk or of a span of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
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
        let chunks = plan.chunks().iter();
        let spans = plan.sound_spans.iter();
        let copies = plan.copies().iter();
        let default_audio = plan.audio.iter().position(|audio| audio.default);
        Self {
            rungs: count(plan.rungs().len()),
            copied: plan.copied_stream(),
            copies: copies
                .map(|run| Stretch::of(plan.copied_cuts(), run.first_segment, run.segment_count))
                .collect(),
            chunks: chunks
                .map(|chunk| Stretch::of(&plan.cuts, chunk.first_segment, chunk.segment_count))
                .collect(),
            audio: count(plan.audio.len()),
            default_audio: count(default_audio.unwrap_or(0)),
            spans: spans
                .map(|span| Stretch::of(&plan.cuts, span.first_segment, span.segment_count))
                .collect(),
            thumb_sheets: plan.thumb_sheets(),
            end: plan.end(),
            segments: plan.segment_count(),
            apart_segments: plan.apart_segments(),
        }
    }

    /// The work that makes a segment, if the title has it.
    pub fn work_for(&self, stream: u32, number: u32) -> Option<Work> {
        let apart = self.apart_segments.filter(|_| self.copied == Some(stream));
        if number == 0 || number > apart.unwrap_or(self.segments) {
            return None;
        }
        match self.kind(stream)? {
            StreamKind::Video(_) if self.copied == Some(stream) => {
                stretch_of(&self.copies, number).map(Work::Copy)
            }
            StreamKind::Video(_) => stretch_of(&self.chunks, number).map(Work::Chunk),
            StreamKind::Audio(index) => {
                let span = stretch_of(&self.spans, number)?;
                self.sound_unit(u32::try_from(index).ok()?, span)
                    .map(Work::Audio)
            }
        }
    }

    /// The unit that makes span `span` of audio stream `audio`, if the title has it; counted as
    /// [`Plan::sound_unit`] does.
    pub fn sound_unit(&self, audio: u32, span: u32) -> Option<u32> {
        let spans = u32::try_from(self.spans.len()).ok()?;
        (audio < self.audio && span < spans).then_some(audio * spans + span)
    }

    /// Audio stream and span of a unit of sound.
    pub fn sound_place(&self, unit: u32) -> Option<(u32, u32)> {
        let spans = u32::try_from(self.spans.len()).ok()?;
        let audio = unit.checked_div(spans)?;
        (audio < self.audio).then_some((audio, unit % spans))
    }

    /// How many units of sound there are.
    pub fn sound_units(&self) -> u32 {
        let spans = u32::try_from(self.spans.len()).unwrap_or(u32::MAX);
        self.audio.saturating_mul(spans)
    }

    /// Every unit the title needs.
    pub fn units(&self) -> impl Iterator<Item = Unit> {
        let chunks = (0..).take(self.chunks.len()).map(Unit::Chunk);
        let audio = (0..self.sound_units()).map(Unit::Audio);
        let copies = (0..).take(self.copies.len()).map(Unit::Copy);
        let thumbs = (0..self.thumb_sheets).map(Unit::Thumbs);
        let parts = chunks.chain(audio).chain(copies);
        parts.chain([Unit::Poster]).chain(thumbs)
    }

    /// Whether the title needs that unit.
    pub fn has(&self, unit: Unit) -> bool {
        let within = |index: u32, units: &[Stretch]| {
            usize::try_from(index).is_ok_and(|index| index < units.len())
        };
        match unit {
            Unit::Chunk(index) => within(index, &self.chunks),
            Unit::Audio(unit) => unit < self.sound_units(),
            Unit::Copy(index) => within(index, &self.copies),
            Unit::Poster => true,
            Unit::Thumbs(index) => index < self.thumb_sheets,
        }
    }

    /// Every piece that `unit` makes.
    pub fn pieces(&self, unit: Unit) -> Box<dyn Iterator<Item = Piece>> {
        match unit {
            Unit::Chunk(index) => {
                let Some(chunk) = self.chunk(index).copied() else {
                    return Box::new(std::iter::empty());
                };
                let media = |stream| move |number| Piece::Media { stream, number };
                let streams = 0..self.copied.unwrap_or(self.rungs);
                Box::new(streams.flat_map(move |stream| chunk.numbers().map(media(stream))))
            }
            Unit::Copy(index) => {
                let run = self.copies.get(index as usize).copied();
                let Some((stream, run)) = self.copied.zip(run) else {
                    return Box::new(std::iter::empty());
                };
                let media = move |number| Piece::Media { stream, number };
                Box::new(run.numbers().map(media))
            }
            Unit::Audio(unit) => {
                let place = self.sound_place(unit);
                let Some((audio, span)) =
                    place.and_then(|place| Some((place.0, *self.span(unit)?)))
                else {
                    return Box::new(std::iter::empty());
                };
                let stream = self.rungs.saturating_add(audio);
                let media = move |number| Piece::Media { stream, number };
                Box::new(span.numbers().map(media))
            }
            Unit::Poster => Box::new(std::iter::once(Piece::Poster)),
            Unit::Thumbs(index) => Box::new(std::iter::once(Piece::Thumbs { sheet: index + 1 })),
        }
    }

    /// How much of the title's measure `unit` stands for: the picture that is encoded counts, or
    /// the sound where there is no picture.
    pub fn weight(&self, unit: Unit) -> VideoTicks {
        match unit {
            Unit::Chunk(index) => {
                let chunk = self.chunk(index);
                chunk.map_or(Ticks::ZERO, |chunk| chunk.end - chunk.begin)
            }
            Unit::Audio(unit) if self.rungs == 0 => self.sound_share(unit, self.end),
            Unit::Audio(_) | Unit::Copy(_) | Unit::Poster | Unit::Thumbs(_) => Ticks::ZERO,
        }
    }

    /// How much of `unit` is behind an encoder that has come to `position`.
    pub fn share(&self, unit: Unit, position: VideoTicks) -> VideoTicks {
        let behind = match unit {
            Unit::Chunk(index) => {
                let chunk = self.chunk(index);
                chunk.map_or(Ticks::ZERO, |chunk| position - chunk.begin)
            }
            Unit::Audio(unit) => self.sound_share(unit, position),
            Unit::Copy(_) | Unit::Poster | Unit::Thumbs(_) => Ticks::ZERO,
        };
        behind.clamp(Ticks::ZERO, self.weight(unit))
    }

    /// What lies between the beginning of a unit of sound and `position`, at most the unit; each
    /// stream counts for its part of the title.
    fn sound_share(&self, unit: u32, position: VideoTicks) -> VideoTicks {
        let span = self.span(unit);
        let behind = span.map_or(0, |span| position.min(span.end).0 - span.begin.0);
        Ticks(behind / i64::from(self.audio.max(1)))
    }

    fn chunk(&self, index: u32) -> Option<&Stretch> {
        self.chunks.get(usize::try_from(index).ok()?)
    }

    fn span(&self, unit: u32) -> Option<&Stretch> {
        let (_, span) = self.sound_place(unit)?;
        self.spans.get(usize::try_from(span).ok()?)
    }

    fn kind(&self, stream: u32) -> Option<StreamKind> {
        let index = |number: u32| usize::try_from(number).ok();
        if stream < self.rungs {
            return index(stream).map(StreamKind::Video);
        }
        let audio = stream - self.rungs;
        (audio < self.audio).then(|| index(audio).map(StreamKind::Audio))?
    }
}

impl Stretch {
    /// The numbers of its segments.
    fn numbers(self) -> std::ops::Range<u32> {
        self.first_segment..self.first_segment.saturating_add(self.segment_count)
    }

    fn of(cuts: &[VideoTicks], first_segment: u32, segment_count: u32) -> Self {
        let cut = |number: u32| cuts.get(number as usize).copied().unwrap_or_default();
        let before = first_segment.saturating_sub(1);
        Self {
            first_segment,
            segment_count,
            begin: cut(before),
            end: cut(before.saturating_add(segment_count)),
        }
    }
}

/// Which of `stretches` segment `number` belongs to.
fn stretch_of(stretches: &[Stretch], number: u32) -> Option<u32> {
    let later = stretches.partition_point(|stretch| stretch.first_segment <= number);
    u32::try_from(later.checked_sub(1)?).ok()
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

    /// Whether the title has such work at all: sound alone has no chunk 0.
    pub fn has(&self, work: Work) -> bool {
        match (work.unit(), &self.outline) {
            (None, _) => true,
            (Some(unit), Some(outline)) => outline.has(unit),
            (Some(_), None) => false,
        }
    }

    /// Whether the title's turn for `work` has come. Where the beginning of a copied picture is
    /// not there yet, nothing takes the processor from it but the sound that goes with it.
    pub fn is_time_for(&self, work: Work) -> bool {
        let is_light = matches!(work, Work::Inspect | Work::Audio(_) | Work::Copy(_));
        let begins = self.has(Work::Copy(0)) && self.needs(Work::Copy(0));
        is_light || !begins
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
    use super::{Outline, Stretch};
    use catalog::work::Unit;
    use model::time::VideoTicks;

    use crate::work::Work;

    /// Two rungs, two audio streams, five segments in three chunks and two spans, 20 s.
    fn film() -> Outline {
        let chunk = |first_segment, segment_count, begin, end| Stretch {
            first_segment,
            segment_count,
            begin: VideoTicks::from_seconds(begin),
            end: VideoTicks::from_seconds(end),
        };
        Outline {
            rungs: 2,
            copied: None,
            copies: Vec::new(),
            audio: 2,
            default_audio: 1,
            spans: vec![chunk(1, 4, 0, 16), chunk(5, 1, 16, 20)],
            thumb_sheets: 1,
            segments: 5,
            apart_segments: None,
            end: VideoTicks::from_seconds(20),
            chunks: vec![chunk(1, 2, 0, 8), chunk(3, 2, 8, 16), chunk(5, 1, 16, 20)],
        }
    }

    /// The same with the second rung copied, in two runs.
    fn copied_film() -> Outline {
        let film = film();
        Outline {
            copied: Some(1),
            copies: film.spans.clone(),
            ..film
        }
    }

    /// A third picture that is copied in two segments, each by itself.
    fn film_apart() -> Outline {
        let film = film();
        let mut copies = film.spans.clone();
        for (first_segment, copy) in (1..).zip(&mut copies) {
            (copy.first_segment, copy.segment_count) = (first_segment, 1);
        }
        Outline {
            rungs: 3,
            copied: Some(2),
            copies,
            apart_segments: Some(2),
            ..film
        }
    }

    #[test]
    fn every_segment_is_made_by_one_piece_of_work() {
        let cases = [
            ((0, 1), Some(Work::Chunk(0))),
            ((1, 4), Some(Work::Chunk(1))),
            ((1, 5), Some(Work::Chunk(2))),
            ((2, 4), Some(Work::Audio(0))),
            ((2, 5), Some(Work::Audio(1))),
            ((3, 1), Some(Work::Audio(2))),
            ((3, 5), Some(Work::Audio(3))),
            ((4, 1), None),
            ((0, 6), None),
            ((0, 0), None),
        ];
        for ((stream, number), expected) in cases {
            let work = film().work_for(stream, number);
            assert_eq!(work, expected, "segment {number} of stream {stream}");
        }
    }

    #[test]
    fn a_copied_stream_is_made_by_work_of_its_own() {
        let film = copied_film();
        let cases = [
            ((0, 4), Some(Work::Chunk(1))),
            ((1, 4), Some(Work::Copy(0))),
            ((1, 5), Some(Work::Copy(1))),
            ((2, 5), Some(Work::Audio(1))),
        ];
        for ((stream, number), expected) in cases {
            let work = film.work_for(stream, number);
            assert_eq!(work, expected, "segment {number} of stream {stream}");
        }
    }

    #[test]
    fn a_copy_that_stands_apart_counts_its_own_segments() {
        let film = film_apart();
        let cases = [
            ((2, 1), Some(Work::Copy(0))),
            ((2, 2), Some(Work::Copy(1))),
            ((2, 3), None),
            ((1, 3), Some(Work::Chunk(1))),
            ((3, 5), Some(Work::Audio(1))),
        ];
        for ((stream, number), expected) in cases {
            let work = film.work_for(stream, number);
            assert_eq!(work, expected, "segment {number} of stream {stream}");
        }
    }

    #[test]
    fn units_make_every_piece_exactly_once() {
        // Four streams of five segments, a poster and a sheet of thumbnails; the last film has a
        // fifth stream of two.
        for (film, pieces) in [(film(), 22), (copied_film(), 22), (film_apart(), 24)] {
            every_piece_once(&film, pieces);
        }
    }

    fn every_piece_once(film: &Outline, expected: usize) {
        let pieces: Vec<String> = film
            .units()
            .flat_map(|unit| film.pieces(unit))
            .map(|piece| piece.to_string())
            .collect();
        let mut distinct = pieces.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(pieces.len(), distinct.len(), "no piece is made twice");
        assert_eq!(pieces.len(), expected);
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
            chunks: Vec::new(),
            thumb_sheets: 0,
            ..film
        };
        assert_eq!(measure(&song), song.end.0, "two tracks are half each");
        let share = |seconds| song.share(Unit::Audio(2), VideoTicks::from_seconds(seconds));
        assert_eq!(share(8), VideoTicks::from_seconds(4), "half a half");
        assert_eq!(share(90), VideoTicks::from_seconds(8), "the whole span");
        assert!(
            song.units().any(|unit| unit == Unit::Poster),
            "a song has a poster, too"
        );
    }
}
