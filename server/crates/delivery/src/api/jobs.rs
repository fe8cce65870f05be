//! `GET /api/v1/jobs` and `POST /api/v1/jobs/{id}/{action}`. An action is recorded; whoever runs
//! the job observes it.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use catalog::board::{BoardQuery, MAX_PER_PAGE, Work};
use catalog::turn::Turn;
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
use crate::caller::{Caller, Standing};
use crate::extract::{FromJson, FromPath, FromQuery, job_id};
use crate::problem::Problem;
use crate::{rfc3339, titles};

const PER_PAGE: u32 = 100;

/// The query string of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// Only jobs that still have something to do.
    #[serde(default)]
    #[param(required = false)]
    open: bool,
    /// Only what comes after the page that said this.
    #[param(max_length = 100)]
    cursor: Option<String>,
    /// How many, 200 at most.
    limit: Option<u32>,
}

/// `GET /api/v1/jobs?open=&cursor=&limit=`
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
    standing: Standing,
    FromQuery(listing): FromQuery<Listing>,
) -> Result<Response, Problem> {
    let query = BoardQuery {
        who: titles::viewer(&standing),
        open_only: listing.open,
        after: listing.cursor.as_deref().map(str::parse).transpose()?,
        limit: listing.limit.unwrap_or(PER_PAGE).clamp(1, MAX_PER_PAGE),
    };
    let board = app.site.catalog.board(query).await?;
    let ready_at = ready_at(&app, &board.ahead).await?;
    let jobs = board.works.iter().map(|work| view(&app, work, &ready_at));
    Ok(fresh(Json(JobList {
        jobs: jobs.collect(),
        next_cursor: board.next.map(|next| next.to_string()),
    })))
}

fn view(app: &App, work: &Work, ready_at: &HashMap<JobId, WallTime>) -> JobView {
    let Work { job, title, .. } = work;
    let ready = videos::ready_from_totals(title, &work.totals);
    let strip = videos::strip_of(app, title, Some(job), &work.totals, &work.parts);
    let strip = strip.filter(|_| !job.state.is_final());
    let ready_at = ready_at.get(&job.id).copied();
    JobView::new(job, title, &ready, strip, ready_at)
}

/// When the jobs that run, and those whose turn is next, will be ready.
async fn ready_at(app: &App, ahead: &[Job]) -> model::error::Result<HashMap<JobId, WallTime>> {
    let paused = app.site.catalog.settings().await?.encoding_paused;
    let ready_at = queue::ready_at(ahead, app.site.clock.now(), paused);
    let ids = ahead.iter().map(|job| job.id);
    let known = ids.zip(ready_at).filter_map(|(id, at)| Some((id, at?)));
    Ok(known.collect())
}

/// One job, at this moment.
async fn one(app: &App, standing: &Standing, id: JobId) -> Result<Response, Problem> {
    let found = app.site.catalog.on_board(titles::viewer(standing), id);
    let (work, ahead) = found.await?.ok_or_else(no_such)?;
    let ready_at = ready_at(app, &ahead).await?;
    Ok(fresh(Json(view(app, &work, &ready_at))))
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
    standing: Standing,
    FromPath((id, action)): FromPath<(String, String)>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let intent = intent(&action).ok_or_else(|| {
        Problem::not_found("A job can be asked to cancel, retry, boost, pause or resume.")
    })?;
    steerable(&app, &standing, id).await?;
    app.site.catalog.request(id, intent).await?;
    one(&app, &standing, id).await
}

/// `POST /api/v1/jobs/{id}/move`
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/move",
    tag = "jobs",
    operation_id = "moveJob",
    summary = "Move a job that waits before or behind another, or to the end",
    params(words::IdInPath),
    request_body = Move,
    responses((status = 200, description = "The job as it is now.", body = JobView))
)]
pub(crate) async fn reorder(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
    FromJson(wanted): FromJson<Move>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let turn = wanted.turn()?;
    steerable(&app, &standing, id).await?;
    app.site.catalog.move_job(id, turn).await?;
    one(&app, &standing, id).await
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
    titles::visible(&app, &caller, job.title, Want::Watch).await?;
    let lines = app.site.catalog.job_log(id).await?.into_iter();
    let lines = lines.map(|line| Line {
        at: rfc3339::format(line.at),
        text: line.text,
    });
    Ok(fresh(Json(Log {
        lines: lines.collect(),
    })))
}

/// Where a job should stand: before one, behind one, or, if neither is named, at the end of the
/// queue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// The job it should come right before.
    #[schema(schema_with = words::identifier_or_null)]
    before: Option<String>,
    /// The job it should come right behind.
    #[schema(schema_with = words::identifier_or_null)]
    after: Option<String>,
}

impl Move {
    fn turn(&self) -> Result<Turn, Problem> {
        Ok(match (&self.before, &self.after) {
            (Some(before), None) => Turn::Before(job_id(before)?),
            (None, Some(after)) => Turn::After(job_id(after)?),
            (None, None) => Turn::Last,
            (Some(_), Some(_)) => {
                return Err(Problem::bad_request(
                    "Name the job it should come before or the one it should come behind, not both.",
                ));
            }
        })
    }
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
async fn steerable(app: &App, standing: &Standing, id: JobId) -> Result<(), Problem> {
    let job = app.site.catalog.job(id).await?;
    let job = job.ok_or_else(no_such)?;
    if app.is_claimed().await? {
        let caller = Caller(standing.who.clone());
        titles::visible(app, &caller, job.title, Want::Change).await?;
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
