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

use crate::api::dto::{JobList, JobView};
use crate::api::videos::fresh;
use crate::app::App;
use crate::caller::Caller;
use crate::extract::{FromPath, FromQuery, job_id};
use crate::problem::Problem;
use crate::titles;

const LIMIT: u32 = 100;
const MAX_LIMIT: u64 = 500;

/// The query string of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Listing {
    #[serde(default)]
    open: bool,
    limit: Option<u64>,
}

/// `GET /api/v1/jobs?open=&limit=`
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
