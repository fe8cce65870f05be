//! Servers that answer what they should not: each case ends in a sentence, none in a hang, a
//! partial result or a tight loop.

use futures::TryStreamExt;
use model::error::ErrorKind;

use crate::Storage;
use crate::bucket::stories::server::WrongServer;
use crate::bucket::stories::{House, expect_wait, key};

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn refusal(status: &str, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    answer(status, "", &body)
}

#[tokio::test]
async fn a_refusal_of_any_kind_makes_jobs_wait_with_its_reason() {
    let elsewhere = "Location: http://127.0.0.1:1/films\r\n";
    let marked = "ETag: \"x\"\r\nLast-Modified: Mon, 23 Nov 2026 20:00:00 GMT\r\n";
    let cases = [
        (
            refusal("403 Forbidden", "InvalidAccessKeyId"),
            "does not know the access key",
        ),
        (refusal("403 Forbidden", "RequestTimeTooSkewed"), "clock"),
        (
            refusal("503 Service Unavailable", "SlowDown"),
            "too much to do",
        ),
        (refusal("429 Too Many Requests", "?"), "too much to do"),
        (
            answer("307 Temporary Redirect", elsewhere, ""),
            "not followed",
        ),
        (
            answer("200 OK", marked, "<html>Router login</html>"),
            "like no S3 server",
        ),
        (
            refusal("404 Not Found", "NoSuchBucket"),
            "has no bucket called films",
        ),
        (
            answer("400 Bad Request", "", &"x".repeat(9_000_000)),
            "does not answer",
        ),
    ];
    for (said, words) in cases {
        let house = House::with(&WrongServer::saying(said.clone()).await);
        let file = house.file(b"bytes");
        let error = house.store.put_file(&key(1), &file).await.unwrap_err();
        let head: String = said.chars().take(40).collect();
        assert!(error.to_string().contains(words), "{head}: {error}");
        expect_wait(&error, words);
        assert!(file.exists(), "{head}: the file is kept");
        assert!(
            house.store.list().await.is_err(),
            "{head}: no partial listing"
        );
        assert!(
            house.store.delete(&key(1)).await.is_err(),
            "{head}: not deleted"
        );
    }
}

#[tokio::test]
async fn a_full_bucket_is_told_apart() {
    let full = refusal("507 Insufficient Storage", "XMinioStorageFull");
    let house = House::with(&WrongServer::saying(full).await);
    let file = house.file(b"bytes");
    let error = house.store.put_file(&key(1), &file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfSpace, "{error}");
    assert!(error.message().contains("is full"), "{error}");
}

/// Time is the test's: whatever waits for a silent server waits for nothing else.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let house = House::with(&WrongServer::saying(String::new()).await);
    let file = house.file(b"bytes");
    let error = house.store.put_file(&key(1), &file).await.unwrap_err();
    expect_wait(&error, "does not answer");
    let error = house.store.get(&key(1), None).await.unwrap_err();
    expect_wait(&error, "does not answer");
}

#[tokio::test]
async fn an_object_that_ends_too_early_is_an_error() {
    // Chunked without its end, so that no layer below knows the length.
    let head = "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nLast-Modified: Mon, 23 Nov 2026 20:00:00 GMT\r\n";
    let said = format!("{head}Content-Length: 100\r\nConnection: close\r\n\r\nshort");
    let bucket = WrongServer::saying(said).await;
    let house = House::with(&bucket);
    // The marker cannot be read either, which is the first line of defence.
    let error = house.store.get(&key(1), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let stream = futures::stream::iter([Ok(bytes::Bytes::from_static(b"short"))]);
    let read = crate::bucket::body::exactly(Box::pin(stream), 100);
    assert!(read.try_collect::<Vec<_>>().await.is_err());
}
