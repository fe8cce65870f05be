//! From a delivered file to a title with its job: settled, complete, identified, admitted.
//!
//! ```text
//! seen ─ settling ─ complete? ─ identity ─┬─ admitted   (title and job, in one transaction)
//!            └── still growing ───┘       ├─ duplicate  (the film is there already)
//!                                         ├─ moved      (its file lay elsewhere before)
//!                                         └─ refused    (a failed title that says why)
//! ```
//!
//! Whoever delivers files holds an [`IngestHandle`] and reports paths; one task with one loop
//! does the rest. Each step is a row of the inbox with a sentence for its owner. Telling the same
//! path again changes nothing, so sources may rescan as often as they like.
//!
//! What does not belong here: who delivered the file, which names are passed over, and what
//! becomes of the job. Suggested reading order: `desk`, `settle`, `complete`, `identify`, `admit`.

mod admit;
mod complete;
mod desk;
mod disk;
mod examine;
mod files;
mod identify;
mod iso_bmff;
mod kind;
mod look;
mod settle;
#[cfg(test)]
mod stories;
mod verdict;
mod words;

use catalog::Catalog;
use model::arrival::Door;
use model::error::{Error, ErrorKind, Result, kind_of_io};
use model::id::TitleId;
use model::title::Identity;
use model::upload::Details;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;

/// Reports that wait to be dealt with. Whoever reports faster waits; a scan loses nothing.
const INBOX_CAPACITY: usize = 64;

/// Reports taken from the inbox at once, so that small ones cost few trips to the disk and large
/// ones do not hold up the looks that are due.
const BATCH: usize = 4;

/// How long files are given.
#[derive(Clone, Copy, Debug)]
pub struct IngestPolicy {
    /// A file is at rest when nothing about it has changed for this long; for a quarter of it, if
    /// whoever wrote it has closed it.
    pub settle: Duration,
    /// An incomplete file at rest is refused after this long. A later change revives it.
    pub patience: Duration,
}

impl Default for IngestPolicy {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(2),
            patience: Duration::from_secs(10),
        }
    }
}

/// The running task. Dropping it lets the task run on; [`Ingest::shutdown`] ends it.
#[derive(Debug)]
pub struct Ingest {
    inbox: mpsc::Sender<Report>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The counter where sources hand files in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IngestHandle {
    inbox: mpsc::Sender<Report>,
}

/// What sources report. Public so that a source can be tested without the rest.
#[derive(Debug)]
pub enum Report {
    /// Something lies at each of these paths.
    Seen {
        /// The paths, absolute.
        paths: Vec<PathBuf>,
        /// Through which door they came.
        door: Door,
    },
    /// Somebody wants this file to be taken, and to hear what becomes of it.
    Asked {
        /// The file, absolute.
        path: PathBuf,
        /// Through which door it comes.
        door: Door,
        /// What whoever brings it says of it.
        details: Box<Details>,
        /// Where to tell.
        reply: oneshot::Sender<Result<TitleId>>,
    },
    /// Whoever wrote to these paths has closed them, or they were renamed to be there: most
    /// likely nothing more is written. Told after the sightings.
    Closed(Vec<PathBuf>),
    /// A file or a whole folder may have gone from this path.
    Gone(PathBuf),
    /// Everything in a folder was seen.
    Scanned {
        /// The folder.
        folder: PathBuf,
        /// When the scan began.
        began: Instant,
    },
}

/// What the file at `path` contains, regardless of its name.
///
/// # Errors
/// As the file system has it.
pub async fn identity(path: &Path) -> Result<Identity> {
    let wanted = path.to_owned();
    let identified = disk::ask(path, move || examine::identity(&wanted)).await?;
    identified.map_err(|error| {
        let message = format!("identifying {}", path.display());
        Error::caused_by(kind_of_io(&error), message, error)
    })
}

impl Ingest {
    /// Starts the task. It remembers from the catalog which files were dealt with before.
    ///
    /// # Errors
    /// If the inbox cannot be read from the catalog.
    pub async fn start(catalog: Catalog, policy: IngestPolicy) -> Result<Self> {
        let desk = Desk::open(catalog, policy, Instant::now()).await?;
        let (inbox, reports) = mpsc::channel(INBOX_CAPACITY);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            // Between any two steps the rows are as true as after a crash, so none is awaited.
            stopped.run_until_cancelled(run(desk, reports)).await;
        });
        Ok(Self { inbox, stop, task })
    }

    /// The counter where sources hand files in.
    pub fn handle(&self) -> IngestHandle {
        IngestHandle {
            inbox: self.inbox.clone(),
        }
    }

    /// Ends the task. Files it was told of are found again by the scan of the next start.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "Taking in files ended badly.");
        }
    }
}

impl IngestHandle {
    /// A counter whose reports go to `inbox`; for tests of sources. Everybody else takes
    /// [`Ingest::handle`].
    pub fn reporting_to(inbox: mpsc::Sender<Report>) -> Self {
        Self { inbox }
    }

    /// Reports that something lies at `path`, which must be absolute. Waits while the inbox is
    /// full.
    ///
    /// # Errors
    /// `Unavailable` once ingest has ended.
    pub async fn seen(&self, path: PathBuf, door: Door) -> Result<()> {
        let paths = vec![path];
        self.send(Report::Seen { paths, door }).await
    }

    /// Reports many paths, from a thread outside of the runtime. Give them a few hundred at a
    /// time: each call costs a trip through the inbox.
    ///
    /// # Errors
    /// `Unavailable` once ingest has ended.
    pub fn seen_blocking(&self, paths: Vec<PathBuf>, door: Door) -> Result<()> {
        self.inbox
            .blocking_send(Report::Seen { paths, door })
            .map_err(|_| ended())
    }

    /// Reports that whoever wrote to these paths has closed them. They are to be reported as
    /// seen before that.
    ///
    /// # Errors
    /// `Unavailable` once ingest has ended.
    pub async fn closed(&self, paths: Vec<PathBuf>) -> Result<()> {
        self.send(Report::Closed(paths)).await
    }

    /// Reports that a file or a whole folder may have gone from `path`.
    ///
    /// # Errors
    /// `Unavailable` once ingest has ended.
    pub async fn gone(&self, path: PathBuf) -> Result<()> {
        self.send(Report::Gone(path)).await
    }

    /// Reports that everything in `folder` was seen by a scan that began at `began`: files known
    /// to lie there that were not seen since are missing.
    ///
    /// # Errors
    /// `Unavailable` once ingest has ended.
    pub async fn scanned(&self, folder: PathBuf, began: Instant) -> Result<()> {
        self.send(Report::Scanned { folder, began }).await
    }

    /// Reports the file at `path` and waits until it has become a title, at most `deadline`.
    ///
    /// # Errors
    /// With the sentence for the owner: `Unsupported` if the file was refused, `InvalidInput` if
    /// it is no file, `NotFound` if there is none, `Unavailable` if it takes too long.
    pub async fn take(&self, path: PathBuf, door: Door, deadline: Duration) -> Result<TitleId> {
        self.take_with(path, door, Details::default(), deadline)
            .await
    }

    /// Like [`take`](Self::take), with what is said of the film: its title is admitted with that
    /// in one transaction. A file from [`Door::Upload`] is taken to be at rest.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn take_with(
        &self,
        path: PathBuf,
        door: Door,
        details: Details,
        deadline: Duration,
    ) -> Result<TitleId> {
        let outcome = async {
            let answer = self.ask(path, door, details).await?;
            answer.await.unwrap_or_else(|_| Err(ended()))
        };
        tokio::time::timeout(deadline, outcome)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Unavailable,
                    "The file is still being written. It is taken as soon as it is complete.",
                ))
            })
    }

    /// Reports the file at `path` with what is said of it, and does not wait for what becomes of
    /// it.
    ///
    /// # Errors
    /// `Unavailable` once ingest has ended.
    pub async fn deliver(&self, path: PathBuf, door: Door, details: Details) -> Result<()> {
        self.ask(path, door, details).await.map(drop)
    }

    async fn ask(
        &self,
        path: PathBuf,
        door: Door,
        details: Details,
    ) -> Result<oneshot::Receiver<Result<TitleId>>> {
        let (reply, answer) = oneshot::channel();
        let details = Box::new(details);
        self.send(Report::Asked {
            path,
            door,
            details,
            reply,
        })
        .await?;
        Ok(answer)
    }

    async fn send(&self, report: Report) -> Result<()> {
        self.inbox.send(report).await.map_err(|_| ended())
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Unavailable, "Homereel is stopping")
}

/// The loop: reports as they come, looks as they fall due.
async fn run(mut desk: Desk, mut inbox: mpsc::Receiver<Report>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            () = wait_until(desk.next_due()) => desk.look_at_due(Instant::now()).await,
            count = inbox.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                desk.handle(std::mem::take(&mut batch), Instant::now()).await;
            }
        }
    }
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ingest, IngestPolicy};
    use catalog::Catalog;
    use model::arrival::Door;
    use model::clock::SystemClock;
    use model::error::ErrorKind;
    use std::sync::Arc;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(30);

    async fn ingest(home: &std::path::Path, settle: Duration) -> (Ingest, Catalog) {
        let catalog = Catalog::open(&home.join("homereel.db"), Arc::new(SystemClock)).unwrap();
        let policy = IngestPolicy {
            settle,
            ..IngestPolicy::default()
        };
        let ingest = Ingest::start(catalog.clone(), policy).await.unwrap();
        (ingest, catalog)
    }

    #[tokio::test]
    async fn the_running_task_takes_files_until_it_is_stopped() {
        let home = tempfile::tempdir().unwrap();
        let (ingest, catalog) = ingest(home.path(), Duration::from_millis(5)).await;
        let film = home.path().canonicalize().unwrap().join("film.mkv");
        std::fs::write(&film, b"\x1a\x45\xdf\xa3 film").unwrap();
        let counter = ingest.handle();
        let title = counter
            .take(film.clone(), Door::Command, LONG)
            .await
            .unwrap();
        assert!(catalog.title(title).await.unwrap().is_some());
        ingest.shutdown().await;
        let error = counter.take(film, Door::Command, LONG).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }

    #[tokio::test]
    async fn whoever_asks_does_not_wait_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let (ingest, _catalog) = ingest(home.path(), LONG).await;
        let film = home.path().canonicalize().unwrap().join("film.mkv");
        std::fs::write(&film, b"\x1a\x45\xdf\xa3 film").unwrap();
        let deadline = Duration::from_millis(20);
        let asked = ingest.handle().take(film, Door::Command, deadline).await;
        let error = asked.unwrap_err();
        assert!(error.message().contains("still being written"), "{error}");
        ingest.shutdown().await;
    }
}
