//! The accept loop on a real socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::home::{Home, brisk};
use crate::app::Limits;
use crate::server;

/// Longer than any story.
const FOR_EVER: Duration = Duration::from_secs(3_600);
/// A healthy machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever waits here instead of being told to stop waits for ever.
fn home() -> Home {
    Home::with(Limits {
        hold_deadline: FOR_EVER,
        head_deadline: FOR_EVER,
        grace: FOR_EVER,
        ..brisk()
    })
}

struct Running {
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

async fn start(home: &Home) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(server::run(listener, home.app.clone()));
    Running {
        address,
        shutdown: home.app.stopping.clone(),
        serving,
    }
}

impl Running {
    /// Sends raw bytes on a connection of its own.
    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// Without waiting for anybody.
    async fn stop(self) {
        self.shutdown.cancel();
        let stopped = tokio::time::timeout(PATIENCE, self.serving).await;
        stopped.expect("somebody holds it up").unwrap();
    }
}

/// Everything until the other end closes.
async fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn the_server_answers_and_stops_at_once_when_idle() {
    let home = home();
    let running = start(&home).await;
    let stream = running
        .send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    let answer = read_all(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let idle = running.send("").await;
    running.stop().await;
    drop(idle);
}

#[tokio::test]
async fn held_requests_and_listeners_do_not_delay_the_stop() {
    let home = home();
    let (title, _) = home.planned_film("Sunday").await;
    let running = start(&home).await;
    let mut changes = home.catalog().subscribe();
    let held = running
        .send(&format!(
            "GET /media/{title}/chunk-stream0-00003.m4s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ))
        .await;
    let mut listening = running
        .send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    changes.recv().await.unwrap();
    let mut head = [0; 15];
    listening.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK", "the listener is connected");
    running.stop().await;
    let answer = read_all(held).await;
    assert!(
        answer.starts_with("HTTP/1.1 503"),
        "a held request is answered: {answer}"
    );
}

#[tokio::test]
async fn odd_requests_are_refused_and_never_forwarded() {
    let home = home();
    let running = start(&home).await;
    for (request, expected) in [
        (
            "GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "400",
        ),
        (
            "CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "400",
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /healthz HTTP/1.0\r\n\r\n", "400"),
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
            "400",
        ),
        (
            "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "404",
        ),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let closing = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let answer = read_all(running.send(&closing).await).await;
        let status = answer.split(' ').nth(1).unwrap_or("");
        assert_eq!(status, expected, "{request:?} was answered with {answer:?}");
    }
    let enormous = format!(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "a".repeat(200_000)
    );
    let answer = read_all(running.send(&enormous).await).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    running.stop().await;
}
