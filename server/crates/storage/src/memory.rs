//! Objects in memory, for tests of other crates. Not durable and not meant for large objects.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use model::error::{Error, ErrorKind, Result, kind_of_io};
use model::segment::ObjectKey;

use crate::digest::copy_and_hash;
use crate::{BLOCK_BYTES, ObjectBody, ObjectBytes, Storage, StoredObject, Verdict, check_range};

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    objects: Mutex<HashMap<ObjectKey, Bytes>>,
}

impl MemoryStorage {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<ObjectKey, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_of(&self, key: &ObjectKey) -> Option<Bytes> {
        self.objects().get(key).cloned()
    }
}

#[async_trait::async_trait]
impl Storage for MemoryStorage {
    async fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject> {
        let unreadable = |error: io::Error| {
            Error::caused_by(kind_of_io(&error), format!("storing {key}"), error)
        };
        let bytes = tokio::fs::read(file).await.map_err(unreadable)?;
        let object = copy_and_hash(&mut bytes.as_slice(), &mut io::sink()).map_err(unreadable)?;
        self.objects().insert(key.clone(), Bytes::from(bytes));
        tokio::fs::remove_file(file).await.map_err(unreadable)?;
        Ok(object)
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody> {
        let bytes = self
            .bytes_of(key)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no object {key}")))?;
        let size_bytes = bytes.len() as u64;
        let range = range.unwrap_or(0..size_bytes);
        check_range(key, &range, size_bytes)?;
        // Checked above, so both ends fit the length of a slice.
        let wanted = bytes.slice(range.start as usize..range.end as usize);
        let blocks: Vec<io::Result<Bytes>> = (0..wanted.len())
            .step_by(BLOCK_BYTES)
            .map(|from| Ok(wanted.slice(from..wanted.len().min(from + BLOCK_BYTES))))
            .collect();
        Ok(ObjectBody {
            size_bytes,
            bytes: ObjectBytes::Stream(stream::iter(blocks).boxed()),
        })
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.objects().remove(key);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<(ObjectKey, u64)>> {
        let objects = self.objects();
        Ok(objects
            .iter()
            .map(|(key, bytes)| (key.clone(), bytes.len() as u64))
            .collect())
    }

    async fn verify(&self, key: &ObjectKey, size_bytes: u64, sha256: &str) -> Result<Verdict> {
        let Some(bytes) = self.bytes_of(key) else {
            return Ok(Verdict::Missing);
        };
        let found = copy_and_hash(&mut bytes.as_ref(), &mut io::sink())
            .map_err(|error| Error::caused_by(ErrorKind::Internal, "hashing", error))?;
        let intact = found.size_bytes == size_bytes && found.sha256.eq_ignore_ascii_case(sha256);
        Ok(if intact {
            Verdict::Intact
        } else {
            Verdict::Different
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use model::error::ErrorKind;
    use model::id::TitleId;
    use model::segment::{ObjectKey, Piece};

    use super::MemoryStorage;
    use crate::{Storage, Verdict};

    #[tokio::test]
    async fn it_behaves_like_the_disk() {
        let store = MemoryStorage::new();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("poster");
        std::fs::write(&file, b"picture").unwrap();
        let key = ObjectKey::of_piece(TitleId::generate(), 1, Piece::Poster);

        let stored = store.put_file(&key, &file).await.unwrap();
        assert!(!file.exists(), "put moves the file");
        assert_eq!(store.list().await.unwrap(), [(key.clone(), 7)]);
        let body = store.get(&key, Some(1..4)).await.unwrap();
        let blocks: Vec<_> = body.bytes.into_stream().try_collect().await.unwrap();
        assert_eq!(blocks.concat(), b"ict", "a range is exactly its bytes");
        let refused = store.get(&key, Some(0..8)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        let verdict = store.verify(&key, 7, &stored.sha256).await.unwrap();
        assert_eq!(verdict, Verdict::Intact);

        store.delete(&key).await.unwrap();
        store.delete(&key).await.unwrap();
        let gone = store.get(&key, None).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let verdict = store.verify(&key, 7, &stored.sha256).await.unwrap();
        assert_eq!(verdict, Verdict::Missing);
    }
}
