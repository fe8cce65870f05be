//! `/api/v1/invites`, `/api/v1/join` and `/api/v1/signup`: how people come to have an account.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use catalog::invites::NewInvite;
use catalog::people::NewUser;
use model::people::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::address;
use crate::api::people::{InviteView, Signed};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::caller::Standing;
use crate::extract::{FromJson, FromPath};
use crate::origin::Way;
use crate::problem::Problem;
use crate::secret::{LONGEST_BYTES, Secret, fingerprint};
use crate::sign_in::welcome;
use crate::throttle::Attempt;

/// How long an invitation is good for unless its maker says otherwise, and at most.
const DAYS: u32 = 7;
const MOST_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// An invitation that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteWish {
    #[schema(schema_with = words::role)]
    role: Role,
    #[serde(default)]
    note: String,
    days: Option<u32>,
}

/// Invitations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InviteList {
    invites: Vec<InviteView>,
}

/// A new invitation with its link, which is never shown again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewInviteView {
    invite: InviteView,
    /// A path of this server with the secret behind `#`.
    link: String,
    /// The link at the best address as a picture, if other screens can reach this server.
    qr: Option<String>,
}

/// What a new person says of themselves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    name: String,
    email: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    password: String,
}

/// That, with the secret of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Join {
    token: String,
    name: String,
    email: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    password: String,
}

/// `GET /api/v1/invites`
#[utoipa::path(
    get,
    path = "/api/v1/invites",
    tag = "people",
    operation_id = "listInvites",
    summary = "Invitations, newest first",
    responses((status = 200, description = "The invitations.", body = InviteList))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    let invites = app.site.catalog.invites().await?;
    Ok(fresh(Json(InviteList {
        invites: invites.iter().map(InviteView::new).collect(),
    })))
}

/// `POST /api/v1/invites`
#[utoipa::path(
    post,
    path = "/api/v1/invites",
    tag = "people",
    operation_id = "invite",
    summary = "Invite somebody",
    request_body = InviteWish,
    responses((status = 201, description = "The invitation, and its link this once.", body = NewInviteView))
)]
pub(crate) async fn invite(
    State(app): State<App>,
    standing: Standing,
    FromJson(wish): FromJson<InviteWish>,
) -> Result<Response, Problem> {
    let (by, _) = standing.browser()?;
    let days = wish.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::bad_request(format!(
            "An invitation is good for 1 to {MOST_DAYS} days."
        )));
    }
    let secret = Secret::long("")?;
    let new = NewInvite {
        by,
        secret_hash: secret.fingerprint(),
        role: wish.role,
        note: wish.note,
        expires_at: app.site.clock.now().plus(DAY * days),
    };
    let invite = app.site.catalog.add_invite(new).await?;
    let link = format!("/join#t={}", secret.reveal());
    let view = NewInviteView {
        invite: InviteView::new(&invite),
        qr: address::picture_of(&app, &link),
        link,
    };
    Ok((StatusCode::CREATED, fresh(Json(view))).into_response())
}

/// `DELETE /api/v1/invites/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/invites/{id}",
    tag = "people",
    operation_id = "removeInvite",
    summary = "Take an invitation back",
    params(words::IdInPath),
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    standing.browser()?;
    let id = id
        .parse()
        .map_err(|_| Problem::not_found("There is no such invitation."))?;
    app.site.catalog.remove_invite(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/join`
#[utoipa::path(
    post,
    path = "/api/v1/join",
    tag = "people",
    operation_id = "join",
    summary = "Make an account by an invitation",
    request_body = Join,
    responses((status = 201, description = "The person; the answer signs the browser in.", body = Signed))
)]
pub(crate) async fn join(
    State(app): State<App>,
    way: Way,
    headers: HeaderMap,
    FromJson(join): FromJson<Join>,
) -> Result<Response, Problem> {
    let attempt = Attempt::with_secret(way.origin);
    app.throttle.admit(&attempt)?;
    let secret = Some(join.token).filter(|token| token.len() <= LONGEST_BYTES);
    let secret = fingerprint(&secret.unwrap_or_default());
    // Looked at before the password is hashed, which costs more.
    app.site.catalog.check_invite(secret).await?;
    let sign_up = SignUp {
        name: join.name,
        email: join.email,
        first_name: join.first_name,
        last_name: join.last_name,
        password: join.password,
    };
    // The invitation says which part they have; this one is passed over.
    let user = sign_up.into_viewer(&app).await?;
    let user = app.site.catalog.accept_invite(secret, user).await?;
    app.throttle.forgive(&attempt);
    welcome(&app, way, &headers, StatusCode::CREATED, user).await
}

/// `POST /api/v1/signup`, where the house is open to everybody. Each attempt counts, also a
/// successful one.
#[utoipa::path(
    post,
    path = "/api/v1/signup",
    tag = "people",
    operation_id = "signUp",
    summary = "Make an account where the house is open to everybody",
    request_body = SignUp,
    responses((status = 201, description = "The person; the answer signs the browser in.", body = Signed))
)]
pub(crate) async fn sign_up(
    State(app): State<App>,
    way: Way,
    headers: HeaderMap,
    FromJson(sign_up): FromJson<SignUp>,
) -> Result<Response, Problem> {
    if !app.is_claimed().await? || !app.site.catalog.settings().await?.open_sign_up {
        return Err(Problem::forbidden(
            "People are invited to this house. Ask an admin for an invitation.",
        ));
    }
    app.throttle.admit(&Attempt::with_secret(way.origin))?;
    let user = sign_up.into_viewer(&app).await?;
    let user = app.site.catalog.add_user(user).await?;
    welcome(&app, way, &headers, StatusCode::CREATED, user).await
}

impl SignUp {
    /// Whoever comes without being vouched for watches.
    async fn into_viewer(self, app: &App) -> Result<NewUser, Problem> {
        Ok(NewUser {
            name: self.name,
            email: self.email,
            first_name: self.first_name,
            last_name: self.last_name,
            password_hash: app.passwords.hash(self.password).await?,
            role: Role::Viewer,
        })
    }
}
