//! What the worker on a job writes down while it works: how far it is and which parts are
//! finished. Its plan is in [`planning`](crate::planning), its pieces are in
//! [`recording`](crate::recording), the end of its run is in [`outcome`](crate::outcome).
//!
//! All these methods are fenced: they do nothing unless the job runs and `owner` holds its
//! lease, checked in the same transaction. All may be called twice with the same result, because
//! work is done at least once.

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::id::{JobId, TitleId};
use model::job::Progress;
use model::plan::Plan;

use crate::failure::{Failure, Outcome};
use crate::table::pieces::Whose;
use crate::table::titles::TitleRow;
use crate::table::{jobs, pieces, titles, units};
use crate::{Catalog, Write, generation, job_move};

/// A part of a job that is either finished or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// All segments of a chunk in all rungs that are encoded, by the chunk's index in the plan, from 0.
    Chunk(u32),
    /// All segments of a span of an audio stream, counted as [`Plan::sound_unit`] does, from 0.
    Audio(u32),
    /// All segments of a run that is copied, by its index in [`Plan::copies`], from 0.
    Copy(u32),
    /// The poster, or the finding that none can be made.
    Poster,
    /// A sheet of thumbnails by its index in the plan, from 0, or the finding that it cannot be
    /// made.
    Thumbs(u32),
}

impl Catalog {
    /// Records that a part of the job is finished and need not be done again.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job, or if not all segments of the chunk or of
    /// the span of sound have been recorded; `InvalidInput` if the plan has no such part.
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
    /// `None` for pictures, which may be found impossible to make.
    fn of(title: &TitleRow, unit: Unit) -> Outcome<Option<Self>> {
        let Some(plan) = &title.title.plan else {
            let message = format!("title {} has no plan yet", title.title.id);
            return Err(Failure::rule(ErrorKind::Conflict, message));
        };
        let parts = match unit {
            Unit::Poster => return Ok(None),
            Unit::Thumbs(index) if plan.thumb_sheets() > index => return Ok(None),
            Unit::Thumbs(_) => None,
            Unit::Chunk(index) => Self::of_chunk(plan, index as usize),
            Unit::Audio(number) => Self::of_audio(plan, number),
            Unit::Copy(index) => Self::of_copy(plan, index as usize),
        };
        parts.map(Some).ok_or_else(|| {
            let message = format!("the plan of title {} has no {unit:?}", title.title.id);
            Failure::rule(ErrorKind::InvalidInput, message)
        })
    }

    fn of_chunk(plan: &Plan, index: usize) -> Option<Self> {
        let chunk = plan.chunks().get(index)?;
        let last_stream = u32::try_from(plan.encoded().len().checked_sub(1)?).ok()?;
        let last_number = chunk.first_segment + chunk.segment_count.checked_sub(1)?;
        Some(Self {
            streams: (0, last_stream),
            numbers: (chunk.first_segment, last_number),
        })
    }

    fn of_copy(plan: &Plan, index: usize) -> Option<Self> {
        let (stream, run) = (plan.copied_stream()?, plan.copies().get(index)?);
        let last_number = run.first_segment + run.segment_count.checked_sub(1)?;
        Some(Self {
            streams: (stream, stream),
            numbers: (run.first_segment, last_number),
        })
    }

    fn of_audio(plan: &Plan, number: u32) -> Option<Self> {
        let (stream, span) = plan.sound_segments(number)?;
        let last_number = span.first_segment + span.segment_count.checked_sub(1)?;
        Some(Self {
            streams: (stream, stream),
            numbers: (span.first_segment, last_number),
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
    use model::id::JobId;
    use model::job::{Progress, Step};
    use model::segment::StoredPiece;
    use model::time::VideoTicks;

    use super::Unit;
    use crate::testing::{House, LEASE, OWNER, inits_of, plan_of, segment};

    async fn add(house: &House, job: JobId, pieces: Vec<StoredPiece>) -> Result<()> {
        house.catalog.add_pieces(job, OWNER, pieces).await
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
        let sound = (1..=2).map(|number| segment(title, 2, number));
        add(&house, job.id, sound.collect()).await.unwrap();
        done(Unit::Audio(0)).await.unwrap();
        assert_eq!(
            done(Unit::Audio(1)).await.unwrap_err().kind(),
            ErrorKind::Conflict,
            "the second span lacks its segment"
        );
        done(Unit::Poster).await.unwrap();
        for unknown in [Unit::Chunk(2), Unit::Audio(2), Unit::Thumbs(0)] {
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
    async fn progress_is_shown_and_nonsense_in_it_is_not() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await[0].id;
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
                "refuse_copy",
                catalog.refuse_copy(id, OWNER).await.map(|_| ()),
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
