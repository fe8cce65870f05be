//! The inbox: which files were seen at the doors, and what became of each. What does not belong here:
//! who sees which of them ([`inbox_page`](crate::inbox_page)).

use std::path::{Path, PathBuf};

use model::arrival::{Arrival, ArrivalState, Door};
use model::change::Change;
use model::error::{ErrorKind, Result};
use model::id::{ArrivalId, TitleId, UserId};
use model::job::JobState;

use crate::column::{self, REASON_CHARS, shortened};
use crate::failure::{Failure, Outcome};
use crate::table::{arrivals, jobs, removed_films, titles};
use crate::{Catalog, Write, job_move, removal};

/// What a door found out about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalUpdate {
    /// Where it lies; its bytes are the key of its row.
    pub path: PathBuf,
    /// Which door it came through.
    pub door: Door,
    /// What became of it so far.
    pub state: ArrivalState,
    /// What it waits for, or why it was refused, in a sentence.
    pub reason: Option<String>,
    /// Its length when last looked at.
    pub size_bytes: u64,
    /// The title it became, or the one it is a copy of.
    pub title: Option<TitleId>,
    /// Who sent it, where that is known; once known, it is not forgotten.
    pub owner: Option<UserId>,
}

/// What somebody wants of a file in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalAction {
    /// Forget what was found out, so that it is examined again. A job that failed on it starts
    /// over.
    Retry,
    /// Do not show it until something changes.
    Dismiss,
    /// Take it although its title was removed: the title comes back, or the file is examined
    /// again.
    Take,
}

impl Catalog {
    /// Records what became of a file. Nothing is written or announced when nothing differs, so a
    /// rescan of a hundred thousand known files costs reads only.
    ///
    /// # Errors
    /// `NotFound` if `title` names no title, else errors of the catalog.
    pub async fn record_arrival(&self, update: ArrivalUpdate) -> Result<()> {
        let update = ArrivalUpdate {
            reason: update.reason.map(|reason| shortened(&reason, REASON_CHARS)),
            ..update
        };
        if self
            .arrival(&update.path)
            .await?
            .is_some_and(|arrival| says(&arrival, &update))
        {
            return Ok(());
        }
        self.write("recording an arrival", move |write| record(write, update))
            .await
    }

    /// All arrivals, also those that were dismissed, in no order.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn every_arrival(&self) -> Result<Vec<Arrival>> {
        self.read("reading the whole inbox", |transaction, _| {
            arrivals::every(transaction)
        })
        .await
    }

    /// Does what somebody wants of an arrival, and returns where its file lies: for all but
    /// dismissing, whoever watches it should look at it again.
    ///
    /// # Errors
    /// `NotFound` if there is no such arrival (any more).
    pub async fn arrival_action(&self, id: ArrivalId, action: ArrivalAction) -> Result<PathBuf> {
        self.write("dealing with an arrival", move |write| {
            let Some(arrival) = arrivals::by_id(&write.transaction, id)? else {
                let message = "this file is not in the inbox any more";
                return Err(Failure::rule(ErrorKind::NotFound, message));
            };
            write.announce(Change::Inbox);
            act(write, &arrival, action)?;
            Ok(arrival.path)
        })
        .await
    }

    /// The arrival at `path`, if one was recorded.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn arrival(&self, path: &Path) -> Result<Option<Arrival>> {
        let path = path.to_owned();
        self.read("reading an arrival", move |transaction, _| {
            arrivals::by_path(transaction, column::path_bytes(&path)?)
        })
        .await
    }

    /// Removes the record of `path`. One that does not exist counts as removed.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn forget_arrival(&self, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.write("forgetting an arrival", move |write| {
            if arrivals::delete(&write.transaction, column::path_bytes(&path)?)? {
                write.announce(Change::Inbox);
            }
            Ok(())
        })
        .await
    }
}

fn act(write: &mut Write<'_>, arrival: &Arrival, action: ArrivalAction) -> Outcome<()> {
    let path = column::path_bytes(&arrival.path)?;
    let title = match arrival.title {
        Some(title) => titles::by_id(&write.transaction, title)?,
        None => None,
    };
    match action {
        ArrivalAction::Dismiss => return arrivals::dismiss(&write.transaction, arrival.id),
        ArrivalAction::Retry => {
            if let Some(row) = title {
                let mut job = jobs::of_title(&write.transaction, row.serial)?;
                if job.job.state == JobState::Failed {
                    job_move::start_over(&mut job, write.now);
                    job_move::save(write, &job)?;
                }
            }
        }
        ArrivalAction::Take => {
            removed_films::delete_at(&write.transaction, path)?;
            if let Some(row) = title {
                removal::bring_back(write, &row)?;
            }
        }
    }
    arrivals::delete(&write.transaction, path).map(drop)
}

fn record(write: &mut Write<'_>, update: ArrivalUpdate) -> Outcome<()> {
    let transaction = &write.transaction;
    let known = arrivals::by_path(transaction, column::path_bytes(&update.path)?)?;
    if known.as_ref().is_some_and(|known| says(known, &update)) {
        return Ok(());
    }
    let title_serial = match update.title {
        Some(title) => Some(serial_of(write, title)?),
        None => None,
    };
    let arrival = Arrival {
        id: known
            .as_ref()
            .map_or_else(ArrivalId::generate, |known| known.id),
        first_seen_at: known
            .as_ref()
            .map_or(write.now, |known| known.first_seen_at),
        changed_at: changed_at(write, known.as_ref(), &update),
        path: update.path,
        door: update.door,
        state: update.state,
        reason: update.reason,
        size_bytes: update.size_bytes,
        title: update.title,
    };
    arrivals::put(transaction, &arrival, title_serial, update.owner)?;
    write.announce(Change::Inbox);
    Ok(())
}

/// A file that only grows has not changed its state.
fn changed_at(
    write: &Write<'_>,
    known: Option<&Arrival>,
    update: &ArrivalUpdate,
) -> model::clock::WallTime {
    match known {
        Some(known) if says_but_for_size(known, update) => known.changed_at,
        _ => write.now,
    }
}

fn serial_of(write: &Write<'_>, title: TitleId) -> Outcome<i64> {
    titles::serial_of(&write.transaction, title)?
        .ok_or_else(|| Failure::rule(ErrorKind::NotFound, format!("there is no title {title}")))
}

fn says(arrival: &Arrival, update: &ArrivalUpdate) -> bool {
    arrival.size_bytes == update.size_bytes && says_but_for_size(arrival, update)
}

fn says_but_for_size(arrival: &Arrival, update: &ArrivalUpdate) -> bool {
    arrival.door == update.door
        && arrival.state == update.state
        && arrival.reason == update.reason
        && arrival.title == update.title
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use model::arrival::{ArrivalState, Door};
    use model::change::Change;
    use model::error::ErrorKind;
    use model::id::TitleId;
    use model::job::JobState;

    use super::{ArrivalAction, ArrivalUpdate};
    use crate::admission::Admission;
    use crate::testing::{House, candidate};
    use crate::viewer::Viewer;

    fn settling(path: &str, size_bytes: u64) -> ArrivalUpdate {
        ArrivalUpdate {
            path: PathBuf::from(path),
            door: Door::Folder,
            state: ArrivalState::Settling,
            reason: Some("It is still being written".to_owned()),
            size_bytes,
            title: None,
            owner: None,
        }
    }

    #[tokio::test]
    async fn the_way_of_a_file_through_the_inbox_is_recorded() {
        let house = House::new();
        let path = Path::new("/films/a.mp4");
        let record = async |update| {
            house.clock.advance(Duration::from_secs(1));
            house.catalog.record_arrival(update).await.unwrap();
            house.catalog.arrival(path).await.unwrap().unwrap()
        };
        let first = record(settling("/films/a.mp4", 10)).await;
        let grown = record(settling("/films/a.mp4", 20)).await;
        assert_eq!(grown.size_bytes, 20);
        assert_eq!(
            grown.changed_at, first.changed_at,
            "growing is no change of state"
        );
        let title = house.admit("/films/a.mp4", "a").await;
        let admitted = record(ArrivalUpdate {
            state: ArrivalState::Admitted,
            reason: None,
            title: Some(title),
            ..settling("/films/a.mp4", 20)
        })
        .await;
        assert_eq!(admitted.first_seen_at, first.first_seen_at);
        assert!(admitted.changed_at > first.changed_at);
        assert_eq!((admitted.title, admitted.reason), (Some(title), None));
    }

    #[tokio::test]
    async fn saying_the_same_again_writes_and_announces_nothing() {
        let house = House::new();
        let mut changes = house.catalog.subscribe();
        for _ in 0..3 {
            house
                .catalog
                .record_arrival(settling("/films/a.mp4", 10))
                .await
                .unwrap();
        }
        assert_eq!(changes.recv().await.unwrap(), Change::Inbox);
        assert!(changes.is_empty(), "only the first time was news");
    }

    #[tokio::test]
    async fn the_inbox_shows_the_latest_change_first_and_forgets_on_demand() {
        let house = House::new();
        for path in ["/films/a", "/films/b", "/films/c"] {
            house
                .catalog
                .record_arrival(settling(path, 1))
                .await
                .unwrap();
            house.clock.advance(Duration::from_secs(1));
        }
        let ignored = ArrivalUpdate {
            state: ArrivalState::Ignored,
            ..settling("/films/a", 1)
        };
        house.catalog.record_arrival(ignored).await.unwrap();
        let paths = async |limit| -> Vec<PathBuf> {
            let arrivals = house.inbox().await.into_iter();
            arrivals.map(|seen| seen.arrival.path).take(limit).collect()
        };
        assert_eq!(
            paths(2).await,
            [Path::new("/films/a"), Path::new("/films/c")]
        );
        for _ in 0..2 {
            house
                .catalog
                .forget_arrival(Path::new("/films/c"))
                .await
                .unwrap();
        }
        assert_eq!(
            paths(9).await,
            [Path::new("/films/a"), Path::new("/films/b")]
        );
    }

    #[tokio::test]
    async fn a_dismissed_file_is_seen_again_when_something_changes() {
        let house = House::new();
        let record = async |update| {
            house.clock.advance(Duration::from_secs(1));
            house.catalog.record_arrival(update).await.unwrap();
        };
        record(settling("/films/a", 1)).await;
        let arrival = house.inbox().await.remove(0).arrival;
        let catalog = &house.catalog;
        let dismissing = catalog.arrival_action(arrival.id, ArrivalAction::Dismiss);
        dismissing.await.unwrap();
        record(settling("/films/a", 2)).await;
        assert!(house.inbox().await.is_empty());
        assert_eq!(catalog.every_arrival().await.unwrap().len(), 1);
        let ignored = ArrivalUpdate {
            state: ArrivalState::Ignored,
            ..settling("/films/a", 2)
        };
        record(ignored).await;
        let shown = house.inbox().await;
        assert_eq!(
            shown[0].arrival.id, arrival.id,
            "its address stays the same"
        );
        let found = catalog.seen_arrival(Viewer::EVERYTHING, arrival.id).await;
        assert_eq!(found.unwrap().as_ref(), shown.first());
    }

    #[tokio::test]
    async fn a_retry_forgets_the_file_and_starts_its_failed_job_over() {
        let house = House::new();
        let film = candidate("/films/a", "a");
        let title = house.catalog.refuse(film, "No index").await.unwrap();
        let refused = ArrivalUpdate {
            state: ArrivalState::Refused,
            title: Some(title),
            ..settling("/films/a", 1)
        };
        house.catalog.record_arrival(refused).await.unwrap();
        let id = house.inbox().await[0].arrival.id;
        let retry = || house.catalog.arrival_action(id, ArrivalAction::Retry);
        assert_eq!(retry().await.unwrap(), Path::new("/films/a"));
        assert_eq!(house.job_of(title).await.state, JobState::Queued);
        assert!(house.catalog.every_arrival().await.unwrap().is_empty());
        assert_eq!(retry().await.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_removed_film_is_taken_again_on_demand() {
        let house = House::new();
        let removed = |title| ArrivalUpdate {
            state: ArrivalState::Removed,
            title,
            ..settling("/films/a", 1)
        };
        let take = async || {
            let id = house.inbox().await[0].arrival.id;
            let taking = house.catalog.arrival_action(id, ArrivalAction::Take);
            taking.await.unwrap();
        };
        let title = house.admit("/films/a", "a").await;
        house.catalog.delete_title(title, None).await.unwrap();
        let recording = house.catalog.record_arrival(removed(Some(title)));
        recording.await.unwrap();
        take().await;
        assert!(house.catalog.title(title).await.unwrap().is_some());

        house.catalog.delete_title(title, None).await.unwrap();
        house.clock.advance(Duration::from_secs(1));
        let now = house.catalog.now();
        house.catalog.purge_deleted(now).await.unwrap();
        house.catalog.record_arrival(removed(None)).await.unwrap();
        take().await;
        let again = house.catalog.admit(candidate("/films/a", "a")).await;
        assert!(matches!(again.unwrap(), Admission::New(_)));
    }

    #[tokio::test]
    async fn an_arrival_cannot_belong_to_a_title_that_does_not_exist() {
        let house = House::new();
        let lost = ArrivalUpdate {
            title: Some(TitleId::generate()),
            ..settling("/films/a", 1)
        };
        let error = house.catalog.record_arrival(lost).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
