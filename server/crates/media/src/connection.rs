//! The protocol with one worker over any pair of pipes: greeting, numbering, framing, silence.
//!
//! Two tasks serve a connection: one writes requests, one reads events into a bounded channel, so
//! that waiting for an event can be abandoned at any moment without losing half a message. What
//! does not belong here: processes (`spawn`), what a breakage means for the owner (`worker`).

use media_proto::VERSION;
use media_proto::frame::{self, HEADER_BYTES};
use media_proto::message::{Event, NumberedEvent, NumberedRequest, Request};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Requests that may be under way at once: one runs, one waits so that decoding never pauses.
pub const MAX_OUTSTANDING: usize = 2;

/// Events read ahead of whoever handles them; then the worker blocks on its pipe.
const EVENTS_AHEAD: usize = 64;

/// Why a connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The pipe ended, most likely because the process did.
    Closed,
    /// No event for this long while a request was under way.
    Silent(Duration),
    /// The worker speaks another version of the protocol.
    Version(u32),
    /// Something that is not a message, or not one that belongs here.
    Garbage(String),
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the worker stopped in the middle of its work"),
            Self::Silent(patience) => write!(
                f,
                "the worker gave no sign of life for {} s and was stopped",
                patience.as_secs_f32()
            ),
            Self::Version(theirs) => write!(
                f,
                "homereel-worker speaks version {theirs} of the protocol and this server version \
                 {VERSION}: install both from the same package"
            ),
            Self::Garbage(what) => {
                write!(f, "the worker sent something that makes no sense ({what})")
            }
        }
    }
}

/// Numbers of the requests that are under way, oldest first.
type Outstanding = Vec<u32>;

/// A connection over which the greeting has already passed.
#[derive(Debug)]
pub struct Connection {
    requests: mpsc::Sender<Vec<u8>>,
    events: mpsc::Receiver<Result<NumberedEvent, Breakage>>,
    outstanding: Arc<watch::Sender<Outstanding>>,
    last_number: u32,
    libav: String,
    _reader: AbortOnDropHandle<()>,
    _writer: AbortOnDropHandle<()>,
}

impl Connection {
    /// Waits for the worker's greeting and checks its version. `hello` bounds that wait, `silence`
    /// every later one.
    pub async fn open(
        mut reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        hello: Duration,
        silence: Duration,
    ) -> Result<Self, Breakage> {
        let greeting = timeout(hello, read_event(&mut reader))
            .await
            .map_err(|_| Breakage::Silent(hello))??;
        let libav = check_greeting(greeting)?;
        let outstanding = Arc::new(watch::Sender::new(Outstanding::new()));
        let (event_sender, events) = mpsc::channel(EVENTS_AHEAD);
        let (requests, request_receiver) = mpsc::channel(MAX_OUTSTANDING);
        let listen = listen(reader, event_sender, outstanding.clone(), silence);
        Ok(Self {
            requests,
            events,
            outstanding,
            last_number: 0,
            libav,
            _reader: AbortOnDropHandle::new(tokio::spawn(listen)),
            _writer: AbortOnDropHandle::new(tokio::spawn(write_all(writer, request_receiver))),
        })
    }

    /// libav's version, as the worker said it.
    pub fn libav(&self) -> &str {
        &self.libav
    }

    /// How many requests are under way.
    pub fn outstanding(&self) -> usize {
        self.outstanding.borrow().len()
    }

    /// Sends a request and returns its number; `None` if [`MAX_OUTSTANDING`] are under way, or
    /// the request is too long to be framed. Does not wait: a broken pipe shows up as an event.
    pub fn send(&mut self, request: Request) -> Option<u32> {
        if self.outstanding() >= MAX_OUTSTANDING {
            return None;
        }
        let number = self.last_number.checked_add(1)?;
        let bytes = frame::encode(&NumberedRequest { number, request }).ok()?;
        self.last_number = number;
        self.outstanding.send_modify(|numbers| numbers.push(number));
        // A writer that is gone has closed the pipe, which the reader reports.
        let _ = self.requests.try_send(bytes);
        Some(number)
    }

    /// The next event, or why there will be none. Safe to abandon and call again.
    pub async fn next_event(&mut self) -> Result<NumberedEvent, Breakage> {
        self.events.recv().await.unwrap_or(Err(Breakage::Closed))
    }
}

/// libav's version from a greeting of our own protocol version.
fn check_greeting(greeting: NumberedEvent) -> Result<String, Breakage> {
    match greeting {
        NumberedEvent {
            number: 0,
            event: Event::Hello { version, libav },
        } if version == VERSION => Ok(libav.chars().take(100).collect()),
        NumberedEvent {
            event: Event::Hello { version, .. },
            ..
        } => Err(Breakage::Version(version)),
        _ => Err(Breakage::Garbage("no greeting".into())),
    }
}

/// Writes what is asked until nobody asks any more or the pipe breaks.
async fn write_all(mut writer: impl AsyncWrite + Unpin, mut requests: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = requests.recv().await {
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "A request could not be written to homereel-worker.");
            return;
        }
    }
}

/// Reads events until the first breakage, which is the last thing it reports.
async fn listen(
    mut reader: impl AsyncRead + Unpin,
    events: mpsc::Sender<Result<NumberedEvent, Breakage>>,
    outstanding: Arc<watch::Sender<Outstanding>>,
    patience: Duration,
) {
    loop {
        // Room is reserved first, so that a slow consumer is never mistaken for a silent worker.
        let Ok(room) = events.reserve().await else {
            return;
        };
        let heard = tokio::select! {
            heard = read_event(&mut reader) => heard,
            () = silence(outstanding.subscribe(), patience) => Err(Breakage::Silent(patience)),
        };
        let checked = heard.and_then(|event| check_event(event, &outstanding));
        let broken = checked.is_err();
        room.send(checked);
        if broken {
            return;
        }
    }
}

/// Ends when a request was under way for `patience` and no other was sent meanwhile.
async fn silence(mut outstanding: watch::Receiver<Outstanding>, patience: Duration) {
    loop {
        if outstanding
            .wait_for(|numbers| !numbers.is_empty())
            .await
            .is_err()
        {
            return std::future::pending().await;
        }
        match timeout(patience, outstanding.changed()).await {
            Err(_elapsed) => return,
            Ok(Ok(())) => {}
            Ok(Err(_)) => return std::future::pending().await,
        }
    }
}

/// An event must belong to a request that is under way; the last one ends it.
fn check_event(
    event: NumberedEvent,
    outstanding: &watch::Sender<Outstanding>,
) -> Result<NumberedEvent, Breakage> {
    if !outstanding.borrow().contains(&event.number) {
        return Err(Breakage::Garbage(format!(
            "an event about request {}, which nobody made",
            event.number
        )));
    }
    if matches!(event.event, Event::Hello { .. }) {
        return Err(Breakage::Garbage("a second greeting".into()));
    }
    if event.event.is_last() {
        outstanding.send_modify(|numbers| numbers.retain(|number| *number != event.number));
    }
    Ok(event)
}

async fn read_event(reader: &mut (impl AsyncRead + Unpin)) -> Result<NumberedEvent, Breakage> {
    let mut header = [0; HEADER_BYTES];
    read_exact(reader, &mut header).await?;
    let length = frame::length(header).map_err(|error| Breakage::Garbage(error.to_string()))?;
    let mut body = vec![0; length];
    read_exact(reader, &mut body).await?;
    frame::decode(&body).map_err(|error| Breakage::Garbage(error.to_string()))
}

/// A pipe that ends or fails is closed, wherever in a message that happens.
async fn read_exact(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
) -> Result<(), Breakage> {
    reader
        .read_exact(buffer)
        .await
        .map(|_| ())
        .map_err(|_| Breakage::Closed)
}

#[cfg(test)]
mod tests {
    use super::{Breakage, Connection, MAX_OUTSTANDING};
    use media_proto::VERSION;
    use media_proto::frame;
    use media_proto::message::{Event, GridPolicy, NumberedEvent, NumberedRequest, Request};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    const HELLO: Duration = Duration::from_secs(10);
    const SILENCE: Duration = Duration::from_secs(120);

    /// The worker's ends of the two pipes.
    struct FarEnd {
        requests: DuplexStream,
        events: DuplexStream,
    }

    impl FarEnd {
        async fn say(&mut self, number: u32, event: Event) {
            let bytes = frame::encode(&NumberedEvent { number, event }).unwrap();
            self.events.write_all(&bytes).await.unwrap();
        }

        async fn hear(&mut self) -> NumberedRequest {
            let mut header = [0; frame::HEADER_BYTES];
            self.requests.read_exact(&mut header).await.unwrap();
            let mut body = vec![0; frame::length(header).unwrap()];
            self.requests.read_exact(&mut body).await.unwrap();
            frame::decode(&body).unwrap()
        }
    }

    fn pipes() -> (FarEnd, DuplexStream, DuplexStream) {
        let (requests, near_requests) = tokio::io::duplex(64 * 1024);
        let (events, near_events) = tokio::io::duplex(64 * 1024);
        (FarEnd { requests, events }, near_events, near_requests)
    }

    fn hello(version: u32) -> Event {
        Event::Hello {
            version,
            libav: "59.37.100".into(),
        }
    }

    async fn greeted() -> (FarEnd, Connection) {
        let (mut far, events, requests) = pipes();
        far.say(0, hello(VERSION)).await;
        let connection = Connection::open(events, requests, HELLO, SILENCE)
            .await
            .unwrap();
        (far, connection)
    }

    fn inspect() -> Request {
        Request::Inspect {
            grid: GridPolicy {
                segment: 360_000,
                opening_segment: 180_000,
                opening_segments: 2,
                longest_copied: 900_000,
                longest_apart: 5_400_000,
                largest_apart_bytes: 1_000_000,
                chunk: 720_000,
                sound_span: 5_400_000,
            },
        }
    }

    #[tokio::test]
    async fn requests_are_numbered_and_their_events_come_back() {
        let (mut far, mut connection) = greeted().await;
        let first = connection.send(inspect()).unwrap();
        let second = connection.send(inspect()).unwrap();
        assert_ne!(first, second, "a number is never reused");
        assert_eq!(far.hear().await.number, first, "requests keep their order");
        assert_eq!(far.hear().await.number, second, "requests keep their order");
        let segment = Event::Segment {
            stream: 0,
            number: 1,
            size_bytes: 10,
        };
        far.say(first, segment.clone()).await;
        assert_eq!(
            connection.next_event().await.unwrap(),
            NumberedEvent {
                number: first,
                event: segment
            }
        );
    }

    #[tokio::test]
    async fn no_more_than_two_requests_are_under_way() {
        let (mut far, mut connection) = greeted().await;
        let first = connection.send(inspect()).unwrap();
        let _second = connection.send(inspect()).unwrap();
        assert_eq!(connection.outstanding(), MAX_OUTSTANDING);
        assert_eq!(connection.send(inspect()), None, "a third must wait");
        far.say(first, Event::ThumbsDone { size_bytes: 1 }).await;
        connection.next_event().await.unwrap();
        assert!(
            connection.send(inspect()).is_some(),
            "the last event of a request makes room"
        );
    }

    #[tokio::test]
    async fn another_version_is_refused_by_name() {
        let (mut far, events, requests) = pipes();
        far.say(0, hello(VERSION + 1)).await;
        let refusal = Connection::open(events, requests, HELLO, SILENCE).await;
        assert_eq!(refusal.err(), Some(Breakage::Version(VERSION + 1)));
    }

    #[tokio::test]
    async fn garbage_instead_of_a_greeting_is_refused() {
        for bytes in [
            &b"usage: sh [options] and a lot more text"[..],
            &[4, 0, 0, 0, b'n', b'o', b'p', b'e'],
        ] {
            let (mut far, events, requests) = pipes();
            far.events.write_all(bytes).await.unwrap();
            let refusal = Connection::open(events, requests, HELLO, SILENCE).await;
            assert!(
                matches!(refusal, Err(Breakage::Garbage(_))),
                "{bytes:?} is no greeting, but: {refusal:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_oversize_frame_is_refused_before_anything_is_allocated() {
        let (mut far, mut connection) = greeted().await;
        connection.send(inspect()).unwrap();
        far.events.write_all(&[0xff; 4]).await.unwrap();
        let breakage = connection.next_event().await.unwrap_err();
        assert!(
            matches!(&breakage, Breakage::Garbage(what) if what.contains("limit")),
            "a header of 4 GB must be refused: {breakage:?}"
        );
    }

    #[tokio::test]
    async fn an_event_about_a_request_nobody_made_breaks_the_connection() {
        let (mut far, mut connection) = greeted().await;
        connection.send(inspect()).unwrap();
        far.say(77, Event::Progress { position: 0 }).await;
        let breakage = connection.next_event().await.unwrap_err();
        assert!(
            matches!(&breakage, Breakage::Garbage(what) if what.contains("77")),
            "the message must name the number: {breakage:?}"
        );
    }

    #[tokio::test]
    async fn a_pipe_that_ends_is_reported_every_time() {
        let (far, mut connection) = greeted().await;
        connection.send(inspect()).unwrap();
        drop(far);
        for _ in 0..2 {
            assert_eq!(connection.next_event().await, Err(Breakage::Closed));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_only_while_a_request_is_under_way() {
        let (mut far, mut connection) = greeted().await;
        tokio::time::sleep(SILENCE * 3).await;
        let number = connection.send(inspect()).unwrap();
        far.say(number, Event::Progress { position: 0 }).await;
        assert!(
            connection.next_event().await.is_ok(),
            "an idle worker may be silent for as long as it likes"
        );
        let asked = tokio::time::Instant::now();
        assert_eq!(
            connection.next_event().await,
            Err(Breakage::Silent(SILENCE)),
            "a busy one may not"
        );
        assert!(asked.elapsed() >= SILENCE, "and gets the whole of its time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_reads_for_hours_is_not_silent() {
        let (mut far, mut connection) = greeted().await;
        let number = connection.send(inspect()).unwrap();
        for megabytes in 1..100 {
            tokio::time::sleep(SILENCE * 9 / 10).await;
            let bytes = megabytes * 1_000_000;
            far.say(number, Event::Reading { bytes }).await;
            assert!(connection.next_event().await.is_ok(), "bytes arrive");
        }
        assert_eq!(connection.outstanding(), 1, "reading is not an answer");
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_never_greets_is_given_up() {
        let (_far, events, requests) = pipes();
        let refusal = Connection::open(events, requests, HELLO, SILENCE).await;
        assert_eq!(refusal.err(), Some(Breakage::Silent(HELLO)));
    }
}
