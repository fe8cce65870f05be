//! `GET /api/v1/jobs` and `POST /api/v1/jobs/{id}/{action}`. An action is recorded; whoever runs
//! the job observes it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use catalog::queue::JobQuery;
use model::id::JobId;
use model::job::Intent;
use model::rights::Want;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::dto::{JobList, JobView};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{FromPath, FromQuery, job_id};
use crate::problem::Problem;
use crate::titles;

const LIMIT: u32 = 100;
const MAX_LIMIT: u64 = 500;

/// The query string of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// Only jobs that still have something to do.
    #[serde(default)]
    #[param(required = false)]
    open: bool,
    /// How many, 500 at most.
    limit: Option<u64>,
}

/// `GET /api/v1/jobs?open=&limit=`
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    tag = "jobs",
    operation_id = "listJobs",
    summary = "Jobs in the order they will run, then finished ones",
    params(Listing),
    responses((status = 200, description = "The jobs.", body = JobList))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    FromQuery(listing): FromQuery<Listing>,
) -> Result<Response, Problem> {
    let limit = listing.limit.unwrap_or(LIMIT.into()).clamp(1, MAX_LIMIT);
    let query = JobQuery {
        open_only: listing.open,
        limit: u32::try_from(limit).unwrap_or(LIMIT),
    };
    let jobs = app.site.catalog.jobs(query).await?;
    let mut seen = Vec::with_capacity(jobs.len());
    for job in &jobs {
        if titles::is_visible(&app, &caller, job.title).await? {
            seen.push(JobView::new(job));
        }
    }
    Ok(fresh(Json(JobList { jobs: seen })))
}

/// `POST /api/v1/jobs/{id}/{cancel|retry|boost|pause|resume}`
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/{action}",
    tag = "jobs",
    operation_id = "steerJob",
    summary = "Ask a job to cancel, retry, boost, pause or resume",
    params(
        words::IdInPath,
        ("action" = inline(Action), Path, description = "What to ask for."),
    ),
    responses((status = 200, description = "The job as it is now.", body = JobView))
)]
pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    FromPath((id, action)): FromPath<(String, String)>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let intent = intent(&action).ok_or_else(|| {
        Problem::not_found("A job can be asked to cancel, retry, boost, pause or resume.")
    })?;
    steerable(&app, &caller, id).await?;
    let job = app.site.catalog.request(id, intent).await?;
    Ok(fresh(Json(JobView::new(&job))))
}

/// Whoever may change the title may steer its job; at an unclaimed house that is whoever got here.
async fn steerable(app: &App, caller: &Caller, id: JobId) -> Result<(), Problem> {
    let job = app.site.catalog.job(id).await?;
    let job = job.ok_or_else(|| Problem::not_found("There is no such job."))?;
    if app.is_claimed().await? {
        titles::visible(app, caller, job.title, Want::Change).await?;
    }
    Ok(())
}

/// What a job can be asked for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes what `intent` reads")]
enum Action {
    Cancel,
    Retry,
    Boost,
    Pause,
    Resume,
}

fn intent(action: &str) -> Option<Intent> {
    match action {
        "cancel" => Some(Intent::Cancel),
        "retry" => Some(Intent::Retry),
        "boost" => Some(Intent::Boost),
        "pause" => Some(Intent::Pause),
        "resume" => Some(Intent::Resume),
        _ => None,
    }
}
