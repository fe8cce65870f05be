//! Parts of requests, with refusals in our own words.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use model::id::{JobId, TitleId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

use crate::problem::Problem;

/// The variable parts of the path.
#[derive(Debug)]
pub(crate) struct FromPath<T>(pub(crate) T);

/// The query string.
#[derive(Debug)]
pub(crate) struct FromQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for FromPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::bad_request("This address is not valid UTF-8.")),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for FromQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::bad_request(format!(
                "The part of the address after “?” makes no sense: {}.",
                rejection.body_text()
            ))),
        }
    }
}

/// A body of JSON is small and comes at once.
const MAX_BODY_BYTES: usize = 64 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The body, as JSON of the shape `T`.
#[derive(Debug)]
pub(crate) struct FromJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for FromJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_is_json(request.headers())?;
        let reading = to_bytes(request.into_body(), MAX_BODY_BYTES);
        let body = tokio::time::timeout(BODY_DEADLINE, reading).await;
        let body = body.map_err(|_| {
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "The request took too long to arrive.",
            )
        })?;
        let body = body.map_err(|_| {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is cut off, or longer than 64 kB.",
            )
        })?;
        // serde would take the fields of a list by their order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Problem::bad_request("Send one JSON object."));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            Problem::bad_request(format!("The JSON of the request makes no sense: {error}."))
        })
    }
}

/// Forms of other sites can send text that looks like JSON, but not under this name.
fn check_is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if is_json && !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Send this as application/json, not packed.",
    ))
}

/// Tells `null` (take it away) from a field that is not there (leave it).
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The title that a path names. What is no identifier names nothing.
pub(crate) fn title_id(text: &str) -> Result<TitleId, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("There is no such title."))
}

/// The job that a path names.
pub(crate) fn job_id(text: &str) -> Result<JobId, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("There is no such job."))
}
