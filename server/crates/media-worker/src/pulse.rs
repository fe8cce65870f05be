//! Signs of life while a file is read: indexing a hundred gigabytes from a slow disk takes longer
//! than the server waits for a silent worker. What does not belong here: how far the work has
//! come. Only bytes that were really read count, so a worker that spins still looks hung.

use media_proto::message::Event;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::events::EventSink;

/// Bytes between two signs at least; a network at a tenth of its speed reads them in time.
const WORTH_TELLING_BYTES: u64 = 1024 * 1024;
/// Time between two signs at least.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Tells the server that bytes arrive, in the name of the request that is being answered.
#[derive(Clone, Debug)]
pub struct Pulse {
    events: EventSink,
    beat: Arc<Mutex<Beat>>,
}

impl Pulse {
    /// A pulse that is told to `events`.
    pub fn new(events: EventSink) -> Self {
        Self {
            events,
            beat: Arc::new(Mutex::new(Beat::new(0, Instant::now()))),
        }
    }

    /// From now on bytes are read for request `number`.
    pub fn begin(&self, number: u32) {
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        *beat = Beat::new(number, Instant::now());
    }

    /// `count` bytes were read.
    pub fn read(&self, count: usize) {
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        if beat.is_due(count as u64, Instant::now()) {
            let (number, bytes) = (beat.number, beat.bytes);
            self.events.send(number, Event::Reading { bytes });
        }
    }
}

/// What was read for one request, and when that was told last.
#[derive(Debug)]
struct Beat {
    number: u32,
    bytes: u64,
    told_bytes: u64,
    told_at: Instant,
}

impl Beat {
    fn new(number: u32, now: Instant) -> Self {
        Self {
            number,
            bytes: 0,
            told_bytes: 0,
            told_at: now,
        }
    }

    /// Counts `count` more bytes; true if it is time to tell.
    fn is_due(&mut self, count: u64, now: Instant) -> bool {
        self.bytes += count;
        let due = self.bytes - self.told_bytes >= WORTH_TELLING_BYTES
            && now.duration_since(self.told_at) >= SHORTEST_PAUSE;
        if due {
            self.told_bytes = self.bytes;
            self.told_at = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::{Beat, Pulse, SHORTEST_PAUSE, WORTH_TELLING_BYTES};
    use crate::events::EventSink;
    use media_proto::frame;
    use media_proto::message::{Event, NumberedEvent};
    use std::io::{self, Write};
    use std::sync::mpsc::{Sender, channel};
    use std::time::{Duration, Instant};

    /// Passes on what is written, a message at a time.
    struct Pipe(Sender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sign_names_the_request_that_is_being_answered() {
        let (sender, written) = channel();
        let pulse = Pulse::new(EventSink::new(Pipe(sender)));
        pulse.begin(7);
        pulse.beat.lock().unwrap().told_at -= SHORTEST_PAUSE;
        pulse.read(3_000_000);
        let sign: Option<NumberedEvent> =
            frame::read(&mut written.recv().unwrap().as_slice()).unwrap();
        let event = Event::Reading { bytes: 3_000_000 };
        assert_eq!(sign, Some(NumberedEvent { number: 7, event }));
    }

    #[test]
    fn a_sign_needs_both_bytes_and_time() {
        let start = Instant::now();
        let mut beat = Beat::new(1, start);
        let later = start + SHORTEST_PAUSE;
        let much_later = later + Duration::from_secs(600);
        let cases = [
            ("many bytes at once", WORTH_TELLING_BYTES * 9, start, false),
            ("the same bytes a second later", 0, later, true),
            ("nothing new, much later", 0, much_later, false),
            ("a few bytes", WORTH_TELLING_BYTES - 1, much_later, false),
            ("and one more", 1, much_later, true),
        ];
        for (what, count, now, expected) in cases {
            assert_eq!(beat.is_due(count, now), expected, "{what}");
        }
        assert_eq!(beat.bytes, WORTH_TELLING_BYTES * 10, "every byte counts");
    }
}
