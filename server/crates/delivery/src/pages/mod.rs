//! Pages for people. They are filled with the same facts as the API; words and markup are in
//! `web`.

pub(crate) mod assets;
pub(crate) mod library;
pub(crate) mod watch;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use model::error::{Context, ErrorKind};
use serde::Serialize;

use crate::problem::Problem;

/// A refusal that a person reads.
#[derive(Debug)]
pub(crate) struct PageProblem(Problem);

impl<E: Into<Problem>> From<E> for PageProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        self.0.into_page()
    }
}

/// The page `template` filled with `context`. Pages show what is true now, so they are asked for
/// again each time.
fn page(template: &str, context: &impl Serialize) -> Result<Response, PageProblem> {
    let html = web::page::render(template, context).with_context(ErrorKind::Internal, || {
        format!("making the page {template}")
    })?;
    let no_cache = HeaderValue::from_static("no-cache");
    Ok(([(header::CACHE_CONTROL, no_cache)], Html(html)).into_response())
}
