//! `/api/v1/inbox`: files that were seen at a door, what became of them, and one action each.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::inbox::ArrivalAction;
use model::id::TitleId;
use model::rights::{Want, may};
use utoipa::ToSchema;

use crate::api::dto::{ArrivalView, Inbox};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::caller::Standing;
use crate::extract::FromPath;
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

/// `POST /api/v1/inbox/{id}/{retry|dismiss|take}`
#[utoipa::path(
    post,
    path = "/api/v1/inbox/{id}/{action}",
    tag = "inbox",
    operation_id = "dealWithFile",
    summary = "Have a file looked at again, not shown, or taken although its title was deleted",
    params(
        words::IdInPath,
        ("action" = inline(Action), Path, description = "What to do with it."),
    ),
    responses((status = 204, description = "It is being done."))
)]
pub(crate) async fn act(
    State(app): State<App>,
    standing: Standing,
    FromPath((id, action)): FromPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let action = parsed(&action).ok_or_else(|| {
        Problem::not_found("A file in the inbox can be retried, dismissed or taken.")
    })?;
    let id = id.parse().map_err(|_| no_such())?;
    let catalog = &app.site.catalog;
    let arrival = catalog.arrival_by_id(id).await?.ok_or_else(no_such)?;
    if let Some(title) = arrival.title.filter(|_| action != ArrivalAction::Dismiss) {
        check_may_change(&app, &standing, title).await?;
    }
    let path = catalog.arrival_action(id, action).await?;
    if action != ArrivalAction::Dismiss {
        app.site.doors.look_again(path, arrival.door).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn no_such() -> Problem {
    Problem::not_found("This file is not in the inbox any more.")
}

/// A file that belongs to a title is dealt with by whoever looks after the title.
async fn check_may_change(app: &App, standing: &Standing, title: TitleId) -> Result<(), Problem> {
    let Some(title) = app.site.catalog.title_even_removed(title).await? else {
        return Ok(());
    };
    let permitted = may(
        &standing.who,
        Want::Change,
        title.rights(),
        standing.audience,
    );
    permitted.then_some(()).ok_or_else(|| {
        Problem::forbidden("Only whoever added this film, or an admin, can do this.")
    })
}

/// What can be done with a file.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes what `parsed` reads")]
enum Action {
    Retry,
    Dismiss,
    Take,
}

fn parsed(action: &str) -> Option<ArrivalAction> {
    match action {
        "retry" => Some(ArrivalAction::Retry),
        "dismiss" => Some(ArrivalAction::Dismiss),
        "take" => Some(ArrivalAction::Take),
        _ => None,
    }
}
