//! The tus protocol as a client sees it, with a real server and real files: what is refused, and
//! in which words of the protocol.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{configuration, stop};
use crate::server::{Running, Server};

const UPLOADS: &str = "/api/v1/uploads";
const VERSION: &str = "Tus-Resumable: 1.0.0\r\n";
const BYTES: &str = "Content-Type: application/offset+octet-stream\r\n";

/// An answer with its headers in lower case.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A client of a house that is its own.
struct Client {
    address: SocketAddr,
    cookie: String,
}

impl Client {
    /// Sets the house up.
    async fn of(running: &Running) -> Self {
        let mut client = Self {
            address: running.addr(),
            cookie: String::new(),
        };
        let link = running.setup_url().unwrap();
        let token = link.split("#t=").nth(1).unwrap();
        let claim = format!(
            r#"{{"token":"{token}","name":"owner","password":"a long password","audience":"members"}}"#
        );
        let json = "Content-Type: application/json\r\n";
        let claimed = client.ask("POST", "/api/v1/setup", json, &claim).await;
        assert_eq!(claimed.status, 201);
        let cookie = claimed.header("set-cookie").split(';').next().unwrap();
        client.cookie = format!("Cookie: {cookie}\r\nX-Homereel: 1\r\n");
        client
    }

    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (cookie, length) = (&self.cookie, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{cookie}{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let head = answer.split("\r\n\r\n").next().unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status: status.parse().unwrap(),
            headers: pairs
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
        }
    }

    /// The address of a new upload.
    async fn begin(&self, length: &str) -> String {
        let headers = format!("{VERSION}{length}\r\n");
        let made = self.ask("POST", UPLOADS, &headers, "").await;
        assert_eq!(made.status, 201);
        assert!(
            made.header("upload-expires").ends_with(" GMT"),
            "it is told"
        );
        made.header("location").to_owned()
    }
}

async fn running() -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let running = Server::start(configuration(&folder)).await.unwrap();
    (folder, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_upload_door_speaks_tus() {
    let (_folder, running) = running().await;
    let client = Client::of(&running).await;
    let upload = client.begin("Upload-Length: 11").await;
    let deferred = client.begin("Upload-Defer-Length: 1").await;
    let nothing = format!("{UPLOADS}/01arz3ndektsv4rrffq69g5fav");
    let too_long = format!("{VERSION}Upload-Length: {}\r\n", i64::MAX);
    let at = |offset: u64| format!("{VERSION}{BYTES}Upload-Offset: {offset}\r\n");
    let wrong = format!(
        "{}Upload-Checksum: sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=\r\n",
        at(0)
    );
    let told_late = format!("{}Upload-Length: {}\r\n", at(0), i64::MAX);
    let overriding =
        |method: &str, headers: &str| format!("{headers}X-HTTP-Method-Override: {method}\r\n");
    for (method, path, headers, body, status) in [
        ("OPTIONS", UPLOADS, String::new(), "", 204),
        ("POST", UPLOADS, "Upload-Length: 11\r\n".into(), "", 412),
        ("POST", UPLOADS, VERSION.into(), "", 400),
        ("POST", UPLOADS, too_long, "", 413),
        ("HEAD", &upload, String::new(), "", 412),
        ("HEAD", &upload, VERSION.into(), "", 200),
        ("HEAD", &nothing, VERSION.into(), "", 404),
        ("PATCH", &upload, at(5), "hello", 409),
        ("PATCH", &upload, wrong, "hello", 460),
        ("PATCH", &upload, at(0), "hello hello hello", 413),
        ("PATCH", &deferred, told_late, "hello", 413),
        (
            "PATCH",
            &upload,
            format!("{VERSION}Upload-Offset: 0\r\n"),
            "x",
            415,
        ),
        ("POST", &upload, overriding("HEAD", VERSION), "", 200),
        ("POST", &upload, overriding("PUT", VERSION), "", 405),
        ("POST", &upload, overriding("PATCH", &at(0)), "hello ", 204),
        ("PATCH", &upload, at(0), "hello ", 409),
        ("DELETE", &upload, VERSION.into(), "", 204),
        ("HEAD", &upload, VERSION.into(), "", 404),
        ("PATCH", &upload, at(6), "world", 404),
        ("DELETE", &upload, VERSION.into(), "", 404),
        ("POST", &deferred, overriding("DELETE", VERSION), "", 204),
    ] {
        let answer = client.ask(method, path, &headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?} {body}");
        assert_eq!(answer.header("tus-resumable"), "1.0.0", "{method} {status}");
        if status == 412 || method == "OPTIONS" {
            assert_eq!(answer.header("tus-version"), "1.0.0", "{method} {status}");
        }
    }
    let stranger = Client {
        cookie: String::new(),
        ..client
    };
    let refused = stranger.ask("POST", UPLOADS, VERSION, "").await;
    assert_eq!(
        (refused.status, refused.header("tus-resumable")),
        (401, "1.0.0")
    );
    stop(running).await;
}
