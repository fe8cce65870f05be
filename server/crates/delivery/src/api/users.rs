//! `/api/v1/users`: the people of the house, for those who look after it; and the link by which
//! somebody who forgot their password gets another.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use catalog::people::{NewUser, UserChange};
use model::id::UserId;
use model::people::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::address;
use crate::api::people::{Signed, UserList, UserView};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::{App, RESET};
use crate::caller::Standing;
use crate::extract::{FromJson, FromPath, given};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::rfc3339;
use crate::throttle::Attempt;

/// A person who is to have an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserWish {
    name: String,
    email: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    password: String,
    #[schema(schema_with = words::role)]
    role: Role,
}

/// What is to be different about a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[schema(schema_with = words::role_or_null)]
    role: Option<Role>,
    active: Option<bool>,
}

/// A link for one use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResetLink {
    /// A path of this server with the secret behind `#`.
    link: String,
    /// The link at the best address as a picture, if other screens can reach this server.
    qr: Option<String>,
    #[schema(schema_with = words::instant)]
    expires_at: String,
}

/// A new password by such a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reset)]
pub(crate) struct ResetWish {
    token: String,
    password: String,
}

/// What such a link is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reset {
    user: UserId,
    /// Who made it; without them it is worth nothing.
    by: UserId,
}

/// `GET /api/v1/users`
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "people",
    operation_id = "listUsers",
    summary = "Everybody, by name",
    responses((status = 200, description = "The people.", body = UserList))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    let users = app.site.catalog.users().await?;
    Ok(fresh(Json(UserList {
        users: users.iter().map(UserView::new).collect(),
    })))
}

/// `POST /api/v1/users`
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "people",
    operation_id = "addUser",
    summary = "Make an account for somebody",
    request_body = UserWish,
    responses((status = 201, description = "The person.", body = Signed))
)]
pub(crate) async fn add(
    State(app): State<App>,
    standing: Standing,
    FromJson(wish): FromJson<UserWish>,
) -> Result<Response, Problem> {
    standing.browser()?;
    let user = wish.fulfil(&app).await?;
    let signed = Signed {
        user: UserView::new(&user),
    };
    Ok((StatusCode::CREATED, fresh(Json(signed))).into_response())
}

impl UserWish {
    pub(crate) async fn fulfil(self, app: &App) -> Result<model::people::User, Problem> {
        let user = NewUser {
            name: self.name,
            email: self.email,
            first_name: self.first_name,
            last_name: self.last_name,
            password_hash: app.passwords.hash(self.password).await?,
            role: self.role,
        };
        Ok(app.site.catalog.add_user(user).await?)
    }
}

/// `PATCH /api/v1/users/{id}`
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "people",
    operation_id = "changeUser",
    summary = "Change somebody's account",
    params(words::IdInPath),
    request_body = PersonChange,
    responses((status = 200, description = "The person as they are now.", body = Signed))
)]
pub(crate) async fn change(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
    FromJson(change): FromJson<PersonChange>,
) -> Result<Response, Problem> {
    standing.browser()?;
    let change = UserChange {
        name: change.name,
        email: change.email,
        first_name: change.first_name,
        last_name: change.last_name,
        role: change.role,
        active: change.active,
        password_hash: None,
    };
    let catalog = &app.site.catalog;
    let user = catalog.change_user(user_id(&id)?, change, None).await?;
    Ok(fresh(Json(Signed {
        user: UserView::new(&user),
    })))
}

/// `DELETE /api/v1/users/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "people",
    operation_id = "removeUser",
    summary = "Remove somebody; their films stay",
    params(words::IdInPath),
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    standing.browser()?;
    app.site.catalog.remove_user(user_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/users/{id}/reset`
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/reset",
    tag = "people",
    operation_id = "offerReset",
    summary = "Make a link for a new password",
    params(words::IdInPath),
    responses((status = 200, description = "The link, good once and for an hour.", body = ResetLink))
)]
pub(crate) async fn offer_reset(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let (by, _) = standing.browser()?;
    let user = app.site.catalog.user(user_id(&id)?).await?;
    let user = user.ok_or_else(no_such)?;
    let secret = app.resets.issue(Reset { user: user.id, by })?;
    let link = format!("/reset#t={}", secret.reveal());
    Ok(fresh(Json(ResetLink {
        qr: address::picture_of(&app, &link),
        link,
        expires_at: rfc3339::format(app.site.clock.now().plus(RESET)),
    })))
}

/// `POST /api/v1/reset`: ends every sign-in of the person, and signs nobody in.
#[utoipa::path(
    post,
    path = "/api/v1/reset",
    tag = "people",
    operation_id = "resetPassword",
    summary = "Set a new password by such a link",
    request_body = ResetWish,
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn reset(
    State(app): State<App>,
    origin: Origin,
    FromJson(reset): FromJson<ResetWish>,
) -> Result<Response, Problem> {
    let attempt = Attempt::with_secret(origin);
    app.throttle.admit(&attempt)?;
    // Hashed first: a password that is too short must not use the link up.
    let password_hash = app.passwords.hash(reset.password).await?;
    let Some(Reset { user, by }) = app.resets.redeem(&reset.token) else {
        return Err(void());
    };
    let by = app.site.catalog.user(by).await?;
    if !by.is_some_and(|by| by.is_active_admin()) {
        return Err(void());
    }
    app.throttle.forgive(&attempt);
    set_password(&app, user, password_hash).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn void() -> Problem {
    Problem::forbidden("This link was used, or is older than an hour. Ask for another.")
}

/// Gives somebody another password, which ends their sign-ins and tokens.
pub(crate) async fn set_password(
    app: &App,
    user: UserId,
    password_hash: String,
) -> Result<(), Problem> {
    let change = UserChange {
        password_hash: Some(password_hash),
        ..UserChange::default()
    };
    app.site.catalog.change_user(user, change, None).await?;
    Ok(())
}

fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| no_such())
}

fn no_such() -> Problem {
    Problem::not_found("There is no such account.")
}
