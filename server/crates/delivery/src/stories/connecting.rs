//! Connections that come and do nothing: each is closed after its deadline, and one household
//! does not take the places of the others.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::home::{Home, brisk};
use crate::app::Limits;
use crate::server;

/// Long against everything that is awaited here; only a fault makes a story take so long.
const FAULT: Duration = Duration::from_secs(30);

/// A server with these limits; it runs as long as its task is kept.
async fn serve(limits: Limits) -> (Home, std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let home = Home::with(limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(server::run(listener, home.app.clone()));
    (home, address, serving)
}

/// What comes until the other end closes. A reset is an end, too.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(FAULT, reading)
        .await
        .expect("the server never closes it");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn whoever_sends_nothing_is_hung_up_on() {
    let (home, address, serving) = serve(Limits {
        head_deadline: Duration::from_millis(50),
        read_patience: Duration::from_millis(50),
        ..brisk()
    })
    .await;
    let head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    let whole = format!("{head}\r\n");
    let stalled = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\
                   Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"credential\":";
    for (what, sent, expected) in [
        ("half a head", head, ""),
        ("an idle connection", &whole, "HTTP/1.1 200"),
        ("nothing at all", "", ""),
        ("a stalled body", stalled, "HTTP/1.1 4"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let answer = rest_of(&mut stream).await;
        assert!(answer.starts_with(expected), "{what}: {answer:?}");
    }
    home.app.stopping.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_household_has_so_many_connections_and_this_machine_has_more() {
    let limits = Limits {
        connections_of_one: 2,
        ..brisk()
    };
    let home = Home::with(limits);
    let acceptor = server::acceptor(home.app.clone());
    let peer = |text: &str| text.parse().unwrap();
    let first = acceptor.place(peer("192.168.1.7")).unwrap();
    let second = acceptor.place(peer("192.168.1.7")).unwrap();
    assert!(acceptor.place(peer("192.168.1.7")).is_err(), "two for one");
    assert!(
        acceptor.place(peer("192.168.1.8")).is_ok(),
        "others may come"
    );
    for spokesman in ["127.0.0.1", "::1", "10.9.9.9"] {
        let places: Vec<_> = (0..5).map(|_| acceptor.place(peer(spokesman))).collect();
        assert!(
            places.iter().all(Result::is_ok),
            "{spokesman} speaks for many"
        );
    }
    drop((first, second));
    assert!(acceptor.place(peer("192.168.1.7")).is_ok());
}
