//! A job: the durable work of turning one title into segments. States and legal moves.
//!
//! A job survives restarts. Who works on it holds a lease; an expired lease returns it to the
//! queue. Work is done at least once, with effects that are the same the second time.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::clock::WallTime;
use crate::id::{JobId, TitleId};
use crate::time::VideoTicks;

/// Failures in a row, without any new segment between them, after which a file counts as poison.
pub const MAX_ATTEMPTS: u32 = 6;

/// The first delay after a failed attempt.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// The longest delay between attempts.
const BACKOFF_CAP: Duration = Duration::from_secs(300);

/// A job as the catalog has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name in URLs.
    pub id: JobId,
    /// The title it makes.
    pub title: TitleId,
    /// Where it stands.
    pub state: JobState,
    /// Higher runs first; boosting raises it.
    pub priority: i64,
    /// Failures in a row without progress.
    pub attempts: u32,
    /// Not to be claimed before this moment.
    pub run_after: WallTime,
    /// Why it failed or waits, in a sentence for its owner.
    pub reason: Option<String>,
    /// How far it has come.
    pub progress: Progress,
    /// When the title was accepted.
    pub created_at: WallTime,
    /// When work first began.
    pub started_at: Option<WallTime>,
    /// When it reached a final state.
    pub finished_at: Option<WallTime>,
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Length of the picture (or of the sound, where there is no picture) that is encoded.
    pub done: VideoTicks,
    /// Length of the whole title; zero until it was inspected.
    pub total: VideoTicks,
    /// Media seconds encoded in a second of work, smoothed; zero until measured.
    pub speed: f64,
}

impl Progress {
    /// Between 0 and 1.
    pub fn fraction(&self) -> f64 {
        if self.total.0 <= 0 {
            return 0.0;
        }
        (self.done.seconds() / self.total.seconds()).clamp(0.0, 1.0)
    }

    /// Seconds of work left at the present speed, once that is known.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = (self.total - self.done).seconds().max(0.0);
        (self.speed > 0.0 && self.total.0 > 0).then(|| left / self.speed)
    }
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Nothing yet.
    #[default]
    Waiting,
    /// Reading the file's structure.
    Inspecting,
    /// Making segments.
    Encoding,
    /// Nothing any more.
    Finished,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for its turn, or for `run_after`.
    Queued,
    /// Somebody holds its lease.
    Running,
    /// Stopped by the owner until resumed.
    Paused,
    /// Everything is made.
    Done,
    /// Given up; the reason says why.
    Failed,
    /// Stopped by the owner for good.
    Cancelled,
}

/// What a user asks of a job. Recorded as data and observed by whoever runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Stop for good.
    Cancel,
    /// Start again after a failure or a cancel.
    Retry,
    /// Run before all others.
    Boost,
    /// Stop until resumed.
    Pause,
    /// Go on.
    Resume,
}

impl JobState {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Paused,
            Self::Done,
            Self::Failed,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }

    /// Nothing more happens unless a user asks for it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// Where `intent` leads from here; `None` where it makes no sense.
    pub fn after(self, intent: Intent) -> Option<Self> {
        match (intent, self) {
            (Intent::Cancel, Self::Queued | Self::Running | Self::Paused) => Some(Self::Cancelled),
            (Intent::Retry, Self::Failed | Self::Cancelled) => Some(Self::Queued),
            (Intent::Boost, Self::Queued | Self::Running) => Some(self),
            (Intent::Pause, Self::Queued | Self::Running) => Some(Self::Paused),
            (Intent::Resume, Self::Paused) => Some(Self::Queued),
            _ => None,
        }
    }
}

/// How long to wait after the `attempts`-th failure in a row (from 1): doubling from half a
/// second to five minutes, times `jitter` between 0 and 1 mapped to 75-125 %.
pub fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(20);
    let plain = BACKOFF_BASE.saturating_mul(1 << doublings).min(BACKOFF_CAP);
    plain.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::{Intent, JobState, Progress, backoff};
    use crate::time::VideoTicks;
    use std::time::Duration;

    #[test]
    fn a_finished_job_moves_only_by_retry() {
        for state in [JobState::Failed, JobState::Cancelled] {
            assert_eq!(
                state.after(Intent::Retry),
                Some(JobState::Queued),
                "{state:?} may be retried"
            );
            for intent in [Intent::Cancel, Intent::Boost, Intent::Pause, Intent::Resume] {
                assert_eq!(
                    state.after(intent),
                    None,
                    "{intent:?} makes no sense on {state:?}"
                );
            }
        }
        for intent in [
            Intent::Cancel,
            Intent::Retry,
            Intent::Boost,
            Intent::Pause,
            Intent::Resume,
        ] {
            assert_eq!(
                JobState::Done.after(intent),
                None,
                "a done job has nothing left to do"
            );
        }
    }

    #[test]
    fn backoff_doubles_and_stops_growing() {
        let cases = [
            (1, 500),
            (2, 1_000),
            (3, 2_000),
            (11, 300_000),
            (4_000_000_000, 300_000),
        ];
        for (attempts, expected_ms) in cases {
            assert_eq!(
                backoff(attempts, 0.5),
                Duration::from_millis(expected_ms),
                "delay after failure {attempts} at middling jitter"
            );
        }
        assert!(
            backoff(3, 0.0) < backoff(3, 1.0),
            "jitter must spread the retries"
        );
    }

    #[test]
    fn time_left_follows_the_speed() {
        let progress = Progress {
            done: VideoTicks::from_seconds(20),
            total: VideoTicks::from_seconds(80),
            speed: 3.0,
            ..Progress::default()
        };
        assert_eq!(
            progress.seconds_left(),
            Some(20.0),
            "60 s of media at three times real time"
        );
        assert_eq!(
            Progress::default().seconds_left(),
            None,
            "nothing is known before the inspection"
        );
    }
}
