//! Removing titles: at first they are only out of sight, later they are purged. The file a title
//! was made from is never touched here; a film that was removed does not come back by itself.

use std::path::PathBuf;

use model::arrival::Door;
use model::change::Change;
use model::clock::WallTime;
use model::error::{ErrorKind, Result};
use model::id::{TitleId, UserId};
use model::job::JobState;
use model::title::Title;

use crate::editing::known;
use crate::failure::{Failure, Outcome};
use crate::table::titles::TitleRow;
use crate::table::{arrivals, jobs, listing, removed_films, titles, users};
use crate::viewer::Viewer;
use crate::{Catalog, Write, generation, job_move};

/// The most removed titles that are listed.
const LISTED: u32 = 200;
/// How many titles are purged in one transaction; each may have thousands of pieces.
const PURGED_AT_ONCE: u32 = 8;
/// Why the job of a removed title was cancelled; whoever brings it back has it start again.
pub(crate) const BECAUSE_REMOVED: &str = "Its title was removed";

/// A title that is gone for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    /// The title.
    pub title: TitleId,
    /// The file it was made from.
    pub source: PathBuf,
    /// Which way that file came, where the inbox still knows.
    pub door: Option<Door>,
}

impl Catalog {
    /// Removes a title: nobody sees it any more, and work on it stops. Its rows and objects are
    /// kept until it is purged. `by` is for the log of its job.
    ///
    /// # Errors
    /// `NotFound` if there is no such title, or it is removed already.
    pub async fn delete_title(&self, id: TitleId, by: Option<UserId>) -> Result<()> {
        self.write("removing a title", move |write| remove(write, id, by))
            .await
    }

    /// Brings a removed title back as it was; work that its removal stopped starts again.
    ///
    /// # Errors
    /// `NotFound` if there is no such title (any more). One that is not removed stays as it is.
    pub async fn restore_title(&self, id: TitleId) -> Result<()> {
        self.write("bringing back a title", move |write| {
            let Some(row) = titles::by_id(&write.transaction, id)? else {
                let message = format!("the title {id} is gone for good");
                return Err(Failure::rule(ErrorKind::NotFound, message));
            };
            bring_back(write, &row)
        })
        .await
    }

    /// A title, even if it was removed, without its plan.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn title_even_removed(&self, id: TitleId) -> Result<Option<Title>> {
        self.read("reading a title", move |transaction, _| {
            Ok(titles::by_id(transaction, id)?.map(|row| row.title))
        })
        .await
    }

    /// Removed titles that somebody may bring back, without their plans, lately removed first.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn deleted_titles(&self, who: Viewer) -> Result<Vec<Title>> {
        self.read("listing what was removed", move |transaction, _| {
            let rows = listing::removed(transaction, who, LISTED)?;
            Ok(rows.into_iter().map(|row| row.title).collect())
        })
        .await
    }

    /// Purges a few titles that were removed before `older_than`: their rows go, their objects
    /// become garbage. Call it until it returns none.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn purge_deleted(&self, older_than: WallTime) -> Result<Vec<Purged>> {
        self.write("purging removed titles", move |write| {
            let rows = titles::removed_before(&write.transaction, older_than, PURGED_AT_ONCE)?;
            rows.iter().map(|row| purge(write, row)).collect()
        })
        .await
    }
}

/// Takes a title back, if it is removed.
pub(crate) fn bring_back(write: &mut Write<'_>, row: &TitleRow) -> Outcome<()> {
    if row.title.deleted_at.is_none() {
        return Ok(());
    }
    titles::set_deleted(&write.transaction, row.serial, None)?;
    write.announce(Change::Title(row.title.id));
    let mut job = jobs::of_title(&write.transaction, row.serial)?;
    let was_stopped = job.job.reason.as_deref() == Some(BECAUSE_REMOVED);
    if job.job.state == JobState::Cancelled && was_stopped {
        job_move::start_over(&mut job, write.now);
        job_move::save(write, &job)?;
    }
    Ok(())
}

fn remove(write: &mut Write<'_>, id: TitleId, by: Option<UserId>) -> Outcome<()> {
    let row = known(write, id)?;
    let mut job = jobs::of_title(&write.transaction, row.serial)?;
    if !job.job.state.is_final() {
        let now = write.now;
        job_move::finish(&mut job, JobState::Cancelled, Some(BECAUSE_REMOVED), now);
        job_move::save(write, &job)?;
    }
    let name = match by {
        Some(by) => users::by_id(&write.transaction, by)?.map(|row| row.user.name),
        None => None,
    };
    let somebody = name.as_deref().unwrap_or("Somebody");
    job_move::log(write, job.serial, &format!("{somebody} removed the title."))?;
    titles::set_deleted(&write.transaction, row.serial, Some(write.now))?;
    write.announce(Change::Title(id));
    Ok(())
}

fn purge(write: &mut Write<'_>, row: &TitleRow) -> Outcome<Purged> {
    let path = crate::column::path_bytes(&row.title.source.path)?;
    let door = arrivals::by_path(&write.transaction, path)?.map(|arrival| arrival.door);
    removed_films::insert(&write.transaction, &row.title.source)?;
    arrivals::keep_private(&write.transaction, row.serial)?;
    generation::begin(write, row)?;
    titles::delete(&write.transaction, row.serial)?;
    write.announce(Change::Inbox);
    Ok(Purged {
        title: row.title.id,
        source: row.title.source.path.clone(),
        door,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::error::ErrorKind;
    use model::id::{TitleId, UserId};
    use model::job::{Intent, JobState};
    use model::people::Role;
    use model::segment::Piece;
    use model::title::TitleState;
    use model::upload::Details;

    use crate::admission::Admission;
    use crate::library::TitleQuery;
    use crate::testing::{House, LEASE, OWNER, candidate, segment};
    use crate::viewer::Viewer;

    async fn listed(house: &House) -> u64 {
        let query = TitleQuery {
            who: Viewer::EVERYTHING,
            ..TitleQuery::default()
        };
        house.catalog.titles(query).await.unwrap().total
    }

    /// A film with a stored segment, whose job runs.
    async fn half_made(house: &House) -> (TitleId, model::id::JobId) {
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let pieces = vec![segment(title, 0, 1), segment(title, 2, 1)];
        let adding = house.catalog.add_pieces(job.id, OWNER, pieces);
        adding.await.unwrap();
        (title, job.id)
    }

    #[tokio::test]
    async fn a_removed_title_is_nowhere_and_comes_back_whole() {
        let house = House::new();
        let (title, job) = half_made(&house).await;
        let ada = house.person("ada", Role::Admin).await;
        house
            .catalog
            .delete_title(title, Some(ada.id))
            .await
            .unwrap();
        assert!(house.catalog.title(title).await.unwrap().is_none());
        assert_eq!(listed(&house).await, 0);
        let init = Piece::Init { stream: 0 };
        assert!(house.catalog.piece(title, init).await.unwrap().is_none());
        let coverage = house.catalog.coverage(title).await.unwrap();
        assert!(coverage.streams.is_empty());
        assert!(house.catalog.stream_totals(title).await.unwrap().is_empty());
        assert!(house.jobs(false).await.is_empty());
        assert_eq!(house.catalog.renew(OWNER, LEASE).await.unwrap(), []);
        let steered = house.catalog.request(job, Intent::Retry).await;
        assert_eq!(steered.unwrap_err().kind(), ErrorKind::NotFound);
        let again = house.catalog.delete_title(title, None).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(house.catalog.integrity().await.unwrap().is_empty());
        assert_eq!(
            house.catalog.every_key().await.unwrap().len(),
            5,
            "its objects are still needed"
        );

        house.catalog.restore_title(title).await.unwrap();
        house.catalog.restore_title(title).await.unwrap();
        let back = house.title(title).await;
        assert_eq!((back.state, back.reason), (TitleState::Playable, None));
        assert_eq!(house.job_of(title).await.state, JobState::Queued);
        assert_eq!(listed(&house).await, 1);
    }

    #[tokio::test]
    async fn what_was_cancelled_or_done_before_stays_so() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.job_of(title).await.id;
        house.catalog.request(job, Intent::Cancel).await.unwrap();
        house.catalog.delete_title(title, None).await.unwrap();
        house.catalog.restore_title(title).await.unwrap();
        assert_eq!(house.job_of(title).await.state, JobState::Cancelled);
    }

    #[tokio::test]
    async fn only_its_owner_and_admins_see_what_was_removed() {
        let house = House::new();
        let ada = house.person("ada", Role::Uploader).await;
        let mut film = candidate("/films/a.mp4", "a");
        film.details = Details {
            owner: Some(ada.id),
            ..Details::default()
        };
        let Admission::New(title) = house.catalog.admit(film).await.unwrap() else {
            panic!("it is new");
        };
        house
            .catalog
            .delete_title(title, Some(ada.id))
            .await
            .unwrap();
        let viewer = |user: Option<UserId>| Viewer {
            user,
            sees_everything: false,
            guests_may: true,
        };
        for (who, expected) in [
            (Viewer::EVERYTHING, 1),
            (viewer(Some(ada.id)), 1),
            (viewer(Some(UserId::generate())), 0),
            (viewer(None), 0),
        ] {
            let found = house.catalog.deleted_titles(who).await.unwrap();
            assert_eq!(found.len(), expected, "{who:?}");
        }
    }

    #[tokio::test]
    async fn a_purged_title_leaves_garbage_and_its_file_does_not_come_back_by_itself() {
        let house = House::new();
        let (title, _) = half_made(&house).await;
        house.catalog.delete_title(title, None).await.unwrap();
        let film = candidate("/films/a.mp4", "/films/a.mp4");
        let seen = house.catalog.admit(film.clone()).await.unwrap();
        assert_eq!(seen, Admission::Removed(Some(title)));
        let now = house.catalog.now();
        assert!(house.catalog.purge_deleted(now).await.unwrap().is_empty());
        house.clock.advance(Duration::from_millis(1));
        let now = house.catalog.now();
        let purged = house.catalog.purge_deleted(now).await.unwrap();
        assert_eq!(purged[0].title, title);
        assert_eq!(purged[0].source.to_str(), Some("/films/a.mp4"));
        assert!(house.catalog.every_key().await.unwrap().is_empty());
        assert_eq!(house.garbage().await.len(), 5);
        assert!(house.catalog.integrity().await.unwrap().is_empty());
        let gone = house.catalog.restore_title(title).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);

        let seen = house.catalog.admit(film.clone()).await.unwrap();
        assert_eq!(seen, Admission::Removed(None), "still not by itself");
        let ada = house.person("ada", Role::Uploader).await;
        let mut sent = film;
        sent.details.owner = Some(ada.id);
        let seen = house.catalog.admit(sent).await.unwrap();
        assert!(matches!(seen, Admission::New(_)), "{seen:?}: sent again");
    }

    #[tokio::test]
    async fn sending_a_removed_film_again_brings_it_back() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        house.catalog.delete_title(title, None).await.unwrap();
        let ada = house.person("ada", Role::Uploader).await;
        let mut sent = candidate("/uploads/x", "a");
        sent.details.owner = Some(ada.id);
        let seen = house.catalog.admit(sent).await.unwrap();
        assert_eq!(seen, Admission::Duplicate(title));
        assert_eq!(house.job_of(title).await.state, JobState::Queued);
    }
}
