//! The queue of jobs: what is due, who works on it, and what users ask of it. How people see it is in
//! [`board`](crate::board).
//!
//! A worker *claims* jobs under a name of its own, its owner, and *renews* its leases well
//! before they expire. When a user or a replaced file takes a running job away, the job keeps
//! the lease as a note until its owner was told by [`Catalog::renew`] (or until the lease has
//! expired), and the same owner cannot claim it before that. So no owner ever works on one job
//! twice at a time without knowing, provided it does what `renew` tells it before it claims.

use std::time::Duration;

use model::error::{ErrorKind, Result};
use model::id::JobId;
use model::job::{Intent, Job, JobState};

use crate::failure::{Failure, Outcome};
use crate::table::jobs::{self, Lease};
use crate::{Catalog, Write, job_move};

/// The longest name of an owner, in bytes.
const OWNER_BYTES: usize = 200;

impl Catalog {
    /// One job.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.read("reading a job", move |transaction, _| {
            Ok(jobs::by_id(transaction, id)?.map(|row| row.job))
        })
        .await
    }

    /// Does what a user asks of a job and returns it as it is then. Whoever runs it learns of it
    /// from the announcement or from [`Catalog::renew`].
    ///
    /// Cancelling makes the title a failed one with the reason "Cancelled"; what is stored stays.
    /// Retrying and resuming make the job due at once, and the title playable again if its first
    /// segments exist.
    ///
    /// # Errors
    /// `NotFound` if there is no such job, `Conflict` if that makes no sense in its state.
    pub async fn request(&self, id: JobId, intent: Intent) -> Result<Job> {
        self.write("changing a job", move |write| request(write, id, intent))
            .await
    }

    /// Gives `owner` the lease of at most `limit` jobs that are due: queued ones, and running
    /// ones whose lease another owner let expire. Renew all leases and stop what was taken away
    /// before claiming again. None while the settings say that encoding is paused.
    ///
    /// # Errors
    /// `InvalidInput` if the owner's name is empty or longer than 200 bytes, else errors of the
    /// catalog.
    pub async fn claim(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Job>> {
        let owner = checked_owner(owner)?;
        self.write("claiming jobs", move |write| {
            claim(write, &owner, lease, limit)
        })
        .await
    }

    /// Renews every lease of `owner` and returns the jobs it still holds. A job that is missing
    /// from the answer was cancelled, paused, restarted or taken over: its work must stop.
    /// A lease that expired is renewed as well if nobody else has taken the job.
    ///
    /// # Errors
    /// Errors of the catalog; the leases then run on until they expire.
    pub async fn renew(&self, owner: &str, lease: Duration) -> Result<Vec<JobId>> {
        let owner = checked_owner(owner)?;
        self.write("renewing leases", move |write| renew(write, &owner, lease))
            .await
    }

    /// Puts every running job back into the queue, its attempts unchanged, and says how many
    /// there were. Call it once at start, while the lock on the data folder says that nobody
    /// else works.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn release_leases(&self) -> Result<u64> {
        self.write("releasing the leases of the last run", release)
            .await
    }
}

fn request(write: &mut Write<'_>, id: JobId, intent: Intent) -> Outcome<Job> {
    let row = jobs::by_id(&write.transaction, id)?;
    let Some(mut row) = row.filter(|row| !row.is_removed) else {
        return Err(job_move::unknown(id));
    };
    let Some(next) = row.job.state.after(intent) else {
        return Err(Failure::rule(
            ErrorKind::Conflict,
            format!(
                "job {id} is {}, so it cannot be {}",
                row.job.state.as_str(),
                participle(intent)
            ),
        ));
    };
    match intent {
        Intent::Cancel => job_move::finish(&mut row, next, Some("Cancelled"), write.now),
        Intent::Retry => job_move::start_over(&mut row, write.now),
        Intent::Boost => {
            row.job.priority = jobs::highest_priority(&write.transaction)?.saturating_add(1);
            row.job.run_after = row.job.run_after.min(write.now);
        }
        Intent::Pause => row.job.reason = Some("Paused".to_owned()),
        Intent::Resume => {
            row.job.reason = None;
            row.job.run_after = write.now;
        }
    }
    row.job.state = next;
    job_move::save(write, &row)?;
    Ok(row.job)
}

fn claim(write: &mut Write<'_>, owner: &str, lease: Duration, limit: u32) -> Outcome<Vec<Job>> {
    if write.settings.encoding_paused {
        return Ok(Vec::new());
    }
    let mut claimed = Vec::new();
    for mut row in jobs::due(&write.transaction, owner, write.now, limit)? {
        row.job.state = JobState::Running;
        row.job.reason = None;
        row.job.started_at = row.job.started_at.or(Some(write.now));
        row.lease = Some(Lease {
            owner: owner.to_owned(),
            until: write.now.plus(lease),
        });
        job_move::save(write, &row)?;
        claimed.push(row.job);
    }
    Ok(claimed)
}

/// Leases are nobody's business but the owner's, so nothing is announced.
fn renew(write: &mut Write<'_>, owner: &str, lease: Duration) -> Outcome<Vec<JobId>> {
    let mut held = Vec::new();
    for mut row in jobs::held_by(&write.transaction, owner)? {
        if row.job.state == JobState::Running {
            held.push(row.job.id);
            row.lease = Some(Lease {
                owner: owner.to_owned(),
                until: write.now.plus(lease),
            });
        } else {
            // From now on the owner knows that it lost this one.
            row.lease = None;
        }
        jobs::save(&write.transaction, &row)?;
    }
    Ok(held)
}

fn release(write: &mut Write<'_>) -> Outcome<u64> {
    let mut released = 0;
    for mut row in jobs::leased(&write.transaction)? {
        row.lease = None;
        if row.job.state != JobState::Running {
            jobs::save(&write.transaction, &row)?;
            continue;
        }
        row.job.state = JobState::Queued;
        row.job.run_after = row.job.run_after.min(write.now);
        job_move::save(write, &row)?;
        released += 1;
    }
    Ok(released)
}

fn participle(intent: Intent) -> &'static str {
    match intent {
        Intent::Cancel => "cancelled",
        Intent::Retry => "retried",
        Intent::Boost => "moved to the front",
        Intent::Pause => "paused",
        Intent::Resume => "resumed",
    }
}

fn checked_owner(owner: &str) -> Result<String> {
    if owner.is_empty() || owner.len() > OWNER_BYTES {
        let message = format!("an owner's name has 1 to {OWNER_BYTES} bytes");
        return Err(model::error::Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(owner.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::change::Change;
    use model::clock::WallTime;
    use model::error::ErrorKind;
    use model::id::JobId;
    use model::job::{Intent, JobState};
    use model::settings::Settings;
    use model::title::TitleState;

    use crate::testing::{House, LEASE, OWNER, segment};

    const OTHER: &str = "worker-2";

    #[tokio::test]
    async fn jobs_are_claimed_by_priority_and_then_by_age() {
        let house = House::new();
        let mut jobs = Vec::new();
        for film in ["a", "b", "c"] {
            let title = house.admit(&format!("/films/{film}.mp4"), film).await;
            jobs.push(house.job_of(title).await.id);
            house.clock.advance(Duration::from_secs(1));
        }
        let boosted = house.catalog.request(jobs[2], Intent::Boost).await.unwrap();
        assert_eq!(boosted.priority, 1, "above all others");
        let first = house.catalog.claim(OWNER, LEASE, 2).await.unwrap();
        let ids: Vec<JobId> = first.iter().map(|job| job.id).collect();
        assert_eq!(ids, [jobs[2], jobs[0]], "the boosted one, then the oldest");
        assert!(
            first
                .iter()
                .all(|job| job.state == JobState::Running && job.started_at.is_some())
        );
        let rest = house.catalog.claim(OTHER, LEASE, 9).await.unwrap();
        assert_eq!(rest.len(), 1, "what is held is not due for others");
        let listed = house.catalog.title(first[0].title).await.unwrap().unwrap();
        assert_eq!(listed.state, TitleState::Processing);
    }

    #[tokio::test]
    async fn nothing_is_claimed_while_encoding_is_paused() {
        let house = House::new();
        house.admit("/films/a.mp4", "a").await;
        for (encoding_paused, expected) in [(true, 0), (false, 1)] {
            let settings = Settings {
                encoding_paused,
                ..Settings::default()
            };
            house.catalog.save_settings(settings).await.unwrap();
            assert_eq!(house.claim().await.len(), expected);
        }
    }

    #[tokio::test]
    async fn an_expired_lease_frees_the_job_and_fences_its_former_owner() {
        let house = House::new();
        house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        house.clock.advance(LEASE - Duration::from_millis(1));
        let early = house.catalog.claim(OTHER, LEASE, 1).await.unwrap();
        assert!(early.is_empty(), "the lease still holds");
        house.clock.advance(Duration::from_millis(1));
        let taken = house.catalog.claim(OTHER, LEASE, 1).await.unwrap();
        assert_eq!(taken.len(), 1, "its owner fell silent");
        assert_eq!(
            taken[0].attempts, job.attempts,
            "silence is not the film's fault"
        );
        let late = house
            .catalog
            .job_failed(job.id, OWNER, "late")
            .await
            .unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Conflict);
        assert!(late.message().contains("another worker"), "{late}");
        assert_eq!(house.catalog.renew(OWNER, LEASE).await.unwrap(), []);
        assert_eq!(house.catalog.renew(OTHER, LEASE).await.unwrap(), [job.id]);
    }

    #[tokio::test]
    async fn an_owner_that_was_late_keeps_what_nobody_took() {
        let house = House::new();
        house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        house.clock.advance(LEASE * 10);
        assert!(
            house.claim().await.is_empty(),
            "it must not run its own job twice"
        );
        assert_eq!(house.catalog.renew(OWNER, LEASE).await.unwrap(), [job.id]);
        let other = house.catalog.claim(OTHER, LEASE, 1).await.unwrap();
        assert!(other.is_empty(), "the lease holds again");
    }

    #[tokio::test]
    async fn cancelling_a_running_job_fails_its_title_and_tells_its_owner() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        let mut changes = house.catalog.subscribe();
        let cancelled = house.catalog.request(job.id, Intent::Cancel).await.unwrap();
        assert_eq!(cancelled.state, JobState::Cancelled);
        assert!(cancelled.finished_at.is_some());
        let announced = [changes.recv().await.unwrap(), changes.recv().await.unwrap()];
        assert_eq!(
            announced,
            [Change::Job(job.id, title), Change::Title(title)]
        );
        let shown = house.title(title).await;
        assert_eq!(shown.state, TitleState::Failed);
        assert_eq!(shown.reason.as_deref(), Some("Cancelled"));
        assert_eq!(house.catalog.renew(OWNER, LEASE).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_job_taken_away_and_retried_waits_until_its_owner_knows() {
        let house = House::new();
        house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        house.catalog.request(job.id, Intent::Cancel).await.unwrap();
        house.catalog.request(job.id, Intent::Retry).await.unwrap();
        assert!(
            house.claim().await.is_empty(),
            "the first run may still be going"
        );
        assert_eq!(house.catalog.renew(OWNER, LEASE).await.unwrap(), []);
        assert_eq!(house.claim().await.len(), 1);
        house.catalog.request(job.id, Intent::Pause).await.unwrap();
        house.catalog.request(job.id, Intent::Resume).await.unwrap();
        let other = house.catalog.claim(OTHER, LEASE, 1).await.unwrap();
        assert_eq!(other.len(), 1, "another owner has nothing to be told");
    }

    #[tokio::test]
    async fn a_retry_begins_with_no_failures_and_keeps_what_is_stored() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let failed = house
            .catalog
            .attempt_failed(job.id, OWNER, "crash", WallTime(0));
        assert_eq!(failed.await.unwrap(), 1);
        house.claim().await;
        house
            .catalog
            .job_failed(job.id, OWNER, "broken")
            .await
            .unwrap();
        let retried = house.catalog.request(job.id, Intent::Retry).await.unwrap();
        assert_eq!((retried.state, retried.attempts), (JobState::Queued, 0));
        assert_eq!((retried.reason, retried.finished_at), (None, None));
        assert_eq!(house.title(title).await.state, TitleState::Waiting);
        assert_eq!(house.catalog.pieces(title).await.unwrap().len(), 3);

        house.claim().await;
        let pieces = vec![segment(title, 0, 1), segment(title, 2, 1)];
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        house.catalog.request(job.id, Intent::Cancel).await.unwrap();
        house.catalog.request(job.id, Intent::Retry).await.unwrap();
        let state = house.title(title).await.state;
        assert_eq!(
            state,
            TitleState::Playable,
            "its first segments are still stored"
        );
    }

    #[tokio::test]
    async fn a_paused_job_is_left_alone_until_it_is_resumed() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.job_of(title).await.id;
        house.catalog.request(job, Intent::Pause).await.unwrap();
        assert!(house.claim().await.is_empty());
        let shown = house.title(title).await;
        assert_eq!(
            shown.reason.as_deref(),
            Some("Paused"),
            "its owner sees why"
        );
        house.catalog.request(job, Intent::Resume).await.unwrap();
        assert_eq!(house.title(title).await.reason, None);
        assert_eq!(house.claim().await.len(), 1);
    }

    #[tokio::test]
    async fn a_senseless_request_is_refused_with_a_sentence() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.job_of(title).await.id;
        let error = house
            .catalog
            .request(job, Intent::Resume)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(
            error
                .message()
                .ends_with("is queued, so it cannot be resumed"),
            "{error}"
        );
        let nobody = house
            .catalog
            .request(JobId::generate(), Intent::Cancel)
            .await;
        assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn boosting_makes_a_job_that_waits_for_a_retry_due() {
        let house = House::new();
        house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        let later = WallTime(i64::MAX);
        house
            .catalog
            .attempt_failed(job.id, OWNER, "crash", later)
            .await
            .unwrap();
        assert!(house.claim().await.is_empty(), "its retry is due later");
        house.catalog.request(job.id, Intent::Boost).await.unwrap();
        let claimed = house.claim().await.pop().unwrap();
        assert_eq!(claimed.attempts, 1, "impatience does not forgive failures");
    }

    #[tokio::test]
    async fn after_a_crash_running_jobs_go_back_to_the_queue() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        house.admit("/films/b.mp4", "b").await;
        house.catalog.claim(OWNER, LEASE, 1).await.unwrap();
        assert_eq!(house.catalog.release_leases().await.unwrap(), 1);
        assert_eq!(house.catalog.release_leases().await.unwrap(), 0);
        assert_eq!(house.title(title).await.state, TitleState::Waiting);
        assert_eq!(house.claim().await.len(), 2, "even under the same name");
    }

    #[tokio::test]
    async fn an_owner_needs_a_name_of_sensible_length() {
        let house = House::new();
        for name in ["", &"x".repeat(201)] {
            let error = house.catalog.claim(name, LEASE, 1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}
