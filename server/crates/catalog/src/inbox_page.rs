//! The inbox as somebody sees it, page by page. What belongs to a title is seen by whoever sees the
//! title, even if it was removed; an upload that is no title yet is its sender's and the admins'.

use std::fmt;
use std::str::FromStr;

use model::arrival::{Arrival, ArrivalState};
use model::error::{Error, Result};
use model::id::ArrivalId;
use rusqlite::Connection;

use crate::failure::Outcome;
use crate::table::arrivals::{self, SeenRow, Window};
use crate::table::rights::Rights;
use crate::viewer::Viewer;
use crate::{Catalog, cursor};

/// The most arrivals on one page.
pub const MAX_PER_PAGE: u32 = 200;

/// Counting ends here; nobody goes through more.
pub const MOST_COUNTED: u32 = 1_000;

/// Which arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    /// All of them.
    #[default]
    All,
    /// Those that somebody should decide on, and may.
    Undecided,
    /// Those that are on their way in.
    Settling,
}

/// Which part of the inbox. The default shows nothing, because nobody asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxQuery {
    /// For whom.
    pub who: Viewer,
    /// Which of them.
    pub only: Only,
    /// What comes after the page that said this.
    pub after: Option<Cursor>,
    /// At most so many, from 1 to [`MAX_PER_PAGE`].
    pub limit: u32,
}

/// An arrival as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The arrival.
    pub arrival: Arrival,
    /// They may retry, dismiss or take it.
    pub may_decide: bool,
}

/// A page of the inbox: what nobody dismissed, the latest change first.
#[derive(Clone, Debug, Default)]
pub struct InboxPage {
    /// Its arrivals.
    pub arrivals: Vec<Seen>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// How many there are on all pages, [`MOST_COUNTED`] at most.
    pub total: u64,
    /// How many somebody should decide on, [`MOST_COUNTED`] at most.
    pub undecided: u64,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    changed_at_ms: i64,
    place: i64,
}

impl Catalog {
    /// A page of the inbox.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn inbox(&self, query: InboxQuery) -> Result<InboxPage> {
        self.read("reading the inbox", move |transaction, _| {
            page(transaction, query)
        })
        .await
    }

    /// How many arrivals somebody should decide on, [`MOST_COUNTED`] at most.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn undecided(&self, who: Viewer) -> Result<u64> {
        self.read("counting what needs somebody", move |transaction, _| {
            let rights = Rights::of(transaction, who)?;
            arrivals::count(transaction, &rights, Only::Undecided, MOST_COUNTED)
        })
        .await
    }

    /// The arrival with that id, if there is one that `who` sees; also one that was dismissed.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn seen_arrival(&self, who: Viewer, id: ArrivalId) -> Result<Option<Seen>> {
        self.read("reading an arrival", move |transaction, _| {
            let rights = Rights::of(transaction, who)?;
            Ok(arrivals::seen_by_id(transaction, &rights, id)?.map(Seen::from))
        })
        .await
    }
}

fn page(connection: &Connection, query: InboxQuery) -> Outcome<InboxPage> {
    let rights = Rights::of(connection, query.who)?;
    let limit = query.limit.clamp(1, MAX_PER_PAGE);
    let window = Window {
        only: query.only,
        before_ms: query.after.map_or(i64::MAX, |after| after.changed_at_ms),
        before_place: query.after.map_or(i64::MAX, |after| after.place),
        // One more tells whether there is another page.
        limit: limit + 1,
    };
    let mut rows = arrivals::page(connection, &rights, window)?;
    let is_cut = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let count = |only| arrivals::count(connection, &rights, only, MOST_COUNTED);
    Ok(InboxPage {
        next: rows.last().filter(|_| is_cut).map(Cursor::behind),
        arrivals: rows.into_iter().map(Seen::from).collect(),
        total: count(query.only)?,
        undecided: count(Only::Undecided)?,
    })
}

impl Seen {
    /// Somebody should decide on it, and this person may.
    pub fn needs_decision(&self) -> bool {
        let asks = matches!(
            self.arrival.state,
            ArrivalState::Refused | ArrivalState::Removed
        );
        asks && self.may_decide
    }
}

impl From<SeenRow> for Seen {
    fn from(row: SeenRow) -> Self {
        Self {
            arrival: row.arrival,
            may_decide: row.may_decide,
        }
    }
}

impl Cursor {
    fn behind(row: &SeenRow) -> Self {
        Self {
            changed_at_ms: row.arrival.changed_at.0,
            place: row.place,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cursor::written(&[self.changed_at_ms, self.place]))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let [changed_at_ms, place] = cursor::read(text)?;
        Ok(Self {
            changed_at_ms,
            place,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use model::arrival::{ArrivalState, Door};
    use model::id::{SessionId, TitleId, UserId};
    use model::people::{Credential, Principal, Role};
    use model::rights::{Audience, Visibility, Want, may};
    use model::upload::Details;

    use super::{Cursor, InboxQuery, Only, Seen};
    use crate::admission::Admission;
    use crate::inbox::ArrivalUpdate;
    use crate::testing::{House, candidate};
    use crate::viewer::Viewer;

    async fn came(house: &House, path: &str, state: ArrivalState) {
        let update = ArrivalUpdate {
            path: path.into(),
            door: Door::Folder,
            state,
            reason: None,
            size_bytes: 1,
            title: None,
            owner: None,
        };
        house.clock.advance(Duration::from_secs(1));
        house.catalog.record_arrival(update).await.unwrap();
    }

    async fn everything(house: &House, query: InboxQuery) -> Vec<PathBuf> {
        let (mut paths, mut after) = (Vec::new(), None);
        loop {
            let page = house.catalog.inbox(InboxQuery { after, ..query });
            let page = page.await.unwrap();
            assert!(
                !page.arrivals.is_empty(),
                "no page is empty but the only one"
            );
            paths.extend(page.arrivals.into_iter().map(|seen| seen.arrival.path));
            after = match page.next {
                Some(next) => Some(next.to_string().parse::<Cursor>().unwrap()),
                None => return paths,
            };
        }
    }

    #[tokio::test]
    async fn pages_follow_one_another_and_the_counts_are_those_of_all() {
        let house = House::new();
        for number in 0..5 {
            came(&house, &format!("/a{number}"), ArrivalState::Refused).await;
            came(&house, &format!("/b{number}"), ArrivalState::Settling).await;
        }
        came(&house, "/c", ArrivalState::Removed).await;
        let query = |only, limit| InboxQuery {
            who: Viewer::EVERYTHING,
            only,
            after: None,
            limit,
        };
        let all = everything(&house, query(Only::All, 3)).await;
        assert_eq!(all.len(), 11);
        assert_eq!(all[0], Path::new("/c"), "the latest change first");
        let undecided = everything(&house, query(Only::Undecided, 2)).await;
        let expected = ["/c", "/a4", "/a3", "/a2", "/a1", "/a0"];
        assert_eq!(undecided, expected.map(PathBuf::from));
        let page = house.catalog.inbox(query(Only::Settling, 5)).await.unwrap();
        assert_eq!((page.total, page.undecided), (5, 6));
        assert_eq!(page.next, None, "it was the last, although it is full");
    }

    struct Told {
        title: TitleId,
        arrival: Seen,
    }

    /// The rule is written twice, in Rust and in SQL; here they meet over all there is.
    #[tokio::test]
    async fn what_belongs_to_a_title_is_seen_and_decided_on_with_the_title() {
        let house = House::new();
        let ada = house.person("ada", Role::Admin).await.id;
        let una = house.person("una", Role::Uploader).await.id;
        let ugo = house.person("ugo", Role::Uploader).await.id;
        let mut told = Vec::new();
        for owner in [None, Some(ada), Some(una)] {
            for visibility in [
                Visibility::Everyone,
                Visibility::Members,
                Visibility::OnlyMe,
            ] {
                for removed in [false, true] {
                    let path = format!("/{owner:?}-{visibility:?}-{removed}");
                    told.push(with_title(&house, &path, owner, visibility, removed).await);
                }
            }
        }
        for (user, role) in [
            (None, Role::Viewer),
            (Some(ugo), Role::Uploader),
            (Some(una), Role::Uploader),
            (Some(ada), Role::Admin),
        ] {
            let caller = user.map_or(Principal::Guest, |user| person(user, role));
            for audience in [Audience::Anyone, Audience::Members] {
                check(&house, &caller, audience, &told).await;
            }
        }
    }

    fn person(user: UserId, role: Role) -> Principal {
        Principal::Person {
            user,
            name: "somebody".into(),
            role,
            by: Credential::Session(SessionId::generate()),
        }
    }

    async fn with_title(
        house: &House,
        path: &str,
        owner: Option<UserId>,
        visibility: Visibility,
        removed: bool,
    ) -> Told {
        let mut film = candidate(path, path);
        film.details = Details {
            owner,
            visibility,
            ..Details::default()
        };
        let Admission::New(title) = house.catalog.admit(film).await.unwrap() else {
            panic!("{path} is new");
        };
        let update = ArrivalUpdate {
            path: path.into(),
            door: Door::Folder,
            state: ArrivalState::Refused,
            reason: None,
            size_bytes: 1,
            title: Some(title),
            owner,
        };
        house.catalog.record_arrival(update).await.unwrap();
        if removed {
            house.catalog.delete_title(title, None).await.unwrap();
        }
        let arrival = house.inbox().await.remove(0);
        Told { title, arrival }
    }

    async fn check(house: &House, caller: &Principal, audience: Audience, told: &[Told]) {
        let who = Viewer::of(caller, audience);
        for Told { title, arrival } in told {
            let title = house.catalog.title_even_removed(*title).await;
            let rights = title.unwrap().unwrap().rights();
            let id = arrival.arrival.id;
            let seen = house.catalog.seen_arrival(who, id).await.unwrap();
            let path = arrival.arrival.path.display();
            assert_eq!(
                seen.is_some(),
                may(caller, Want::Watch, rights, audience),
                "{path} by {caller:?} where {audience:?}"
            );
            if let Some(seen) = seen {
                let decides = may(caller, Want::Change, rights, audience);
                assert_eq!(seen.may_decide, decides, "{path} by {caller:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_upload_without_a_title_is_its_senders_and_the_admins() {
        let house = House::new();
        let una = house.person("una", Role::Uploader).await.id;
        let ugo = house.person("ugo", Role::Uploader).await.id;
        let update = ArrivalUpdate {
            path: "/originals/x/Diary.mp4".into(),
            door: Door::Upload,
            state: ArrivalState::Settling,
            reason: None,
            size_bytes: 1,
            title: None,
            owner: Some(una),
        };
        house.catalog.record_arrival(update.clone()).await.unwrap();
        // Whoever tells of it later need not know it any more.
        let later = ArrivalUpdate {
            owner: None,
            state: ArrivalState::Refused,
            ..update
        };
        house.catalog.record_arrival(later).await.unwrap();
        assert_eq!(shown_to(&house, una).await, 1);
        assert_eq!(shown_to(&house, ugo).await, 0);
        assert_eq!(house.inbox().await.len(), 1, "admins see it");
    }

    #[tokio::test]
    async fn what_is_left_of_a_private_title_stays_private() {
        let house = House::new();
        let una = house.person("una", Role::Uploader).await.id;
        let ugo = house.person("ugo", Role::Uploader).await.id;
        for (visibility, others_see) in [(Visibility::OnlyMe, 0), (Visibility::Everyone, 1)] {
            let path = format!("/films/{visibility:?}.mp4");
            let told = with_title(&house, &path, Some(una), visibility, true).await;
            house.clock.advance(Duration::from_secs(1));
            house
                .catalog
                .purge_deleted(house.catalog.now())
                .await
                .unwrap();
            let gone = house.catalog.title_even_removed(told.title).await.unwrap();
            assert!(gone.is_none());
            let seen = house.catalog.inbox(for_person(ugo)).await.unwrap();
            let listed = seen
                .arrivals
                .iter()
                .filter(|seen| seen.arrival.path == Path::new(&path));
            assert_eq!(listed.count(), others_see, "{visibility:?}");
        }
        assert_eq!(shown_to(&house, una).await, 2);
    }

    async fn shown_to(house: &House, user: UserId) -> usize {
        let page = house.catalog.inbox(for_person(user)).await.unwrap();
        assert_eq!(page.total, page.arrivals.len() as u64);
        page.arrivals.len()
    }

    fn for_person(user: UserId) -> InboxQuery {
        InboxQuery {
            who: Viewer::of(&person(user, Role::Uploader), Audience::Anyone),
            limit: 99,
            ..InboxQuery::default()
        }
    }
}
