//! What a worker writes to its standard error: the last 64 KiB, for the log and for the message
//! of a failed attempt. What does not belong here: the protocol on standard output.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::task::AbortOnDropHandle;

/// How much is remembered.
const RING_BYTES: usize = 64 * 1024;
/// How many lines a message quotes.
const QUOTED_LINES: usize = 3;
/// How much of a line a message quotes.
const QUOTED_CHARACTERS: usize = 200;

/// Reads to the end in the background and remembers the last words.
#[derive(Debug)]
pub(crate) struct StderrTail {
    ring: Arc<Mutex<VecDeque<u8>>>,
    reader: AbortOnDropHandle<()>,
}

impl StderrTail {
    /// Starts reading.
    pub(crate) fn follow(pipe: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let ring = Arc::new(Mutex::new(VecDeque::new()));
        let reader = tokio::spawn(read_into(pipe, ring.clone()));
        Self {
            ring,
            reader: AbortOnDropHandle::new(reader),
        }
    }

    /// The last lines, once the pipe has ended or `grace` is over; `None` if it was silent.
    pub(crate) async fn last_words(&mut self, grace: Duration) -> Option<String> {
        // A grandchild could hold the pipe open, so its end is not waited for without bound.
        let _ = tokio::time::timeout(grace, &mut self.reader).await;
        let bytes: Vec<u8> = {
            let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.iter().copied().collect()
        };
        quote(&String::from_utf8_lossy(&bytes))
    }
}

async fn read_into(mut pipe: impl AsyncRead + Unpin, ring: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        tracing::debug!(
            words = %String::from_utf8_lossy(&buffer[..count]).trim_end(),
            "homereel-worker wrote to its standard error."
        );
        let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.extend(&buffer[..count]);
        let excess = ring.len().saturating_sub(RING_BYTES);
        ring.drain(..excess);
    }
}

/// The last few lines on one line, without control characters.
fn quote(text: &str) -> Option<String> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let first = lines.len().saturating_sub(QUOTED_LINES);
    let quoted: Vec<String> = lines[first..].iter().map(|line| clean(line)).collect();
    (!quoted.is_empty()).then(|| quoted.join(" / "))
}

fn clean(line: &str) -> String {
    line.trim()
        .chars()
        .filter(|character| !character.is_control())
        .take(QUOTED_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{RING_BYTES, StderrTail, quote};
    use std::time::Duration;

    #[test]
    fn only_the_last_lines_are_quoted_and_cleaned() {
        assert_eq!(quote("\n  \n"), None, "silence is not quoted");
        assert_eq!(
            quote("one\ntwo\n\nthree\x07\nfour\n").as_deref(),
            Some("two / three / four"),
            "the last three lines tell what happened; a bell does not belong into a message"
        );
        let long = quote(&"x".repeat(5_000)).unwrap();
        assert!(long.len() <= 200, "a line of 5000 characters must be cut");
    }

    #[tokio::test]
    async fn a_flood_keeps_only_its_end() {
        let mut flood = vec![b'a'; RING_BYTES * 3];
        flood.extend_from_slice(b"\nthe end\n");
        let mut tail = StderrTail::follow(std::io::Cursor::new(flood));
        let words = tail.last_words(Duration::from_secs(5)).await.unwrap();
        assert!(
            words.ends_with("the end"),
            "the newest line counts: {words}"
        );
        let kept = tail.ring.lock().unwrap().len();
        assert!(kept <= RING_BYTES, "{kept} bytes are over the ring's size");
    }
}
