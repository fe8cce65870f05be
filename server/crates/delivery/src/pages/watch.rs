//! `GET /watch/{id}`: the player.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::api::dto::Video;
use crate::api::videos;
use crate::app::App;
use crate::extract::{FromPath, title_id};
use crate::pages::{PageProblem, page};
use crate::problem::Problem;

/// What the page shows; the player keeps it up to date from the API.
#[derive(Debug, Serialize)]
struct Watch {
    video: Video,
}

/// `GET /watch/{id}`
pub(crate) async fn show(
    State(app): State<App>,
    id: Result<FromPath<String>, Problem>,
) -> Result<Response, PageProblem> {
    let FromPath(id) = id?;
    let video = videos::one(&app, title_id(&id)?).await?;
    let gone = || Problem::not_found("This film is not in the library, or not any more.");
    let video = video.ok_or_else(gone)?;
    page("watch.html", &Watch { video })
}
