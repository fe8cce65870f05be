//! Whether anybody waits for anything: what is only nice to have begins when nobody does, and what
//! nobody waits for when no viewer of another title does.

use super::{Board, Pick, any, chunks, first, first_sound, inspection, target, wished};
use crate::standing::Standing;
use crate::work::{Lane, Work};

/// A viewer waits for a part of a title, or a title for its beginning, made or being made by
/// whichever lane.
pub(super) fn somebody_waits(board: Board<'_>) -> bool {
    let made_elsewhere = [Lane::Picture, Lane::Sound, Lane::Copy];
    made_elsewhere
        .iter()
        .any(|lane| wished(*lane, board).is_some())
        || inspection(board).is_some()
        || first(board, Work::Chunk(0)).is_some()
        || any(board, |outline| first_sound(outline).into_iter()).is_some()
}

/// What nobody waits for begins only if no viewer of another title waits for a part that is not
/// there yet, made or being made by whichever lane: all lanes share one machine.
pub(super) fn polite(board: Board<'_>, pick: Option<Pick>) -> Option<Pick> {
    let run = pick?.run;
    let waits_elsewhere = board.wishes.iter().any(|wish| {
        let awaited = target(board, wish).filter(|(awaited, _)| *awaited != run);
        awaited.is_some_and(|(awaited, work)| {
            let mut standings = board.standings.iter();
            standings.any(|standing| standing.run == awaited && standing.needs(work))
        })
    });
    pick.filter(|_| !waits_elsewhere)
}

/// The title can be played from its beginning.
pub(super) fn has_begun(standing: &Standing) -> bool {
    let mut beginnings = standing.outline.iter().flat_map(|outline| {
        let picture = chunks(outline).take(1);
        picture.chain(first_sound(outline))
    });
    beginnings.all(|work| !standing.needs(work))
}

#[cfg(test)]
mod tests {
    use catalog::wish::Wish;
    use catalog::work::Unit;

    use crate::read_ahead::LastWished;
    use crate::schedule::tests::{busy, order, title, unseen, wish};
    use crate::schedule::{Board, next, preempts};
    use crate::standing::Standing;
    use crate::work::{Lane, Work};

    #[test]
    fn lanes_keep_still_while_a_viewer_waits_for_another_title() {
        let (mut watched, other) = (title(3), title(3));
        watched.done.extend([Unit::Chunk(0), Unit::Audio(0)]);
        let last_wished = LastWished::default();
        let begins = |lane, standings: &[Standing], wishes: &[Wish]| {
            let board = Board {
                standings,
                wishes,
                last_wished: &last_wished,
                // The chunk that is waited for is being made; this lane is idle.
                busy: &[],
            };
            next(lane, board).map(|pick| (pick.run, pick.work))
        };
        let standings = [other.clone(), watched.clone()];
        // Stream 0 is a picture, so the lane of the sound has nothing to do with it.
        let wishes = [wish(&watched, 0, 5)];
        assert_eq!(begins(Lane::Sound, &standings, &wishes), None);
        let wanted = (watched.run, Work::Chunk(2));
        assert_eq!(begins(Lane::Picture, &standings, &wishes), Some(wanted));
        let beginning = Some((other.run, Work::Audio(0)));
        assert_eq!(begins(Lane::Sound, &standings, &[]), beginning, "calm");
        let own = [wish(&other, 0, 5)];
        assert_eq!(
            begins(Lane::Sound, &standings, &own),
            beginning,
            "whoever waits for a picture needs the sound of the same title"
        );
        let for_sound = [wish(&watched, 3, 5)];
        assert_eq!(begins(Lane::Picture, &standings, &for_sound), None);
        let own = [wish(&other, 3, 5)];
        let picture = Some((other.run, Work::Chunk(0)));
        assert_eq!(begins(Lane::Picture, &standings, &own), picture);
        let there = [wish(&watched, 0, 1)];
        assert_eq!(begins(Lane::Sound, &standings, &there), beginning);
    }

    #[test]
    fn thumbnails_are_made_while_nobody_waits_and_give_way_to_whoever_does() {
        let mut film = title(3);
        let last_wished = LastWished::default();
        let running = [busy(&film, Work::Thumbs(0), None)];
        let gives_way = |standings: &[Standing], wishes: &[Wish]| {
            let board = Board {
                standings,
                wishes,
                last_wished: &last_wished,
                busy: &running,
            };
            let stops = preempts(Lane::Thumbs, board);
            let begins = next(Lane::Thumbs, board).is_some();
            assert_ne!(stops, begins, "what would be stopped does not begin");
            stops
        };
        assert!(gives_way(&[film.clone()], &[]), "it has no beginning yet");
        film.done.extend([Unit::Chunk(0), Unit::Audio(0)]);
        assert!(!gives_way(&[film.clone()], &[]), "the rest is no hurry");
        for stream in [0, 2] {
            let wishes = [wish(&film, stream, 5)];
            assert!(gives_way(&[film.clone()], &wishes), "stream {stream}");
        }
        let wishes = [wish(&film, 0, 1)];
        assert!(!gives_way(&[film.clone()], &wishes), "that chunk exists");
        let standings = [film.clone(), unseen()];
        assert!(gives_way(&standings, &[]), "somebody's film has just come");
        assert_eq!(
            order(Lane::Thumbs, &[film], &[]),
            [(0, Work::Thumbs(0)), (0, Work::Thumbs(1))]
        );
    }
}
