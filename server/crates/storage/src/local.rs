//! Objects as files below one folder of this machine: `{root}/{title}/{generation}/{piece}`.
//!
//! The async face; what touches the disk is in `folder.rs`. What does not belong
//! here: other stores, and any knowledge of what the bytes mean.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use model::error::Result;
use model::segment::ObjectKey;

use crate::file_range::FileRange;
use crate::folder::Folder;
use crate::open_files::{OpenFile, OpenFiles};
use crate::{ObjectBody, ObjectBytes, Storage, StoredObject, Verdict, blocking, check_range};

/// A store in a folder.
#[derive(Clone, Debug)]
pub struct LocalStorage {
    folder: Arc<Folder>,
    open: Arc<OpenFiles>,
}

impl LocalStorage {
    /// Opens the store below `root`, which is created if it does not exist. Blocking.
    ///
    /// # Errors
    /// `Unavailable` or `OutOfSpace` if the folder cannot be created or read.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self {
            folder: Arc::new(Folder::open(root)?),
            open: Arc::default(),
        })
    }

    /// Removes what a killed process left half copied, and says how many files that were.
    /// Call it at start, while the lock on the data folder says that nobody else stores.
    /// Blocking.
    ///
    /// # Errors
    /// `Unavailable` if the folder cannot be read or a file cannot be removed.
    pub fn remove_leftovers(&self) -> Result<u64> {
        self.folder.remove_leftovers()
    }
}

impl LocalStorage {
    async fn opened(&self, key: &ObjectKey) -> Result<OpenFile> {
        if let Some(open) = self.open.get(key) {
            return Ok(open);
        }
        let before = self.open.changes();
        let (folder, wanted) = (Arc::clone(&self.folder), key.clone());
        let (file, size_bytes) =
            blocking("opening an object", move || folder.open_object(&wanted)).await?;
        let file = OpenFile {
            file: Arc::new(file),
            size_bytes,
        };
        self.open.keep(before, key.clone(), file.clone());
        Ok(file)
    }
}

#[async_trait::async_trait]
impl Storage for LocalStorage {
    async fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject> {
        let (store, key, file) = (self.clone(), key.clone(), file.to_owned());
        blocking("storing an object", move || {
            let stored = store.folder.put_file(&key, &file);
            store.open.forget(&key);
            stored
        })
        .await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody> {
        let OpenFile { file, size_bytes } = self.opened(key).await?;
        let range = range.unwrap_or(0..size_bytes);
        check_range(key, &range, size_bytes)?;
        Ok(ObjectBody {
            size_bytes,
            bytes: ObjectBytes::File(FileRange { file, range }),
        })
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let (store, key) = (self.clone(), key.clone());
        blocking("deleting an object", move || {
            let deleted = store.folder.delete(&key);
            store.open.forget(&key);
            deleted
        })
        .await
    }

    async fn list(&self) -> Result<Vec<(ObjectKey, u64)>> {
        let folder = Arc::clone(&self.folder);
        blocking("listing the store", move || folder.list()).await
    }

    async fn verify(&self, key: &ObjectKey, size_bytes: u64, sha256: &str) -> Result<Verdict> {
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        let expected = StoredObject {
            size_bytes,
            sha256: sha256.to_ascii_lowercase(),
        };
        blocking("verifying an object", move || {
            folder.verify(&key, &expected)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    use futures::TryStreamExt;
    use model::error::ErrorKind;
    use model::id::TitleId;
    use model::segment::{ObjectKey, Piece};
    use tempfile::TempDir;

    use super::LocalStorage;
    use crate::{BLOCK_BYTES, Storage, Verdict};

    /// A store and, beside it, a folder for finished files.
    struct House {
        folder: TempDir,
        store: LocalStorage,
    }

    impl House {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = LocalStorage::open(&folder.path().join("store")).unwrap();
            Self { folder, store }
        }

        fn root(&self) -> PathBuf {
            self.folder.path().join("store")
        }

        fn finished_file(&self, bytes: &[u8]) -> PathBuf {
            let path = self.folder.path().join("finished.m4s");
            std::fs::write(&path, bytes).unwrap();
            path
        }

        async fn put(&self, key: &ObjectKey, bytes: &[u8]) -> crate::StoredObject {
            let file = self.finished_file(bytes);
            self.store.put_file(key, &file).await.unwrap()
        }
    }

    fn key_of(number: u32) -> ObjectKey {
        let piece = Piece::Media { stream: 0, number };
        ObjectKey::of_piece(title(), 1, piece)
    }

    fn title() -> TitleId {
        "01jz0000000000000000000000".parse().unwrap()
    }

    async fn read(
        store: &LocalStorage,
        key: &ObjectKey,
        range: Option<std::ops::Range<u64>>,
    ) -> Vec<u8> {
        let body = store.get(key, range).await.unwrap();
        let blocks: Vec<_> = body.bytes.into_stream().try_collect().await.unwrap();
        assert!(
            blocks.iter().all(|block| block.len() <= BLOCK_BYTES),
            "a reader must not hold more than one block"
        );
        blocks.concat()
    }

    #[tokio::test]
    async fn what_was_put_comes_back_whole_and_its_file_is_gone() {
        let house = House::new();
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        let file = house.finished_file(&bytes);
        let stored = house.store.put_file(&key_of(1), &file).await.unwrap();
        assert_eq!(stored.size_bytes, 200_000, "the row needs the length");
        assert_eq!(stored.sha256.len(), 64, "the row needs the whole hash");
        assert!(!file.exists(), "the file was moved, not copied");
        assert_eq!(read(&house.store, &key_of(1), None).await, bytes);
        let verdict = house
            .store
            .verify(&key_of(1), stored.size_bytes, &stored.sha256.to_uppercase())
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Intact, "hexadecimal has two spellings");
    }

    #[tokio::test]
    async fn a_range_is_exactly_the_bytes_asked_for() {
        let house = House::new();
        let bytes: Vec<u8> = (0..150_000_u32).map(|number| (number / 7) as u8).collect();
        house.put(&key_of(1), &bytes).await;
        for range in [
            0..1,
            0..0,
            65_535..65_537,
            70_000..149_999,
            149_999..150_000,
        ] {
            let expected = &bytes[range.start as usize..range.end as usize];
            let got = read(&house.store, &key_of(1), Some(range.clone())).await;
            assert!(got == expected, "bytes {range:?} must be those bytes");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "that is the bad input")]
        for range in [0..150_001, 150_001..150_001, 9..3] {
            let refused = house.store.get(&key_of(1), Some(range.clone())).await;
            assert_eq!(
                refused.unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{range:?} does not lie inside the object"
            );
        }
    }

    #[tokio::test]
    async fn a_second_put_replaces_the_object_and_readers_keep_theirs() {
        let house = House::new();
        let old = house.put(&key_of(1), b"old").await;
        let reader = house.store.get(&key_of(1), None).await.unwrap();
        let new = house.put(&key_of(1), b"new bytes").await;
        let before: Vec<_> = reader.bytes.into_stream().try_collect().await.unwrap();
        assert_eq!(before.concat(), b"old", "an open reader sees one object");
        assert_eq!(read(&house.store, &key_of(1), None).await, b"new bytes");
        let verdict = |object: crate::StoredObject| {
            let store = house.store.clone();
            async move {
                store
                    .verify(&key_of(1), object.size_bytes, &object.sha256)
                    .await
                    .unwrap()
            }
        };
        assert_eq!(verdict(old).await, Verdict::Different, "it was replaced");
        assert_eq!(
            verdict(new).await,
            Verdict::Intact,
            "this is what lies there"
        );
    }

    #[tokio::test]
    async fn a_flipped_byte_is_noticed() {
        let house = House::new();
        let stored = house.put(&key_of(1), b"segment").await;
        let path = house.root().join(key_of(1).as_str());
        std::fs::write(&path, b"sEgment").unwrap();
        let verdict = house
            .store
            .verify(&key_of(1), stored.size_bytes, &stored.sha256)
            .await
            .unwrap();
        assert_eq!(verdict, Verdict::Different, "same length, other bytes");
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_to_be_missing() {
        let house = House::new();
        let error = house.store.get(&key_of(9), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains(key_of(9).as_str()),
            "the message names the object: {error}"
        );
        let verdict = house.store.verify(&key_of(9), 1, "00").await.unwrap();
        assert_eq!(verdict, Verdict::Missing);
        let no_file = house.folder.path().join("never-made.m4s");
        let error = house
            .store
            .put_file(&key_of(9), &no_file)
            .await
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::NotFound,
            "there is nothing to store"
        );
    }

    #[tokio::test]
    async fn deleting_twice_is_fine_and_leaves_no_empty_folders() {
        let house = House::new();
        house.put(&key_of(1), b"one").await;
        house.put(&key_of(2), b"two").await;
        for _ in 0..2 {
            house.store.delete(&key_of(1)).await.unwrap();
        }
        assert_eq!(
            house.store.list().await.unwrap(),
            [(key_of(2), 3)],
            "only the deleted one is gone"
        );
        house.store.delete(&key_of(2)).await.unwrap();
        assert!(
            !house.root().join(title().to_string()).exists(),
            "an empty title folder helps nobody"
        );
    }

    #[tokio::test]
    async fn a_listing_passes_over_what_is_not_ours() {
        let house = House::new();
        house.put(&key_of(1), b"one").await;
        let ours = house.root().join(title().to_string()).join("1");
        std::fs::write(ours.join("notes.txt"), "mine").unwrap();
        std::fs::write(house.root().join("README"), "mine").unwrap();
        std::fs::create_dir_all(house.root().join("a/b/c")).unwrap();
        symlink(ours.join("notes.txt"), ours.join("poster.jpg")).unwrap();
        assert_eq!(
            house.store.list().await.unwrap(),
            [(key_of(1), 3)],
            "foreign files, deep folders and links are no objects"
        );
    }

    #[tokio::test]
    async fn a_link_is_neither_stored_nor_followed() {
        let house = House::new();
        let secret = house.folder.path().join("secret");
        std::fs::write(&secret, "private").unwrap();
        let bait = house.folder.path().join("bait.m4s");
        symlink(&secret, &bait).unwrap();
        assert!(
            house.store.put_file(&key_of(1), &bait).await.is_err(),
            "a worker must not be able to publish a file it cannot read"
        );
        house.put(&key_of(2), b"two").await;
        let planted = house.root().join(key_of(1).as_str());
        symlink(&secret, &planted).unwrap();
        assert!(
            house.store.get(&key_of(1), None).await.is_err(),
            "a link in the store must not lead out of it"
        );
    }

    #[tokio::test]
    async fn folders_are_for_their_owner_alone() {
        let house = House::new();
        house.put(&key_of(1), b"one").await;
        for folder in [
            "",
            "01jz0000000000000000000000",
            "01jz0000000000000000000000/1",
        ] {
            let mode = std::fs::metadata(house.root().join(folder)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o700, "{folder:?} holds private films");
        }
    }

    #[tokio::test]
    async fn a_file_from_another_file_system_is_copied_in() {
        let Some(elsewhere) = another_file_system() else {
            return;
        };
        let house = House::new();
        let file = elsewhere.path().join("finished.m4s");
        std::fs::write(&file, b"far away").unwrap();
        let stored = house.store.put_file(&key_of(1), &file).await.unwrap();
        assert_eq!(stored.size_bytes, 8);
        assert!(!file.exists(), "the original of the copy is gone");
        assert_eq!(read(&house.store, &key_of(1), None).await, b"far away");
        assert_eq!(
            house.store.remove_leftovers().unwrap(),
            0,
            "a finished copy leaves nothing behind"
        );
    }

    /// A folder that a rename cannot reach from the temporary folder; most machines have one.
    fn another_file_system() -> Option<TempDir> {
        let here = std::fs::metadata(std::env::temp_dir()).ok()?.dev();
        let shared_memory = Path::new("/dev/shm");
        let there = std::fs::metadata(shared_memory).ok()?.dev();
        (here != there).then(|| tempfile::tempdir_in(shared_memory).ok())?
    }

    #[tokio::test]
    async fn half_copied_files_are_removed_at_start() {
        let house = House::new();
        let mut half = std::fs::File::create(house.root().join(".incoming/99-0")).unwrap();
        half.write_all(b"half").unwrap();
        assert_eq!(house.store.remove_leftovers().unwrap(), 1);
        assert_eq!(house.store.remove_leftovers().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_store_whose_disk_is_away_says_so_and_is_not_made_anew() {
        let house = House::new();
        let file = house.finished_file(b"bytes");
        std::fs::rename(house.root(), house.folder.path().join("away")).unwrap();
        let error = house.store.put_file(&key_of(1), &file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "it may come back");
        assert!(
            error.to_string().contains("store"),
            "the message names the folder: {error}"
        );
        assert!(!house.root().exists(), "a mount point must stay empty");
        assert!(file.exists(), "the finished file is kept for another try");
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_written_is_unavailable() {
        let house = House::new();
        let read_only = std::fs::Permissions::from_mode(0o500);
        std::fs::set_permissions(house.root(), read_only).unwrap();
        let file = house.finished_file(b"bytes");
        let result = house.store.put_file(&key_of(1), &file).await;
        let writable = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(house.root(), writable).unwrap();
        // The superuser may write anywhere, so there is nothing to see for it.
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
    }
}
