//! Stored pieces: their rows, their totals, and what follows from them for the job and the
//! title. Fenced like all that a worker writes down (see [`work`](crate::work)). What does not
//! belong here: the objects themselves, which are stored before they are recorded.

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::id::{JobId, TitleId};
use model::segment::{ObjectKey, Piece, StoredPiece};

use crate::failure::{Failure, Outcome};
use crate::table::pieces::Whose;
use crate::table::plans::Outline;
use crate::table::titles::TitleRow;
use crate::table::{pieces, plans, stream_totals, titles};
use crate::{Catalog, Write, generation, job_move};

impl Catalog {
    /// Records pieces whose objects are stored. A piece that has a row already keeps it, unless
    /// its object was replaced: then the row describes the new one. New pieces set the job's
    /// attempts back to 0 and may make the title playable.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job, there is no plan yet, or a key belongs to
    /// another generation or piece; `InvalidInput` if the plan has no such segment.
    pub async fn add_pieces(
        &self,
        job: JobId,
        owner: &str,
        stored: Vec<StoredPiece>,
    ) -> Result<()> {
        let owner = owner.to_owned();
        self.write("recording stored pieces", move |write| {
            add_pieces(write, job, &owner, &stored)
        })
        .await
    }
}

fn add_pieces(
    write: &mut Write<'_>,
    job: JobId,
    owner: &str,
    stored: &[StoredPiece],
) -> Outcome<()> {
    let mut job = job_move::held(write, job, owner)?;
    let title = titles::by_serial(&write.transaction, job.title_serial)?;
    let Some(outline) = plans::outline(&write.transaction, title.serial)? else {
        let message = format!("title {} has no plan yet", title.title.id);
        return Err(Failure::rule(ErrorKind::Conflict, message));
    };
    let mut any_new = false;
    for piece in stored {
        any_new |= put_piece(write, &title, outline, piece)?;
    }
    if any_new && job.job.attempts > 0 {
        job.job.attempts = 0;
        return job_move::save(write, &job);
    }
    job_move::settle_title(write, &job)
}

/// Records one piece and announces it if it is new; returns whether it is.
pub(crate) fn put_piece(
    write: &mut Write<'_>,
    title: &TitleRow,
    outline: Outline,
    stored: &StoredPiece,
) -> Outcome<bool> {
    check_piece(title, outline, stored)?;
    let whose = generation::present(title);
    let known = pieces::find(&write.transaction, whose, stored.piece)?;
    let same = known.as_ref().is_some_and(|(size_bytes, sha256)| {
        *size_bytes == stored.size_bytes && sha256.eq_ignore_ascii_case(&stored.sha256)
    });
    if same {
        return Ok(false);
    }
    pieces::put(&write.transaction, whose, stored)?;
    let old_size_bytes = known.as_ref().map(|(size_bytes, _)| *size_bytes);
    count_segment(write, whose, stored, old_size_bytes)?;
    if known.is_none() {
        announce_piece(write, title.title.id, stored.piece);
    }
    Ok(known.is_none())
}

fn check_piece(title: &TitleRow, outline: Outline, stored: &StoredPiece) -> Outcome<()> {
    let (id, generation) = (title.title.id, title.title.generation);
    if stored.key != ObjectKey::of_piece(id, generation, stored.piece) {
        let message = format!(
            "{} does not belong to generation {generation} of title {id}",
            stored.key
        );
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    if stored.place != title.title.place {
        let message = format!(
            "{} is in another store than title {id}; its pieces are all in one",
            stored.key
        );
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    let planned = match stored.piece {
        Piece::Poster | Piece::PosterChoice { .. } => true,
        Piece::Subtitle { index } => index < outline.text_tracks,
        Piece::Thumbs { sheet } => sheet <= outline.thumb_sheets,
        Piece::Init { stream } => stream < outline.stream_count(),
        Piece::Media { stream, number } => {
            let numbers = 1..=outline.segment_count_of(stream);
            stream < outline.stream_count() && numbers.contains(&number)
        }
    };
    if planned {
        return Ok(());
    }
    let message = format!("the plan of title {id} has no {}", stored.piece);
    Err(Failure::rule(ErrorKind::InvalidInput, message))
}

fn count_segment(
    write: &Write<'_>,
    whose: Whose,
    stored: &StoredPiece,
    old_size_bytes: Option<u64>,
) -> Outcome<()> {
    let Piece::Media { stream, number } = stored.piece else {
        return Ok(());
    };
    match old_size_bytes {
        None => stream_totals::add_segment(
            &write.transaction,
            whose,
            (stream, number),
            stored.size_bytes,
        ),
        Some(old) => {
            let more_bytes = stored.size_bytes.cast_signed() - old.cast_signed();
            stream_totals::resize(&write.transaction, whose, stream, more_bytes)
        }
    }
}

fn announce_piece(write: &mut Write<'_>, title: TitleId, piece: Piece) {
    let (stream, number) = match piece {
        Piece::Poster
        | Piece::PosterChoice { .. }
        | Piece::Subtitle { .. }
        | Piece::Thumbs { .. } => return write.announce(Change::Title(title)),
        Piece::Init { stream } => (stream, 0),
        Piece::Media { stream, number } => (stream, number),
    };
    write.announce(Change::Segment {
        title,
        stream,
        number,
    });
}

#[cfg(test)]
mod tests {
    use model::change::Change;
    use model::clock::WallTime;
    use model::error::{ErrorKind, Result};
    use model::id::{JobId, TitleId};
    use model::segment::{Piece, StoredPiece};
    use model::title::TitleState;

    use crate::library::StreamTotal;
    use crate::testing::{House, OWNER, inits_of, plan_of, segment, stored, text, thumbs};

    async fn add(house: &House, job: JobId, pieces: Vec<StoredPiece>) -> Result<()> {
        house.catalog.add_pieces(job, OWNER, pieces).await
    }

    #[tokio::test]
    async fn a_title_is_playable_once_picture_and_sound_can_start() {
        // What is needed: the beginning of one quality and of one audio track, whichever they are.
        let cases: [(u32, u32, &[u32], &[u32]); 7] = [
            (2, 1, &[2], &[1]),
            (2, 1, &[0], &[2]),
            (2, 2, &[0, 2], &[]),
            (2, 2, &[1, 3], &[]),
            (3, 0, &[0], &[]),
            (3, 0, &[2], &[]),
            (0, 2, &[1], &[]),
        ];
        for (rungs, audio_tracks, needed, early) in cases {
            let house = House::new();
            let title = house.admit("/films/a.mp4", "a").await;
            let job = house.claim().await[0].id;
            let plan = plan_of(rungs, audio_tracks, 3);
            let inits = inits_of(title, 1, &plan);
            house
                .catalog
                .save_plan(job, OWNER, &plan, inits)
                .await
                .unwrap();
            let others = (0..plan.stream_count()).flat_map(|stream| {
                let first = if early.contains(&stream) { 1 } else { 2 };
                (first..=3).map(move |number| segment(title, stream, number))
            });
            add(&house, job, others.collect()).await.unwrap();
            let state = house.title(title).await.state;
            let what = format!("{rungs} rungs, {audio_tracks} tracks");
            assert_eq!(state, TitleState::Processing, "{what}: it cannot start yet");
            for stream in needed {
                add(&house, job, vec![segment(title, *stream, 1)])
                    .await
                    .unwrap();
            }
            let state = house.title(title).await.state;
            assert_eq!(state, TitleState::Playable, "{what}: it can start");
        }
    }

    #[tokio::test]
    async fn pieces_added_twice_are_there_once_and_announced_once() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let mut changes = house.catalog.subscribe();
        let pieces = vec![segment(title, 1, 2), stored(title, 1, Piece::Poster, 900)];
        for _ in 0..2 {
            add(&house, job.id, pieces.clone()).await.unwrap();
        }
        let number = Change::Segment {
            title,
            stream: 1,
            number: 2,
        };
        assert_eq!(changes.recv().await.unwrap(), number);
        assert_eq!(
            changes.recv().await.unwrap(),
            Change::Title(title),
            "it has a poster"
        );
        assert!(changes.is_empty(), "{:?}", changes.try_recv());
        assert!(house.title(title).await.has_poster);
        for piece in pieces {
            let found = house.catalog.piece(title, piece.piece).await.unwrap();
            assert_eq!(found, Some(piece));
        }
        let totals = house.catalog.stream_totals(title).await.unwrap();
        let one = StreamTotal {
            segments: 1,
            ranges: vec![2..=2],
            size_bytes: 2_000,
        };
        assert_eq!(
            totals,
            [StreamTotal::default(), one, StreamTotal::default()]
        );
    }

    #[tokio::test]
    async fn what_is_no_stream_has_rows_and_counts_in_no_total() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await[0].id;
        let mut plan = plan_of(1, 0, 2);
        plan.text = vec![text("eng"), text("ger")];
        plan.thumbs = Some(thumbs(150));
        let subtitles = (0..2).map(|index| stored(title, 1, Piece::Subtitle { index }, 50));
        let mut first = inits_of(title, 1, &plan);
        first.extend(subtitles);
        let saving = house.catalog.save_plan(job, OWNER, &plan, first);
        saving.await.unwrap();
        let more = [
            Piece::Thumbs { sheet: 1 },
            Piece::Thumbs { sheet: 2 },
            Piece::PosterChoice { number: 3 },
        ];
        add(
            &house,
            job,
            more.map(|piece| stored(title, 1, piece, 9)).to_vec(),
        )
        .await
        .unwrap();
        let pieces = house.catalog.pieces(title).await.unwrap();
        assert_eq!(pieces.len(), 6, "one row each, and the init segment's");
        for piece in more {
            assert!(pieces.iter().any(|stored| stored.piece == piece), "{piece}");
        }
        assert!(
            !house.title(title).await.has_poster,
            "a choice is not yet a poster"
        );
        assert_eq!(
            house.catalog.stream_totals(title).await.unwrap(),
            [StreamTotal::default()]
        );
        assert!(house.catalog.integrity().await.unwrap().is_empty());
        for unknown in [Piece::Thumbs { sheet: 3 }, Piece::Subtitle { index: 2 }] {
            let error = add(&house, job, vec![stored(title, 1, unknown, 9)])
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{unknown}");
        }
    }

    #[tokio::test]
    async fn the_row_of_a_replaced_object_describes_the_new_one() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let piece = Piece::Media {
            stream: 0,
            number: 3,
        };
        for size_bytes in [5_000, 4_000, 4_500] {
            let replaced = stored(title, 1, piece, size_bytes);
            add(&house, job.id, vec![replaced.clone()]).await.unwrap();
            let found = house.catalog.piece(title, piece).await.unwrap();
            assert_eq!(found, Some(replaced), "the row must match the stored bytes");
        }
        let totals = house.catalog.stream_totals(title).await.unwrap();
        assert_eq!(
            totals[0],
            StreamTotal {
                segments: 1,
                ranges: vec![3..=3],
                size_bytes: 4_500
            }
        );
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_pieces_of_the_present_plan_are_recorded() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let media = |stream, number| Piece::Media { stream, number };
        let someone_elses = stored(TitleId::generate(), 1, media(0, 1), 9);
        let mut misnamed = segment(title, 0, 1);
        misnamed.piece = media(0, 2);
        let mut unhashed = segment(title, 0, 1);
        unhashed.sha256 = "unknown".to_owned();
        let cases = [
            (
                "another generation",
                stored(title, 2, media(0, 1), 9),
                ErrorKind::Conflict,
            ),
            ("another title", someone_elses, ErrorKind::Conflict),
            ("another piece's key", misnamed, ErrorKind::Conflict),
            (
                "a stream too many",
                segment(title, 3, 1),
                ErrorKind::InvalidInput,
            ),
            (
                "a segment too many",
                segment(title, 0, 5),
                ErrorKind::InvalidInput,
            ),
            ("no hash", unhashed, ErrorKind::InvalidInput),
        ];
        for (what, piece, kind) in cases {
            let pieces = vec![segment(title, 1, 1), piece];
            let error = add(&house, job.id, pieces).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{what}: {error}");
        }
        let pieces = house.catalog.pieces(title).await.unwrap();
        assert_eq!(
            pieces.len(),
            3,
            "nothing but the init segments, not even the good half"
        );
    }

    #[tokio::test]
    async fn new_pieces_forgive_earlier_failures_and_old_ones_do_not() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        add(&house, job.id, vec![segment(title, 0, 1)])
            .await
            .unwrap();
        let failed = house
            .catalog
            .attempt_failed(job.id, OWNER, "crash", WallTime(0));
        failed.await.unwrap();
        house.claim().await;
        add(&house, job.id, vec![segment(title, 0, 1)])
            .await
            .unwrap();
        assert_eq!(
            house.job_of(title).await.attempts,
            1,
            "that was no progress"
        );
        add(&house, job.id, vec![segment(title, 0, 2)])
            .await
            .unwrap();
        assert_eq!(house.job_of(title).await.attempts, 0, "that was progress");
    }
}
