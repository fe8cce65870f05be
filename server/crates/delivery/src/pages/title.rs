//! `GET /title/{id}`: everything about one title.

use axum::extract::State;
use axum::response::Response;
use catalog::library::StreamTotal;
use model::rights::Want;
use model::title::Title;
use serde::Serialize;

use crate::api::dto::Video;
use crate::api::strip::{self, Strip};
use crate::api::{address, videos};
use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::extract::{FromPath, title_id};
use crate::pages::{PageProblem, page};
use crate::problem::Problem;
use crate::titles;

/// What the page shows.
#[derive(Debug, Serialize)]
struct Facts {
    video: Video,
    /// What exists of it over its time, also once all of it does.
    strip: Option<Strip>,
    /// Bytes of each quality, as far as it exists.
    sizes_bytes: Vec<u64>,
    /// Its address as a picture, if other screens can reach this server.
    qr: Option<String>,
}

/// `GET /title/{id}`
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    standing: Standing,
    id: Result<FromPath<String>, Problem>,
) -> Result<Response, PageProblem> {
    let FromPath(id) = id?;
    let title = titles::visible(&app, &caller, title_id(&id)?, Want::Watch).await?;
    let stored = app.site.catalog.stream_totals(title.id).await?;
    let whole = whole_strip(&title, &stored);
    let qr = address::picture_of(&app, &format!("/title/{}", title.id));
    let video = videos::one(&app, &standing, title).await?;
    let facts = Facts {
        strip: video.strip.clone().or(whole),
        sizes_bytes: stored.iter().map(|stream| stream.size_bytes).collect(),
        qr,
        video,
    };
    page(&app, &standing, "title.html", &facts).await
}

/// The strip of a finished title: the API leaves it out, because nothing changes on it any more.
fn whole_strip(title: &Title, stored: &[StreamTotal]) -> Option<Strip> {
    let plan = title.plan.as_ref()?;
    let shown = plan.rungs().len().max(1);
    Some(strip::draw(&plan.parts(), stored, shown, &[], false))
}
