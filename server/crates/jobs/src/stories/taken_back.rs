//! A job that is taken back and given again while something of it is being stored.

use media::scripted::ScriptedLauncher;
use model::error::Result;
use model::id::TitleId;
use model::job::{Intent, JobState};
use model::segment::ObjectKey;
use model::settings::{Place, Settings};
use model::title::TitleState;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use storage::memory::MemoryStorage;
use storage::{ObjectBody, Storage, StoredObject, Verdict};
use tokio::sync::Semaphore;

use crate::stories::house::House;

/// Posters wait in front of it until it is opened.
#[derive(Debug)]
struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    fn closed() -> Self {
        Self {
            reached: Semaphore::new(0),
            open: Semaphore::new(0),
        }
    }

    async fn pass(&self, key: &ObjectKey) {
        if !key.as_str().ends_with("/poster.jpg") {
            return;
        }
        self.reached.add_permits(1);
        drop(self.open.acquire().await.unwrap());
    }

    async fn is_reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    fn open(&self) {
        self.open.add_permits(1);
    }
}

/// A bucket that takes its time with posters.
#[derive(Debug)]
struct SlowBucket {
    objects: MemoryStorage,
    putting: Gate,
    deleting: Gate,
}

#[async_trait::async_trait]
impl Storage for SlowBucket {
    async fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject> {
        self.putting.pass(key).await;
        self.objects.put_file(key, file).await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody> {
        self.objects.get(key, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.deleting.pass(key).await;
        self.objects.delete(key).await
    }

    async fn list(&self) -> Result<Vec<(ObjectKey, u64)>> {
        self.objects.list().await
    }

    async fn verify(&self, key: &ObjectKey, size_bytes: u64, sha256: &str) -> Result<Verdict> {
        self.objects.verify(key, size_bytes, sha256).await
    }
}

#[tokio::test]
async fn a_lane_that_is_late_with_its_loss_does_not_take_the_job_away_again() {
    let mut house = House::with(ScriptedLauncher::with_film(6, 0));
    let bucket = Arc::new(SlowBucket {
        objects: MemoryStorage::new(),
        putting: Gate::closed(),
        deleting: Gate::closed(),
    });
    house.bucket = Some(bucket.clone());
    let settings = Settings {
        place: Place::Bucket,
        ..Settings::default()
    };
    house.catalog.save_settings(settings).await.unwrap();
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    bucket.putting.is_reached().await;
    // The poster's row is refused, and before its lane can say so, the job is ours again.
    house.request(film, Intent::Pause).await;
    bucket.putting.open();
    bucket.deleting.is_reached().await;
    house.request(film, Intent::Resume).await;
    until_running(&house, film).await;
    bucket.deleting.open();
    let ready = house.until_state(film, TitleState::Ready).await;
    let log = house.catalog.job_log(ready.job.unwrap()).await.unwrap();
    let was_interrupted = log.iter().any(|line| line.text.contains("interrupted"));
    assert!(!was_interrupted, "it was let go of once more: {log:?}");
    jobs.shutdown().await;
}

async fn until_running(house: &House, film: TitleId) {
    let job = house.title(film).await.job.unwrap();
    let mut changes = house.catalog.subscribe();
    let state = || async { house.catalog.job(job).await.unwrap().unwrap().state };
    while state().await != JobState::Running {
        let _ = changes.recv().await;
    }
}
