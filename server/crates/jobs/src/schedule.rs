//! What comes next: a pure function of the jobs in hand, the wishes of viewers and what is under
//! way. Its order is the product's promise: who waits in front of a screen comes first, then
//! every title gets its beginning, then titles are finished one after the other. Viewers at
//! several places take turns.
//!
//! What does not belong here: doing it (`dispatch`).

mod calm;
mod copied;

use catalog::wish::{Viewer, Wish};

use crate::read_ahead::{self, LastWished};
use crate::schedule::calm::{has_begun, polite, somebody_waits};
use crate::schedule::copied::copies;
use crate::standing::{Outline, Standing};
use crate::work::{Lane, Run, Work};

/// Everything a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Board<'a> {
    /// The jobs in hand in their order.
    pub standings: &'a [Standing],
    /// What viewers wait for, oldest first.
    pub wishes: &'a [Wish],
    /// Where the viewers of each job waited last.
    pub last_wished: &'a LastWished,
    /// What the lane has under way, oldest first.
    pub busy: &'a [Busy],
}

/// Work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// For which job.
    pub run: Run,
    /// What.
    pub work: Work,
    /// The viewer who waited for it when it was begun.
    pub wished_by: Option<Viewer>,
}

/// What should be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// For which job.
    pub run: Run,
    /// What.
    pub work: Work,
    /// The viewer who waits for it.
    pub wished_by: Option<Viewer>,
}

/// The next work of `lane` that is not done and not under way.
pub fn next(lane: Lane, board: Board<'_>) -> Option<Pick> {
    match lane {
        Lane::Look => inspection(board).or_else(|| polite(board, poster(board))),
        Lane::Picture | Lane::Sound | Lane::Copy => wished(lane, board)
            .or_else(|| ahead(lane, board))
            .or_else(|| polite(board, unwished(lane, board))),
        Lane::Thumbs if somebody_waits(board) => None,
        Lane::Thumbs => any(board, thumbs),
    }
}

/// What a lane does for nobody in particular.
fn unwished(lane: Lane, board: Board<'_>) -> Option<Pick> {
    match lane {
        Lane::Picture => first(board, Work::Chunk(0)).or_else(|| any(board, chunks)),
        Lane::Sound => {
            any(board, |outline| first_sound(outline).into_iter()).or_else(|| any(board, sounds))
        }
        Lane::Copy => first(board, Work::Copy(0)).or_else(|| any(board, copies)),
        Lane::Look | Lane::Thumbs => None,
    }
}

/// Whether the lane's present work should be given up. Thumbnails stand back for whoever waits for
/// anything. Other work does so for a viewer: somebody waits for something that is neither done nor
/// under way, and nobody waits for what is running. Work begun for another viewer is finished, so
/// two viewers cannot keep each other from ever getting a chunk; what a viewer has jumped away from
/// is not.
pub fn preempts(lane: Lane, board: Board<'_>) -> bool {
    let Some(running) = board.busy.first() else {
        return false;
    };
    if matches!(running.work, Work::Thumbs(_)) {
        return somebody_waits(board);
    }
    let mut wishes = board.wishes.iter();
    let is_awaited = wishes.any(|wish| target(board, wish) == Some((running.run, running.work)));
    !is_awaited && wished(lane, board).is_some_and(|pick| is_left(running, pick))
}

/// Whoever work was begun for, if anybody, is not waiting for it any more but for `pick`.
fn is_left(running: &Busy, pick: Pick) -> bool {
    if running.wished_by.is_none() {
        return true;
    }
    let is_next = |now: u32, then: u32| running.run == pick.run && now.checked_add(1) == Some(then);
    let is_jump = match (running.work, pick.work) {
        (Work::Chunk(now), Work::Chunk(then)) | (Work::Copy(now), Work::Copy(then)) => {
            !is_next(now, then)
        }
        // A span of sound takes no longer than another worker's start.
        _ => false,
    };
    is_jump && running.wished_by == pick.wished_by
}

/// The oldest wish that this lane can fulfil.
fn wished(lane: Lane, board: Board<'_>) -> Option<Pick> {
    board.wishes.iter().find_map(|wish| {
        let (run, work) = target(board, wish).filter(|(_, work)| is_for(lane, *work))?;
        let mut standings = board.standings.iter();
        let standing = standings.find(|standing| standing.run == run)?;
        let pick = open(board, standing, work)?;
        Some(Pick {
            wished_by: Some(wish.viewer),
            ..pick
        })
    })
}

/// The work that would fulfil a wish.
fn target(board: Board<'_>, wish: &Wish) -> Option<(Run, Work)> {
    let standing = board
        .standings
        .iter()
        .find(|standing| standing.run.title == wish.title)?;
    let work = standing
        .outline
        .as_ref()?
        .work_for(wish.stream, wish.number)?;
    Some((standing.run, work))
}

fn is_for(lane: Lane, work: Work) -> bool {
    matches!(
        (lane, work),
        (Lane::Picture, Work::Chunk(_))
            | (Lane::Sound, Work::Audio(_))
            | (Lane::Copy, Work::Copy(_))
    )
}

/// What viewers who waited will want next: for each of them the next part, then for each the one
/// after it.
fn ahead(lane: Lane, board: Board<'_>) -> Option<Pick> {
    (1..=read_ahead::CHUNKS).find_map(|steps| {
        board.standings.iter().find_map(|standing| {
            let outline = standing.outline.as_ref()?;
            let mut works = board
                .last_wished
                .ahead(standing.run, outline, steps)
                .filter(|work| is_for(lane, *work));
            works.find_map(|work| open(board, standing, work))
        })
    })
}

fn inspection(board: Board<'_>) -> Option<Pick> {
    first(board, Work::Inspect)
}

fn poster(board: Board<'_>) -> Option<Pick> {
    // Fifteen pictures are decoded for it, which would make its first chunk late.
    let mut begun = board
        .standings
        .iter()
        .filter(|standing| has_begun(standing));
    begun.find_map(|standing| open(board, standing, Work::Poster))
}

/// `work` for the first job that needs it.
fn first(board: Board<'_>, work: Work) -> Option<Pick> {
    board
        .standings
        .iter()
        .filter(|standing| standing.has(work) && standing.is_time_for(work))
        .find_map(|standing| open(board, standing, work))
}

/// The first open work of the first job that has any.
fn any<'a, I: Iterator<Item = Work>>(
    board: Board<'a>,
    works: impl Fn(&'a Outline) -> I,
) -> Option<Pick> {
    board.standings.iter().find_map(|standing| {
        let works = works(standing.outline.as_ref()?);
        let mut timely = works.filter(|work| standing.is_time_for(*work));
        timely.find_map(|work| open(board, standing, work))
    })
}

fn chunks(outline: &Outline) -> impl Iterator<Item = Work> + use<> {
    (0..).take(outline.chunks.len()).map(Work::Chunk)
}

fn thumbs(outline: &Outline) -> impl Iterator<Item = Work> + use<> {
    (0..outline.thumb_sheets).map(Work::Thumbs)
}

/// The beginning of the sound that players begin with.
fn first_sound(outline: &Outline) -> Option<Work> {
    let unit = outline.sound_unit(outline.default_audio, 0)?;
    Some(Work::Audio(unit))
}

/// The beginnings of all audio streams, all of the one that players begin with, then the others.
fn sounds(outline: &Outline) -> impl Iterator<Item = Work> + use<'_> {
    let beginnings = (0..outline.audio).map(|audio| (audio, 0));
    let spans = (0..).take(outline.spans.len());
    let default = spans.map(move |span| (outline.default_audio, span));
    let rest = (0..outline.sound_units()).map(Work::Audio);
    beginnings
        .chain(default)
        .filter_map(move |(audio, span)| outline.sound_unit(audio, span).map(Work::Audio))
        .chain(rest)
}

/// A pick of `work`, if it is neither done nor under way.
fn open(board: Board<'_>, standing: &Standing, work: Work) -> Option<Pick> {
    let run = standing.run;
    let busy = board
        .busy
        .iter()
        .any(|busy| busy.run == run && busy.work == work);
    (!busy && standing.needs(work)).then_some(Pick {
        run,
        work,
        wished_by: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Board, Busy, next, preempts};
    use catalog::wish::{Viewer, Wish};
    use catalog::work::Unit;
    use model::clock::WallTime;
    use model::id::{JobId, TitleId};
    use model::time::VideoTicks;

    use crate::read_ahead::LastWished;
    use crate::standing::{Outline, Standing, Stretch};
    use crate::work::{Lane, Run, Work};

    /// Who waits where a test does not say it.
    const VIEWER: Viewer = Viewer(1);

    /// What must be there to play it from its beginning.
    const BEGINNING: [Unit; 2] = [Unit::Chunk(0), Unit::Audio(0)];

    /// A title with two rungs, two audio streams, chunks of two segments and spans of four.
    pub(super) fn title(chunks: u32) -> Standing {
        let stretch = |segment_count: u32| {
            move |index: u32| Stretch {
                first_segment: index * segment_count + 1,
                segment_count,
                begin: VideoTicks::from_seconds(i64::from(index * segment_count) * 4),
                end: VideoTicks::from_seconds(i64::from((index + 1) * segment_count) * 4),
            }
        };
        let outline = Outline {
            rungs: 2,
            copied: None,
            copies: Vec::new(),
            audio: 2,
            default_audio: 0,
            segments: chunks * 2,
            apart_segments: None,
            thumb_sheets: 2,
            end: VideoTicks::from_seconds(i64::from(chunks) * 8),
            chunks: (0..chunks).map(stretch(2)).collect(),
            spans: (0..chunks.div_ceil(2)).map(stretch(4)).collect(),
        };
        Standing {
            outline: Some(outline),
            ..unseen()
        }
    }

    /// A title nobody looked at yet.
    pub(super) fn unseen() -> Standing {
        Standing {
            run: Run {
                job: JobId::generate(),
                title: TitleId::generate(),
                generation: 1,
            },
            priority: 0,
            created_at: WallTime(0),
            outline: None,
            done: Default::default(),
        }
    }

    pub(super) fn wish(standing: &Standing, stream: u32, number: u32) -> Wish {
        Wish {
            title: standing.run.title,
            stream,
            number,
            viewer: VIEWER,
        }
    }

    pub(super) fn busy(standing: &Standing, work: Work, wished_by: Option<Viewer>) -> Busy {
        Busy {
            run: standing.run,
            work,
            wished_by,
        }
    }

    /// Everything a lane would do, one after the other, by the title's place and the work.
    pub(super) fn order(lane: Lane, standings: &[Standing], wishes: &[Wish]) -> Vec<(usize, Work)> {
        let mut standings = standings.to_vec();
        let mut order = Vec::new();
        let last_wished = LastWished::default();
        loop {
            let board = Board {
                standings: &standings,
                wishes,
                last_wished: &last_wished,
                busy: &[],
            };
            let Some(pick) = next(lane, board) else {
                return order;
            };
            let place = standings
                .iter()
                .position(|standing| standing.run == pick.run)
                .unwrap();
            order.push((place, pick.work));
            match pick.work.unit() {
                Some(unit) => drop(standings[place].done.insert(unit)),
                None => {
                    standings[place].outline = title(1).outline;
                    standings[place].done.extend(BEGINNING);
                }
            }
        }
    }

    #[test]
    fn every_title_gets_its_beginning_before_any_is_finished() {
        let standings = [title(3), title(2)];
        assert_eq!(
            order(Lane::Picture, &standings, &[]),
            [
                (0, Work::Chunk(0)),
                (1, Work::Chunk(0)),
                (0, Work::Chunk(1)),
                (0, Work::Chunk(2)),
                (1, Work::Chunk(1)),
            ]
        );
    }

    #[test]
    fn the_sound_of_every_title_begins_before_the_first_is_finished() {
        let mut standings = [title(6), title(2)];
        // Three spans in each of two streams; players begin with the second stream.
        if let Some(outline) = &mut standings[0].outline {
            outline.default_audio = 1;
        }
        assert_eq!(
            order(Lane::Sound, &standings, &[]),
            [
                (0, Work::Audio(3)),
                (1, Work::Audio(0)),
                (0, Work::Audio(0)),
                (0, Work::Audio(4)),
                (0, Work::Audio(5)),
                (0, Work::Audio(1)),
                (0, Work::Audio(2)),
                (1, Work::Audio(1)),
            ],
            "beginnings, then the other stream's, then the default's, then the rest"
        );
    }

    #[test]
    fn new_titles_are_looked_at_before_posters_are_made() {
        let mut begun = title(1);
        begun.done.extend(BEGINNING);
        let standings = [begun, unseen(), unseen()];
        assert_eq!(
            order(Lane::Look, &standings, &[]),
            [
                (1, Work::Inspect),
                (2, Work::Inspect),
                (0, Work::Poster),
                (1, Work::Poster),
                (2, Work::Poster),
            ]
        );
    }

    #[test]
    fn a_wish_comes_before_everything_else_and_the_oldest_first() {
        let standings = [title(4), title(4)];
        let wishes = [wish(&standings[1], 1, 8), wish(&standings[0], 0, 5)];
        let order = order(Lane::Picture, &standings, &wishes);
        assert_eq!(
            order[..3],
            [
                (1, Work::Chunk(3)),
                (0, Work::Chunk(2)),
                (0, Work::Chunk(0))
            ]
        );
    }

    #[test]
    fn a_wish_for_sound_moves_the_span_not_a_chunk() {
        let standings = [title(6), title(6)];
        let wishes = [wish(&standings[1], 3, 10)];
        assert_eq!(
            order(Lane::Sound, &standings, &wishes)[0],
            (1, Work::Audio(5)),
            "stream 3 is the second audio stream, segment 10 is in its third span"
        );
    }

    #[test]
    fn wishes_for_what_does_not_exist_change_nothing() {
        let standings = [title(2), unseen()];
        let wishes = [
            wish(&standings[0], 9, 1),
            wish(&standings[0], 0, 99),
            wish(&standings[0], 0, 0),
            wish(&standings[1], 0, 1),
            wish(&title(1), 0, 1),
        ];
        assert_eq!(
            order(Lane::Picture, &standings, &wishes),
            order(Lane::Picture, &standings, &[])
        );
    }

    #[test]
    fn after_a_wish_the_next_half_minute_is_made() {
        let standings = [title(20), title(20)];
        let mut wished = LastWished::default();
        wished.note(standings[1].run, VIEWER, Work::Chunk(10));
        let mut standings = standings.to_vec();
        let mut made = Vec::new();
        for _ in 0..5 {
            let board = Board {
                standings: &standings,
                wishes: &[],
                last_wished: &wished,
                busy: &[],
            };
            let pick = next(Lane::Picture, board).unwrap();
            let place = usize::from(pick.run == standings[1].run);
            standings[place].done.extend(pick.work.unit());
            made.push((place, pick.work));
        }
        let ahead = [11, 12, 13, 14].map(|index| (1, Work::Chunk(index)));
        assert_eq!(made[..4], ahead, "the viewer plays on");
        assert_eq!(
            made[4],
            (0, Work::Chunk(0)),
            "and then others have their turn"
        );
    }

    #[test]
    fn viewers_at_several_places_take_turns() {
        let mut standings = [title(40), title(40)];
        let mut wished = LastWished::default();
        wished.note(standings[0].run, VIEWER, Work::Chunk(10));
        wished.note(standings[0].run, Viewer(2), Work::Chunk(30));
        wished.note(standings[1].run, VIEWER, Work::Chunk(5));
        wished.note(standings[1].run, VIEWER, Work::Audio(2));
        let make = |lane, standings: &mut [Standing; 2]| {
            let board = Board {
                standings: &*standings,
                wishes: &[],
                last_wished: &wished,
                busy: &[],
            };
            let pick = next(lane, board).unwrap();
            let place = usize::from(pick.run == standings[1].run);
            standings[place].done.extend(pick.work.unit());
            (place, pick.work)
        };
        let made: Vec<_> = (0..6)
            .map(|_| make(Lane::Picture, &mut standings))
            .collect();
        assert_eq!(
            made,
            [
                (0, Work::Chunk(11)),
                (0, Work::Chunk(31)),
                (1, Work::Chunk(6)),
                (0, Work::Chunk(12)),
                (0, Work::Chunk(32)),
                (1, Work::Chunk(7)),
            ],
            "nobody waits for another's whole half minute"
        );
        let sound = make(Lane::Sound, &mut standings);
        assert_eq!(sound, (1, Work::Audio(3)), "the next minute of sound");
        let sound = make(Lane::Sound, &mut standings);
        assert_eq!(sound, (0, Work::Audio(0)), "then others have their turn");
    }

    #[test]
    fn what_is_done_or_under_way_is_not_picked_again() {
        let mut film = title(3);
        film.done.insert(Unit::Chunk(0));
        let standings = [film];
        let under_way = [busy(&standings[0], Work::Chunk(1), None)];
        let board = Board {
            standings: &standings,
            wishes: &[wish(&standings[0], 0, 3)],
            last_wished: &LastWished::default(),
            busy: &under_way,
        };
        let pick = next(Lane::Picture, board).unwrap();
        assert_eq!(
            pick.work,
            Work::Chunk(2),
            "chunk 1 is wished but runs already"
        );
        assert_eq!(pick.wished_by, None, "nobody waits for chunk 2");
    }

    #[test]
    fn only_work_nobody_waits_for_is_given_up_for_a_viewer() {
        let standings = [title(9), title(9)];
        let elsewhere = wish(&standings[1], 0, 9);
        let here = wish(&standings[0], 1, 2);
        let running = Work::Chunk(0);
        let (anybody, other) = (Some(VIEWER), Some(Viewer(2)));
        let next = wish(&standings[0], 0, 3);
        let queued = Some(busy(&standings[1], Work::Chunk(4), None));
        let cases = [
            ("nobody waits", vec![], None, None, false),
            ("a viewer elsewhere", vec![elsewhere], None, None, true),
            ("it is wished too", vec![elsewhere, here], None, None, false),
            (
                "it was begun for another",
                vec![elsewhere],
                other,
                None,
                false,
            ),
            (
                "its viewer has jumped",
                vec![elsewhere],
                anybody,
                None,
                true,
            ),
            ("its viewer plays on", vec![next], anybody, None, false),
            (
                "the wished one is queued",
                vec![elsewhere],
                None,
                queued,
                false,
            ),
        ];
        for (name, wishes, wished_by, queued, expected) in cases {
            let mut under_way = vec![busy(&standings[0], running, wished_by)];
            under_way.extend(queued);
            let board = Board {
                standings: &standings,
                wishes: &wishes,
                last_wished: &LastWished::default(),
                busy: &under_way,
            };
            assert_eq!(preempts(Lane::Picture, board), expected, "{name}");
        }
    }

    #[test]
    fn sound_alone_has_no_chunks() {
        let mut song = title(0);
        if let Some(outline) = &mut song.outline {
            outline.rungs = 0;
            outline.audio = 1;
            outline.segments = 3;
            outline.spans = title(1).outline.unwrap().spans;
        }
        let standings = [song];
        assert_eq!(order(Lane::Picture, &standings, &[]), []);
        assert_eq!(order(Lane::Look, &standings, &[]), [], "first its sound");
        let mut begun = standings.clone();
        begun[0].done.insert(Unit::Audio(0));
        assert_eq!(order(Lane::Look, &begun, &[]), [(0, Work::Poster)]);
        assert_eq!(order(Lane::Sound, &standings, &[]), [(0, Work::Audio(0))]);
    }
}
