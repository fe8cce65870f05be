//! `POST /api/v3/auth/signup/` and `/api/v3/auth/login/`.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use catalog::people::NewUser;
use catalog::sessions::NewToken;
use model::error::ErrorKind;
use model::people::{Role, Scope, User};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::cutetube::shape::{too_many, user, user_refused};
use crate::extract::FromJson;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::sign_in::by_password;
use crate::throttle::Attempt;

/// As long as CuteTube's tokens hold.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);
/// What its tokens are called in the list of their owner.
const LABEL: &str = "CuteTube client";
/// Sign-ins of a person that hold at the same time; each has two tokens.
const MOST_TOKENS: usize = 16;

/// Fields of signing up. Other fields are passed over, as CuteTube does.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignUp {
    first_name: String,
    last_name: String,
    username: String,
    email: String,
    password: String,
    password2: String,
}

/// Fields of signing in.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignIn {
    credential: String,
    password: String,
}

/// `POST /api/v3/auth/signup/`: where the house is open to everybody. As at CuteTube's, whoever has
/// an account may upload.
#[utoipa::path(
    post,
    path = "/api/v3/auth/signup/",
    tag = "cutetube",
    operation_id = "cutetubeSignUp",
    summary = "Make an account",
    request_body = Object,
    responses((status = 200, description = "Tokens.", body = Object))
)]
pub(crate) async fn sign_up(
    State(app): State<App>,
    origin: Origin,
    FromJson(wish): FromJson<SignUp>,
) -> Result<Response, Problem> {
    if let Some(detail) = wrong_fields(&wish) {
        return Ok(user_refused(StatusCode::BAD_REQUEST, detail));
    }
    if !app.is_claimed().await? || !app.site.catalog.settings().await?.open_sign_up {
        let detail = json!({"non_field_errors": [
            "People are invited to this house. Ask an admin for an invitation, open its link in a \
             browser, and log in here with what you choose there."
        ]});
        return Ok(user_refused(StatusCode::FORBIDDEN, detail));
    }
    if let Err(problem) = app.throttle.admit(&Attempt::with_secret(origin)) {
        return Ok(slow_down(&problem));
    }
    let new = NewUser {
        name: wish.username,
        email: Some(wish.email),
        first_name: wish.first_name,
        last_name: wish.last_name,
        password_hash: app.passwords.hash(wish.password).await?,
        role: Role::Uploader,
    };
    match app.site.catalog.add_user(new).await {
        Ok(made) => signed_in(&app, &made).await,
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(user_refused(
            StatusCode::BAD_REQUEST,
            "A user with this username already exists!",
        )),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Ok(user_refused(StatusCode::BAD_REQUEST, error.message()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What Django's serializer would say. Passwords are as long as everywhere in Homereel.
fn wrong_fields(wish: &SignUp) -> Option<Value> {
    for (field, text) in [
        ("username", &wish.username),
        ("email", &wish.email),
        ("first_name", &wish.first_name),
        ("last_name", &wish.last_name),
        ("password", &wish.password),
        ("password2", &wish.password2),
    ] {
        if text.trim().is_empty() {
            return Some(json!({field: ["This field is required."]}));
        }
    }
    let length = wish.password.len();
    if length < crate::passwords::SHORTEST_BYTES {
        let message = "Ensure this field has at least 8 characters.";
        return Some(json!({"password": [message]}));
    }
    if length > crate::passwords::LONGEST_BYTES {
        let message = "Ensure this field has no more than 128 characters.";
        return Some(json!({"password": [message]}));
    }
    (wish.password != wish.password2)
        .then(|| json!({"non_field_errors": ["Password does not match!"]}))
}

/// `POST /api/v3/auth/login/`
#[utoipa::path(
    post,
    path = "/api/v3/auth/login/",
    tag = "cutetube",
    operation_id = "cutetubeLogIn",
    summary = "Sign in by name or e-mail address",
    request_body = Object,
    responses((status = 200, description = "Tokens.", body = Object))
)]
pub(crate) async fn log_in(
    State(app): State<App>,
    origin: Origin,
    FromJson(sign_in): FromJson<SignIn>,
) -> Result<Response, Problem> {
    let missing = match (sign_in.credential.as_str(), sign_in.password.as_str()) {
        ("", _) => Some("email or username is not provided."),
        (_, "") => Some("password is not provided."),
        _ => None,
    };
    if let Some(detail) = missing {
        return Ok(user_refused(StatusCode::BAD_REQUEST, detail));
    }
    let found = by_password(&app, origin, &sign_in.credential, sign_in.password).await;
    match found {
        Ok(Some(person)) => signed_in(&app, &person).await,
        Err(problem) if problem.wait().is_some() => Ok(slow_down(&problem)),
        Err(problem) if problem.is_ours() => Err(problem),
        _ => {
            let detail = json!({
                "non_field_errors": ["Username, Email or password is incorrect"]
            });
            Ok(user_refused(StatusCode::BAD_REQUEST, detail))
        }
    }
}

fn slow_down(problem: &Problem) -> Response {
    match problem.wait() {
        Some(wait) => too_many(wait),
        None => problem.clone().into_response(),
    }
}

/// Two tokens of ours in CuteTube's envelope. There is no door that takes the second, neither
/// there nor here; it reads.
async fn signed_in(app: &App, person: &User) -> Result<Response, Problem> {
    make_room(app, person).await?;
    let access = token(app, person, Scope::Upload).await?;
    let refresh = token(app, person, Scope::Read).await?;
    let token = json!({"refresh": refresh.reveal(), "access": access.reveal()});
    let body = json!({"status": "success", "token": token});
    Ok(user(StatusCode::OK, &body))
}

async fn token(app: &App, person: &User, scope: Scope) -> Result<Secret, Problem> {
    let secret = Secret::long("hr_")?;
    let new = NewToken {
        user: person.id,
        secret_hash: secret.fingerprint(),
        label: LABEL.into(),
        scope,
        expires_at: app.site.clock.now().plus(LIFETIME),
    };
    app.site.catalog.add_token(new).await?;
    Ok(secret)
}

/// Its clients sign in whenever they like and never out.
async fn make_room(app: &App, person: &User) -> Result<(), Problem> {
    let catalog = &app.site.catalog;
    let mut tokens = catalog.tokens(person.id).await?;
    tokens.retain(|token| token.label == LABEL);
    tokens.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
    for old in tokens.iter().skip(MOST_TOKENS - 2) {
        catalog.remove_token(old.id, Some(person.id)).await?;
    }
    Ok(())
}
