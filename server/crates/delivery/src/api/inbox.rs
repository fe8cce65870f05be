//! `/api/v1/inbox`: files that were seen at a door, what became of them, and one action each.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::inbox::ArrivalAction;
use catalog::inbox_page::{InboxQuery, MAX_PER_PAGE, Only};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::dto::{ArrivalView, Inbox};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::caller::Standing;
use crate::extract::{FromPath, FromQuery};
use crate::problem::Problem;
use crate::titles;

const PER_PAGE: u32 = 100;

/// The query string of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// Only files that whoever asks should decide on.
    #[serde(default)]
    #[param(required = false)]
    needs_you: bool,
    /// Only what comes after the page that said this.
    #[param(max_length = 64)]
    cursor: Option<String>,
    /// How many, 200 at most.
    limit: Option<u32>,
}

/// `GET /api/v1/inbox?needs_you=&cursor=&limit=`
#[utoipa::path(
    get,
    path = "/api/v1/inbox",
    tag = "inbox",
    operation_id = "listInbox",
    summary = "Files that were seen at a door, newest change first",
    params(Listing),
    responses((status = 200, description = "The files.", body = Inbox))
)]
pub(crate) async fn list(
    State(app): State<App>,
    standing: Standing,
    FromQuery(listing): FromQuery<Listing>,
) -> Result<Response, Problem> {
    let query = InboxQuery {
        who: titles::viewer(&standing),
        only: match listing.needs_you {
            true => Only::Undecided,
            false => Only::All,
        },
        after: listing.cursor.as_deref().map(str::parse).transpose()?,
        limit: listing.limit.unwrap_or(PER_PAGE).clamp(1, MAX_PER_PAGE),
    };
    let page = app.site.catalog.inbox(query).await?;
    Ok(fresh(Json(Inbox {
        arrivals: page.arrivals.iter().map(ArrivalView::new).collect(),
        total: page.total,
        needs_you: page.undecided,
        next_cursor: page.next.map(|next| next.to_string()),
    })))
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
    let seen = catalog.seen_arrival(titles::viewer(&standing), id).await?;
    let seen = seen.ok_or_else(no_such)?;
    if !seen.may_decide {
        return Err(Problem::forbidden(
            "Only whoever added this film, or an admin, can do this.",
        ));
    }
    let path = catalog.arrival_action(id, action).await?;
    if action != ArrivalAction::Dismiss {
        let door = seen.arrival.door;
        app.site.doors.look_again(path, door).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn no_such() -> Problem {
    Problem::not_found("This file is not in the inbox any more.")
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
