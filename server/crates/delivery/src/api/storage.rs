//! `/api/v1/storage`: where pieces lie and how much room there is; trying a bucket out.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use model::settings::{Bucket, Place};
use serde::{Deserialize, Serialize};
use storage::bucket::trial;
use utoipa::ToSchema;

use crate::api::bucket::{BucketChange, BucketView};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::extract::FromJson;
use crate::problem::Problem;

/// Where pieces lie.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Storage {
    /// Where the pieces of new titles go.
    #[schema(schema_with = words::place)]
    place: Place,
    local: Local,
    /// Absent if none was given.
    bucket: Option<Remote>,
}

/// The disk of this computer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Local {
    /// Of segments.
    used_bytes: u64,
    /// Absent until it was looked at.
    free_bytes: Option<u64>,
}

/// The bucket, tried out just now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Remote {
    #[serde(flatten)]
    bucket: BucketView,
    /// Of segments.
    used_bytes: u64,
    /// It answers, and everything that is needed can be done there.
    reachable: bool,
    /// If not, why, in a sentence.
    reason: Option<String>,
}

/// What to try out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// The one of the settings if not given.
    bucket: Option<BucketChange>,
}

/// Each step of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialResult {
    checks: Vec<CheckView>,
}

/// One step of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckView {
    /// Which step, in a word or two.
    what: &'static str,
    ok: bool,
    /// How it went.
    sentence: String,
}

/// `GET /api/v1/storage`
#[utoipa::path(
    get,
    path = "/api/v1/storage",
    tag = "settings",
    operation_id = "showStorage",
    summary = "Where pieces lie, and how much room there is",
    responses((status = 200, description = "The places.", body = Storage))
)]
pub(crate) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let settings = app.site.catalog.settings().await?;
    let figures = app.site.catalog.figures().await?;
    let used_bytes = |place: Place| {
        let of_place = figures.segment_bytes.iter().filter(|(at, _)| *at == place);
        of_place.map(|(_, bytes)| bytes).sum()
    };
    let bucket = match settings.bucket {
        Some(bucket) => Some(tried(bucket, used_bytes(Place::Bucket)).await),
        None => None,
    };
    Ok(fresh(Json(Storage {
        place: settings.place,
        local: Local {
            used_bytes: used_bytes(Place::Local),
            free_bytes: app.site.facts.free_bytes(),
        },
        bucket,
    })))
}

async fn tried(bucket: Bucket, used_bytes: u64) -> Remote {
    let failed = trial::test(&bucket)
        .await
        .into_iter()
        .find(|check| !check.ok);
    Remote {
        bucket: BucketView::new(bucket),
        used_bytes,
        reachable: failed.is_none(),
        reason: failed.map(|check| check.sentence),
    }
}

/// `POST /api/v1/storage/test`
#[utoipa::path(
    post,
    path = "/api/v1/storage/test",
    tag = "settings",
    operation_id = "testStorage",
    summary = "Try a bucket out",
    request_body = Trial,
    responses((
        status = 200,
        description = "Every step up to the first that fails, if one does.",
        body = TrialResult
    ))
)]
pub(crate) async fn test(
    State(app): State<App>,
    FromJson(wanted): FromJson<Trial>,
) -> Result<Response, Problem> {
    let present = app.site.catalog.settings().await?.bucket;
    let bucket = match wanted.bucket {
        Some(described) => described.apply(present.as_ref())?,
        None => present.ok_or_else(|| Problem::bad_request("Say which bucket to test."))?,
    };
    let checks = trial::test(&bucket).await;
    let view = |check: trial::Check| CheckView {
        what: check.what,
        ok: check.ok,
        sentence: check.sentence,
    };
    Ok(fresh(Json(TrialResult {
        checks: checks.into_iter().map(view).collect(),
    })))
}
