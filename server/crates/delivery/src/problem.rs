//! Refusals in words: problem details (RFC 9457) for programs, a page for people. Error kinds
//! become status codes here and nowhere else.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use model::error::{Error, ErrorKind};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Seconds after which a client may ask again for what is not there yet.
const RETRY_AFTER_S: u32 = 2;
/// The same, for what asks by itself.
pub(crate) const SHORT_WAIT: Duration = Duration::from_secs(2);

/// Why a request was not answered with what it asked for.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after_s: Option<u32>,
}

/// The JSON of RFC 9457. The type is left out, which means `about:blank`: the status says it all.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details<'a> {
    /// The status in words.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// Why, in a sentence for a person.
    detail: &'a str,
}

impl Problem {
    /// A refusal with `status`; `detail` is a sentence for a person.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    /// It is not here.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The request itself is wrong.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The client may not do this.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Whoever asks has to say who they are.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// It was here, and never will be again.
    pub(crate) fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, detail)
    }

    /// The client asks too often; says how long to wait.
    pub(crate) fn too_many(detail: impl Into<String>, wait: Duration) -> Self {
        let whole_seconds = wait.as_millis().div_ceil(1000);
        Self {
            retry_after_s: Some(u32::try_from(whole_seconds).unwrap_or(u32::MAX)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
    }

    /// It could be done, but not as things are.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// It will be here later; says when to ask again.
    pub(crate) fn not_yet(detail: impl Into<String>) -> Self {
        Self {
            retry_after_s: Some(RETRY_AFTER_S),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// The sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The status code.
    pub(crate) fn code(&self) -> StatusCode {
        self.status
    }

    /// How long to wait, of somebody who asks too often.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let seconds = self.retry_after_s?;
        let too_often = self.status == StatusCode::TOO_MANY_REQUESTS;
        too_often.then(|| Duration::from_secs(seconds.into()))
    }

    /// The fault, or the trouble, is on our side.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// As a page for people.
    pub(crate) fn into_page(self) -> Response {
        let context = Details {
            title: self.heading(),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        match web::page::render("problem.html", &context) {
            Ok(page) => self.with_headers(Html(page).into_response()),
            Err(error) => {
                tracing::error!(%error, "the page about a problem could not be made");
                self.into_response()
            }
        }
    }

    /// What a page calls it.
    fn heading(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND => "This is not here",
            StatusCode::BAD_REQUEST => "This address makes no sense",
            StatusCode::FORBIDDEN => "This is not for you",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "Not just now",
            _ => "Something went wrong",
        }
    }

    fn with_headers(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = Details {
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = Json(details).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        self.with_headers(response)
    }
}

impl From<Error> for Problem {
    /// Logs what is our own fault, once, and keeps its inner workings from the client.
    fn from(error: Error) -> Self {
        let status = status_of(error.kind());
        let detail = match error.kind() {
            ErrorKind::Internal | ErrorKind::Corrupt => {
                tracing::error!(%error, "a request failed");
                "Homereel made a mistake. Its log has the details.".to_owned()
            }
            ErrorKind::Unavailable | ErrorKind::OutOfSpace => {
                tracing::warn!(%error, "a request failed for now");
                sentence(error.message())
            }
            _ => sentence(error.message()),
        };
        let later = status == StatusCode::SERVICE_UNAVAILABLE;
        Self {
            status,
            detail,
            retry_after_s: later.then_some(RETRY_AFTER_S),
        }
    }
}

/// The one place where kinds of error become HTTP status codes.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unavailable | ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::OutOfSpace => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Messages of errors are written to stand in a chain; alone they begin with a capital and end
/// with a full stop.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    let text = first.unwrap_or_default() + letters.as_str();
    let ended = text.ends_with(['.', '!', '?', '…']);
    if ended { text } else { text + "." }
}

/// The answer for paths that no route has.
pub(crate) async fn no_such_page(request: Request) -> Response {
    let path = request.uri().path();
    let problem = Problem::not_found("There is nothing at this address.");
    let for_programs = ["/api/", "/media/", "/assets/"]
        .iter()
        .any(|prefix| path.starts_with(prefix));
    if for_programs {
        problem.into_response()
    } else {
        problem.into_page()
    }
}

/// The answer for methods that a route does not have.
pub(crate) async fn no_such_method() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address does not take that method.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::{Problem, sentence, status_of};
    use axum::http::StatusCode;
    use model::error::{Error, ErrorKind};

    #[test]
    fn our_own_faults_are_not_explained_to_strangers() {
        let error = Error::new(ErrorKind::Internal, "SELECT * FROM secrets");
        let problem = Problem::from(error);
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!problem.detail.contains("SELECT"), "{}", problem.detail);
    }

    #[test]
    fn kinds_have_the_status_clients_expect() {
        for (kind, expected) in [
            (ErrorKind::NotFound, 404),
            (ErrorKind::InvalidInput, 400),
            (ErrorKind::Unsupported, 422),
            (ErrorKind::Conflict, 409),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::OutOfSpace, 507),
            (ErrorKind::Internal, 500),
        ] {
            assert_eq!(status_of(kind).as_u16(), expected, "{kind:?}");
        }
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("the job is done"), "The job is done.");
        assert_eq!(sentence("Is it?"), "Is it?");
        assert_eq!(sentence(""), ".");
    }
}
