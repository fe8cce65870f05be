//! Pages for people. They are filled with the same facts as the API; words and markup are in
//! `web`.

pub(crate) mod account;
pub(crate) mod assets;
mod device;
pub(crate) mod doc;
pub(crate) mod entry;
pub(crate) mod house;
pub(crate) mod library;
pub(crate) mod people;
pub(crate) mod shell;
pub(crate) mod title;
pub(crate) mod watch;
pub(crate) mod work;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use model::error::{Context, ErrorKind};
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;
use crate::pages::shell::Shell;
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

/// What a page is filled with.
#[derive(Debug, Serialize)]
struct Framed<'a, Facts> {
    shell: Shell,
    #[serde(flatten)]
    facts: &'a Facts,
}

/// The page `template` for whoever stands there, filled with `facts`. Pages show what is true now, so they are
/// asked for again each time.
pub(crate) async fn page(
    app: &App,
    standing: &Standing,
    template: &str,
    facts: &impl Serialize,
) -> Result<Response, PageProblem> {
    let shell = Shell::of(app, standing).await?;
    let html = web::page::render(template, &Framed { shell, facts })
        .with_context(ErrorKind::Internal, || {
            format!("making the page {template}")
        })?;
    let no_cache = HeaderValue::from_static("no-cache");
    Ok(([(header::CACHE_CONTROL, no_cache)], Html(html)).into_response())
}
