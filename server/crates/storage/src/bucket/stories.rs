//! A bucket on a real S3 server that runs in the test, and one whose server misbehaves.

mod faults;
mod server;

use std::path::PathBuf;

use futures::TryStreamExt;
use model::error::{Error, ErrorKind};
use model::segment::{ObjectKey, Piece};
use model::settings::Bucket;
use tempfile::TempDir;

use crate::bucket::BucketStorage;
use crate::bucket::claims::Claims;
use crate::bucket::stories::server::{Public, S3, WrongServer};
use crate::bucket::trial;
use crate::{Storage, StoredObject, Verdict};

/// A library with a bucket.
struct House {
    folder: TempDir,
    library: String,
    store: BucketStorage,
}

impl House {
    fn with(bucket: &Bucket) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Claims::new_library();
        let claims = Claims::open(&folder.path().join("claims"), library.clone()).unwrap();
        let store = BucketStorage::new(bucket, claims).unwrap();
        Self {
            folder,
            library,
            store,
        }
    }

    /// The same library after a restart, perhaps with another bucket.
    fn again(&self, bucket: &Bucket) -> BucketStorage {
        let claims =
            Claims::open(&self.folder.path().join("claims"), self.library.clone()).unwrap();
        BucketStorage::new(bucket, claims).unwrap()
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("finished.m4s");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn put(&self, number: u32, bytes: &[u8]) -> StoredObject {
        let file = self.file(bytes);
        let stored = self.store.put_file(&key(number), &file).await.unwrap();
        assert!(!file.exists(), "the file was moved, not copied");
        stored
    }

    async fn read(&self, number: u32, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
        let body = self.store.get(&key(number), range).await.unwrap();
        let blocks: Vec<_> = body.bytes.into_stream().try_collect().await.unwrap();
        blocks.concat()
    }
}

fn key(number: u32) -> ObjectKey {
    let title = "01jz0000000000000000000000".parse().unwrap();
    ObjectKey::of_piece(title, 1, Piece::Media { stream: 0, number })
}

#[tokio::test]
async fn it_behaves_like_the_disk() {
    let s3 = S3::start(&["films"]).await;
    let house = House::with(&s3.bucket());
    let bytes: Vec<u8> = (0..150_000_u32).map(|number| (number / 7) as u8).collect();
    let stored = house.put(1, &bytes).await;
    assert_eq!(stored.size_bytes, 150_000);
    assert!(house.read(1, None).await == bytes, "all of it comes back");
    for range in [0..1, 0..0, 65_535..65_537, 149_999..150_000] {
        let expected = &bytes[range.start as usize..range.end as usize];
        assert!(
            house.read(1, Some(range.clone())).await == expected,
            "{range:?}"
        );
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is the bad input")]
    for range in [0..150_001, 150_001..150_002, 150_001..150_001, 9..3] {
        let refused = house.store.get(&key(1), Some(range.clone())).await;
        assert_eq!(
            refused.unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{range:?}"
        );
    }
    for (size_bytes, hash, expected) in [
        (150_000, stored.sha256.to_uppercase(), Verdict::Intact),
        (150_000, "00".into(), Verdict::Different),
        (7, stored.sha256, Verdict::Different),
    ] {
        let verdict = house.store.verify(&key(1), size_bytes, &hash).await;
        assert_eq!(
            verdict.unwrap(),
            expected,
            "{size_bytes} bytes, hash {hash}"
        );
    }
    house.put(1, b"new bytes").await;
    assert_eq!(house.read(1, None).await, b"new bytes", "a put replaces");
    assert_eq!(
        house.store.list().await.unwrap(),
        [(key(1), 9)],
        "and no marker"
    );
    house.store.delete(&key(1)).await.unwrap();
    house.store.delete(&key(1)).await.unwrap();
    let missing = house.store.get(&key(1), None).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    assert_eq!(
        house.store.verify(&key(1), 9, "00").await.unwrap(),
        Verdict::Missing
    );
}

#[tokio::test]
async fn a_large_object_goes_up_in_parts() {
    let s3 = S3::start(&["films"]).await;
    let house = House::with(&s3.bucket());
    let bytes: Vec<u8> = (0..40_000_000_u32)
        .map(|number| (number / 5) as u8)
        .collect();
    let stored = house.put(1, &bytes).await;
    let verdict = house
        .store
        .verify(&key(1), 40_000_000, &stored.sha256)
        .await;
    assert_eq!(verdict.unwrap(), Verdict::Intact);
}

#[tokio::test]
async fn a_listing_passes_over_what_is_not_ours_and_has_many_pages() {
    let s3 = S3::start(&["films"]).await;
    let mut bucket = s3.bucket();
    bucket.prefix = "media/homereel".into();
    let house = House::with(&bucket);
    house.put(1, b"one").await;
    for foreign in ["media/homereel/notes.txt", "media/homereelX/t", "README"] {
        s3.write("films", foreign, b"mine");
    }
    let title = key(1).title().unwrap();
    for number in 2..1_205 {
        let name = format!("media/homereel/{title}/1/chunk-stream0-{number:05}.m4s");
        s3.write("films", &name, b"x");
    }
    let mut listed = house.store.list().await.unwrap();
    listed.sort();
    assert_eq!(listed.len(), 1_204, "a page has a thousand");
    assert_eq!(listed[0], (key(1), 3), "keys are without the prefix");
}

#[tokio::test]
async fn a_flipped_byte_is_noticed() {
    let s3 = S3::start(&["films"]).await;
    let house = House::with(&s3.bucket());
    let stored = house.put(1, b"segment").await;
    s3.write("films", key(1).as_str(), b"sEgment");
    let verdict = house
        .store
        .verify(&key(1), 7, &stored.sha256)
        .await
        .unwrap();
    assert_eq!(verdict, Verdict::Different);
}

#[tokio::test]
async fn what_is_wrong_with_a_bucket_is_said() {
    let s3 = S3::start(&["films"]).await;
    let mut wrong_key = s3.bucket();
    wrong_key.secret_key = "guessed".into();
    let mut unknown_key = s3.bucket();
    unknown_key.access_key = "somebody".into();
    let nobody = WrongServer::nobody().await;
    let cases = [
        (wrong_key, "access key"),
        (unknown_key, "access key"),
        (nobody, "does not answer"),
    ];
    for (bucket, words) in cases {
        let house = House::with(&bucket);
        let file = house.file(b"bytes");
        let error = house.store.put_file(&key(1), &file).await.unwrap_err();
        expect_wait(&error, words);
        assert!(file.exists(), "the finished file is kept for another try");
        let checks = trial::test(&bucket).await;
        let last = checks.last().unwrap();
        assert!(!last.ok && last.sentence.contains(words), "{checks:?}");
    }
}

#[tokio::test]
async fn a_good_bucket_passes_its_test_and_stays_as_it_was() {
    let s3 = S3::start(&["films"]).await;
    let checks = trial::test(&s3.bucket()).await;
    assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    let steps: Vec<_> = checks.iter().map(|check| check.what).collect();
    assert_eq!(
        steps,
        ["Address", "Connection", "Write", "Read", "Range", "Delete"]
    );
    assert_eq!(s3.names("films"), [""; 0], "nothing stays behind");
}

#[tokio::test]
async fn a_public_address_must_serve_objects_and_nothing_else() {
    let s3 = S3::start(&["films"]).await;
    let test = async |public: Public| {
        let mut bucket = s3.bucket();
        bucket.public_base_url = Some(s3.in_public(public).await);
        let checks = trial::test(&bucket).await;
        assert_eq!(s3.names("films"), [""; 0], "nothing stays behind");
        checks
    };
    let good = test(Public::Objects).await;
    assert!(good.iter().all(|check| check.ok), "{good:?}");
    assert!(good.iter().any(|check| check.what == "Public"), "{good:?}");
    for (public, words) in [
        (Public::Nothing, "403"),
        (Public::Everything, "lists everything"),
        (Public::SomethingElse, "something else"),
    ] {
        let checks = test(public).await;
        let last = checks.last().unwrap();
        assert_eq!((last.what, last.ok), ("Public", false), "{checks:?}");
        assert!(last.sentence.contains(words), "{checks:?}");
    }
    let mut wrong = s3.bucket();
    wrong.public_base_url = Some("cdn.example.org".into());
    let checks = trial::test(&wrong).await;
    assert!(checks.last().unwrap().sentence.contains("no address"));
}

#[tokio::test]
async fn a_bucket_that_is_not_the_one_used_before_is_refused() {
    let s3 = S3::start(&["films"]).await;
    let house = House::with(&s3.bucket());
    house.put(1, b"one").await;
    // The same address, but another disk behind it.
    s3.empty("films");
    let error = house.again(&s3.bucket()).list().await.unwrap_err();
    expect_wait(&error, "marker");
    let error = house.again(&s3.bucket()).delete(&key(1)).await.unwrap_err();
    expect_wait(&error, "another prefix");
    // Another library came first.
    let other = House::with(&s3.bucket());
    other.put(2, b"two").await;
    let file = house.file(b"bytes");
    let error = house.again(&s3.bucket()).put_file(&key(1), &file).await;
    expect_wait(&error.unwrap_err(), "another Homereel library");
    let mut beside = s3.bucket();
    beside.prefix = "ours".into();
    house.again(&beside).put_file(&key(1), &file).await.unwrap();
}

/// The name is in every backup; what else the data folder held may be lost.
#[tokio::test]
async fn a_library_that_lost_its_folder_finds_its_bucket_by_its_name() {
    let s3 = S3::start(&["films"]).await;
    let house = House::with(&s3.bucket());
    house.put(1, b"one").await;
    std::fs::remove_file(house.folder.path().join("claims")).unwrap();
    let again = house.again(&s3.bucket());
    assert_eq!(again.list().await.unwrap(), [(key(1), 3)]);
    // Another library in the same folder remembers nothing of the first.
    let stranger = House {
        library: Claims::new_library(),
        ..house
    };
    let error = stranger.again(&s3.bucket()).list().await.unwrap_err();
    expect_wait(&error, "another Homereel library");
}

#[tokio::test]
async fn looking_marks_nothing() {
    let s3 = S3::start(&["films"]).await;
    let folder = tempfile::tempdir().unwrap();
    let claims = Claims::look(&folder.path().join("claims"), None).unwrap();
    let store = BucketStorage::new(&s3.bucket(), claims).unwrap();
    assert_eq!(store.list().await.unwrap(), []);
    assert_eq!(s3.names("films"), [""; 0], "no marker");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Jobs must wait for it, and people must understand it.
fn expect_wait(error: &Error, words: &str) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(words), "{words:?} in {error}");
    assert!(
        !error.to_string().contains("hush"),
        "the secret is shown: {error}"
    );
}
