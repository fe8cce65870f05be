//! The HTTP below the bucket's client: a deadline for every attempt, no redirects, answers of
//! bounded length. What does not belong here: what is asked (`bucket`), and sentences (`trouble`).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};

/// How long a connection may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// How long an answer may be silent, and how long one attempt may take besides its bytes.
pub(super) const SILENCE: Duration = Duration::from_secs(10);
/// Slower than this a transfer counts as broken: the lowest rung needs four times as much.
pub(super) const SLOWEST_BYTES_PER_SECOND: u64 = 32 * 1024;
/// The longest answer that is not an object: a page of a listing has a thousand keys.
const LONGEST_ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// Makes clients that behave like this file says.
#[derive(Debug)]
pub(super) struct Connector {
    /// Set when a connection failed: whoever answers next may be another server.
    pub(super) shaken: Arc<AtomicBool>,
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            // A server that sends us elsewhere must not get our bytes and signatures there.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .user_agent("Homereel")
            .connect_timeout(CONNECT_DEADLINE)
            .read_timeout(SILENCE)
            .build();
        let client = client.map_err(|error| object_store::Error::Generic {
            store: "S3",
            source: Box::new(error),
        })?;
        Ok(HttpClient::new(Wire {
            client,
            shaken: Arc::clone(&self.shaken),
        }))
    }
}

#[derive(Debug)]
struct Wire {
    client: reqwest::Client,
    shaken: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_object = request.method() == "GET" && request.uri().query().is_none();
        let deadline = time_for(request.body().content_length() as u64);
        let answer = tokio::time::timeout(deadline, self.client.call(request)).await;
        let answer = answer.unwrap_or_else(|_elapsed| {
            let silence = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
            Err(HttpError::new(HttpErrorKind::Timeout, silence))
        });
        let answer = answer.inspect_err(|_| self.shaken.store(true, Ordering::Relaxed))?;
        if is_object && answer.status().is_success() {
            return Ok(answer);
        }
        Ok(answer.map(|body| {
            HttpResponseBody::new(Capped {
                body,
                left_bytes: LONGEST_ANSWER_BYTES,
            })
        }))
    }
}

/// How long that many bytes may take, on their way there or back.
pub(super) fn time_for(size_bytes: u64) -> Duration {
    SILENCE + Duration::from_secs(size_bytes / SLOWEST_BYTES_PER_SECOND)
}

/// A body that ends in an error when it grows too long.
struct Capped {
    body: HttpResponseBody,
    left_bytes: u64,
}

impl Body for Capped {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(left_bytes) = self.left_bytes.checked_sub(length) else {
                let endless = io::Error::other("the answer is far too long");
                return Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Decode, endless))));
            };
            self.left_bytes = left_bytes;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
