//! What the frame of every page shows: who looks, which pages they may open, and the signs of life
//! in the rail. What does not belong here: what a page itself shows.

use catalog::board::BoardQuery;
use model::error::Result;
use model::job::JobState;
use model::people::{Principal, Role};
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;
use crate::titles;

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
    /// Files that whoever looks should decide on.
    inbox: u64,
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
    running: bool,
    /// How far the first job has come, 0 to 1.
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
            inbox: match follow {
                true => app.site.catalog.undecided(titles::viewer(standing)).await?,
                false => 0,
            },
            jobs: match follow {
                true => work(app, standing).await?,
                false => Work::default(),
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

/// Jobs that run come first, so one tells.
async fn work(app: &App, standing: &Standing) -> Result<Work> {
    let query = BoardQuery {
        who: titles::viewer(standing),
        open_only: true,
        after: None,
        limit: 1,
    };
    let board = app.site.catalog.board(query).await?;
    let first = board.works.first().map(|work| &work.job);
    let running = first.filter(|job| job.state == JobState::Running);
    Ok(Work {
        running: running.is_some(),
        part: running.map_or(0.0, |job| job.progress.fraction()),
    })
}
