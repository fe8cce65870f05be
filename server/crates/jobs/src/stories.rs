//! Whole jobs from the queue to the store, with a real catalog, stores on disk and in memory, and
//! scripted workers. Nothing sleeps: every step is awaited through the catalog's own changes.

use catalog::Catalog;
use catalog::admission::{Admission, Candidate};
use catalog::work::Unit;
use media::scripted::{Mishap, Scene, ScriptedLauncher};
use model::clock::SystemClock;
use model::id::TitleId;
use model::job::{Intent, JobState};
use model::segment::Piece;
use model::title::{FileStamp, Identity, Source, Title, TitleState};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use storage::Storage;
use storage::local::LocalStorage;
use tempfile::TempDir;

use crate::policy::JobsPolicy;
use crate::start::{Jobs, JobsHandle};

/// How long anything in here may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A data folder with a catalog and a store, and files to make titles of.
struct House {
    folder: TempDir,
    catalog: Catalog,
    storage: Arc<LocalStorage>,
    launcher: ScriptedLauncher,
    policy: JobsPolicy,
}

impl House {
    fn with(launcher: ScriptedLauncher) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("homereel.db");
        let policy = JobsPolicy {
            poll_every: Duration::from_millis(20),
            source_retry: Duration::from_millis(50),
            space_retry: Duration::from_millis(50),
            worker_retry: Duration::from_millis(50),
            garbage_every: Duration::from_millis(50),
            reserve_bytes: 0,
            ..JobsPolicy::default()
        };
        Self {
            catalog: Catalog::open(&database, Arc::new(SystemClock)).unwrap(),
            storage: Arc::new(LocalStorage::open(&folder.path().join("store")).unwrap()),
            folder,
            launcher,
            policy,
        }
    }

    async fn start(&self) -> JobsHandle {
        let jobs = Jobs {
            catalog: self.catalog.clone(),
            storage: self.storage.clone(),
            launcher: Arc::new(self.launcher.clone()),
            scratch_root: self.folder.path().join("scratch"),
            clock: Arc::new(SystemClock),
            policy: self.policy,
        };
        jobs.start().await.unwrap()
    }

    /// Admits a file with that name and content.
    async fn admit(&self, name: &str) -> TitleId {
        let path = self.folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        let candidate = Candidate {
            name: name.into(),
            source: source(&path),
        };
        match self.catalog.admit(candidate).await.unwrap() {
            Admission::New(title) | Admission::Restarted(title) => title,
            other => panic!("{name} is a new film, not {other:?}"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn title(&self, title: TitleId) -> Title {
        self.catalog.title(title).await.unwrap().unwrap()
    }

    /// Waits until the title satisfies `wanted`.
    async fn until(&self, title: TitleId, wanted: impl Fn(&Title) -> bool) -> Title {
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

    async fn until_state(&self, title: TitleId, state: TitleState) -> Title {
        self.until(title, |title| title.state == state).await
    }

    /// Waits until those parts of the title's job are recorded. A unit is announced by nothing of
    /// its own, so the wait also looks again from time to time.
    async fn until_done(&self, title: TitleId, units: &[Unit]) {
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

    async fn request(&self, title: TitleId, intent: Intent) {
        let job = self.title(title).await.job.unwrap();
        self.catalog.request(job, intent).await.unwrap();
    }

    /// Every row has its object and every object its row.
    async fn assert_whole(&self) {
        let mut rows: Vec<(String, u64)> = Vec::new();
        for (key, size_bytes, _) in self.catalog.every_key().await.unwrap() {
            rows.push((key.as_str().into(), size_bytes));
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

    fn scratch_is_empty(&self) -> bool {
        let scratch = std::fs::read_dir(self.folder.path().join("scratch"));
        scratch.unwrap().count() == 0
    }
}

fn source(path: &Path) -> Source {
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

#[tokio::test]
async fn a_film_becomes_ready_with_every_piece_stored_once() {
    let house = House::with(ScriptedLauncher::with_film(7, 2));
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    // Two rungs and two audio tracks: four init segments and seven segments each, and a poster.
    assert_eq!(house.catalog.pieces(film).await.unwrap().len(), 4 + 28 + 1);
    assert!(ready.has_poster, "a film has a poster");
    let job = house
        .catalog
        .job(ready.job.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.state, JobState::Done);
    for chunk in [1, 3, 5, 7] {
        let times = house.launcher.count(Scene::Chunk(chunk));
        assert_eq!(times, 1, "the chunk of segment {chunk} is encoded once");
    }
    jobs.shutdown().await;
    house.assert_whole().await;
    assert!(house.scratch_is_empty(), "workers' folders are removed");
}

#[tokio::test]
async fn sound_alone_becomes_ready_without_chunks_or_poster() {
    let house = House::with(ScriptedLauncher::with_sound(5, 1));
    let jobs = house.start().await;
    let song = house.admit("song.flac").await;
    let ready = house.until_state(song, TitleState::Ready).await;
    assert!(!ready.has_poster, "there is nothing to see");
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_restart_encodes_nothing_again_that_was_done() {
    let house = House::with(ScriptedLauncher::with_film(8, 1));
    // The first server gets stuck in the third chunk and is broken off there.
    house.launcher.plan_mishap(Scene::Chunk(5), Mishap::Hang);
    let first = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(5), 1).await);
    let done = [Unit::Chunk(0), Unit::Chunk(1), Unit::Audio(0), Unit::Poster];
    house.until_done(film, &done).await;
    drop(first);
    let second = house.start().await;
    house.until_state(film, TitleState::Ready).await;
    second.shutdown().await;
    for (scene, times) in [
        (Scene::Inspect, 1),
        (Scene::Chunk(1), 1),
        (Scene::Chunk(3), 1),
        (Scene::Chunk(5), 2),
        (Scene::Audio(2), 1),
        (Scene::Poster, 1),
    ] {
        assert_eq!(house.launcher.count(scene), times, "{scene:?}");
    }
    house.assert_whole().await;
}

#[tokio::test]
async fn a_worker_that_dies_costs_one_attempt_and_one_chunk() {
    let house = House::with(ScriptedLauncher::with_film(6, 1));
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Die);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(1)),
        1,
        "it was done before"
    );
    assert_eq!(
        house.launcher.count(Scene::Chunk(3)),
        2,
        "it was interrupted"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_worker_that_forgets_a_segment_is_not_believed() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    house.launcher.plan_mishap(Scene::Chunk(1), Mishap::Forget);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house
        .until(film, |title| {
            title
                .reason
                .as_deref()
                .is_some_and(|reason| reason.contains("without"))
        })
        .await;
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_file_that_is_no_film_fails_at_once_with_the_workers_words() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    let words = "notes.txt is a text file, not a video.";
    house
        .launcher
        .plan_mishap(Scene::Inspect, Mishap::Refuse(words.into()));
    let jobs = house.start().await;
    let title = house.admit("notes.txt").await;
    let failed = house.until_state(title, TitleState::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some(words));
    assert_eq!(
        house.launcher.count(Scene::Inspect),
        1,
        "it is not tried again"
    );
    // Its owner may still insist.
    house.request(title, Intent::Retry).await;
    house.until_state(title, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_full_disk_makes_the_job_wait_without_counting() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    for _ in 0..8 {
        house
            .launcher
            .plan_mishap(Scene::Chunk(1), Mishap::OutOfSpace);
    }
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let waiting = |title: &Title| {
        title
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("disk is full"))
    };
    house.until(film, waiting).await;
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(1)),
        9,
        "more often than a poison file"
    );
    jobs.shutdown().await;
}

#[tokio::test]
async fn without_space_nothing_begins_and_the_reason_is_shown() {
    let mut house = House::with(ScriptedLauncher::with_film(2, 0));
    house.policy.reserve_bytes = u64::MAX;
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let waiting = |title: &Title| title.reason.is_some() || title.state == TitleState::Waiting;
    house.until(film, waiting).await;
    jobs.shutdown().await;
    assert_eq!(house.launcher.record(), [], "no worker is started");
}

#[tokio::test]
async fn a_missing_worker_is_waited_for() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    for _ in 0..8 {
        house
            .launcher
            .plan_mishap(Scene::Start, Mishap::NotInstalled);
    }
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let waiting = |title: &Title| {
        title
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("not installed"))
    };
    house.until(film, waiting).await;
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
}

#[tokio::test]
async fn a_file_that_vanishes_is_waited_for_and_told() {
    let house = House::with(ScriptedLauncher::with_film(4, 0));
    let film = house.admit("film.mp4").await;
    let (place, elsewhere) = (house.path("film.mp4"), house.path("elsewhere.mp4"));
    std::fs::rename(&place, &elsewhere).unwrap();
    let jobs = house.start().await;
    let told = |title: &Title| {
        title
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("no longer at"))
    };
    let waiting = house.until(film, told).await;
    assert_ne!(waiting.state, TitleState::Failed, "missing is not deleted");
    std::fs::rename(&elsewhere, &place).unwrap();
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
}

#[tokio::test]
async fn a_file_that_is_replaced_begins_anew_and_leaves_no_old_pieces() {
    let house = House::with(ScriptedLauncher::with_film(6, 0));
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    std::fs::write(house.path("film.mp4"), "the directors cut").unwrap();
    let candidate = Candidate {
        name: "film".into(),
        source: source(&house.path("film.mp4")),
    };
    let admission = house.catalog.admit(candidate).await.unwrap();
    assert_eq!(admission, Admission::Restarted(film));
    let ready = house.until_state(film, TitleState::Ready).await;
    assert!(ready.generation > 1, "another film is another generation");
    let mut changes = house.catalog.subscribe();
    while !house.catalog.garbage(1).await.unwrap().is_empty() {
        let _ = tokio::time::timeout(house.policy.garbage_every, changes.recv()).await;
    }
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn cancel_and_pause_stop_the_worker_and_retry_goes_on() {
    let house = House::with(ScriptedLauncher::with_film(6, 0));
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    house.until_done(film, &[Unit::Chunk(0)]).await;
    house.request(film, Intent::Pause).await;
    house.request(film, Intent::Resume).await;
    assert!(
        house.launcher.reaches(Scene::Chunk(3), 2).await,
        "a resumed job begins its interrupted chunk again"
    );
    house.request(film, Intent::Cancel).await;
    let cancelled = house.until_state(film, TitleState::Failed).await;
    assert_eq!(cancelled.reason.as_deref(), Some("Cancelled"));
    house.request(film, Intent::Retry).await;
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(1)),
        1,
        "what was done stays done"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_viewer_who_seeks_is_served_before_the_rest() {
    let house = House::with(ScriptedLauncher::with_film(40, 0));
    // Nobody waits for the second chunk, so it is given up for who does.
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    let mut changes = house.catalog.subscribe();
    let wanted = Piece::Media {
        stream: 1,
        number: 33,
    };
    let wish = house.catalog.wish(film, 1, 33).unwrap();
    while house.catalog.piece(film, wanted).await.unwrap().is_none() {
        let _ = changes.recv().await;
    }
    drop(wish);
    house.until_state(film, TitleState::Ready).await;
    let record = house.launcher.record();
    let place = |scene| record.iter().position(|past| *past == scene).unwrap();
    for chunk in [35, 37, 39, 5] {
        assert!(
            place(Scene::Chunk(33)) < place(Scene::Chunk(chunk)),
            "the wished chunk comes first in {record:?}"
        );
    }
    assert!(
        place(Scene::Chunk(35)) < place(Scene::Chunk(5)),
        "then what the viewer will want next: {record:?}"
    );
    let job = house.catalog.job(house.title(film).await.job.unwrap());
    assert_eq!(
        job.await.unwrap().unwrap().attempts,
        0,
        "giving up is no failure"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn every_title_begins_before_the_first_is_finished() {
    let house = House::with(ScriptedLauncher::with_film(12, 0));
    // Holds the first film up until the second one is known.
    let first = house.admit("first.mp4").await;
    let second = house.admit("second.mp4").await;
    let jobs = house.start().await;
    for film in [first, second] {
        house.until_state(film, TitleState::Ready).await;
    }
    let record = house.launcher.record();
    let inspections = record
        .iter()
        .position(|scene| *scene == Scene::Chunk(11))
        .map(|end| {
            record[..end]
                .iter()
                .filter(|scene| **scene == Scene::Inspect)
                .count()
        });
    assert_eq!(
        inspections,
        Some(2),
        "both were looked at early: {record:?}"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_title_without_a_poster_is_ready_all_the_same() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    house
        .launcher
        .plan_mishap(Scene::Poster, Mishap::Refuse("no picture".into()));
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    assert!(!ready.has_poster, "there is none");
    jobs.shutdown().await;
}

#[tokio::test]
async fn orphans_of_a_crash_are_swept_at_start() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    let orphan = model::segment::ObjectKey::of_piece(TitleId::generate(), 1, Piece::Poster);
    let file = house.path("orphan");
    std::fs::write(&file, "x").unwrap();
    house.storage.put_file(&orphan, &file).await.unwrap();
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_shutdown_in_the_middle_keeps_what_was_delivered() {
    let house = House::with(ScriptedLauncher::with_film(40, 1));
    house.launcher.plan_mishap(Scene::Chunk(9), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(9), 1).await);
    jobs.shutdown().await;
    house.assert_whole().await;
    assert!(house.scratch_is_empty(), "no worker's folder stays");
    assert!(
        !house.catalog.units_done(film).await.unwrap().is_empty(),
        "finished chunks are recorded"
    );
}
