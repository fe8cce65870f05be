//! `/api/v1/session`: signing in, who one is, signing out; and the ticket by which the desktop
//! window signs in without a password.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::people::{Credential, Principal};
use model::rights::Audience;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::people::{Signed, UserView};
use crate::api::videos::fresh;
use crate::app::App;
use crate::caller::Standing;
use crate::cookie;
use crate::extract::FromJson;
use crate::origin::Way;
use crate::problem::Problem;
use crate::sign_in::{by_password, welcome};
use crate::throttle::Attempt;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// A name or an e-mail address.
    credential: String,
    password: String,
}

/// The secret of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    ticket: String,
}

/// Who one is, and what one may do otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Present {
    user: Option<UserView>,
    guest_may_watch: bool,
    claimed: bool,
}

/// `GET /api/v1/session`
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "people",
    operation_id = "showSession",
    summary = "Who one is",
    responses((status = 200, description = "The person, or null for a guest.", body = Present))
)]
pub(crate) async fn show(State(app): State<App>, standing: Standing) -> Result<Response, Problem> {
    let user = match standing.who.user() {
        Some(id) => app.site.catalog.user(id).await?,
        None => None,
    };
    Ok(fresh(Json(Present {
        user: user.as_ref().map(UserView::new),
        guest_may_watch: !standing.claimed || standing.audience == Audience::Anyone,
        claimed: standing.claimed,
    })))
}

/// `POST /api/v1/session`
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "people",
    operation_id = "signIn",
    summary = "Sign in by name or e-mail address",
    request_body = SignIn,
    responses((status = 200, description = "The person; the answer sets the cookie.", body = Signed))
)]
pub(crate) async fn sign_in(
    State(app): State<App>,
    way: Way,
    headers: HeaderMap,
    FromJson(sign_in): FromJson<SignIn>,
) -> Result<Response, Problem> {
    let found = by_password(&app, way.origin, &sign_in.credential, sign_in.password).await?;
    let user = found.ok_or_else(|| {
        Problem::unauthorized("The name or the password is wrong, or this account is switched off.")
    })?;
    welcome(&app, way, &headers, StatusCode::OK, user).await
}

/// `DELETE /api/v1/session`
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "people",
    operation_id = "signOut",
    summary = "Sign out",
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn sign_out(
    State(app): State<App>,
    way: Way,
    standing: Standing,
) -> Result<Response, Problem> {
    if let Principal::Person {
        by: Credential::Session(session),
        ..
    } = standing.who
    {
        app.site.catalog.remove_session(session, None).await?;
    }
    let forget = [(header::SET_COOKIE, cookie::forget(way))];
    Ok((StatusCode::NO_CONTENT, forget).into_response())
}

/// `POST /api/v1/session/ticket`
#[utoipa::path(
    post,
    path = "/api/v1/session/ticket",
    tag = "people",
    operation_id = "useTicket",
    summary = "Sign in by a one-time ticket of this machine",
    request_body = Ticket,
    responses((status = 200, description = "The person; the answer sets the cookie.", body = Signed))
)]
pub(crate) async fn enter(
    State(app): State<App>,
    way: Way,
    headers: HeaderMap,
    FromJson(Ticket { ticket }): FromJson<Ticket>,
) -> Result<Response, Problem> {
    let attempt = Attempt::with_secret(way.origin);
    app.throttle.admit(&attempt)?;
    let user = match app.tickets.redeem(&ticket) {
        Some(user) => app.site.catalog.user(user).await?,
        None => None,
    };
    let user = user.filter(|user| user.active).ok_or_else(|| {
        Problem::forbidden("This link was used, or is older than half a minute. Ask for another.")
    })?;
    app.throttle.forgive(&attempt);
    welcome(&app, way, &headers, StatusCode::OK, user).await
}
