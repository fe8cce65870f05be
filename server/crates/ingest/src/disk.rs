//! Questions to the file system: asked off the runtime's threads, each with a deadline.
//!
//! A network share that went away lets a system call hang for minutes. The thread that hangs
//! cannot be stopped, so their number is limited instead.

use model::error::{Context, Error, ErrorKind, Result};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// How many questions may be open at once. Ingest asks one at a time; the others hang.
static OPEN_QUESTIONS: Semaphore = Semaphore::const_new(4);

/// Runs `question`, which may block, elsewhere.
///
/// # Errors
/// `Unavailable` if the file system does not answer in time.
pub(crate) async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let answer = async {
        let turn = OPEN_QUESTIONS.acquire().await;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            question()
        })
        .await
        .context(ErrorKind::Internal, "asking the file system")
    };
    tokio::time::timeout(DEADLINE, answer)
        .await
        .unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Unavailable,
                "the file system does not answer; is a network share away?",
            ))
        })
}
