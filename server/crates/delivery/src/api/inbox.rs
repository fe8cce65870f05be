//! `GET /api/v1/inbox`: files that were seen at a door and what became of them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use crate::api::dto::{ArrivalView, Inbox};
use crate::api::videos::fresh;
use crate::app::App;
use crate::problem::Problem;

/// Newest changes; older ones are history.
const LIMIT: u32 = 200;

/// `GET /api/v1/inbox`
#[utoipa::path(
    get,
    path = "/api/v1/inbox",
    tag = "inbox",
    operation_id = "listInbox",
    summary = "Files that were seen at a door, newest change first",
    responses((status = 200, description = "The files.", body = Inbox))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    let arrivals = app.site.catalog.arrivals(LIMIT).await?;
    let arrivals = arrivals.iter().map(ArrivalView::new).collect();
    Ok(fresh(Json(Inbox { arrivals })))
}
