//! What Homereel knows, in one SQLite file: the inbox, titles, jobs, plans, pieces and garbage.
//!
//! The stages of the pipeline meet here without knowing each other. All SQL is in this crate:
//! `schema.sql` says what the tables hold, `table/` has one file of statements per
//! table, and the modules below put them together into transactions, one per public method.
//! Suggested reading order: [`admission`], [`queue`], [`work`], [`planning`],
//! [`recording`], [`outcome`], [`library`], [`board`], [`inbox`], [`inbox_page`], [`garbage`],
//! [`check`], [`wish`]; beside them, whose house it is: [`people`], [`sessions`], [`invites`], [`settings`], [`folders`].
//!
//! Invariants:
//! - Only the thread in `writer.rs` writes; every write is one `BEGIN IMMEDIATE` transaction
//!   that is on the disk before the method returns.
//! - A [`Change`] is announced after its commit, in the order of the commits.
//! - A row of a piece exists only if its object is stored; rows of an abandoned generation do
//!   not exist (their objects are garbage from the same transaction on).
//! - A title's state and reason follow from its job and its pieces in every commit.
//!
//! What does not belong here: files other than the catalog's own, HTTP, and waiting for things.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use model::change::Change;
use model::clock::{Clock, SystemClock, WallTime};
use model::error::{Context, Error, ErrorKind, Result};
use model::settings::Settings;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, broadcast};

use crate::failure::Outcome;
use crate::plan_cache::PlanCache;
use crate::readers::{READERS, Readers};
use crate::recent::Recent;
use crate::wish::Wishes;
use crate::writer::{INBOX_TASKS, Writer};

pub mod admission;
pub mod backup;
pub mod board;
pub mod check;
mod column;
mod connection;
mod cursor;
pub mod editing;
mod failure;
pub mod figures;
pub mod folders;
pub mod garbage;
mod generation;
pub mod inbox;
pub mod inbox_page;
pub mod invites;
mod job_move;
pub mod journal;
pub mod library;
pub mod making_anew;
pub mod mark;
pub mod originals;
pub mod outcome;
pub mod people;
mod plan_cache;
pub mod planning;
pub mod progress;
pub mod queue;
mod readers;
mod recent;
mod recognition;
pub mod recording;
pub mod removal;
mod schema;
mod search;
pub mod sessions;
pub mod settings;
mod table;
pub mod turn;
pub mod uploads;
pub mod viewer;
pub mod wish;
pub mod work;
mod writer;

#[cfg(test)]
mod testing;

/// How many changes a subscriber may lag behind before it is told that it missed some, and has
/// to read the rows.
const CHANGES_KEPT: usize = 1024;

/// A handle on the catalog; clones share it. Methods need a Tokio runtime.
///
/// The thread that writes starts with [`Catalog::open`] and ends with [`Catalog::close`], or
/// after the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    /// `None` if the catalog was opened for reading.
    writer: Option<Writer>,
    readers: Readers,
    /// Whoever writes or reads waits here, not in a blocked thread. Both are passed on in the
    /// order of asking, and those inside are bounded by deadlines of SQLite and of the writer.
    room_to_write: Arc<Semaphore>,
    room_to_read: Arc<Semaphore>,
    changes: broadcast::Sender<Change>,
    plans: PlanCache,
    recent: Recent,
    /// As the last commit left them.
    settings: RwLock<Arc<Settings>>,
    wishes: Arc<Wishes>,
}

/// A transaction that writes, as the work in it sees it.
pub(crate) struct Write<'a> {
    pub(crate) transaction: Transaction<'a>,
    /// The moment of this transaction.
    pub(crate) now: WallTime,
    pub(crate) plans: &'a PlanCache,
    /// As they are, or as this transaction leaves them.
    pub(crate) settings: Arc<Settings>,
    changes: Vec<Change>,
}

impl Catalog {
    /// Opens the catalog at `path`, creating it or upgrading its schema if need be. Blocking.
    /// The caller holds the lock of the data folder, so that nobody else writes.
    ///
    /// # Errors
    /// `Conflict` if the schema is newer than this program or the file is not ours, `Corrupt` if
    /// it is damaged, `OutOfSpace` or `Unavailable` if its disk does not let us.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let (connection, settings) =
            open_up_to_date(path).map_err(|failure| failure.into_error("opening", path))?;
        let writer = Writer::start(connection)?;
        Ok(Self::assemble(path, clock, Some(writer), settings))
    }

    /// Opens the catalog for reading, beside a server that may be running. Writing methods fail
    /// with `Conflict`. Blocking.
    ///
    /// # Errors
    /// `NotFound` if there is no such file, otherwise as [`Catalog::open`].
    pub fn open_read_only(path: &Path) -> Result<Self> {
        if !path.exists() {
            let message = format!("there is no catalog at {}", path.display());
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let settings =
            read_only_settings(path).map_err(|failure| failure.into_error("opening", path))?;
        Ok(Self::assemble(path, Arc::new(SystemClock), None, settings))
    }

    /// Everything that is committed from now on. A receiver that lags more than 1024 changes
    /// behind is told so and must read the rows instead.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// Waits until everything accepted so far is written, then closes the file. Later calls on
    /// any handle fail with `Unavailable`. Closing twice is fine.
    pub async fn close(&self) {
        let shared = Arc::clone(&self.shared);
        let closing = tokio::task::spawn_blocking(move || {
            // Readers first: the last connection to close removes the log.
            shared.readers.close();
            shared.writer.as_ref().map_or(Ok(()), Writer::close)
        });
        if let Ok(Err(error)) = closing.await {
            tracing::warn!(%error, "the catalog was not closed in time; nothing committed is lost");
        }
    }

    /// Carries out `work` in one transaction and announces its changes. `doing` is for errors,
    /// such as "claiming jobs".
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Write<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let room = Arc::clone(&self.shared.room_to_write);
        let shared = Arc::clone(&self.shared);
        in_turn(room, move || shared.write_blocking(doing, work)).await
    }

    /// Carries out `work` on one unchanging state of the catalog.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>, &PlanCache) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let room = Arc::clone(&self.shared.room_to_read);
        let shared = Arc::clone(&self.shared);
        in_turn(room, move || {
            shared
                .readers
                .run(|transaction| work(transaction, &shared.plans))
                .map_err(|failure| failure.into_error(doing, &shared.path))
        })
        .await
    }

    /// The present moment, for reading; a transaction that writes has its own.
    pub(crate) fn now(&self) -> WallTime {
        self.shared.clock.now()
    }

    /// Carries out `work` on a connection that reads, outside of any transaction.
    pub(crate) async fn read_at_large<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let room = Arc::clone(&self.shared.room_to_read);
        let shared = Arc::clone(&self.shared);
        in_turn(room, move || {
            shared
                .readers
                .run_at_large(work)
                .map_err(|failure| failure.into_error(doing, &shared.path))
        })
        .await
    }

    fn wish_list(&self) -> &Arc<Wishes> {
        &self.shared.wishes
    }

    fn assemble(
        path: &Path,
        clock: Arc<dyn Clock>,
        writer: Option<Writer>,
        settings: Settings,
    ) -> Self {
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let shared = Shared {
            path: path.to_owned(),
            clock,
            writer,
            readers: Readers::new(path),
            room_to_write: Arc::new(Semaphore::new(INBOX_TASKS)),
            room_to_read: Arc::new(Semaphore::new(READERS)),
            plans: PlanCache::default(),
            recent: Recent::default(),
            settings: RwLock::new(Arc::new(settings)),
            wishes: Arc::new(Wishes::new(changes.clone())),
            changes,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Shared {
    fn present_settings(&self) -> Arc<Settings> {
        let settings = self.settings.read();
        Arc::clone(&settings.unwrap_or_else(PoisonError::into_inner))
    }

    fn write_blocking<T: Send + 'static>(
        self: Arc<Self>,
        doing: &'static str,
        work: impl FnOnce(&mut Write<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let Some(writer) = &self.writer else {
            let message = format!("{doing}: the catalog was opened for reading only");
            return Err(Error::new(ErrorKind::Conflict, message));
        };
        let shared = Arc::clone(&self);
        writer
            .run(move |connection| shared.commit(connection, work))?
            .map_err(|failure| failure.into_error(doing, &self.path))
    }

    fn commit<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&mut Write<'_>) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut write = Write {
            transaction: connection.transaction_with_behavior(TransactionBehavior::Immediate)?,
            now: self.clock.now(),
            plans: &self.plans,
            settings: self.present_settings(),
            changes: Vec::new(),
        };
        // Dropping the transaction on the way out rolls it back.
        let value = work(&mut write)?;
        let Write {
            transaction,
            changes,
            settings,
            ..
        } = write;
        transaction.commit()?;
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
        self.recent.forget();
        for change in changes {
            // Nobody may be listening; the rows are what counts.
            let _ = self.changes.send(change);
        }
        Ok(value)
    }
}

impl Write<'_> {
    /// Notes a change that is announced after the commit; once, however often it is noted.
    pub(crate) fn announce(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }
}

fn open_up_to_date(path: &Path) -> Outcome<(Connection, Settings)> {
    let mut connection = connection::open_writer(path)?;
    schema::bring_up_to_date(&mut connection, path)?;
    let settings = settings::stored(&connection)?;
    Ok((connection, settings))
}

fn read_only_settings(path: &Path) -> Outcome<Settings> {
    let connection = connection::open_reader(path)?;
    schema::demand_newest(&connection, path)?;
    settings::stored(&connection)
}

/// Waits for `room`, then runs `work` on a thread that may block. A caller that stops waiting
/// does not stop the work, nor does it free its place before the work is done.
async fn in_turn<T: Send + 'static>(
    room: Arc<Semaphore>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let place = room
        .acquire_owned()
        .await
        .context(ErrorKind::Internal, "waiting for the catalog")?;
    let running = tokio::task::spawn_blocking(move || {
        let _place = place;
        work()
    });
    running
        .await
        .context(ErrorKind::Internal, "using the catalog")?
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use model::change::Change;
    use model::clock::SystemClock;
    use model::error::ErrorKind;
    use rusqlite::Connection;

    use super::Catalog;
    use crate::admission::Admission;
    use crate::library::TitleQuery;
    use crate::testing::{House, OWNER, candidate, segment};
    use crate::viewer::Viewer;

    fn everything() -> TitleQuery {
        TitleQuery {
            who: Viewer::EVERYTHING,
            ..TitleQuery::default()
        }
    }

    fn reopen(path: &Path) -> model::error::Result<Catalog> {
        Catalog::open(path, Arc::new(SystemClock))
    }

    #[tokio::test]
    async fn a_change_is_announced_when_its_rows_can_be_read() {
        let house = House::new();
        let mut changes = house.catalog.subscribe();
        let catalog = house.catalog.clone();
        let reader = tokio::spawn(async move {
            let Change::Title(title) = changes.recv().await.unwrap() else {
                panic!("the title is announced first");
            };
            catalog.title(title).await.unwrap().is_some()
        });
        house.admit("/films/a.mp4", "a").await;
        assert!(
            reader.await.unwrap(),
            "whoever hears of a title must find it"
        );
    }

    #[tokio::test]
    async fn a_transaction_that_fails_leaves_and_announces_nothing() {
        let house = House::new();
        let mut changes = house.catalog.subscribe();
        let failing = house.catalog.write("failing halfway", |write| {
            write.announce(Change::Inbox);
            write.transaction.execute("DELETE FROM titles", [])?;
            write.transaction.execute("DELETE FROM nothing", [])?;
            Ok(())
        });
        let error = failing.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(
            error.message().contains("failing halfway") && error.message().contains("homereel.db"),
            "{error}"
        );
        assert!(changes.is_empty(), "{:?}", changes.try_recv());
        house.admit("/films/a.mp4", "a").await;
    }

    #[tokio::test]
    async fn a_full_disk_is_told_as_such_and_work_goes_on_when_there_is_space() {
        let house = House::new();
        // SQLite reports a file that may not grow exactly as it reports a full disk.
        let allow_pages = async |pages: u32| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            let allowing = house.catalog.write("setting a limit", move |write| {
                write.transaction.query_row(&sql, [], |_| Ok(()))?;
                Ok(())
            });
            allowing.await.unwrap();
        };
        allow_pages(1).await;
        let film = |number: u32| {
            let path = format!("/films/{number}.mp4");
            house.catalog.admit(candidate(&path, &path))
        };
        let mut admitted = 0;
        let error = loop {
            match film(admitted).await {
                Ok(_) => admitted += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::OutOfSpace, "{error}");
        assert!(error.message().contains("homereel.db"), "{error}");
        let page = house.catalog.titles(everything()).await.unwrap();
        assert_eq!(
            page.total,
            u64::from(admitted),
            "what was answered is there"
        );
        allow_pages(1_000_000).await;
        film(admitted).await.unwrap();
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_was_answered_survives_a_kill() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 2).await;
        let pieces = vec![segment(title, 0, 1), segment(title, 2, 1)];
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        // What lies on the disk at this moment is what a killed server leaves behind.
        let after = tempfile::tempdir().unwrap();
        for name in ["homereel.db", "homereel.db-wal"] {
            std::fs::copy(house.folder.path().join(name), after.path().join(name)).unwrap();
        }
        let catalog = reopen(&after.path().join("homereel.db")).unwrap();
        assert_eq!(
            catalog.pieces(title).await.unwrap().len(),
            5,
            "all five rows"
        );
        assert!(catalog.title(title).await.unwrap().unwrap().plan.is_some());
        assert!(catalog.integrity().await.unwrap().is_empty());
        assert_eq!(
            catalog.release_leases().await.unwrap(),
            1,
            "the job was running"
        );
        let seen = catalog
            .admit(candidate("/films/a.mp4", "/films/a.mp4"))
            .await;
        assert_eq!(
            seen.unwrap(),
            Admission::Duplicate(title),
            "the rescan after a restart"
        );
    }

    #[tokio::test]
    async fn closing_leaves_one_whole_file_and_refuses_what_comes_later() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let other_handle = house.catalog.clone();
        house.catalog.close().await;
        house.catalog.close().await;
        for error in [
            other_handle.title(title).await.unwrap_err(),
            other_handle.release_leases().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        assert!(
            !house.folder.path().join("homereel.db-wal").exists(),
            "everything is in the file itself"
        );
        let again = reopen(&house.path()).unwrap();
        assert!(again.title(title).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_reader_beside_the_server_sees_everything_and_changes_nothing() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let reader = Catalog::open_read_only(&house.path()).unwrap();
        assert!(reader.title(title).await.unwrap().is_some());
        assert!(reader.integrity().await.unwrap().is_empty());
        let error = reader.release_leases().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        reader.close().await;
        house.admit("/films/b.mp4", "b").await;
        let nowhere = Catalog::open_read_only(&house.folder.path().join("none.db"));
        assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_file_we_must_not_touch_is_refused_with_advice() {
        let house = House::new();
        house.catalog.close().await;
        let connection = Connection::open(house.path()).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let error = reopen(&house.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains("newer Homereel"), "{error}");

        let damaged = house.folder.path().join("damaged.db");
        std::fs::write(&damaged, "certainly not a database".repeat(400)).unwrap();
        let error = reopen(&damaged).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("restore a backup"), "{error}");

        let error = reopen(&house.folder.path().join("no such folder/x.db")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }

    #[tokio::test]
    async fn damage_in_the_middle_of_the_file_is_reported_as_such() {
        let house = House::new();
        for number in 0..400 {
            let path = format!("/films/{number}.mp4");
            house.catalog.admit(candidate(&path, &path)).await.unwrap();
        }
        house.catalog.close().await;
        let mut bytes = std::fs::read(house.path()).unwrap();
        // The first pages hold the schema, without which it could not even be opened.
        let pages = bytes.len() / 4096;
        for page in bytes.chunks_mut(4096).skip(pages * 2 / 3) {
            page.iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
        std::fs::write(house.path(), bytes).unwrap();
        let catalog = reopen(&house.path()).unwrap();
        let error = catalog.titles(everything()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_runtime_clock_does_not_disturb_it() {
        let house = House::new();
        let writing = house.admit("/films/a.mp4", "a");
        let patience = std::time::Duration::from_secs(1);
        let done = tokio::time::timeout(patience, writing).await;
        assert!(done.is_ok(), "tests of others stop the runtime's clock");
    }

    #[tokio::test]
    async fn many_callers_at_once_all_get_their_turn() {
        let house = House::new();
        let callers: Vec<_> = (0..200)
            .map(|number| {
                let catalog = house.catalog.clone();
                tokio::spawn(async move {
                    let path = format!("/films/{number}.mp4");
                    catalog.admit(candidate(&path, &path)).await.unwrap();
                    catalog.titles(everything()).await.unwrap().total
                })
            })
            .collect();
        for caller in callers {
            let total = caller.await.unwrap();
            assert!((1..=200).contains(&total));
        }
        let page = house.catalog.titles(everything()).await.unwrap();
        assert_eq!(page.total, 200);
    }
}
