//! Asking the server that holds the data folder, over loopback and with the key that lies in the
//! folder. One request, one small answer of JSON; what does not belong here: media, and other
//! machines.

use model::error::{Context, Error, ErrorKind, Result};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::endpoint::Endpoint;

/// A server that is well answers within milliseconds; hashing a password takes longest.
const DEADLINE: Duration = Duration::from_secs(30);
/// A list of a thousand people stays far below.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// Sends `body` and returns what the server answers.
///
/// # Errors
/// `Unavailable` if nobody answers; a refusal with the server's own sentence.
pub(crate) async fn ask(
    endpoint: &Endpoint,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value> {
    let asking = exchange(endpoint, method, path, body);
    let answer = tokio::time::timeout(DEADLINE, asking)
        .await
        .context(ErrorKind::Unavailable, "the running server does not answer")?
        .with_context(ErrorKind::Unavailable, || {
            format!("asking the running server at {}", endpoint.url)
        })?;
    read(&answer)
}

async fn exchange(
    endpoint: &Endpoint,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> std::io::Result<Vec<u8>> {
    let address = endpoint.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-Homereel-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        endpoint.key,
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await?;
    Ok(answer)
}

/// The body of an answer that went well; a refusal as an error.
fn read(answer: &[u8]) -> Result<Value> {
    let nonsense = || {
        Error::new(
            ErrorKind::Unavailable,
            "what answers in the place of the server is not Homereel",
        )
    };
    let text = std::str::from_utf8(answer).map_err(|_| nonsense())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(nonsense)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<u16>().ok());
    let status = status.ok_or_else(nonsense)?;
    let body = match body {
        "" => Value::Null,
        body => serde_json::from_str(body).map_err(|_| nonsense())?,
    };
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let detail = body["detail"].as_str().unwrap_or("the server refused");
    Err(Error::new(kind_of(status), detail))
}

fn kind_of(status: u16) -> ErrorKind {
    match status {
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::InvalidInput,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use model::error::ErrorKind;

    #[test]
    fn answers_are_read_and_refusals_keep_their_sentence() {
        let fine = read(b"HTTP/1.1 201 Created\r\nA: b\r\n\r\n{\"user\":1}").unwrap();
        assert_eq!(fine["user"], 1);
        assert!(read(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().is_null());
        let refused = b"HTTP/1.1 409 Conflict\r\n\r\n{\"detail\":\"The name ada is taken.\"}";
        let error = read(refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.message(), "The name ada is taken.");
        for nonsense in [
            &b""[..],
            b"SSH-2.0",
            b"HTTP/1.1 200 OK\r\n\r\n<html>",
            b"\xff",
        ] {
            assert_eq!(read(nonsense).unwrap_err().kind(), ErrorKind::Unavailable);
        }
    }
}
