//! `GET /watch/{id}`: the player.

use axum::extract::State;
use axum::response::Response;
use model::rights::Want;
use serde::Serialize;

use crate::api::dto::Video;
use crate::api::videos;
use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::extract::{FromPath, title_id};
use crate::pages::{PageProblem, page};
use crate::problem::Problem;
use crate::titles;

/// What the page shows; the player keeps it up to date from the API.
#[derive(Debug, Serialize)]
struct Watch {
    video: Video,
}

/// `GET /watch/{id}`
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    standing: Standing,
    id: Result<FromPath<String>, Problem>,
) -> Result<Response, PageProblem> {
    let FromPath(id) = id?;
    let title = titles::visible(&app, &caller, title_id(&id)?, Want::Watch).await?;
    let video = videos::one(&app, &standing, title).await?;
    page(&app, &standing, "watch.html", &Watch { video }).await
}
