//! `/api/v1/account`: what people change about themselves: name, password, browsers that are
//! signed in, tokens. Only a browser that is signed in may, never a token: what leaks from a
//! script must not be able to stay.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use catalog::people::UserChange;
use catalog::sessions::NewToken;
use model::people::{Principal, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::people::{SessionView, Signed, TokenView, UserView};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::caller::Standing;
use crate::extract::{FromJson, FromPath, given};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::sign_in::by_password;

/// How long a token is good for unless its owner says otherwise, and at most.
const DAYS: u32 = 365;
const MOST_DAYS: u32 = 3_650;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Longest label of a token, in characters.
const LABEL_CHARS: usize = 80;

/// What is to be different.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    password: Option<NewPassword>,
}

/// A new password is given together with the present one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    current: String,
    new: String,
}

/// A token that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenWish {
    label: String,
    #[schema(schema_with = words::scope)]
    scope: Scope,
    days: Option<u32>,
}

/// Browsers that are signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionView>,
}

/// Tokens and app passwords.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<TokenView>,
}

/// A new token with its secret, which is never shown again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewTokenView {
    token: TokenView,
    secret: String,
}

/// `GET /api/v1/account`
#[utoipa::path(
    get,
    path = "/api/v1/account",
    tag = "people",
    operation_id = "showAccount",
    summary = "One's own account",
    responses((status = 200, description = "The person.", body = Signed))
)]
pub(crate) async fn show(State(app): State<App>, standing: Standing) -> Result<Response, Problem> {
    let user = app.site.catalog.user(standing.person()?).await?;
    let user = user.ok_or_else(|| Problem::not_found("This account is gone."))?;
    Ok(fresh(Json(Signed {
        user: UserView::new(&user),
    })))
}

/// `PATCH /api/v1/account`
#[utoipa::path(
    patch,
    path = "/api/v1/account",
    tag = "people",
    operation_id = "changeAccount",
    summary = "Change one's own account",
    request_body = AccountChange,
    responses((status = 200, description = "The person as they are now.", body = Signed))
)]
pub(crate) async fn change(
    State(app): State<App>,
    standing: Standing,
    origin: Origin,
    FromJson(change): FromJson<AccountChange>,
) -> Result<Response, Problem> {
    let (user, session) = standing.browser()?;
    let password_hash = match change.password {
        Some(password) => Some(new_password(&app, &standing, origin, password).await?),
        None => None,
    };
    let change = UserChange {
        name: change.name,
        email: change.email,
        first_name: change.first_name,
        last_name: change.last_name,
        password_hash,
        ..UserChange::default()
    };
    let catalog = &app.site.catalog;
    let user = catalog.change_user(user, change, Some(session)).await?;
    Ok(fresh(Json(Signed {
        user: UserView::new(&user),
    })))
}

async fn new_password(
    app: &App,
    standing: &Standing,
    origin: Origin,
    password: NewPassword,
) -> Result<String, Problem> {
    let Principal::Person { name, .. } = &standing.who else {
        return Err(Problem::unauthorized("Sign in to do this."));
    };
    let known = by_password(app, origin, name, password.current).await?;
    if known.is_none() {
        return Err(Problem::forbidden("The present password is another."));
    }
    Ok(app.passwords.hash(password.new).await?)
}

/// `GET /api/v1/account/sessions`
#[utoipa::path(
    get,
    path = "/api/v1/account/sessions",
    tag = "people",
    operation_id = "listSessions",
    summary = "Browsers that are signed in",
    responses((status = 200, description = "The browsers.", body = SessionList))
)]
pub(crate) async fn sessions(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, Problem> {
    let (user, current) = standing.browser()?;
    let sessions = app.site.catalog.sessions(user).await?;
    let views = sessions.iter();
    Ok(fresh(Json(SessionList {
        sessions: views
            .map(|session| SessionView::new(session, Some(current)))
            .collect(),
    })))
}

/// `DELETE /api/v1/account/sessions/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/account/sessions/{id}",
    tag = "people",
    operation_id = "endSession",
    summary = "Sign a browser out",
    params(words::IdInPath),
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn end_session(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let (user, _) = standing.browser()?;
    let id = id
        .parse()
        .map_err(|_| Problem::not_found("There is no such sign-in."))?;
    app.site.catalog.remove_session(id, Some(user)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/v1/account/tokens`
#[utoipa::path(
    get,
    path = "/api/v1/account/tokens",
    tag = "people",
    operation_id = "listTokens",
    summary = "Tokens and app passwords",
    responses((status = 200, description = "The tokens, without their secrets.", body = TokenList))
)]
pub(crate) async fn tokens(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, Problem> {
    let (user, _) = standing.browser()?;
    let tokens = app.site.catalog.tokens(user).await?;
    Ok(fresh(Json(TokenList {
        tokens: tokens.iter().map(TokenView::new).collect(),
    })))
}

/// `POST /api/v1/account/tokens`
#[utoipa::path(
    post,
    path = "/api/v1/account/tokens",
    tag = "people",
    operation_id = "makeToken",
    summary = "Make a token or an app password",
    request_body = TokenWish,
    responses((status = 201, description = "The token, and its secret this once.", body = NewTokenView))
)]
pub(crate) async fn make_token(
    State(app): State<App>,
    standing: Standing,
    FromJson(wish): FromJson<TokenWish>,
) -> Result<Response, Problem> {
    let (user, _) = standing.browser()?;
    let label = wish.label.trim();
    if label.is_empty() || label.chars().count() > LABEL_CHARS {
        return Err(Problem::bad_request(format!(
            "A token has a name of 1 to {LABEL_CHARS} letters, so that you know it again."
        )));
    }
    let days = wish.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::bad_request(format!(
            "A token is good for 1 to {MOST_DAYS} days."
        )));
    }
    let secret = Secret::long("hr_")?;
    let new = NewToken {
        user,
        secret_hash: secret.fingerprint(),
        label: label.to_owned(),
        scope: wish.scope,
        expires_at: app.site.clock.now().plus(DAY * days),
    };
    let token = app.site.catalog.add_token(new).await?;
    let view = NewTokenView {
        token: TokenView::new(&token),
        secret: secret.reveal().to_owned(),
    };
    Ok((StatusCode::CREATED, fresh(Json(view))).into_response())
}

/// `DELETE /api/v1/account/tokens/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/account/tokens/{id}",
    tag = "people",
    operation_id = "endToken",
    summary = "End a token",
    params(words::IdInPath),
    responses((status = 204, description = "It is done."))
)]
pub(crate) async fn end_token(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let (user, _) = standing.browser()?;
    let id = id
        .parse()
        .map_err(|_| Problem::not_found("There is no such token."))?;
    app.site.catalog.remove_token(id, Some(user)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
