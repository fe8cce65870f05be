//! What programs of this machine ask that can read the data folder: the desktop window and the
//! command line. Whoever can read the folder could change the catalog as well.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::people::{Role, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::people::{Signed, UserList, UserView};
use crate::api::users::{UserWish, set_password};
use crate::api::videos::fresh;
use crate::app::App;
use crate::extract::FromJson;
use crate::problem::Problem;

/// Where to go: a path of this server with a secret behind `#`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketView {
    url: String,
}

/// Somebody's new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostPassword {
    /// What they sign in with.
    name: String,
    password: String,
}

/// `POST /api/v1/tickets`: signs the first admin in, or leads to setting the house up.
#[utoipa::path(
    post,
    path = "/api/v1/tickets",
    tag = "host",
    operation_id = "makeTicket",
    summary = "Make a ticket that signs a browser of this machine in",
    responses((status = 200, description = "Where to go.", body = TicketView))
)]
pub(crate) async fn ticket(State(app): State<App>) -> Result<Response, Problem> {
    let setup = app.site.setup.as_ref();
    let url = match (app.is_claimed().await?, setup) {
        (false, Some(token)) => token.link(),
        _ => {
            let secret = app.tickets.issue(first_admin(&app).await?.id)?;
            format!("/enter#t={}", secret.reveal())
        }
    };
    Ok(fresh(Json(TicketView { url })))
}

async fn first_admin(app: &App) -> Result<User, Problem> {
    let users = app.site.catalog.users().await?;
    let admins = users
        .into_iter()
        .filter(|user| user.active && user.role == Role::Admin);
    admins
        .min_by_key(|user| (user.created_at, user.id))
        .ok_or_else(|| {
            Problem::not_found("This house has no admin. Make one with `homereel user add`.")
        })
}

/// `GET /api/v1/host/users`
#[utoipa::path(
    get,
    path = "/api/v1/host/users",
    tag = "host",
    operation_id = "listUsersHere",
    summary = "Everybody, by name",
    responses((status = 200, description = "The people.", body = UserList))
)]
pub(crate) async fn users(State(app): State<App>) -> Result<Response, Problem> {
    let users = app.site.catalog.users().await?;
    Ok(fresh(Json(UserList {
        users: users.iter().map(UserView::new).collect(),
    })))
}

/// `POST /api/v1/host/users`: an admin's account claims a house that nobody claimed.
#[utoipa::path(
    post,
    path = "/api/v1/host/users",
    tag = "host",
    operation_id = "addUserHere",
    summary = "Make an account; an admin's sets the house up",
    request_body = UserWish,
    responses((status = 201, description = "The person.", body = Signed))
)]
pub(crate) async fn add_user(
    State(app): State<App>,
    FromJson(wish): FromJson<UserWish>,
) -> Result<Response, Problem> {
    let user = wish.fulfil(&app).await?;
    if let Some(token) = app.site.setup.as_ref().filter(|_| user.role == Role::Admin) {
        token.use_up();
    }
    let signed = Signed {
        user: UserView::new(&user),
    };
    Ok((StatusCode::CREATED, fresh(Json(signed))).into_response())
}

/// `POST /api/v1/host/password`
#[utoipa::path(
    post,
    path = "/api/v1/host/password",
    tag = "host",
    operation_id = "setPasswordHere",
    summary = "Give somebody a new password",
    request_body = HostPassword,
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn password(
    State(app): State<App>,
    FromJson(new): FromJson<HostPassword>,
) -> Result<Response, Problem> {
    let known = app.site.catalog.user_for_login(&new.name).await?;
    let (user, _) =
        known.ok_or_else(|| Problem::not_found(format!("Nobody here is called {}.", new.name)))?;
    let password_hash = app.passwords.hash(new.password).await?;
    set_password(&app, user.id, password_hash).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
