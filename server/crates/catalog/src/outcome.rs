//! How a run of a job ends. Every method here is fenced like those in [`work`](crate::work),
//! and gives the lease back.

use model::clock::WallTime;
use model::error::{ErrorKind, Result};
use model::id::JobId;
use model::job::{JobState, MAX_ATTEMPTS, Step};

use crate::column::{REASON_CHARS, shortened};
use crate::failure::{Failure, Outcome};
use crate::table::jobs::JobRow;
use crate::table::pieces::Whose;
use crate::table::{plans, stream_totals, titles};
use crate::{Catalog, Write, generation, job_move};

impl Catalog {
    /// Counts a failure and puts the job back into the queue until `run_after`. At the
    /// [`MAX_ATTEMPTS`]th failure in a row the file counts as poison: the job and its title fail
    /// instead. Returns the failures so far.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job.
    pub async fn attempt_failed(
        &self,
        job: JobId,
        owner: &str,
        reason: &str,
        run_after: WallTime,
    ) -> Result<u32> {
        let (owner, reason) = (owner.to_owned(), shortened(reason, REASON_CHARS));
        self.write("recording a failed attempt", move |write| {
            let mut row = job_move::held(write, job, &owner)?;
            row.job.attempts = row.job.attempts.saturating_add(1);
            if row.job.attempts >= MAX_ATTEMPTS {
                give_up(&mut row, &reason, write.now);
            } else {
                queue_again(&mut row, reason, run_after);
            }
            job_move::save(write, &row)?;
            Ok(row.job.attempts)
        })
        .await
    }

    /// Puts the job back into the queue until `run_after` without counting a failure: a disk is
    /// full, the store or the file is away. The title shows the reason.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job.
    pub async fn job_waiting(
        &self,
        job: JobId,
        owner: &str,
        reason: &str,
        run_after: WallTime,
    ) -> Result<()> {
        let (owner, reason) = (owner.to_owned(), shortened(reason, REASON_CHARS));
        self.write("letting a job wait", move |write| {
            let mut row = job_move::held(write, job, &owner)?;
            queue_again(&mut row, reason, run_after);
            job_move::save(write, &row)
        })
        .await
    }

    /// Everything is made: the title is ready.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job, or if segments of the plan are missing.
    pub async fn job_done(&self, job: JobId, owner: &str) -> Result<()> {
        let owner = owner.to_owned();
        self.write("finishing a job", move |write| {
            let mut row = job_move::held(write, job, &owner)?;
            demand_all_segments(write, &row)?;
            row.lease = None;
            row.job.attempts = 0;
            row.job.progress.step = Step::Finished;
            row.job.progress.done = row.job.progress.total;
            job_move::finish(&mut row, JobState::Done, None, write.now);
            job_move::save(write, &row)
        })
        .await
    }

    /// The file cannot be made into a title: both fail with `reason`. What is stored stays.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job.
    pub async fn job_failed(&self, job: JobId, owner: &str, reason: &str) -> Result<()> {
        let (owner, reason) = (owner.to_owned(), reason.to_owned());
        self.write("giving up a job", move |write| {
            let mut row = job_move::held(write, job, &owner)?;
            row.lease = None;
            job_move::finish(&mut row, JobState::Failed, Some(&reason), write.now);
            job_move::save(write, &row)
        })
        .await
    }
}

fn queue_again(row: &mut JobRow, reason: String, run_after: WallTime) {
    row.lease = None;
    row.job.state = JobState::Queued;
    row.job.reason = Some(reason);
    row.job.run_after = run_after;
}

fn give_up(row: &mut JobRow, reason: &str, now: WallTime) {
    let reason = format!("Gave up after {MAX_ATTEMPTS} failures in a row. The last: {reason}");
    row.lease = None;
    job_move::finish(row, JobState::Failed, Some(&reason), now);
}

/// A title must never be called ready while renditions are missing, whatever its worker thinks
/// (PeerTube issue 3596).
fn demand_all_segments(write: &Write<'_>, row: &JobRow) -> Outcome<()> {
    let title = titles::by_serial(&write.transaction, row.title_serial)?;
    let whose: Whose = generation::present(&title);
    let Some(outline) = plans::outline(&write.transaction, row.title_serial)? else {
        let message = format!("job {} is not done: its title has no plan", row.job.id);
        return Err(Failure::rule(ErrorKind::Conflict, message));
    };
    let wanted = outline.segments();
    let stored = stream_totals::segments_of(&write.transaction, whose)?;
    if stored == wanted {
        return Ok(());
    }
    let message = format!(
        "job {} is not done: {stored} of {wanted} segments are stored",
        row.job.id
    );
    Err(Failure::rule(ErrorKind::Conflict, message))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::clock::{Clock, WallTime};
    use model::error::ErrorKind;
    use model::job::{Intent, JobState, MAX_ATTEMPTS, Step};
    use model::title::TitleState;

    use crate::testing::{House, OWNER, plan_apart, segment};
    use crate::work::Unit;

    #[tokio::test]
    async fn a_failed_attempt_waits_for_its_retry_and_says_why() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        let wait = Duration::from_secs(5);
        let run_after = house.clock.now().plus(wait);
        let failing = house
            .catalog
            .attempt_failed(job.id, OWNER, "It crashed", run_after);
        assert_eq!(failing.await.unwrap(), 1);
        let shown = house.title(title).await;
        assert_eq!(shown.state, TitleState::Waiting);
        assert_eq!(shown.reason.as_deref(), Some("It crashed"));
        assert!(house.claim().await.is_empty(), "the retry is not due yet");
        house.clock.advance(wait);
        let again = house.claim().await.pop().unwrap();
        assert_eq!((again.attempts, again.reason), (1, None), "it runs again");
        assert_eq!(house.title(title).await.reason, None);
    }

    #[tokio::test]
    async fn a_file_that_keeps_failing_is_given_up_as_poison() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.job_of(title).await;
        for attempt in 1..=MAX_ATTEMPTS {
            assert_eq!(house.claim().await.len(), 1, "attempt {attempt} is due");
            let failing = house
                .catalog
                .attempt_failed(job.id, OWNER, "It crashed", WallTime(0));
            assert_eq!(failing.await.unwrap(), attempt);
        }
        assert!(house.claim().await.is_empty(), "enough is enough");
        let shown = house.title(title).await;
        assert_eq!(shown.state, TitleState::Failed);
        let reason = shown.reason.unwrap();
        assert!(
            reason.contains("6 failures") && reason.contains("It crashed"),
            "{reason}"
        );
        let retried = house.catalog.request(job.id, Intent::Retry).await.unwrap();
        assert_eq!(retried.attempts, 0, "its owner may try once more");
    }

    #[tokio::test]
    async fn waiting_for_a_disk_is_no_failure_and_what_plays_goes_on_playing() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let first = vec![segment(title, 0, 1), segment(title, 2, 1)];
        house
            .catalog
            .add_pieces(job.id, OWNER, first)
            .await
            .unwrap();
        for _ in 0..MAX_ATTEMPTS * 2 {
            let waits = house
                .catalog
                .job_waiting(job.id, OWNER, "The disk is full", WallTime(0));
            waits.await.unwrap();
            let shown = house.title(title).await;
            assert_eq!(shown.state, TitleState::Playable);
            assert_eq!(shown.reason.as_deref(), Some("The disk is full"));
            assert_eq!(house.claim().await.len(), 1, "it tries again and again");
        }
        assert_eq!(house.job_of(title).await.attempts, 0);
    }

    #[tokio::test]
    async fn a_job_is_done_when_every_segment_is_stored_and_not_before() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 2).await;
        let all = |streams: std::ops::Range<u32>| {
            let numbers = move |stream| (1..=2).map(move |number| segment(title, stream, number));
            streams.flat_map(numbers).collect::<Vec<_>>()
        };
        house
            .catalog
            .add_pieces(job.id, OWNER, all(0..2))
            .await
            .unwrap();
        let early = house.catalog.job_done(job.id, OWNER).await.unwrap_err();
        assert_eq!(early.kind(), ErrorKind::Conflict);
        assert!(early.message().contains("4 of 6 segments"), "{early}");
        house
            .catalog
            .add_pieces(job.id, OWNER, all(2..3))
            .await
            .unwrap();
        house.catalog.job_done(job.id, OWNER).await.unwrap();
        let done = house.job_of(title).await;
        assert_eq!(
            (done.state, done.progress.step),
            (JobState::Done, Step::Finished)
        );
        assert_eq!(done.finished_at, Some(house.clock.now()));
        assert_eq!(house.title(title).await.state, TitleState::Ready);
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_copy_that_stands_apart_counts_its_own_segments() {
        let house = House::new();
        let (title, job) = house.planned_as("/films/a.mp4", plan_apart(3)).await;
        let strange = house
            .catalog
            .add_pieces(job.id, OWNER, vec![segment(title, 1, 2)]);
        assert_eq!(strange.await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let copy = std::iter::once(segment(title, 1, 1));
        let rest = (1..=3).flat_map(|number| [0, 2].map(|stream| segment(title, stream, number)));
        let mut pieces: Vec<_> = copy.chain(rest).collect();
        let last = pieces.split_off(6);
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        let early = house.catalog.job_done(job.id, OWNER).await.unwrap_err();
        assert!(early.message().contains("6 of 7 segments"), "{early}");
        house.catalog.add_pieces(job.id, OWNER, last).await.unwrap();
        house
            .catalog
            .unit_done(job.id, OWNER, Unit::Copy(0))
            .await
            .unwrap();
        house.catalog.job_done(job.id, OWNER).await.unwrap();
        assert_eq!(house.title(title).await.state, TitleState::Ready);
        assert_eq!(house.catalog.integrity().await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn a_film_that_cannot_be_made_fails_with_a_bounded_reason() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        let endless = "no ".repeat(100_000);
        house
            .catalog
            .job_failed(job.id, OWNER, &endless)
            .await
            .unwrap();
        let shown = house.title(title).await;
        assert_eq!(shown.state, TitleState::Failed);
        assert_eq!(shown.reason.map(|reason| reason.len()), Some(1_000));
        assert_eq!(house.job_of(title).await.state, JobState::Failed);
    }
}
