//! `GET` and `POST /api/v1/setup`: how a house gets its owner, once and for ever.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use catalog::people::NewUser;
use model::error::ErrorKind;
use model::people::{Role, User};
use model::rights::Audience;
use model::settings::Settings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::people::Signed;
use crate::api::settings::house_name;
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::extract::FromJson;
use crate::origin::Way;
use crate::problem::Problem;
use crate::sign_in::welcome;
use crate::throttle::Attempt;

/// How far setting up has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Setup {
    claimed: bool,
    house_name: String,
}

/// What the first person says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    token: String,
    name: String,
    email: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    password: String,
    house_name: Option<String>,
    #[schema(schema_with = words::audience)]
    audience: Audience,
    /// The first folder to watch, as an absolute path.
    folder: Option<String>,
}

/// `GET /api/v1/setup`
#[utoipa::path(
    get,
    path = "/api/v1/setup",
    tag = "people",
    operation_id = "showSetup",
    summary = "Whether somebody has set the house up",
    responses((status = 200, description = "How far it is.", body = Setup))
)]
pub(crate) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let settings = app.site.catalog.settings().await?;
    Ok(fresh(Json(Setup {
        claimed: app.is_claimed().await?,
        house_name: settings.house_name,
    })))
}

/// `POST /api/v1/setup`
#[utoipa::path(
    post,
    path = "/api/v1/setup",
    tag = "people",
    operation_id = "claimHouse",
    summary = "Become the owner, once and for ever",
    request_body = Claim,
    responses((status = 201, description = "The owner; the answer signs the browser in.", body = Signed))
)]
pub(crate) async fn claim(
    State(app): State<App>,
    way: Way,
    headers: HeaderMap,
    FromJson(claim): FromJson<Claim>,
) -> Result<Response, Problem> {
    if app.is_claimed().await? {
        return Err(set_up_already());
    }
    let attempt = Attempt::with_secret(way.origin);
    app.throttle.admit(&attempt)?;
    let right = app
        .site
        .setup
        .as_ref()
        .filter(|token| token.is(&claim.token));
    let token = right.ok_or_else(|| {
        Problem::forbidden(
            "This is not the link of this start. Take the one that stands last in Homereel's \
             log, or the one in the file setup-token of its data folder.",
        )
    })?;
    app.throttle.forgive(&attempt);
    let folder = checked(&app, claim.folder.clone()).await?;
    let owner = take(&app, claim).await?;
    token.use_up();
    tracing::info!(owner = %owner.id, "This house has an owner now.");
    if let Some(folder) = folder {
        app.site.folders.add(&folder).await?;
    }
    welcome(&app, way, &headers, StatusCode::CREATED, owner).await
}

async fn take(app: &App, claim: Claim) -> Result<User, Problem> {
    let settings = app.site.catalog.settings().await?;
    let settings = Settings {
        house_name: match claim.house_name.filter(|name| !name.trim().is_empty()) {
            Some(name) => house_name(&name)?,
            None => settings.house_name,
        },
        audience: claim.audience,
        ..settings
    };
    let owner = NewUser {
        name: claim.name,
        email: claim.email,
        first_name: claim.first_name,
        last_name: claim.last_name,
        password_hash: app.passwords.hash(claim.password).await?,
        role: Role::Admin,
    };
    let taken = app.site.catalog.claim_house(owner, settings).await;
    taken.map_err(|error| match error.kind() {
        ErrorKind::Conflict => set_up_already(),
        _ => error.into(),
    })
}

fn set_up_already() -> Problem {
    Problem::gone("This house is set up already. Sign in instead.")
}

/// Looked at before the claim, so that a slip of the pen does not leave half a claim behind.
async fn checked(app: &App, folder: Option<String>) -> Result<Option<String>, Problem> {
    let Some(folder) = folder.filter(|folder| !folder.is_empty()) else {
        return Ok(None);
    };
    app.site.folders.checked(&folder).await?;
    Ok(Some(folder))
}
