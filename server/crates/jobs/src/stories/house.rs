//! A data folder to tell stories in: catalog, store, scripted workers, and ways to wait.

use catalog::Catalog;
use catalog::admission::{Admission, Candidate};
use catalog::work::Unit;
use media::scripted::ScriptedLauncher;
use model::clock::SystemClock;
use model::id::TitleId;
use model::job::Intent;
use model::title::{FileStamp, Identity, Source, Title, TitleState};
use model::upload::Details;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use storage::Storage;
use storage::local::LocalStorage;
use storage::places::Places;
use tempfile::TempDir;

use crate::policy::JobsPolicy;
use crate::start::{Jobs, JobsHandle};

/// How long anything in here may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// A data folder with a catalog and a store, and files to make titles of.
pub(super) struct House {
    pub(super) folder: TempDir,
    pub(super) catalog: Catalog,
    pub(super) storage: Arc<LocalStorage>,
    /// Where titles go whose place it is.
    pub(super) bucket: Option<Arc<dyn Storage>>,
    pub(super) launcher: ScriptedLauncher,
    pub(super) policy: JobsPolicy,
    pub(super) spare_orphans: bool,
}

impl House {
    pub(super) fn with(launcher: ScriptedLauncher) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("homereel.db");
        let policy = JobsPolicy {
            poll_every: Duration::from_millis(20),
            source_retry: Duration::from_millis(50),
            space_retry: Duration::from_millis(50),
            worker_retry: Duration::from_millis(50),
            bucket_retry: Duration::from_millis(50),
            garbage_every: Duration::from_millis(50),
            reserve_bytes: 0,
            // What was delivered is stored, however slow this machine is.
            stop_deadline: DEADLINE,
            ..JobsPolicy::default()
        };
        Self {
            catalog: Catalog::open(&database, Arc::new(SystemClock)).unwrap(),
            storage: Arc::new(LocalStorage::open(&folder.path().join("store")).unwrap()),
            folder,
            bucket: None,
            launcher,
            policy,
            spare_orphans: false,
        }
    }

    pub(super) async fn start(&self) -> JobsHandle {
        let jobs = Jobs {
            catalog: self.catalog.clone(),
            places: Places::of(self.storage.clone(), self.bucket.clone()),
            launcher: Arc::new(self.launcher.clone()),
            scratch_root: self.folder.path().join("scratch"),
            shelf_root: self.folder.path().join("shelf"),
            spare_orphans: self.spare_orphans,
            clock: Arc::new(SystemClock),
            policy: self.policy,
        };
        jobs.start().await.unwrap()
    }

    /// Admits a file with that name and content.
    pub(super) async fn admit(&self, name: &str) -> TitleId {
        let path = self.folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        let candidate = Candidate {
            name: name.into(),
            details: Details::default(),
            source: source(&path),
        };
        match self.catalog.admit(candidate).await.unwrap() {
            Admission::New(title) | Admission::Restarted(title) => title,
            other => panic!("{name} is a new film, not {other:?}"),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) async fn title(&self, title: TitleId) -> Title {
        self.catalog.title(title).await.unwrap().unwrap()
    }

    /// Waits until the title satisfies `wanted`.
    pub(super) async fn until(&self, title: TitleId, wanted: impl Fn(&Title) -> bool) -> Title {
        let mut changes = self.catalog.subscribe();
        let wait = async {
            loop {
                let present = self.title(title).await;
                if wanted(&present) {
                    return present;
                }
                let _ = changes.recv().await;
            }
        };
        match tokio::time::timeout(DEADLINE, wait).await {
            Ok(title) => title,
            Err(_) => panic!(
                "it does not happen; the title is {:?} and the worker was asked {:?}",
                self.title(title).await,
                self.launcher.record()
            ),
        }
    }

    /// Waits until the title shows a reason with those words.
    pub(super) async fn until_reason(&self, title: TitleId, words: &str) -> Title {
        let shows = |title: &Title| {
            title
                .reason
                .as_deref()
                .is_some_and(|reason| reason.contains(words))
        };
        self.until(title, shows).await
    }

    /// The log of the title's job has a line with those words. Unlike a reason, which is shown
    /// until the next attempt, it stays.
    pub(super) async fn assert_logged(&self, title: TitleId, words: &str) {
        let job = self.title(title).await.job.unwrap();
        let log = self.catalog.job_log(job).await.unwrap();
        let has_words = log.iter().any(|line| line.text.contains(words));
        assert!(has_words, "{words:?} in {log:?}");
    }

    pub(super) async fn until_state(&self, title: TitleId, state: TitleState) -> Title {
        self.until(title, |title| title.state == state).await
    }

    /// Waits until those parts of the title's job are recorded. A unit is announced by nothing of
    /// its own, so the wait also looks again from time to time.
    pub(super) async fn until_done(&self, title: TitleId, units: &[Unit]) {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let wait = async {
            loop {
                let done = self.catalog.units_done(title).await.unwrap();
                if units.iter().all(|unit| done.contains(unit)) {
                    return;
                }
                looks.tick().await;
            }
        };
        let done = tokio::time::timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "{units:?} are never done");
    }

    pub(super) async fn request(&self, title: TitleId, intent: Intent) {
        let job = self.title(title).await.job.unwrap();
        self.catalog.request(job, intent).await.unwrap();
    }

    /// Every row has its object and every object its row.
    pub(super) async fn assert_whole(&self) {
        let mut rows: Vec<(String, u64)> = Vec::new();
        for row in self.catalog.every_key().await.unwrap() {
            rows.push((row.key.as_str().into(), row.size_bytes));
        }
        let mut objects: Vec<(String, u64)> = Vec::new();
        for (key, size_bytes) in self.storage.list().await.unwrap() {
            objects.push((key.as_str().into(), size_bytes));
        }
        rows.sort();
        objects.sort();
        assert_eq!(rows, objects, "rows and objects must be the same");
        assert_eq!(
            self.catalog.integrity().await.unwrap(),
            Vec::<String>::new()
        );
    }

    pub(super) fn shelf_is_empty(&self) -> bool {
        let shelf = std::fs::read_dir(self.folder.path().join("shelf"));
        shelf.unwrap().count() == 0
    }

    pub(super) fn scratch_is_empty(&self) -> bool {
        let scratch = std::fs::read_dir(self.folder.path().join("scratch"));
        scratch.unwrap().count() == 0
    }
}

pub(super) fn source(path: &Path) -> Source {
    let metadata = std::fs::metadata(path).unwrap();
    Source {
        path: path.to_owned(),
        identity: Identity {
            size_bytes: metadata.len(),
            sample_hash: format!(
                "{:0>64}",
                std::fs::read_to_string(path).unwrap().replace('.', "")
            ),
        },
        stamp: FileStamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.len(),
            modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        },
    }
}
