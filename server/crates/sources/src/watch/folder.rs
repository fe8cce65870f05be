//! One watched folder: visit it, follow its events, visit it again.

use model::error::{Context, Error, ErrorKind, Result};
use std::fs;
use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use crate::watch::bridge::{Event, Events};
use crate::watch::dirty::{Dirty, Work};
use crate::watch::scan::{Scan, Scanned};
use crate::watch::{FolderStatus, WatchPolicy};
use crate::words;

/// After this long without an answer a folder counts as offline; the question stays asked.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// How often an offline folder is tried, unless scans are due more often.
const OFFLINE_INTERVAL: Duration = Duration::from_secs(10);

/// One watched folder.
#[derive(Debug)]
pub(crate) struct Folder {
    /// As its owner wrote it.
    path: PathBuf,
    scan: Scan,
    policy: WatchPolicy,
    status: watch::Sender<FolderStatus>,
    /// Rung at each change of the status.
    changed: Arc<Notify>,
    /// Which folder was there at the last visit, and the watch on it.
    present: Option<Present>,
}

/// A folder that is there.
#[derive(Debug)]
struct Present {
    place: Place,
    /// `None` where the kernel offers none: then only scans tell.
    events: Option<Events>,
    /// What does not work as well as it could.
    problem: Option<String>,
}

/// Where a folder really is. Another disk mounted over it makes it another place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// Without links on the way, so that nothing below is opened through one.
    root: PathBuf,
    device: u64,
    inode: u64,
}

impl Folder {
    /// A folder that was not visited yet, and where to read how it is doing.
    pub(crate) fn new(
        path: PathBuf,
        scan: Scan,
        policy: WatchPolicy,
        changed: Arc<Notify>,
    ) -> Result<(Self, watch::Receiver<FolderStatus>)> {
        if !path.is_absolute() {
            let message = format!(
                "the watched folder {} is not an absolute path",
                path.display()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let (status, receiver) = watch::channel(FolderStatus {
            path: path.clone(),
            online: false,
            reason: Some("It was not looked at yet.".to_owned()),
        });
        let folder = Self {
            path,
            scan,
            policy,
            status,
            changed,
            present: None,
        };
        Ok((folder, receiver))
    }

    /// Watches until it is dropped or ingest has ended.
    pub(crate) async fn run(mut self) {
        loop {
            match self.visit().await {
                Ok(()) => {}
                Err(error) if self.scan.stop.is_cancelled() => {
                    tracing::debug!(%error, "A folder is no longer watched.");
                    return;
                }
                Err(error) => self.go_offline(error.to_string()),
            }
            let interval = jittered(self.interval());
            if let Err(error) = self.follow_events(Instant::now() + interval).await {
                self.go_offline(error.to_string());
            }
        }
    }

    /// Looks whether the folder is there, watches and scans it.
    async fn visit(&mut self) -> Result<()> {
        let Some(place) = self.find().await? else {
            return Ok(());
        };
        self.watch(place.clone()).await?;
        let began = Instant::now();
        let (scan, root) = (self.scan.clone(), place.root.clone());
        let scanned = in_background(move || scan.folder(&root)).await??;
        self.go_online(scanned.problem.clone());
        if scanned.problem.is_none() {
            self.scan.ingest.scanned(place.root, began).await?;
        }
        Ok(())
    }

    /// Where the folder is; `None` if it is away, which is then its status.
    async fn find(&mut self) -> Result<Option<Place>> {
        let known = self.present.as_ref().map(|present| present.place.device);
        let path = self.path.clone();
        let mut answer = spawn_blocking(move || find(&path, known));
        let found = match timeout(ANSWER_DEADLINE, &mut answer).await {
            Ok(found) => found,
            Err(_) => {
                self.go_offline("It does not answer. Is its disk or share away?".to_owned());
                answer.await
            }
        };
        match found.context(ErrorKind::Internal, "looking for a watched folder")? {
            Ok(place) => Ok(Some(place)),
            Err(reason) => {
                self.go_offline(reason);
                Ok(None)
            }
        }
    }

    /// Asks the kernel to tell of changes, unless it does so already. The watch comes before the
    /// scan, so that nothing is missed between them.
    async fn watch(&mut self, place: Place) -> Result<()> {
        if let Some(present) = &self.present
            && present.place == place
            && present.events.is_some()
            && present.problem.is_none()
        {
            return Ok(());
        }
        // The watches of the old place are given back first: their number is limited.
        self.present = None;
        let root = place.root.clone();
        let (events, problem) = match in_background(move || Events::of(&root)).await? {
            Ok((events, problem)) => (Some(events), problem),
            Err(error) => (None, Some(error.message().to_owned())),
        };
        self.present = Some(Present {
            place,
            events,
            problem,
        });
        Ok(())
    }

    /// Acts on events until the next visit is due, or until one is needed at once.
    async fn follow_events(&mut self, next_visit: Instant) -> Result<()> {
        let mut dirty = Dirty::default();
        loop {
            let due = dirty.due(self.policy.gather);
            tokio::select! {
                () = sleep_until(next_visit) => return Ok(()),
                () = wait_until(due) => match dirty.take() {
                    Work::Rescan => return Ok(()),
                    Work::Look { paths, closed } => {
                        if self.look_at(paths, closed).await? == Next::Visit {
                            return Ok(());
                        }
                    }
                },
                event = next_event(self.present.as_mut()) => self.note(event, &mut dirty),
            }
        }
    }

    fn note(&mut self, event: Event, dirty: &mut Dirty) {
        let now = Instant::now();
        match event {
            Event::At(path) => dirty.add(path, now),
            Event::Closed(path) => dirty.add_closed(path, now),
            Event::Missed => dirty.add_everything(now),
            Event::Failing(why) => {
                tracing::warn!(folder = %self.path.display(), why, "Changes in a watched folder may be noticed late.");
                if let Some(present) = &mut self.present {
                    present.problem = Some(why);
                }
                // A scan would not mend it; the next one comes by itself.
                self.go_online(None);
            }
        }
    }

    /// Reports what lies at these paths, which of it was `closed`, and what is gone from them.
    async fn look_at(&mut self, paths: Vec<PathBuf>, closed: Vec<PathBuf>) -> Result<Next> {
        let Some(present) = &self.present else {
            return Ok(Next::Visit);
        };
        let (root, scan) = (present.place.root.clone(), self.scan.clone());
        if paths.contains(&root) {
            // It was replaced, perhaps by another of the same inode number.
            self.forget_watch();
            return Ok(Next::Visit);
        }
        let place = present.place.clone();
        let scanned = in_background(move || {
            let scanned = scan.paths(&root, paths)?;
            // With the folder itself gone nothing is known of its files.
            let is_there = find(&root, None).is_ok_and(|found| found == place);
            Ok(is_there.then_some(scanned))
        })
        .await??;
        let Some(Scanned { gone, .. }) = scanned else {
            return Ok(Next::Visit);
        };
        if !closed.is_empty() {
            self.scan.ingest.closed(closed).await?;
        }
        for path in gone {
            self.scan.ingest.gone(path).await?;
        }
        Ok(Next::Follow)
    }

    fn interval(&self) -> Duration {
        if self.status.borrow().online {
            self.policy.scan_interval
        } else {
            self.policy.scan_interval.min(OFFLINE_INTERVAL)
        }
    }

    /// The folder is there; `problem` or the watch may not be all they could be.
    fn go_online(&self, problem: Option<String>) {
        let present = self.present.as_ref();
        let watch_problem = present
            .and_then(|present| present.problem.as_ref())
            .map(|why| {
                let seconds = self.policy.scan_interval.as_secs();
                format!("Some changes are noticed only every {seconds} s. {why}")
            });
        self.tell(true, problem.or(watch_problem));
    }

    fn go_offline(&mut self, reason: String) {
        self.forget_watch();
        self.tell(false, Some(reason));
    }

    /// The watch may be dead without telling; the next visit asks for another.
    fn forget_watch(&mut self) {
        if let Some(present) = &mut self.present {
            present.events = None;
        }
    }

    fn tell(&self, online: bool, reason: Option<String>) {
        let is_news = self.status.send_if_modified(|status| {
            if status.online == online && status.reason == reason {
                return false;
            }
            log(&self.path, online, reason.as_deref());
            status.online = online;
            status.reason = reason;
            true
        });
        if is_news {
            self.changed.notify_one();
        }
    }
}

/// What comes after events were acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Follow,
    Visit,
}

/// Where `path` is, or why it is offline. `known` is the disk it was on before.
fn find(path: &Path, known: Option<u64>) -> Result<Place, String> {
    let found = path.canonicalize().and_then(|root| {
        let metadata = fs::metadata(&root)?;
        Ok((root, metadata))
    });
    let (root, metadata) = found.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "The folder is not there.".to_owned(),
        _ => unreadable(&error),
    })?;
    if !metadata.is_dir() {
        return Err("This is not a folder.".to_owned());
    }
    let place = Place {
        root,
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    let mut entries = fs::read_dir(&place.root).map_err(|error| unreadable(&error))?;
    let is_other_disk = known.is_some_and(|device| device != place.device);
    if is_other_disk && entries.next().is_none() {
        // What a mount point shows while its disk is away.
        return Err("The folder is empty, on another disk than before. Mount its disk.".to_owned());
    }
    Ok(place)
}

fn log(folder: &Path, online: bool, reason: Option<&str>) {
    let folder = folder.display();
    match (online, reason) {
        (true, None) => tracing::info!(%folder, "A folder is watched."),
        (true, Some(why)) => tracing::warn!(%folder, why, "A folder is watched with a drawback."),
        (false, why) => tracing::warn!(%folder, why, "A watched folder is offline."),
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("The folder cannot be read: {}.", words::of_io(error))
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    spawn_blocking(work)
        .await
        .context(ErrorKind::Internal, "looking through a watched folder")
}

async fn next_event(present: Option<&mut Present>) -> Event {
    match present.and_then(|present| present.events.as_mut()) {
        Some(events) => events.next().await,
        None => pending().await,
    }
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Between nine and eleven tenths, so that ten folders are not scanned at the same moment.
fn jittered(interval: Duration) -> Duration {
    let chance = RandomState::new().hash_one(0_u8) % 201;
    interval.mul_f64((900.0 + f64::from(u8::try_from(chance).unwrap_or(100))) / 1_000.0)
}
