//! `GET /api/v1/jobs` and `POST /api/v1/jobs/{id}/{action}`. An action is recorded; whoever runs
//! the job observes it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use catalog::queue::JobQuery;
use model::clock::WallTime;
use model::id::JobId;
use model::job::{Intent, Job};
use model::rights::Want;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::dto::{JobList, JobView};
use crate::api::videos::{self, fresh};
use crate::api::{queue, words};
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{FromJson, FromPath, FromQuery, job_id};
use crate::problem::Problem;
use crate::{rfc3339, titles};

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
    let paused = app.site.catalog.settings().await?.encoding_paused;
    let ready_at = queue::ready_at(&jobs, app.site.clock.now(), paused);
    let mut seen = Vec::with_capacity(jobs.len());
    for (job, ready_at) in jobs.iter().zip(ready_at) {
        if let Some(view) = view(&app, &caller, job, ready_at).await? {
            seen.push(view);
        }
    }
    Ok(fresh(Json(JobList { jobs: seen })))
}

/// The job, if the caller may see its title.
async fn view(
    app: &App,
    caller: &Caller,
    job: &Job,
    ready_at: Option<WallTime>,
) -> model::error::Result<Option<JobView>> {
    let Some(title) = app.site.catalog.title(job.title).await? else {
        return Ok(None);
    };
    if !titles::permitted(app, caller, &title, Want::Watch).await? {
        return Ok(None);
    }
    let strip = videos::strip_of_job(app, &title, job).await?;
    Ok(Some(JobView::new(job, &title, strip, ready_at)))
}

/// One job, at this moment.
async fn one(app: &App, caller: &Caller, job: &Job) -> Result<Response, Problem> {
    let alone = std::slice::from_ref(job);
    let ready_at = queue::ready_at(alone, app.site.clock.now(), false);
    let view = view(app, caller, job, ready_at.into_iter().next().flatten()).await?;
    Ok(fresh(Json(view.ok_or_else(no_such)?)))
}

fn no_such() -> Problem {
    Problem::not_found("There is no such job.")
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
    one(&app, &caller, &job).await
}

/// `POST /api/v1/jobs/{id}/move`
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/move",
    tag = "jobs",
    operation_id = "moveJob",
    summary = "Move a job that waits before another, or to the end",
    params(words::IdInPath),
    request_body = Move,
    responses((status = 200, description = "The job as it is now.", body = JobView))
)]
pub(crate) async fn reorder(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
    FromJson(wanted): FromJson<Move>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    steerable(&app, &caller, id).await?;
    let before = wanted.before.as_deref().map(job_id).transpose()?;
    app.site.catalog.move_job(id, before).await?;
    let job = app.site.catalog.job(id).await?.ok_or_else(no_such)?;
    one(&app, &caller, &job).await
}

/// `GET /api/v1/jobs/{id}/log`
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/log",
    tag = "jobs",
    operation_id = "jobLog",
    summary = "What happened to a job, in order",
    params(words::IdInPath),
    responses((status = 200, description = "The latest two hundred lines.", body = Log))
)]
pub(crate) async fn log(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let job = app.site.catalog.job(id).await?.ok_or_else(no_such)?;
    if !titles::is_visible(&app, &caller, job.title).await? {
        return Err(no_such());
    }
    let lines = app.site.catalog.job_log(id).await?.into_iter();
    let lines = lines.map(|line| Line {
        at: rfc3339::format(line.at),
        text: line.text,
    });
    Ok(fresh(Json(Log {
        lines: lines.collect(),
    })))
}

/// Where a job should stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// The job it should come before; null for the end of the queue.
    #[schema(schema_with = words::identifier_or_null)]
    before: Option<String>,
}

/// What happened to a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobLog)]
pub(crate) struct Log {
    lines: Vec<Line>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobLogLine)]
pub(crate) struct Line {
    #[schema(schema_with = words::instant)]
    at: String,
    text: String,
}

/// Whoever may change the title may steer its job; at an unclaimed house that is whoever got here.
async fn steerable(app: &App, caller: &Caller, id: JobId) -> Result<(), Problem> {
    let job = app.site.catalog.job(id).await?;
    let job = job.ok_or_else(no_such)?;
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
