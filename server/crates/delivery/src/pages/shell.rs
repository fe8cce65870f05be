//! What the frame of every page shows: who looks, which pages they may open, and the signs of life
//! in the rail. What does not belong here: what a page itself shows.

use catalog::queue::JobQuery;
use model::arrival::ArrivalState;
use model::error::Result;
use model::job::{Job, JobState};
use model::people::{Principal, Role};
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;

/// Looked at for the rail; more of them make no difference to it.
const JOBS_LOOKED_AT: u32 = 20;
const ARRIVALS_LOOKED_AT: u32 = 200;

/// The frame of a page.
#[derive(Debug, Serialize)]
pub(crate) struct Shell {
    /// What the house is called.
    house: String,
    /// Whether it is somebody's; until then it is nobody's to change.
    claimed: bool,
    /// Who looks, unless it is a guest.
    user: Option<Person>,
    may: May,
    /// Files that want to be looked at.
    inbox: usize,
    jobs: Work,
}

/// Who is signed in.
#[derive(Debug, Serialize)]
struct Person {
    id: String,
    name: String,
    role: &'static str,
}

/// Which entries the rail has.
#[derive(Debug, Serialize)]
struct May {
    upload: bool,
    /// The inbox and the jobs.
    follow: bool,
    settings: bool,
}

/// What the rail's ladder shows.
#[derive(Debug, Default, Serialize)]
struct Work {
    running: usize,
    /// How far the first of them has come, 0 to 1.
    part: f64,
}

impl Shell {
    /// The frame as this caller sees it.
    pub(crate) async fn of(app: &App, standing: &Standing) -> Result<Self> {
        let who = &standing.who;
        let follow = standing.follows_work();
        Ok(Self {
            house: app.site.catalog.settings().await?.house_name,
            claimed: standing.claimed,
            user: person(who),
            may: May {
                upload: who.is_at_least(Role::Uploader),
                follow,
                settings: who.is_at_least(Role::Admin),
            },
            inbox: if follow { inbox(app).await? } else { 0 },
            jobs: if follow {
                work(app).await?
            } else {
                Work::default()
            },
        })
    }
}

fn person(who: &Principal) -> Option<Person> {
    match who {
        Principal::Guest => None,
        Principal::Person {
            user, name, role, ..
        } => Some(Person {
            id: user.to_string(),
            name: name.clone(),
            role: role.as_str(),
        }),
    }
}

async fn inbox(app: &App) -> Result<usize> {
    let arrivals = app.site.catalog.arrivals(ARRIVALS_LOOKED_AT).await?;
    let refused = |state| state == ArrivalState::Refused;
    Ok(arrivals
        .iter()
        .filter(|arrival| refused(arrival.state))
        .count())
}

async fn work(app: &App) -> Result<Work> {
    let query = JobQuery {
        open_only: true,
        limit: JOBS_LOOKED_AT,
    };
    let jobs = app.site.catalog.jobs(query).await?;
    let running: Vec<&Job> = jobs
        .iter()
        .filter(|job| job.state == JobState::Running)
        .collect();
    Ok(Work {
        running: running.len(),
        part: running.first().map_or(0.0, |job| job.progress.fraction()),
    })
}
