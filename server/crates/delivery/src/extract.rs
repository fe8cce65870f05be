//! Parts of requests, with refusals in our own words.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use model::id::{JobId, TitleId};
use serde::de::DeserializeOwned;

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
