//! What viewers will want next: whoever waited for a part of a title plays on from there, and
//! would wait again at the next part that does not exist yet. Several may watch one title at
//! several places. What does not belong here: the choice among titles (`schedule`).

use catalog::wish::Viewer;
use std::collections::HashMap;

use crate::standing::Outline;
use crate::work::{Run, Work};

/// After a chunk that a viewer waited for, this many more are made before anything else, about
/// half a minute.
pub const CHUNKS: u32 = 4;
/// The same after a span of sound or what is copied at once: about a minute.
pub const SPANS: u32 = 1;
/// Places of one title that are remembered: more viewers than a house has screens.
const MOST_PLACES: usize = 16;

/// Where viewers of each title waited last, oldest first.
#[derive(Clone, Debug, Default)]
pub struct LastWished {
    places: HashMap<Run, Vec<(Viewer, Work)>>,
}

impl LastWished {
    /// A viewer waited for that work, and will not play on from where they waited before. Whoever
    /// waited a little before it has played on to here.
    pub fn note(&mut self, run: Run, viewer: Viewer, work: Work) {
        let places = self.places.entry(run).or_default();
        let is_same = |(by, place): &(Viewer, Work)| *by == viewer && is_alike(*place, work);
        places.retain(|place| !(is_same(place) || leads_to(place.1, work)));
        if places.len() == MOST_PLACES {
            places.remove(0);
        }
        places.push((viewer, work));
    }

    /// Nobody works on the title any more.
    pub fn forget(&mut self, run: Run) {
        self.places.remove(&run);
    }

    /// The work that is `steps` (from 1) after each place of the title, as far as it is to be
    /// made ahead.
    pub fn ahead<'a>(
        &'a self,
        run: Run,
        outline: &'a Outline,
        steps: u32,
    ) -> impl Iterator<Item = Work> + 'a {
        let places = self.places.get(&run).into_iter().flatten();
        places.filter_map(move |(_, place)| following(*place, outline, steps))
    }
}

/// How far ahead something is made after a wish.
fn reach(work: Work) -> u32 {
    match work {
        Work::Chunk(_) => CHUNKS,
        Work::Audio(_) | Work::Copy(_) => SPANS,
        _ => 0,
    }
}

fn following(place: Work, outline: &Outline, steps: u32) -> Option<Work> {
    if steps > reach(place) {
        return None;
    }
    match place {
        Work::Chunk(index) => {
            let next = index.checked_add(steps)?;
            let exists = usize::try_from(next).is_ok_and(|next| next < outline.chunks.len());
            exists.then_some(Work::Chunk(next))
        }
        Work::Copy(index) => {
            let next = index.checked_add(steps)?;
            let exists = usize::try_from(next).is_ok_and(|next| next < outline.copies.len());
            exists.then_some(Work::Copy(next))
        }
        Work::Audio(unit) => {
            let (audio, span) = outline.sound_place(unit)?;
            let next = outline.sound_unit(audio, span.checked_add(steps)?)?;
            Some(Work::Audio(next))
        }
        _ => None,
    }
}

/// The same kind of work, of which a viewer waits for one at a time.
fn is_alike(one: Work, other: Work) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

/// Playing on from `place` comes to `work`, or it is the same.
fn leads_to(place: Work, work: Work) -> bool {
    let within = |from: u32, to: u32| (from..=from.saturating_add(reach(place) + 1)).contains(&to);
    match (place, work) {
        (Work::Chunk(from), Work::Chunk(to))
        | (Work::Audio(from), Work::Audio(to))
        | (Work::Copy(from), Work::Copy(to)) => within(from, to),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::LastWished;
    use catalog::wish::Viewer;
    use model::id::{JobId, TitleId};
    use model::time::VideoTicks;

    use crate::standing::{Outline, Stretch};
    use crate::work::{Run, Work};

    fn stretches(count: u32) -> Vec<Stretch> {
        let stretch = |index| Stretch {
            first_segment: index + 1,
            segment_count: 1,
            begin: VideoTicks::ZERO,
            end: VideoTicks::ZERO,
        };
        (0..count).map(stretch).collect()
    }

    /// Twenty chunks, two audio streams of five spans.
    fn film() -> (Run, Outline) {
        let run = Run {
            job: JobId::generate(),
            title: TitleId::generate(),
            generation: 1,
        };
        let outline = Outline {
            rungs: 1,
            chunks: stretches(20),
            audio: 2,
            spans: stretches(5),
            ..Outline::default()
        };
        (run, outline)
    }

    #[test]
    fn every_place_of_a_title_has_its_own_future() {
        let (run, outline) = film();
        let mut wished = LastWished::default();
        for (viewer, work) in [
            (1, Work::Chunk(2)),
            (2, Work::Chunk(17)),
            (1, Work::Audio(1)),
            (2, Work::Audio(9)),
        ] {
            wished.note(run, Viewer(viewer), work);
        }
        let ahead = |steps| wished.ahead(run, &outline, steps).collect::<Vec<Work>>();
        assert_eq!(
            ahead(1),
            [Work::Chunk(3), Work::Chunk(18), Work::Audio(2)],
            "unit 9 is the last span of its stream"
        );
        assert_eq!(ahead(3), [Work::Chunk(5)], "the film has twenty chunks");
        assert_eq!(ahead(5), [], "that is for later");
    }

    #[test]
    fn a_viewer_who_plays_on_is_one_viewer() {
        let (run, outline) = film();
        let mut wished = LastWished::default();
        for (viewer, index) in [(1, 2), (2, 12), (3, 7)] {
            wished.note(run, Viewer(viewer), Work::Chunk(index));
        }
        let ahead: Vec<Work> = wished.ahead(run, &outline, 1).collect();
        assert_eq!(ahead, [Work::Chunk(13), Work::Chunk(8)]);
        wished.note(run, Viewer(2), Work::Chunk(0));
        let ahead: Vec<Work> = wished.ahead(run, &outline, 1).collect();
        assert_eq!(
            ahead,
            [Work::Chunk(8), Work::Chunk(1)],
            "the second has jumped"
        );
        wished.forget(run);
        assert_eq!(wished.ahead(run, &outline, 1).count(), 0);
    }

    #[test]
    fn restless_viewers_are_forgotten() {
        let (run, outline) = film();
        let mut wished = LastWished::default();
        for index in (0..1000).rev() {
            wished.note(run, Viewer(u64::from(index)), Work::Chunk(index));
        }
        let places = wished.ahead(run, &outline, 1).count();
        assert_eq!(places, super::MOST_PLACES, "the oldest ones go");
    }
}
