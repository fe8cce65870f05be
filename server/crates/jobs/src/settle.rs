//! How a job leaves our hands: done, failed, waiting, or back to the queue after a failed attempt.
//!
//! A row that could not be written, because the catalog's own disk is full, is written later; the
//! lease is renewed until then. What does not belong here: what a failure means (`trouble`).

use model::clock::Clock;
use model::error::{ErrorKind, Result};
use model::id::JobId;
use model::job::backoff;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::trouble::Trouble;
use crate::workshop::Workshop;

/// How a job leaves our hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything is made.
    Done,
    /// It will never work.
    Failed(String),
    /// Try again after a while. The catalog counts, and gives up on a poison file.
    Again {
        /// What went wrong.
        reason: String,
        /// How long to wait.
        delay: Duration,
    },
    /// Wait for something outside, without counting.
    Waiting {
        /// For what.
        reason: String,
        /// How long to wait.
        delay: Duration,
    },
}

impl Outcome {
    /// What `trouble` means for a job with `failures` in a row behind it; `None` if it is no
    /// longer ours. `jitter` between 0 and 1 spreads retries.
    pub(crate) fn of(trouble: Trouble, failures: u32, jitter: f64) -> Option<Self> {
        match trouble {
            Trouble::Lost => None,
            Trouble::GiveUp(reason) => Some(Self::Failed(reason)),
            Trouble::Wait { reason, delay } => Some(Self::Waiting { reason, delay }),
            Trouble::Attempt(reason)
            | Trouble::Disagreement(reason)
            | Trouble::Uncopyable(reason) => Some(Self::Again {
                reason,
                delay: backoff(failures.saturating_add(1), jitter),
            }),
        }
    }
}

/// Writes outcomes down, those that could not be written included.
#[derive(Debug)]
pub(crate) struct Settlement {
    workshop: Arc<Workshop>,
    clock: Arc<dyn Clock>,
    unsettled: Vec<(JobId, Outcome)>,
    /// What jobs wait for, as their log has it: a wait of hours is one line, not hundreds.
    waits: HashMap<JobId, String>,
}

impl Settlement {
    /// Nothing to settle yet.
    pub(crate) fn new(workshop: Arc<Workshop>, clock: Arc<dyn Clock>) -> Self {
        Self {
            workshop,
            clock,
            unsettled: Vec::new(),
            waits: HashMap::new(),
        }
    }

    /// Writes down how a job leaves our hands, now or at a later [`retry`](Self::retry).
    pub(crate) async fn settle(&mut self, job: JobId, outcome: Outcome) {
        announce(job, &outcome);
        self.note(job, &outcome).await;
        if !self.write(job, &outcome).await {
            self.unsettled.push((job, outcome));
        }
    }

    /// The job waits, and its log says so.
    pub(crate) fn waits(&self, job: JobId) -> bool {
        self.waits.contains_key(&job)
    }

    /// Writes into the job's log what happened to it, unless that is what happened before.
    async fn note(&mut self, job: JobId, outcome: &Outcome) {
        let before = self.waits.remove(&job);
        let text = match outcome {
            Outcome::Done => "Everything is encoded and stored.".to_owned(),
            Outcome::Failed(reason) => format!("It failed for good. {reason}"),
            Outcome::Again { reason, .. } => {
                format!("An attempt failed and will be made again. {reason}")
            }
            Outcome::Waiting { reason, .. } => {
                self.waits.insert(job, reason.clone());
                if before.as_ref() == Some(reason) {
                    return;
                }
                format!("It has to wait. {reason}")
            }
        };
        self.workshop.log(job, &text).await;
    }

    /// Whether the end of that job is still to be written.
    pub(crate) fn owes(&self, job: JobId) -> bool {
        self.unsettled
            .iter()
            .any(|(unsettled, _)| *unsettled == job)
    }

    /// Writes what could not be written before.
    pub(crate) async fn retry(&mut self) {
        for (job, outcome) in std::mem::take(&mut self.unsettled) {
            if !self.write(job, &outcome).await {
                self.unsettled.push((job, outcome));
            }
        }
    }

    /// False if it must be tried again.
    async fn write(&self, job: JobId, outcome: &Outcome) -> bool {
        match self.try_write(job, outcome).await {
            Ok(()) => true,
            // Somebody else decided about the job in the meantime.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => true,
            Err(error) => {
                tracing::error!(%job, %error, "The end of a job could not be written down yet.");
                false
            }
        }
    }

    async fn try_write(&self, job: JobId, outcome: &Outcome) -> Result<()> {
        let (catalog, owner) = (&self.workshop.catalog, &self.workshop.owner);
        let after = |delay: &Duration| self.clock.now().plus(*delay);
        match outcome {
            Outcome::Done => catalog.job_done(job, owner).await,
            Outcome::Failed(reason) => catalog.job_failed(job, owner, reason).await,
            Outcome::Waiting { reason, delay } => {
                catalog.job_waiting(job, owner, reason, after(delay)).await
            }
            Outcome::Again { reason, delay } => {
                let failed = catalog.attempt_failed(job, owner, reason, after(delay));
                failed.await.map(|_attempts| ())
            }
        }
    }
}

fn announce(job: JobId, outcome: &Outcome) {
    match outcome {
        Outcome::Done => tracing::info!(%job, "Everything of a title is encoded."),
        Outcome::Failed(reason) => tracing::warn!(%job, reason, "A job has failed for good."),
        Outcome::Again { reason, delay } => {
            tracing::warn!(%job, reason, ?delay, "A job failed and will be tried again.");
        }
        Outcome::Waiting { reason, delay } => {
            tracing::warn!(%job, reason, ?delay, "A job has to wait.");
        }
    }
}

/// A number between 0 and 1 that differs from call to call; good enough to spread retries.
#[expect(
    clippy::cast_precision_loss,
    reason = "any number between 0 and 1 will do"
)]
pub(crate) fn jitter() -> f64 {
    // The standard library seeds every `RandomState` differently.
    let random = RandomState::new().build_hasher().finish();
    random as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::{Outcome, jitter};
    use std::time::Duration;

    use crate::trouble::Trouble;

    #[test]
    fn the_more_failures_in_a_row_the_longer_the_wait() {
        let delay = |failures| {
            let trouble = Trouble::Attempt("the worker died".into());
            match Outcome::of(trouble, failures, 0.5) {
                Some(Outcome::Again { delay, .. }) => delay,
                other => panic!("an attempt is tried again, not {other:?}"),
            }
        };
        assert_eq!(delay(0), Duration::from_millis(500));
        assert_eq!(delay(3), Duration::from_secs(4));
    }

    #[test]
    fn waiting_never_counts_and_a_lost_job_is_left_alone() {
        let wait = Trouble::Wait {
            reason: "The disk is full.".into(),
            delay: Duration::from_secs(10),
        };
        let outcome = Outcome::of(wait, 1_000, 0.5);
        assert!(
            matches!(outcome, Some(Outcome::Waiting { .. })),
            "{outcome:?}"
        );
        assert_eq!(Outcome::of(Trouble::Lost, 0, 0.5), None);
    }

    #[test]
    fn jitter_stays_in_its_range() {
        assert!(
            (0..100)
                .map(|_| jitter())
                .all(|jitter| (0.0..=1.0).contains(&jitter))
        );
    }
}
