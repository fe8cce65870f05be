//! Titles in a bucket that comes and goes, and a house whose owner pauses everything.

use catalog::garbage::GarbageAfter;
use catalog::work::Unit;
use media::scripted::{Mishap, Scene, ScriptedLauncher};
use model::clock::WallTime;
use model::error::{Error, ErrorKind, Result};
use model::segment::ObjectKey;
use model::settings::{Place, Settings};
use model::title::TitleState;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::memory::MemoryStorage;
use storage::{ObjectBody, Storage, StoredObject, Verdict};

use crate::stories::house::{DEADLINE, House};

/// A bucket with a switch.
#[derive(Debug, Default)]
struct Bucket {
    objects: MemoryStorage,
    away: AtomicBool,
    /// Cannot be deleted.
    stubborn: Mutex<Option<ObjectKey>>,
    asked_while_away: AtomicU32,
}

impl Bucket {
    fn check(&self) -> Result<()> {
        if !self.away.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.asked_while_away.fetch_add(1, Ordering::SeqCst);
        let sentence = "The bucket films does not answer.";
        Err(Error::new(ErrorKind::Unavailable, sentence))
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Storage for Bucket {
    async fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject> {
        self.check()?;
        self.objects.put_file(key, file).await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody> {
        self.check()?;
        self.objects.get(key, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.check()?;
        if self.stubborn.lock().unwrap().as_ref() == Some(key) {
            return Err(Error::new(ErrorKind::Unavailable, "It is locked."));
        }
        self.objects.delete(key).await
    }

    async fn list(&self) -> Result<Vec<(ObjectKey, u64)>> {
        self.check()?;
        self.objects.list().await
    }

    async fn verify(&self, key: &ObjectKey, size_bytes: u64, sha256: &str) -> Result<Verdict> {
        self.check()?;
        self.objects.verify(key, size_bytes, sha256).await
    }
}

async fn house_with_bucket(launcher: ScriptedLauncher) -> (House, Arc<Bucket>) {
    let mut house = House::with(launcher);
    let bucket = Arc::new(Bucket::default());
    house.bucket = Some(bucket.clone());
    let settings = Settings {
        place: Place::Bucket,
        ..Settings::default()
    };
    house.catalog.save_settings(settings).await.unwrap();
    (house, bucket)
}

/// Every row has its object in the bucket and every object its row.
async fn assert_whole(house: &House, bucket: &Bucket) {
    let mut rows = Vec::new();
    for row in house.catalog.every_key().await.unwrap() {
        assert_eq!(row.place, Place::Bucket);
        rows.push((row.key, row.size_bytes));
    }
    let mut objects = bucket.objects.list().await.unwrap();
    rows.sort();
    objects.sort();
    assert_eq!(rows, objects, "rows and objects must be the same");
    assert_eq!(house.storage.list().await.unwrap(), [], "nothing lies here");
}

#[tokio::test]
async fn a_film_whose_place_is_the_bucket_lies_there_with_every_piece() {
    let (house, bucket) = house_with_bucket(ScriptedLauncher::with_film(7, 2)).await;
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    assert_eq!(ready.place, Place::Bucket);
    // What is decided now holds for new titles only.
    house
        .catalog
        .save_settings(Settings::default())
        .await
        .unwrap();
    let other = house.admit("other.mp4").await;
    let other = house.until_state(other, TitleState::Ready).await;
    assert_eq!(other.place, Place::Local);
    jobs.shutdown().await;
    let here = house.storage.list().await.unwrap().len();
    assert_eq!(here, bucket.objects.list().await.unwrap().len());
}

#[tokio::test]
async fn what_was_encoded_while_the_bucket_was_away_is_not_encoded_again() {
    let (house, bucket) = house_with_bucket(ScriptedLauncher::with_film(8, 1)).await;
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let first = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    // Whatever else finds the bucket away first would end the session before the chunk is whole.
    let done = [
        Unit::Chunk(0),
        Unit::Audio(0),
        Unit::Audio(1),
        Unit::Poster,
        Unit::Thumbs(0),
    ];
    house.until_done(film, &done).await;
    drop(first);
    bucket.set_away(true);
    let second = house.start().await;
    let waiting = house.until_reason(film, "films does not answer").await;
    let reason = waiting.reason.unwrap_or_default();
    assert!(reason.contains("wait on this computer"), "{reason}");
    assert!(!house.shelf_is_empty(), "the chunk is kept");
    drop(second);
    let encoded = house.launcher.count(Scene::Chunk(3));
    bucket.set_away(false);
    let third = house.start().await;
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(3)),
        encoded,
        "it survived a restart on the shelf: {:?}",
        house.launcher.record()
    );
    third.shutdown().await;
    assert!(house.shelf_is_empty(), "nothing waits any more");
    assert_whole(&house, &bucket).await;
}

#[tokio::test]
async fn a_bucket_that_is_away_holds_nothing_else_up() {
    let (house, bucket) = house_with_bucket(ScriptedLauncher::with_film(4, 0)).await;
    let jobs = house.start().await;
    let far = house.admit("far.mp4").await;
    house.until_state(far, TitleState::Ready).await;
    bucket.set_away(true);
    house
        .catalog
        .save_settings(Settings::default())
        .await
        .unwrap();
    let near = house.admit("near.mp4").await;
    house.until_state(near, TitleState::Ready).await;
    jobs.shutdown().await;
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_keeps_no_other() {
    let (house, bucket) = house_with_bucket(ScriptedLauncher::with_film(4, 0)).await;
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    let pieces = house.catalog.pieces(film).await.unwrap();
    assert!(pieces.len() > 5, "there is much to delete");
    // The first to be deleted.
    *bucket.stubborn.lock().unwrap() = Some(pieces[0].key.clone());
    house.catalog.delete_title(film, None).await.unwrap();
    let later = WallTime(i64::MAX);
    house.catalog.purge_deleted(later).await.unwrap();
    until_garbage(&house, std::slice::from_ref(&pieces[0].key)).await;
    *bucket.stubborn.lock().unwrap() = None;
    until_garbage(&house, &[]).await;
    jobs.shutdown().await;
    assert_eq!(bucket.objects.list().await.unwrap(), []);
}

/// Waits until nothing else is to be deleted from the bucket. That is announced by nothing.
async fn until_garbage(house: &House, expected: &[ObjectKey]) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let wait = async {
        loop {
            looks.tick().await;
            let first = GarbageAfter::default();
            let garbage = house.catalog.garbage(Place::Bucket, first, 100);
            if garbage.await.unwrap().0 == expected {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap();
}

#[tokio::test]
async fn while_everything_is_paused_nothing_begins() {
    let house = House::with(ScriptedLauncher::with_film(4, 0));
    let pause = |encoding_paused| {
        let settings = Settings {
            encoding_paused,
            ..Settings::default()
        };
        house.catalog.save_settings(settings)
    };
    pause(true).await.unwrap();
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    jobs.shutdown().await;
    assert_eq!(house.launcher.record(), [], "no worker is started");
    let jobs = house.start().await;
    pause(false).await.unwrap();
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}
