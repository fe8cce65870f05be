//! Pages before one is somebody: first run, signing in, an invitation, a new password, a ticket.
//! Secrets are in the part of the address that browsers keep to themselves.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use model::error::Result;
use model::people::Role;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::caller::Standing;
use crate::extract::FromQuery;
use crate::health::WatchedFolder;
use crate::pages::{PageProblem, page};
use crate::policy::is_page_of_ours;
use crate::problem::Problem;

/// What these pages show.
#[derive(Debug, Serialize)]
struct Facts {
    /// Where to go afterwards.
    next: String,
    /// Anyone may make an account.
    open_sign_up: bool,
    /// Folders that are watched already; for first run alone.
    folders: Vec<WatchedFolder>,
}

/// The query string of the sign-in page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

/// `GET /setup`. Once the house is somebody's, its admin may still finish the steps.
pub(crate) async fn setup(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    if standing.claimed && !standing.who.is_at_least(Role::Admin) {
        return Ok(Redirect::to("/").into_response());
    }
    let mut facts = facts(&app, "/").await?;
    facts.folders = app.site.facts.folders();
    page(&app, &standing, "setup.html", &facts).await
}

/// `GET /sign-in?next=`
pub(crate) async fn sign_in(
    State(app): State<App>,
    standing: Standing,
    next: Result<FromQuery<Next>, Problem>,
) -> Result<Response, PageProblem> {
    if !standing.claimed {
        return Ok(Redirect::to("/setup").into_response());
    }
    let FromQuery(query) = next?;
    let next = query.next.unwrap_or_default();
    let next = if is_page_of_ours(&next) { &next } else { "/" };
    entry(&app, &standing, "sign-in.html", next).await
}

/// `GET /join`
pub(crate) async fn join(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    entry(&app, &standing, "join.html", "/").await
}

/// `GET /reset`
pub(crate) async fn reset(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    entry(&app, &standing, "reset.html", "/").await
}

/// `GET /enter`
pub(crate) async fn enter(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    entry(&app, &standing, "enter.html", "/").await
}

async fn entry(
    app: &App,
    standing: &Standing,
    template: &str,
    next: &str,
) -> Result<Response, PageProblem> {
    page(app, standing, template, &facts(app, next).await?).await
}

async fn facts(app: &App, next: &str) -> Result<Facts> {
    Ok(Facts {
        next: next.to_owned(),
        open_sign_up: app.site.catalog.settings().await?.open_sign_up,
        folders: Vec::new(),
    })
}
