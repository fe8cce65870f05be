//! Questions to folders that may lie on another machine: asked on a thread that may block, not
//! waited for for ever, and few at a time. A disk that hangs keeps its threads until it answers;
//! with all places taken, others are refused at once instead of taking the rest of the threads.

use std::time::Duration;

use tokio::sync::Semaphore;

/// Longest wait for an answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Questions at the same time; a disk that answers takes milliseconds for one.
const MOST: usize = 16;

/// Threads are the whole process's, and so are the places.
static PLACES: Semaphore = Semaphore::const_new(MOST);

/// There was no answer, or nobody free to wait for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silent;

/// The answer to a question that may block.
pub(crate) async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Silent> {
    ask_within(&PLACES, DEADLINE, question).await
}

async fn ask_within<T: Send + 'static>(
    places: &'static Semaphore,
    deadline: Duration,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Silent> {
    let place = places.try_acquire().map_err(|_| Silent)?;
    let asking = tokio::task::spawn_blocking(move || {
        // Kept until the disk answers, however long nobody waits for it any more.
        let _place = place;
        question()
    });
    let answer = tokio::time::timeout(deadline, asking).await;
    answer.map_err(|_| Silent)?.map_err(|_| Silent)
}

#[cfg(test)]
mod tests {
    use super::{Silent, ask_within};
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;
    use tokio::sync::Semaphore;

    static PLACES: Semaphore = Semaphore::const_new(3);

    #[tokio::test]
    async fn a_disk_that_hangs_takes_no_more_than_its_places() {
        let mut hanging: Vec<Sender<()>> = Vec::new();
        for _ in 0..3 {
            let (answer, hangs) = channel();
            hanging.push(answer);
            let question = move || hangs.recv();
            let asked = ask_within(&PLACES, Duration::from_millis(1), question).await;
            assert_eq!(asked, Err(Silent));
        }
        let refused = ask_within(&PLACES, Duration::MAX, || ()).await;
        assert_eq!(refused, Err(Silent), "at once, whatever the deadline");
        drop(hanging);
        // Each place comes back with its answer.
        drop(PLACES.acquire_many(3).await.unwrap());
        assert_eq!(ask_within(&PLACES, Duration::MAX, || 5).await, Ok(5));
    }
}
