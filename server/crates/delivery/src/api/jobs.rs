//! `GET /api/v1/jobs` and `POST /api/v1/jobs/{id}/{action}`. An action is recorded; whoever runs
//! the job observes it.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use catalog::queue::JobQuery;
use model::job::Intent;
use serde::Deserialize;

use crate::api::dto::{JobList, JobView};
use crate::api::videos::fresh;
use crate::app::App;
use crate::extract::{FromPath, FromQuery, job_id};
use crate::problem::Problem;

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
    FromQuery(listing): FromQuery<Listing>,
) -> Result<Response, Problem> {
    let limit = listing.limit.unwrap_or(LIMIT.into()).clamp(1, MAX_LIMIT);
    let query = JobQuery {
        open_only: listing.open,
        limit: u32::try_from(limit).unwrap_or(LIMIT),
    };
    let jobs = app.site.catalog.jobs(query).await?;
    let jobs = jobs.iter().map(JobView::new).collect();
    Ok(fresh(Json(JobList { jobs })))
}

/// `POST /api/v1/jobs/{id}/{cancel|retry|boost|pause|resume}`
pub(crate) async fn act(
    State(app): State<App>,
    FromPath((id, action)): FromPath<(String, String)>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let intent = intent(&action).ok_or_else(|| {
        Problem::not_found("A job can be asked to cancel, retry, boost, pause or resume.")
    })?;
    let job = app.site.catalog.request(id, intent).await?;
    Ok(fresh(Json(JobView::new(&job))))
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
