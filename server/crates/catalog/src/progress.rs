//! How far people have watched, so that they can go on later and elsewhere.

use std::collections::HashMap;

use model::clock::WallTime;
use model::error::{ErrorKind, Result};
use model::id::{TitleId, UserId};
use model::title::Title;

use crate::Catalog;
use crate::editing;
use crate::failure::Failure;
use crate::people;
use crate::table::{users, watched};
use crate::viewer::Viewer;

/// The most titles that are asked about or offered at once.
const MOST: usize = 200;

/// How far somebody has watched a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchedAt {
    /// Where they were.
    pub position_ms: u64,
    /// How long the title is, as their player knew it.
    pub duration_ms: u64,
    /// They saw the end, or nearly.
    pub finished: bool,
    /// When; set by the catalog.
    pub at: WallTime,
}

impl Catalog {
    /// Notes how far a person has watched a title.
    ///
    /// # Errors
    /// `NotFound` if there is no such person or title.
    pub async fn set_watched(&self, user: UserId, title: TitleId, seen: WatchedAt) -> Result<()> {
        self.write("noting how far somebody watched", move |write| {
            let user = people::known(write, user)?;
            let title = editing::known(write, title)?;
            let longest = u64::from(u32::MAX);
            if seen.position_ms > longest || seen.duration_ms > longest {
                let message = "no film is longer than a month";
                return Err(Failure::rule(ErrorKind::InvalidInput, message));
            }
            let seen = WatchedAt {
                at: write.now,
                ..seen
            };
            watched::put(&write.transaction, user.serial, title.serial, seen)
        })
        .await
    }

    /// How far a person has watched these titles, two hundred at most; nothing for those they
    /// did not begin.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn watched(
        &self,
        user: UserId,
        titles: &[TitleId],
    ) -> Result<HashMap<TitleId, WatchedAt>> {
        let ids: Vec<String> = titles
            .iter()
            .take(MOST)
            .map(|id| format!("\"{id}\""))
            .collect();
        let list = format!("[{}]", ids.join(","));
        self.read(
            "reading how far somebody watched",
            move |transaction, _| match users::by_id(transaction, user)? {
                Some(user) => watched::of_titles(transaction, user.serial, &list),
                None => Ok(HashMap::new()),
            },
        )
        .await
    }

    /// What a person began and did not finish, latest first, as far as they may (still) see it
    /// and it can be played. The titles have a summary instead of their plan.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn continue_watching(
        &self,
        who: Viewer,
        limit: u32,
    ) -> Result<Vec<(Title, WatchedAt)>> {
        let limit = limit.min(u32::try_from(MOST).unwrap_or(u32::MAX));
        self.read("reading what somebody began", move |transaction, _| {
            watched::begun(transaction, who, limit)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::clock::WallTime;
    use model::error::ErrorKind;
    use model::id::{TitleId, UserId};
    use model::people::Role;
    use model::rights::Visibility;

    use super::WatchedAt;
    use crate::editing::TitleChange;
    use crate::testing::{House, OWNER, segment};
    use crate::viewer::Viewer;

    fn at(position_ms: u64, finished: bool) -> WatchedAt {
        WatchedAt {
            position_ms,
            duration_ms: 100_000,
            finished,
            at: WallTime(0),
        }
    }

    async fn playable(house: &House, path: &str) -> TitleId {
        let (title, job) = house.planned(path, 4).await;
        let pieces = vec![segment(title, 0, 1), segment(title, 2, 1)];
        let adding = house.catalog.add_pieces(job.id, OWNER, pieces);
        adding.await.unwrap();
        title
    }

    #[tokio::test]
    async fn what_was_begun_is_offered_latest_first_until_it_is_finished() {
        let house = House::new();
        let ada = house.person("ada", Role::Viewer).await;
        let who = Viewer {
            user: Some(ada.id),
            ..Viewer::default()
        };
        let films = [
            playable(&house, "/films/a.mp4").await,
            playable(&house, "/films/b.mp4").await,
            playable(&house, "/films/c.mp4").await,
        ];
        for (film, seen) in [(0, 1_000), (1, 2_000), (2, 3_000), (0, 4_000)] {
            house.clock.advance(Duration::from_secs(1));
            let noting = house
                .catalog
                .set_watched(ada.id, films[film], at(seen, false));
            noting.await.unwrap();
        }
        let offered = async |who: Viewer| -> Vec<TitleId> {
            let begun = house.catalog.continue_watching(who, 9).await.unwrap();
            begun.into_iter().map(|(title, _)| title.id).collect()
        };
        assert_eq!(offered(who).await, [films[0], films[2], films[1]]);
        let noting = house
            .catalog
            .set_watched(ada.id, films[0], at(99_000, true));
        noting.await.unwrap();
        let private = TitleChange {
            visibility: Some(Visibility::OnlyMe),
            ..TitleChange::default()
        };
        house.catalog.change_title(films[2], private).await.unwrap();
        assert_eq!(offered(who).await, [films[1]], "one is over, one is hidden");
        let admin = Viewer {
            sees_everything: true,
            ..who
        };
        assert_eq!(offered(admin).await, [films[2], films[1]]);
        house.catalog.delete_title(films[1], None).await.unwrap();
        assert!(offered(who).await.is_empty(), "it is removed");
        assert!(offered(Viewer::EVERYTHING).await.is_empty(), "nobody asks");

        let known = house.catalog.watched(ada.id, &films).await.unwrap();
        assert_eq!(known[&films[0]].position_ms, 99_000);
        assert!(known[&films[0]].finished);
        assert_eq!(known[&films[0]].at, house.catalog.now());
        let somebody = UserId::generate();
        assert!(
            house
                .catalog
                .watched(somebody, &films)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn only_people_watch_and_only_what_there_is() {
        let house = House::new();
        let ada = house.person("ada", Role::Viewer).await;
        let film = house.admit("/films/a.mp4", "a").await;
        let nowhere = TitleId::generate();
        for (user, title, seen, kind) in [
            (UserId::generate(), film, 1, ErrorKind::NotFound),
            (ada.id, nowhere, 1, ErrorKind::NotFound),
            (ada.id, film, u64::MAX, ErrorKind::InvalidInput),
        ] {
            let noting = house.catalog.set_watched(user, title, at(seen, false));
            assert_eq!(noting.await.unwrap_err().kind(), kind);
        }
    }
}
