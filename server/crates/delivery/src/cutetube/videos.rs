//! `GET /api/v3/vod/videos/all/` and `/api/v3/vod/metadata/stream/{id}/`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use catalog::library::TitleQuery;
use model::id::{TitleId, UploadId};
use model::rights::Want;
use model::upload::UploadState;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::cutetube::limit::{Door, take};
use crate::cutetube::shape::{base, data, refused, video};
use crate::extract::{FromPath, FromQuery};
use crate::origin::Way;
use crate::problem::Problem;
use crate::titles;

const PER_PAGE: u32 = 10;

/// Which page.
#[derive(Debug, Deserialize)]
pub(crate) struct Listing {
    page: Option<u32>,
}

/// `GET /api/v3/vod/videos/all/?page=`
#[utoipa::path(
    get,
    path = "/api/v3/vod/videos/all/",
    tag = "cutetube",
    operation_id = "cutetubeVideos",
    summary = "Titles, newest first, ten a page",
    params(("page" = Option<u32>, Query, description = "From 1.")),
    responses((status = 200, description = "A page.", body = Object))
)]
pub(crate) async fn all(
    State(app): State<App>,
    standing: Standing,
    way: Way,
    FromQuery(listing): FromQuery<Listing>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = listing.page.unwrap_or(1);
    let query = TitleQuery {
        who: titles::viewer(&standing),
        page,
        per_page: PER_PAGE,
        ..TitleQuery::default()
    };
    let found = app.site.catalog.titles(query).await?;
    let pages = found.total.div_ceil(PER_PAGE.into()).max(1);
    if page == 0 || u64::from(page) > pages {
        return Ok(refused(StatusCode::NOT_FOUND, "Invalid page."));
    }
    let base = base(way, &headers);
    let link = |there: bool, page: u32| {
        there.then(|| format!("{base}/api/v3/vod/videos/all/?page={page}"))
    };
    let body = json!({
        "count": found.total,
        "next": link(u64::from(page) < pages, page.saturating_add(1)),
        "previous": link(page > 1, page.saturating_sub(1)),
        "status": "success",
        "data": found.titles.iter().map(|title| video(title, &base)).collect::<Vec<_>>(),
    });
    Ok(data(StatusCode::OK, &body))
}

/// `GET /api/v3/vod/metadata/stream/{id}/`: a title, or an upload that will become one.
#[utoipa::path(
    get,
    path = "/api/v3/vod/metadata/stream/{id}/",
    tag = "cutetube",
    operation_id = "cutetubeVideo",
    summary = "A title, or what becomes of an upload",
    params(("id" = String, Path, description = "What the upload or the list said.")),
    responses((status = 200, description = "The title.", body = Object))
)]
pub(crate) async fn metadata(
    State(app): State<App>,
    caller: Caller,
    way: Way,
    FromPath(id): FromPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(slow_down) = take(&app, Door::Metadata, way.origin).await? {
        return Ok(slow_down);
    }
    let base = base(way, &headers);
    let found = match of_upload(&app, &id).await? {
        Some(Became::Title(title)) => title_of(&app, &caller, title, &base).await?,
        Some(Became::NotYet(told)) => Some(told),
        None => match id.parse() {
            Ok(title) => title_of(&app, &caller, title, &base).await?,
            Err(_) => None,
        },
    };
    let invalid = || {
        let detail = format!("Video ID: '{id}' is invalid.");
        refused(StatusCode::NOT_FOUND, detail)
    };
    Ok(found.map_or_else(invalid, |told| {
        data(StatusCode::OK, &json!({"status": "success", "data": told}))
    }))
}

async fn title_of(
    app: &App,
    caller: &Caller,
    id: TitleId,
    base: &str,
) -> Result<Option<Value>, Problem> {
    match titles::visible(app, caller, id, Want::Watch).await {
        Ok(title) => Ok(Some(video(&title, base))),
        Err(problem) if problem.is_ours() => Err(problem),
        Err(_) => Ok(None),
    }
}

/// What became of an upload.
enum Became {
    Title(TitleId),
    NotYet(Value),
}

/// Clients poll with what the upload said, without a token. What they learn before there is a title
/// is what they sent themselves: nobody else knows the identifier.
async fn of_upload(app: &App, id: &str) -> Result<Option<Became>, Problem> {
    let Ok(id) = id.parse::<UploadId>() else {
        return Ok(None);
    };
    if let Some(title) = app.site.catalog.title_of_upload(id).await? {
        return Ok(Some(Became::Title(title)));
    }
    let upload = match &app.site.doors.uploads {
        Some(door) => door.trace(id).await,
        None => return Ok(None),
    };
    let Ok(upload) = upload else {
        return Ok(None);
    };
    let (status, detail) = match upload.state {
        UploadState::Taken(title) => return Ok(Some(Became::Title(title))),
        UploadState::Refused(reason) => ("failed", Some(reason)),
        _ => ("waiting", None),
    };
    Ok(Some(Became::NotYet(json!({
        "id": id.to_string(),
        "status": status,
        "detail": detail,
        "custom_video_title": format!("{id}__{}", upload.file_name),
        "title": upload.details.name,
        "description": upload.details.description,
        "duration": null,
        "mp4_s3_mpd_url": null,
        "mov_s3_mpd_url": null,
        "mp4_gcore_cdn_mpd_url": null,
        "mov_gcore_cdn_mpd_url": null,
    }))))
}
