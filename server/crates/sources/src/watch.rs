//! Watched folders: the kernel's events for speed, a reconciling scan for truth.
//!
//! One task per folder, so that a share that does not answer holds up no other. A task visits its
//! folder (is it there? watch it, scan it), then follows events until the next visit is due. Every
//! doubt about events, be it an overflow or an error, ends in an early visit. A folder that is
//! away is offline: nothing in it is reported as gone.

mod bridge;
mod dirty;
mod folder;
pub(crate) mod names;
mod scan;

use ingest::IngestHandle;
use model::error::Result;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::watch::folder::Folder;
use crate::watch::scan::Scan;

/// How folders are watched.
#[derive(Clone, Copy, Debug)]
pub struct WatchPolicy {
    /// From one scan to the next; spread by a tenth either way. This is also how long a change
    /// may go unnoticed where the kernel tells nothing, as on network shares.
    pub scan_interval: Duration,
    /// How long events are gathered before they are acted on, so that a file that is written in
    /// a thousand pieces is looked at once.
    pub gather: Duration,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self {
            scan_interval: Duration::from_secs(60),
            gather: Duration::from_millis(250),
        }
    }
}

/// How a watched folder is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderStatus {
    /// The folder as its owner wrote it.
    pub path: PathBuf,
    /// It is there and was scanned.
    pub online: bool,
    /// Why it is offline, or what does not work as well as it could, in a sentence.
    pub reason: Option<String>,
}

/// Starts watching.
#[derive(Debug)]
pub struct Watch;

/// Watching goes on until [`WatchHandle::shutdown`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WatchHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folders: Mutex<Vec<Watched>>,
    ingest: IngestHandle,
    policy: WatchPolicy,
    changed: Arc<Notify>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// One folder and its task.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    status: watch::Receiver<FolderStatus>,
    stop: CancellationToken,
}

impl Watch {
    /// Watches `folders` and all that is below them, and reports what arrives to `ingest`.
    /// Folders that are not there yet are taken up when they appear. Must be called within a
    /// runtime.
    ///
    /// # Errors
    /// `InvalidInput` if a folder is not an absolute path.
    pub fn start(
        folders: Vec<PathBuf>,
        ingest: &IngestHandle,
        policy: WatchPolicy,
    ) -> Result<WatchHandle> {
        let handle = WatchHandle {
            shared: Arc::new(Shared {
                folders: Mutex::default(),
                ingest: ingest.clone(),
                policy,
                changed: Arc::default(),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        };
        handle.set_folders(folders)?;
        Ok(handle)
    }
}

impl WatchHandle {
    /// Watches these folders from now on. A new one is scanned at once; one that is no longer
    /// among them is left alone, and nothing in it is reported as gone. Must be called within a
    /// runtime.
    ///
    /// # Errors
    /// `InvalidInput` if a folder is not an absolute path; then nothing changes.
    pub fn set_folders(&self, folders: Vec<PathBuf>) -> Result<()> {
        let mut known = self.folders();
        let is_new = |path: &&PathBuf| !known.iter().any(|watched| watched.path == **path);
        let new: Result<Vec<_>> = folders
            .iter()
            .filter(is_new)
            .map(|path| self.prepare(path.clone()))
            .collect();
        let new = new?;
        known.retain(|watched| {
            let stays = folders.contains(&watched.path);
            if !stays {
                watched.stop.cancel();
            }
            stays
        });
        for (watched, folder) in new {
            let stop = watched.stop.clone();
            known.push(watched);
            self.shared.tasks.spawn(async move {
                stop.run_until_cancelled(folder.run()).await;
            });
        }
        known.sort_by_key(|watched| folders.iter().position(|path| *path == watched.path));
        self.shared.changed.notify_one();
        Ok(())
    }

    fn prepare(&self, path: PathBuf) -> Result<(Watched, Folder)> {
        let stop = self.shared.stop.child_token();
        let scan = Scan {
            ingest: self.shared.ingest.clone(),
            stop: stop.clone(),
        };
        let changed = Arc::clone(&self.shared.changed);
        let (folder, status) = Folder::new(path.clone(), scan, self.shared.policy, changed)?;
        let watched = Watched { path, status, stop };
        Ok((watched, folder))
    }

    fn folders(&self) -> MutexGuard<'_, Vec<Watched>> {
        let folders = self.shared.folders.lock();
        folders.unwrap_or_else(PoisonError::into_inner)
    }

    /// How each folder is doing, in the order they were given.
    pub fn status(&self) -> Vec<FolderStatus> {
        let folders = self.folders();
        let statuses = folders
            .iter()
            .map(|watched| watched.status.borrow().clone());
        statuses.collect()
    }

    /// Waits until a folder is doing otherwise than when this was last awaited.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Stops watching. What is reported already stays with ingest.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::{FolderStatus, Watch, WatchHandle, WatchPolicy};
    use ingest::{IngestHandle, Report};
    use model::arrival::Door;
    use std::collections::{BTreeSet, VecDeque};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::time::Duration;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    /// Longer than any machine needs; a test that waits for it has failed.
    const LONG: Duration = Duration::from_secs(30);
    /// Scans come only from doubts, never from the clock.
    const EVENTS_ONLY: WatchPolicy = WatchPolicy {
        scan_interval: Duration::from_secs(3600),
        gather: Duration::from_millis(10),
    };

    /// What a watch told, in words: `+` seen, `-` gone, `=` scanned.
    struct Told {
        root: PathBuf,
        reports: mpsc::Receiver<Report>,
        waiting: VecDeque<String>,
    }

    impl Told {
        async fn next(&mut self) -> String {
            while self.waiting.is_empty() {
                let report = timeout(LONG, self.reports.recv()).await.unwrap().unwrap();
                self.note(report);
            }
            self.waiting.pop_front().unwrap()
        }

        fn note(&mut self, report: Report) {
            let (sign, paths) = match report {
                Report::Seen { paths, door } => {
                    assert_eq!(door, Door::Folder);
                    ('+', paths)
                }
                // Only how soon, never whether.
                Report::Closed(_) => return,
                Report::Gone(path) => ('-', vec![path]),
                Report::Scanned { folder, .. } => ('=', vec![folder]),
                Report::Asked { .. } => unreachable!("a watch asks for nothing"),
            };
            for path in paths {
                let name = path.strip_prefix(&self.root).unwrap().display();
                self.waiting.push_back(format!("{sign}{name}"));
            }
        }

        /// Everything up to and including `last`, sorted.
        async fn until(&mut self, last: &str) -> BTreeSet<String> {
            let mut all = BTreeSet::new();
            while !all.contains(last) {
                all.insert(self.next().await);
            }
            all
        }
    }

    fn watch(root: &Path, policy: WatchPolicy, capacity: usize) -> (WatchHandle, Told) {
        let (inbox, reports) = mpsc::channel(capacity);
        let root = root.to_owned();
        let ingest = IngestHandle::reporting_to(inbox);
        let handle = Watch::start(vec![root.clone()], &ingest, policy).unwrap();
        let told = Told {
            root,
            reports,
            waiting: VecDeque::new(),
        };
        (handle, told)
    }

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn new_folder() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap().join("Drop");
        fs::create_dir(&root).unwrap();
        (home, root)
    }

    async fn status(handle: &mut WatchHandle, online: bool) -> FolderStatus {
        let mut status = handle.folders()[0].status.clone();
        let wanted = status.wait_for(|status| status.online == online);
        timeout(LONG, wanted).await.unwrap().unwrap().clone()
    }

    #[tokio::test]
    async fn what_was_there_before_the_start_is_found_by_the_scan() {
        let (_home, root) = new_folder();
        fs::create_dir_all(root.join("series/one")).unwrap();
        for name in [
            "a.mp4",
            "series/one/b.mkv",
            "series/c.ts.part",
            ".hidden.mp4",
            "d.srt",
        ] {
            fs::write(root.join(name), "film").unwrap();
        }
        symlink("/", root.join("link")).unwrap();
        let (handle, mut told) = watch(&root, EVENTS_ONLY, 100);
        assert_eq!(
            told.until("=").await,
            set(&["+a.mp4", "+series/one/b.mkv", "+link", "="]),
            "links are reported and not followed, unfinished names are passed over"
        );
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn what_comes_and_goes_later_is_told_by_events() {
        let (_home, root) = new_folder();
        let (mut handle, mut told) = watch(&root, EVENTS_ONLY, 100);
        told.until("=").await;
        status(&mut handle, true).await;
        fs::write(root.join("film.mp4.part"), "film").unwrap();
        fs::rename(root.join("film.mp4.part"), root.join("film.mp4")).unwrap();
        assert_eq!(told.next().await, "+film.mp4", "under its final name only");
        fs::rename(root.join("film.mp4"), root.join("other.mp4")).unwrap();
        let moved = told.until("-film.mp4").await;
        assert!(
            moved.is_subset(&set(&["+film.mp4", "+other.mp4", "-film.mp4"])),
            "{moved:?}"
        );
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn a_folder_that_is_moved_in_or_made_in_a_burst_is_seen_whole() {
        let (home, root) = new_folder();
        let (mut handle, mut told) = watch(&root, EVENTS_ONLY, 100);
        told.until("=").await;
        status(&mut handle, true).await;
        let outside = home.path().join("outside");
        fs::create_dir_all(outside.join("deep")).unwrap();
        fs::write(outside.join("deep/a.mp4"), "film").unwrap();
        fs::rename(&outside, root.join("inside")).unwrap();
        told.until("+inside/deep/a.mp4").await;
        fs::create_dir_all(root.join("x/y/z")).unwrap();
        fs::write(root.join("x/y/z/b.mp4"), "film").unwrap();
        told.until("+x/y/z/b.mp4").await;
        fs::rename(root.join("inside"), home.path().join("away")).unwrap();
        told.until("-inside").await;
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn a_scan_waits_for_a_busy_ingest_and_loses_nothing() {
        let (_home, root) = new_folder();
        let mut expected = set(&["="]);
        for index in 0..3_000 {
            let name = format!("{}/{index}.mp4", index % 7);
            expected.insert(format!("+{name}"));
            fs::create_dir_all(root.join(&name).parent().unwrap()).unwrap();
            fs::write(root.join(&name), "").unwrap();
        }
        let (handle, mut told) = watch(&root, EVENTS_ONLY, 1);
        assert_eq!(told.until("=").await, expected);
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn a_folder_that_goes_away_is_offline_and_nothing_in_it_is_gone() {
        let (home, root) = new_folder();
        fs::write(root.join("a.mp4"), "film").unwrap();
        let often = WatchPolicy {
            scan_interval: Duration::from_millis(50),
            ..EVENTS_ONLY
        };
        let (mut handle, mut told) = watch(&root, often, 100);
        assert!(!handle.status()[0].online, "it was not looked at yet");
        while !handle.status()[0].online {
            timeout(LONG, handle.changed()).await.unwrap();
        }
        assert_eq!(told.until("=").await, set(&["+a.mp4", "="]));
        let away = home.path().join("away");
        fs::rename(&root, &away).unwrap();
        let offline = status(&mut handle, false).await;
        assert_eq!(offline.reason.as_deref(), Some("The folder is not there."));
        assert_eq!(offline.path, root);
        while let Ok(report) = told.reports.try_recv() {
            assert!(
                !matches!(report, Report::Gone(_)),
                "nothing is gone, only away"
            );
        }
        fs::rename(&away, &root).unwrap();
        assert_eq!(status(&mut handle, true).await.reason, None);
        assert!(told.until("=").await.contains("+a.mp4"), "back again");
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn what_the_kernel_does_not_tell_is_found_by_the_next_scan() {
        let (_home, root) = new_folder();
        let often = WatchPolicy {
            scan_interval: Duration::from_millis(50),
            // Events are never acted on.
            gather: Duration::from_secs(3600),
        };
        let (handle, mut told) = watch(&root, often, 100);
        told.until("=").await;
        fs::write(root.join("a.mp4"), "film").unwrap();
        told.until("+a.mp4").await;
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn folders_come_and_go_while_others_are_watched() {
        let (home, root) = new_folder();
        let (mut handle, mut told) = watch(&root, EVENTS_ONLY, 100);
        told.until("=").await;
        status(&mut handle, true).await;
        let second = home.path().canonicalize().unwrap().join("Second");
        fs::create_dir(&second).unwrap();
        fs::write(second.join("b.mp4"), "film").unwrap();
        told.root = second.clone();
        handle.set_folders(vec![second.clone()]).unwrap();
        assert_eq!(told.until("=").await, set(&["+b.mp4", "="]), "seen at once");
        assert_eq!(handle.status().len(), 1, "the first one is left alone");
        status(&mut handle, true).await;
        fs::write(root.join("a.mp4"), "film").unwrap();
        fs::write(second.join("c.mp4"), "film").unwrap();
        assert_eq!(told.next().await, "+c.mp4");
        assert!(handle.set_folders(vec!["relative".into()]).is_err());
        assert_eq!(handle.status()[0].path, second, "nothing changed");
        handle.shutdown().await;
    }

    #[tokio::test]
    async fn a_relative_folder_is_refused() {
        let (inbox, _reports) = mpsc::channel(1);
        let ingest = IngestHandle::reporting_to(inbox);
        let error = Watch::start(vec!["Drop".into()], &ingest, EVENTS_ONLY).unwrap_err();
        assert!(error.message().contains("Drop"), "{error} names the folder");
    }
}
