//! What the worker on a job writes down while it works. Every method here is fenced: it does
//! nothing unless the job runs and `owner` holds its lease, checked in the same transaction.
//!
//! All of it may be done twice with the same result, because work is done at least once.

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::id::{JobId, TitleId};
use model::job::Progress;
use model::plan::Plan;
use model::segment::{ObjectKey, Piece, StoredPiece};

use crate::failure::{Failure, Outcome};
use crate::table::pieces::Whose;
use crate::table::plans::{Outline, PlanRow};
use crate::table::titles::TitleRow;
use crate::table::{jobs, pieces, plans, stream_totals, titles, units};
use crate::{Catalog, Write, generation, job_move};

/// The longest plan, in bytes of JSON; a film of a whole day has a tenth of it.
const PLAN_BYTES: usize = 32 * 1024 * 1024;

/// A part of a job that is either finished or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// All segments of a chunk in all rungs, by the chunk's index in the plan, from 0.
    Chunk(u32),
    /// All segments of an audio track, by its index in the plan, from 0.
    Audio(u32),
    /// The poster, or the finding that none can be made.
    Poster,
}

impl Catalog {
    /// Persists the plan of the title's present generation together with the init segments of
    /// all its streams, which are stored already. The same plan may be saved again.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job, if the title has another plan (abandon that
    /// one first), or if an init segment belongs to another generation; `InvalidInput` if the
    /// plan has no segments or a stream has no init segment.
    pub async fn save_plan(
        &self,
        job: JobId,
        owner: &str,
        plan: &Plan,
        inits: Vec<StoredPiece>,
    ) -> Result<()> {
        let drawn = Drawn::from_plan(plan)?;
        let owner = owner.to_owned();
        self.write("saving a plan", move |write| {
            save_plan(write, job, &owner, &drawn, &inits)
        })
        .await
    }

    /// Gives up the title's plan, because it cannot be carried on: another encoder is at work
    /// now, or the plan is of another version. Its pieces become garbage. Returns the new
    /// generation; the job goes on running.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job.
    pub async fn abandon_plan(&self, job: JobId, owner: &str) -> Result<u32> {
        let owner = owner.to_owned();
        self.write("abandoning a plan", move |write| {
            let job = job_move::held(write, job, &owner)?;
            let title = titles::by_serial(&write.transaction, job.title_serial)?;
            let generation = generation::begin(write, &title)?;
            job_move::settle_title(write, &job)?;
            Ok(generation)
        })
        .await
    }

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

    /// Records that a part of the job is finished and need not be done again.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job, or if not all segments of the chunk or of
    /// the audio track have been recorded; `InvalidInput` if the plan has no such part.
    pub async fn unit_done(&self, job: JobId, owner: &str, unit: Unit) -> Result<()> {
        let owner = owner.to_owned();
        self.write("finishing a part of a job", move |write| {
            unit_done(write, job, &owner, unit)
        })
        .await
    }

    /// The finished parts in the title's present generation.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn units_done(&self, title: TitleId) -> Result<Vec<Unit>> {
        self.read(
            "reading what is finished",
            move |transaction, _| match titles::by_id(transaction, title)? {
                Some(row) => units::of_title(transaction, generation::present(&row)),
                None => Ok(Vec::new()),
            },
        )
        .await
    }

    /// Writes down how far the job has come.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job.
    pub async fn set_progress(&self, job: JobId, owner: &str, progress: Progress) -> Result<()> {
        let owner = owner.to_owned();
        self.write("writing down progress", move |write| {
            let mut row = job_move::held(write, job, &owner)?;
            let speed = Some(progress.speed).filter(|speed| speed.is_finite());
            row.job.progress = Progress {
                speed: speed.unwrap_or(0.0),
                ..progress
            };
            jobs::save(&write.transaction, &row)?;
            write.announce(Change::Job(row.job.id, row.job.title));
            Ok(())
        })
        .await
    }
}

/// A plan as it will be written.
struct Drawn {
    version: u32,
    outline: Outline,
    json: String,
}

impl Drawn {
    fn from_plan(plan: &Plan) -> Result<Self> {
        let refuse = |message: &str| model::error::Error::new(ErrorKind::InvalidInput, message);
        let outline = Outline {
            video_streams: u32::try_from(plan.rungs().len()).unwrap_or(u32::MAX),
            audio_streams: u32::try_from(plan.audio.len()).unwrap_or(u32::MAX),
            segment_count: plan.segment_count(),
        };
        if outline.segment_count == 0 || plan.stream_count() == 0 {
            return Err(refuse("a plan without segments cannot be saved"));
        }
        let json = serde_json::to_string(plan).map_err(|error| refuse(&error.to_string()))?;
        if json.len() > PLAN_BYTES {
            return Err(refuse("the plan is too long to be saved"));
        }
        Ok(Self {
            version: plan.version,
            outline,
            json,
        })
    }
}

fn save_plan(
    write: &mut Write<'_>,
    job: JobId,
    owner: &str,
    drawn: &Drawn,
    inits: &[StoredPiece],
) -> Outcome<()> {
    let job = job_move::held(write, job, owner)?;
    let title = titles::by_serial(&write.transaction, job.title_serial)?;
    check_inits(drawn.outline, inits)?;
    put_plan(write, &title, drawn)?;
    for init in inits {
        put_piece(write, &title, drawn.outline, init)?;
    }
    job_move::settle_title(write, &job)
}

fn put_plan(write: &mut Write<'_>, title: &TitleRow, drawn: &Drawn) -> Outcome<()> {
    let serials = format!("[{}]", title.serial);
    if let Some(known) = plans::of_titles(&write.transaction, &serials)?.pop() {
        if known.json == drawn.json {
            return Ok(());
        }
        let message = format!("title {} has another plan already", title.title.id);
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    let row = PlanRow {
        title_serial: title.serial,
        generation: title.title.generation,
        version: drawn.version,
        json: drawn.json.clone(),
    };
    plans::insert(&write.transaction, &row, drawn.outline)?;
    write.announce(Change::Title(title.title.id));
    Ok(())
}

/// Without its init segment no stream can be played, whatever else is stored.
fn check_inits(outline: Outline, inits: &[StoredPiece]) -> Outcome<()> {
    let missing = (0..outline.stream_count()).find(|stream| {
        let wanted = Piece::Init { stream: *stream };
        !inits.iter().any(|init| init.piece == wanted)
    });
    match missing {
        None => Ok(()),
        Some(stream) => Err(Failure::rule(
            ErrorKind::InvalidInput,
            format!("stream {stream} of the plan has no init segment"),
        )),
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

/// Returns whether the piece is new.
fn put_piece(
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
    let planned = match stored.piece {
        Piece::Poster => true,
        Piece::Init { stream } => stream < outline.stream_count(),
        Piece::Media { stream, number } => {
            stream < outline.stream_count() && (1..=outline.segment_count).contains(&number)
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
    let Piece::Media { stream, .. } = stored.piece else {
        return Ok(());
    };
    match old_size_bytes {
        None => stream_totals::add_segment(&write.transaction, whose, stream, stored.size_bytes),
        Some(old) => {
            let more_bytes = stored.size_bytes.cast_signed() - old.cast_signed();
            stream_totals::resize(&write.transaction, whose, stream, more_bytes)
        }
    }
}

fn announce_piece(write: &mut Write<'_>, title: TitleId, piece: Piece) {
    let (stream, number) = match piece {
        Piece::Poster => return write.announce(Change::Title(title)),
        Piece::Init { stream } => (stream, 0),
        Piece::Media { stream, number } => (stream, number),
    };
    write.announce(Change::Segment {
        title,
        stream,
        number,
    });
}

fn unit_done(write: &mut Write<'_>, job: JobId, owner: &str, unit: Unit) -> Outcome<()> {
    let job = job_move::held(write, job, owner)?;
    let mut title = titles::by_serial(&write.transaction, job.title_serial)?;
    write.plans.fill_one(&write.transaction, &mut title)?;
    let whose = generation::present(&title);
    if let Some(parts) = Parts::of(&title, unit)? {
        parts.demand_all(write, whose, unit)?;
    }
    units::insert(&write.transaction, whose, unit)
}

/// The segments that a unit stands for, ends included.
struct Parts {
    streams: (u32, u32),
    numbers: (u32, u32),
}

impl Parts {
    /// `None` for the poster, which may be found impossible to make.
    fn of(title: &TitleRow, unit: Unit) -> Outcome<Option<Self>> {
        let Some(plan) = &title.title.plan else {
            let message = format!("title {} has no plan yet", title.title.id);
            return Err(Failure::rule(ErrorKind::Conflict, message));
        };
        let parts = match unit {
            Unit::Poster => return Ok(None),
            Unit::Chunk(index) => Self::of_chunk(plan, index as usize),
            Unit::Audio(index) => Self::of_audio(plan, index as usize),
        };
        parts.map(Some).ok_or_else(|| {
            let message = format!("the plan of title {} has no {unit:?}", title.title.id);
            Failure::rule(ErrorKind::InvalidInput, message)
        })
    }

    fn of_chunk(plan: &Plan, index: usize) -> Option<Self> {
        let chunk = plan.chunks().get(index)?;
        let last_stream = u32::try_from(plan.rungs().len().checked_sub(1)?).ok()?;
        let last_number = chunk.first_segment + chunk.segment_count.checked_sub(1)?;
        Some(Self {
            streams: (0, last_stream),
            numbers: (chunk.first_segment, last_number),
        })
    }

    fn of_audio(plan: &Plan, index: usize) -> Option<Self> {
        plan.audio.get(index)?;
        let stream = plan.audio_stream(index);
        Some(Self {
            streams: (stream, stream),
            numbers: (1, plan.segment_count()),
        })
    }

    fn demand_all(&self, write: &Write<'_>, whose: Whose, unit: Unit) -> Outcome<()> {
        let count = |(first, last): (u32, u32)| u64::from(last - first) + 1;
        let wanted = count(self.streams) * count(self.numbers);
        let found = pieces::count_between(&write.transaction, whose, self.streams, self.numbers)?;
        if found == wanted {
            return Ok(());
        }
        let message = format!("{unit:?} is not finished: {found} of {wanted} segments are stored");
        Err(Failure::rule(ErrorKind::Conflict, message))
    }
}

#[cfg(test)]
mod tests {
    use model::change::Change;
    use model::clock::WallTime;
    use model::error::{ErrorKind, Result};
    use model::id::{JobId, TitleId};
    use model::job::{Progress, Step};
    use model::plan::Plan;
    use model::segment::{Piece, StoredPiece};
    use model::time::VideoTicks;
    use model::title::TitleState;

    use super::Unit;
    use crate::library::StreamTotal;
    use crate::testing::{House, LEASE, OWNER, inits_of, plan_of, segment, stored};

    async fn add(house: &House, job: JobId, pieces: Vec<StoredPiece>) -> Result<()> {
        house.catalog.add_pieces(job, OWNER, pieces).await
    }

    /// Admits and claims a film without planning it.
    async fn claimed(house: &House) -> (TitleId, JobId) {
        let title = house.admit("/films/a.mp4", "a").await;
        (title, house.claim().await[0].id)
    }

    #[tokio::test]
    async fn a_plan_is_saved_once_and_comes_back_whole() {
        let house = House::new();
        let (title, job) = claimed(&house).await;
        let plan = plan_of(2, 1, 5);
        let inits = inits_of(title, 1, &plan);
        let mut changes = house.catalog.subscribe();
        for _ in 0..2 {
            let saving = house.catalog.save_plan(job, OWNER, &plan, inits.clone());
            saving.await.unwrap();
        }
        assert_eq!(changes.recv().await.unwrap(), Change::Title(title));
        for stream in 0..3 {
            let number = 0;
            let init = Change::Segment {
                title,
                stream,
                number,
            };
            assert_eq!(changes.recv().await.unwrap(), init);
        }
        assert!(changes.is_empty(), "the second time changed nothing");
        assert_eq!(house.title(title).await.plan.as_deref(), Some(&plan));
        let other = plan_of(2, 1, 6);
        let error = house
            .catalog
            .save_plan(job, OWNER, &other, inits)
            .await
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Conflict,
            "cuts never change: {error}"
        );
    }

    #[tokio::test]
    async fn a_plan_that_could_not_be_played_is_refused() {
        let house = House::new();
        let (title, job) = claimed(&house).await;
        let plan = plan_of(2, 1, 5);
        let no_segments = Plan {
            cuts: vec![VideoTicks::ZERO],
            ..plan.clone()
        };
        let no_streams = plan_of(0, 0, 5);
        let mut inits = inits_of(title, 1, &plan);
        inits.pop();
        for (what, plan) in [
            ("no segments", &no_segments),
            ("no streams", &no_streams),
            ("no init segment for the sound", &plan),
        ] {
            let refused = house
                .catalog
                .save_plan(job, OWNER, plan, inits.clone())
                .await;
            assert_eq!(
                refused.unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{what}"
            );
        }
        assert!(house.title(title).await.plan.is_none(), "nothing was saved");
        assert!(house.catalog.pieces(title).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_title_is_playable_once_picture_and_sound_can_start() {
        let cases: [(u32, u32, &[u32]); 4] =
            [(2, 1, &[0, 2]), (2, 2, &[0, 2]), (3, 0, &[0]), (0, 2, &[0])];
        for (rungs, audio_tracks, needed) in cases {
            let house = House::new();
            let (title, job) = claimed(&house).await;
            let plan = plan_of(rungs, audio_tracks, 3);
            let inits = inits_of(title, 1, &plan);
            house
                .catalog
                .save_plan(job, OWNER, &plan, inits)
                .await
                .unwrap();
            let others = (0..plan.stream_count()).flat_map(|stream| {
                let first = if needed.contains(&stream) { 2 } else { 1 };
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
            size_bytes: 2_000,
        };
        assert_eq!(
            totals,
            [StreamTotal::default(), one, StreamTotal::default()]
        );
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

    #[tokio::test]
    async fn a_part_is_finished_only_when_all_its_segments_are_recorded() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 3).await;
        let done = async |unit| house.catalog.unit_done(job.id, OWNER, unit).await;
        let one_rung = (1..=2).map(|number| segment(title, 0, number));
        add(&house, job.id, one_rung.collect()).await.unwrap();
        let error = done(Unit::Chunk(0)).await.unwrap_err();
        assert!(error.message().contains("2 of 4 segments"), "{error}");
        let other_rung = (1..=2).map(|number| segment(title, 1, number));
        add(&house, job.id, other_rung.collect()).await.unwrap();
        for _ in 0..2 {
            done(Unit::Chunk(0)).await.unwrap();
        }
        assert_eq!(
            done(Unit::Audio(0)).await.unwrap_err().kind(),
            ErrorKind::Conflict
        );
        let sound = (1..=3).map(|number| segment(title, 2, number));
        add(&house, job.id, sound.collect()).await.unwrap();
        done(Unit::Audio(0)).await.unwrap();
        done(Unit::Poster).await.unwrap();
        for unknown in [Unit::Chunk(2), Unit::Audio(1)] {
            let error = done(unknown).await.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::InvalidInput,
                "{unknown:?} is not planned"
            );
        }
        let units = house.catalog.units_done(title).await.unwrap();
        assert_eq!(units, [Unit::Audio(0), Unit::Chunk(0), Unit::Poster]);
    }

    #[tokio::test]
    async fn an_abandoned_plan_leaves_garbage_and_room_for_another() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let pieces = vec![segment(title, 0, 1), segment(title, 2, 1)];
        add(&house, job.id, pieces).await.unwrap();
        house
            .catalog
            .unit_done(job.id, OWNER, Unit::Poster)
            .await
            .unwrap();
        let generation = house.catalog.abandon_plan(job.id, OWNER).await.unwrap();
        assert_eq!(generation, 2);
        let shown = house.title(title).await;
        assert_eq!((shown.generation, shown.state), (2, TitleState::Processing));
        assert!(shown.plan.is_none());
        assert!(house.catalog.units_done(title).await.unwrap().is_empty());
        assert_eq!(house.catalog.garbage(99).await.unwrap().len(), 5);
        let plan = plan_of(1, 1, 9);
        let inits = inits_of(title, 2, &plan);
        house
            .catalog
            .save_plan(job.id, OWNER, &plan, inits)
            .await
            .unwrap();
        assert_eq!(house.title(title).await.plan.as_deref(), Some(&plan));
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn progress_is_shown_and_nonsense_in_it_is_not() {
        let house = House::new();
        let (title, job) = claimed(&house).await;
        let mut changes = house.catalog.subscribe();
        let progress = Progress {
            step: Step::Encoding,
            done: VideoTicks::from_seconds(3),
            total: VideoTicks::from_seconds(9),
            speed: f64::NAN,
        };
        house
            .catalog
            .set_progress(job, OWNER, progress)
            .await
            .unwrap();
        assert_eq!(changes.recv().await.unwrap(), Change::Job(job, title));
        let shown = house.job_of(title).await.progress;
        assert_eq!(
            shown,
            Progress {
                speed: 0.0,
                ..progress
            }
        );
    }

    #[tokio::test]
    async fn whoever_lost_the_job_can_write_nothing() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 1).await;
        house.clock.advance(LEASE);
        house.catalog.claim("worker-2", LEASE, 1).await.unwrap();
        let (catalog, id, at) = (&house.catalog, job.id, WallTime(0));
        let plan = plan_of(2, 1, 1);
        let refusals = [
            (
                "save_plan",
                catalog
                    .save_plan(id, OWNER, &plan, inits_of(title, 1, &plan))
                    .await,
            ),
            (
                "abandon_plan",
                catalog.abandon_plan(id, OWNER).await.map(|_| ()),
            ),
            (
                "add_pieces",
                add(&house, id, vec![segment(title, 0, 1)]).await,
            ),
            (
                "unit_done",
                catalog.unit_done(id, OWNER, Unit::Poster).await,
            ),
            (
                "set_progress",
                catalog.set_progress(id, OWNER, Progress::default()).await,
            ),
            (
                "attempt_failed",
                catalog.attempt_failed(id, OWNER, "x", at).await.map(|_| ()),
            ),
            ("job_waiting", catalog.job_waiting(id, OWNER, "x", at).await),
            ("job_done", catalog.job_done(id, OWNER).await),
            ("job_failed", catalog.job_failed(id, OWNER, "x").await),
        ];
        for (method, result) in refusals {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{method}: {error}");
        }
        assert_eq!(house.catalog.renew("worker-2", LEASE).await.unwrap(), [id]);
        assert_eq!(house.catalog.pieces(title).await.unwrap().len(), 3);
    }
}
