//! `GET /upload`, `/inbox` and `/jobs`: what comes in and how far it is. The pages are frames;
//! their scripts fill them from the API and keep them up to date.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;
use crate::pages::{PageProblem, page};

/// A page that asks for everything itself.
#[derive(Debug, Serialize)]
struct Frame {}

/// What the jobs page knows before it asks.
#[derive(Debug, Serialize)]
struct Jobs {
    /// The owner stopped all encoding.
    encoding_paused: bool,
}

/// `GET /upload`
pub(crate) async fn upload(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    page(&app, &standing, "upload.html", &Frame {}).await
}

/// `GET /inbox`
pub(crate) async fn inbox(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    page(&app, &standing, "inbox.html", &Frame {}).await
}

/// `GET /jobs`
pub(crate) async fn jobs(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    let settings = app.site.catalog.settings().await?;
    let facts = Jobs {
        encoding_paused: settings.encoding_paused,
    };
    page(&app, &standing, "jobs.html", &facts).await
}
