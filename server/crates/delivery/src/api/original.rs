//! `GET /api/v1/videos/{id}/original`: the file as its owner has it, to keep.

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use model::rights::Want;

use crate::api::words;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{FromPath, title_id};
use crate::original::{self, Purpose};
use crate::problem::Problem;
use crate::titles;

/// `GET /api/v1/videos/{id}/original`
#[utoipa::path(
    get,
    path = "/api/v1/videos/{id}/original",
    tag = "videos",
    operation_id = "downloadOriginal",
    summary = "The original file",
    params(
        words::IdInPath,
        ("Range" = Option<String>, Header, description = "One part of it, in bytes."),
    ),
    responses(
        (status = 200, description = "All of it.", content_type = "application/octet-stream"),
        (status = 206, description = "The part.", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it already."),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let title = titles::visible(&app, &caller, title_id(&id)?, Want::Download).await?;
    original::send(&title, Purpose::Keep, &method, &headers).await
}
