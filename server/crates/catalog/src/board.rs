//! Jobs as somebody sees them, page by page, each with what its card shows of its title. It takes
//! the same few statements for any number of jobs. What does not belong here: steering them
//! ([`queue`](crate::queue)).

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use model::error::{Error, Result};
use model::id::JobId;
use model::job::{Job, JobState};
use model::plan::parts::Part;
use model::title::Title;
use rusqlite::Connection;

use crate::failure::Outcome;
use crate::library::{StreamTotal, totals_of};
use crate::plan_cache::serial_list;
use crate::table::jobs::{self, Group, JobRow, Rank};
use crate::table::rights::Rights;
use crate::table::titles;
use crate::viewer::Viewer;
use crate::{Catalog, cursor};

/// The most jobs on one page.
pub const MAX_PER_PAGE: u32 = 200;
/// How far the queue is read to tell when its jobs will be ready; nobody knows what lies behind.
const AHEAD: u32 = 500;

/// Groups in the order of the board; the others are over.
const OPEN: [Group; 3] = [
    Group::Open(JobState::Running),
    Group::Open(JobState::Queued),
    Group::Open(JobState::Paused),
];

/// Which jobs. The default shows none, because nobody asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoardQuery {
    /// For whom.
    pub who: Viewer,
    /// Leave out jobs that reached a final state.
    pub open_only: bool,
    /// What comes after the page that said this.
    pub after: Option<Cursor>,
    /// At most so many, from 1 to [`MAX_PER_PAGE`].
    pub limit: u32,
}

/// A page: jobs that run, then those in the queue in the order of their turn, then paused ones,
/// then finished ones, latest first.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Its jobs.
    pub works: Vec<Work>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// The jobs whose turn is now or soonest, whoever may see them: those that run, and the queue
    /// as far as is known how long each takes.
    pub ahead: Vec<Job>,
}

/// A job with what its card shows. The title has a summary instead of its plan.
#[derive(Clone, Debug)]
pub struct Work {
    /// The job.
    pub job: Job,
    /// The title it makes.
    pub title: Title,
    /// The parts of the title's filmstrip, unless it is ready.
    pub parts: Vec<Part>,
    /// How much of each stream is stored.
    pub totals: Vec<StreamTotal>,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Index in the order of the board.
    group: usize,
    rank: Rank,
}

impl Catalog {
    /// A page of the jobs.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn board(&self, query: BoardQuery) -> Result<Board> {
        self.read("listing jobs", move |transaction, _| {
            page(transaction, query)
        })
        .await
    }

    /// One job as it is on the board, if `who` sees its title.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn on_board(&self, who: Viewer, id: JobId) -> Result<Option<(Work, Vec<Job>)>> {
        self.read("reading a job", move |transaction, _| {
            let rights = Rights::of(transaction, who)?;
            let row = jobs::seen_by_id(transaction, &rights, id)?;
            let work = works(transaction, row.into_iter().collect())?.pop();
            let ahead = ahead(transaction)?;
            Ok(work.map(|work| (work, ahead)))
        })
        .await
    }
}

fn page(connection: &Connection, query: BoardQuery) -> Outcome<Board> {
    let rights = Rights::of(connection, query.who)?;
    let limit = query.limit.clamp(1, MAX_PER_PAGE) as usize;
    let mut found: Vec<(usize, JobRow)> = Vec::new();
    for (index, group) in groups(query.open_only).enumerate() {
        let after = match query.after {
            Some(after) if after.group > index => continue,
            Some(after) if after.group == index => after.rank,
            _ => Rank::FIRST,
        };
        // One more than asked for tells whether there is another page.
        let room = u32::try_from(limit + 1 - found.len()).unwrap_or(0);
        let rows = jobs::of_group(connection, &rights, group, after, room)?;
        found.extend(rows.into_iter().map(|row| (index, row)));
    }
    let is_cut = found.len() > limit;
    found.truncate(limit);
    Ok(Board {
        next: found.last().filter(|_| is_cut).map(Cursor::behind),
        works: works(connection, found.into_iter().map(|(_, row)| row).collect())?,
        ahead: ahead(connection)?,
    })
}

fn groups(open_only: bool) -> impl Iterator<Item = Group> {
    let over = (!open_only).then_some(Group::Over);
    OPEN.into_iter().chain(over)
}

/// The jobs with their titles, in their order.
fn works(connection: &Connection, rows: Vec<JobRow>) -> Outcome<Vec<Work>> {
    let serials = serial_list(rows.iter().map(|row| &row.title_serial));
    let of_titles = titles::of_serials(connection, &serials)?;
    let mut totals = totals_of(connection, &of_titles)?;
    let mut of_titles: HashMap<_, _> = of_titles.into_iter().map(|row| (row.serial, row)).collect();
    let work = |row: JobRow| {
        let title = of_titles.remove(&row.title_serial)?;
        Some(Work {
            totals: totals.remove(&title.title.id).unwrap_or_default(),
            job: row.job,
            parts: title.parts,
            title: title.title,
        })
    };
    Ok(rows.into_iter().filter_map(work).collect())
}

/// A job of which nobody knows how long it takes hides those behind it.
fn ahead(connection: &Connection) -> Outcome<Vec<Job>> {
    let running = jobs::by_turn(connection, JobState::Running, AHEAD)?;
    let queued = jobs::by_turn(connection, JobState::Queued, AHEAD)?;
    let known = |row: &JobRow| row.job.progress.total.0 > 0;
    let rows = running
        .into_iter()
        .chain(queued.into_iter().take_while(known));
    Ok(rows.map(|row| row.job).collect())
}

impl Cursor {
    fn behind((group, row): &(usize, JobRow)) -> Self {
        let group = *group;
        let rank = match OPEN.get(group) {
            Some(_) => Rank::by_turn(row),
            None => Rank::by_end(row),
        };
        Self { group, rank }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = i64::try_from(self.group).unwrap_or(i64::MAX);
        let Rank([first, second, third]) = self.rank;
        f.write_str(&cursor::written(&[group, first, second, third]))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let [group, rank @ ..] = cursor::read::<4>(text)?;
        let group = usize::try_from(group).ok();
        let group = group.filter(|group| *group <= OPEN.len());
        Ok(Self {
            group: group.ok_or_else(cursor::nowhere)?,
            rank: Rank(rank),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::id::{JobId, UserId};
    use model::job::{Intent, JobState};
    use model::people::{Credential, Principal, Role};
    use model::rights::{Audience, Visibility};
    use model::upload::Details;

    use super::{Board, BoardQuery, Cursor};
    use crate::admission::Admission;
    use crate::testing::{House, LEASE, OWNER, candidate};
    use crate::viewer::Viewer;

    fn ids(board: &Board) -> Vec<JobId> {
        board.works.iter().map(|work| work.job.id).collect()
    }

    #[tokio::test]
    async fn a_listing_shows_running_then_waiting_then_finished_jobs() {
        let house = House::new();
        let mut jobs = Vec::new();
        for film in ["a", "b", "c", "d", "e", "f"] {
            let title = house.admit(&format!("/films/{film}.mp4"), film).await;
            jobs.push(house.job_of(title).await.id);
            house.clock.advance(Duration::from_secs(1));
        }
        for (job, intent) in [
            (0, Intent::Cancel),
            (1, Intent::Cancel),
            (2, Intent::Pause),
            (4, Intent::Boost),
            (5, Intent::Pause),
        ] {
            house.catalog.request(jobs[job], intent).await.unwrap();
            house.clock.advance(Duration::from_secs(1));
        }
        house.catalog.claim(OWNER, LEASE, 1).await.unwrap();
        let order = [4, 3, 2, 5, 1, 0].map(|index| jobs[index]);
        for (open_only, expected) in [(false, &order[..]), (true, &order[..4])] {
            for limit in 1..=7 {
                let query = BoardQuery {
                    who: Viewer::EVERYTHING,
                    open_only,
                    after: None,
                    limit,
                };
                let found = page_by_page(&house, query).await;
                assert_eq!(found, expected, "{limit} at a time, open only: {open_only}");
            }
        }
    }

    async fn page_by_page(house: &House, query: BoardQuery) -> Vec<JobId> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let board = house.catalog.board(BoardQuery { after, ..query });
            let board = board.await.unwrap();
            assert!(!board.works.is_empty(), "a page that is announced has jobs");
            found.extend(ids(&board));
            after = match board.next {
                Some(next) => Some(next.to_string().parse::<Cursor>().unwrap()),
                None => return found,
            };
        }
    }

    #[test]
    fn a_place_on_the_board_has_one_spelling() {
        for wrong in ["", "0.1.2", "4.0.0.0", "-1.0.0.0", "0.0.0.0.0", "0.0.0.x"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong:?}");
        }
        assert_eq!(
            "3.-5.-2.0".parse::<Cursor>().unwrap().to_string(),
            "3.-5.-2.0"
        );
    }

    #[tokio::test]
    async fn what_one_may_not_see_takes_no_room_on_a_page() {
        let house = House::new();
        let una = house.person("una", Role::Uploader).await.id;
        let ugo = house.person("ugo", Role::Uploader).await.id;
        for number in 0..6 {
            let path = format!("/films/{number}.mp4");
            let mut film = candidate(&path, &path);
            film.details = Details {
                owner: Some(una),
                visibility: match number % 2 {
                    0 => Visibility::OnlyMe,
                    _ => Visibility::Everyone,
                },
                ..Details::default()
            };
            let admission = house.catalog.admit(film).await.unwrap();
            assert!(matches!(admission, Admission::New(_)));
        }
        let seen_by = |user: UserId| BoardQuery {
            who: Viewer::of(&uploader(user), Audience::Anyone),
            limit: 3,
            ..BoardQuery::default()
        };
        let board = house.catalog.board(seen_by(ugo)).await.unwrap();
        assert_eq!((board.works.len(), board.next), (3, None));
        let board = house.catalog.board(seen_by(una)).await.unwrap();
        assert!(board.next.is_some(), "her own are there for her");
        let private = board.works[0].job.id;
        let who = Viewer::of(&uploader(ugo), Audience::Anyone);
        assert!(
            house
                .catalog
                .on_board(who, private)
                .await
                .unwrap()
                .is_none()
        );
        let who = Viewer::of(&uploader(una), Audience::Anyone);
        assert!(
            house
                .catalog
                .on_board(who, private)
                .await
                .unwrap()
                .is_some()
        );
    }

    fn uploader(user: UserId) -> Principal {
        Principal::Person {
            user,
            name: "somebody".into(),
            role: Role::Uploader,
            by: Credential::Session(model::id::SessionId::generate()),
        }
    }

    #[tokio::test]
    async fn a_card_has_its_rungs_and_the_way_ahead_ends_where_nobody_knows() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        house.admit("/films/b.mp4", "b").await;
        let query = BoardQuery {
            who: Viewer::EVERYTHING,
            limit: 9,
            ..BoardQuery::default()
        };
        let board = house.catalog.board(query).await.unwrap();
        let work = &board.works[0];
        assert_eq!((work.job.id, work.title.id), (job.id, title));
        assert_eq!(work.title.summary.as_ref().unwrap().rungs.len(), 2);
        assert_eq!(work.totals.len(), 3, "two rungs and the sound");
        assert!(!work.parts.is_empty());
        let states: Vec<JobState> = board.ahead.iter().map(|job| job.state).collect();
        assert_eq!(states, [JobState::Running], "the other was not looked at");
    }
}
