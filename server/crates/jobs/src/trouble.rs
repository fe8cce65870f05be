//! What a failure means for its job: wait, try again, give up, or let go. Decided where the
//! failure happened, because the same kind of error means different things from different places.
//!
//! What does not belong here: recording it (`settle`).

use model::error::{Error, ErrorKind};
use std::time::Duration;

use crate::policy::JobsPolicy;

/// Characters of a reason that are kept.
const MAX_REASON_CHARACTERS: usize = 600;

/// What a failure means for its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Not the file's fault: back to the queue without counting, with the reason shown.
    Wait {
        /// In a sentence for the owner.
        reason: String,
        /// How long to wait.
        delay: Duration,
    },
    /// Counts as a failed attempt.
    Attempt(String),
    /// Counts as a failed attempt, and casts doubt on the plan: the encoder no longer does what
    /// it said when the plan was drawn, as after an upgrade of its library.
    Disagreement(String),
    /// The picture cannot be copied as the plan has it: it must be drawn anew without that.
    Uncopyable(String),
    /// It will never work.
    GiveUp(String),
    /// The job is no longer ours: it was cancelled, paused, restarted or taken over.
    Lost,
}

impl Trouble {
    /// A worker could not be started.
    pub(crate) fn at_start(error: &Error, policy: &JobsPolicy) -> Self {
        match error.kind() {
            // Somebody has to install something; the file is not to blame.
            ErrorKind::NotFound | ErrorKind::Conflict => Self::wait(error, policy.worker_retry),
            ErrorKind::OutOfSpace => Self::wait(error, policy.space_retry),
            _ => Self::attempt(error),
        }
    }

    /// A worker failed, or said that the file is to blame.
    pub(crate) fn at_work(error: &Error, policy: &JobsPolicy) -> Self {
        match error.kind() {
            ErrorKind::Unsupported => Self::GiveUp(sentence(error)),
            ErrorKind::OutOfSpace => Self::no_space(policy),
            ErrorKind::Internal => Self::Disagreement(sentence(error)),
            _ => Self::attempt(error),
        }
    }

    /// A worker failed to copy. Of a long film only a few packets were looked at for the plan, so
    /// it may be the film that disagrees; it is played all the same.
    pub(crate) fn at_copy(error: &Error, policy: &JobsPolicy) -> Self {
        match error.kind() {
            ErrorKind::Internal => Self::Uncopyable(sentence(error)),
            _ => Self::at_work(error, policy),
        }
    }

    /// The store did not take a piece.
    pub(crate) fn at_store(error: &Error, policy: &JobsPolicy) -> Self {
        match error.kind() {
            ErrorKind::OutOfSpace => Self::no_space(policy),
            ErrorKind::Unavailable => Self::wait(error, policy.space_retry),
            _ => Self::attempt(error),
        }
    }

    /// The catalog did not take a row. It refuses rows of a job that is no longer ours.
    pub(crate) fn at_catalog(error: &Error, policy: &JobsPolicy) -> Self {
        match error.kind() {
            ErrorKind::Conflict | ErrorKind::NotFound => Self::Lost,
            ErrorKind::OutOfSpace => Self::no_space(policy),
            // Its disk is slow; no film is to blame.
            ErrorKind::Unavailable => Self::wait(error, policy.space_retry),
            _ => Self::attempt(error),
        }
    }

    /// A defect that was noticed here.
    pub(crate) fn defect(what: impl Into<String>) -> Self {
        Self::Attempt(what.into())
    }

    /// Too little space.
    pub(crate) fn no_space(policy: &JobsPolicy) -> Self {
        Self::Wait {
            reason: "The disk is full. Encoding goes on by itself when there is space again."
                .into(),
            delay: policy.space_retry,
        }
    }

    fn wait(error: &Error, delay: Duration) -> Self {
        Self::Wait {
            reason: sentence(error),
            delay,
        }
    }

    fn attempt(error: &Error) -> Self {
        Self::Attempt(sentence(error))
    }
}

/// The error with its causes, of bounded length.
fn sentence(error: &Error) -> String {
    error
        .to_string()
        .chars()
        .take(MAX_REASON_CHARACTERS)
        .collect()
}
