//! A shelf for uploads that keeps how long they are and forgets their bytes. Whether bytes arrive
//! is told where files are (`sources`); these stories are about what comes before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::TryStreamExt;
use model::clock::WallTime;
use model::error::{Context, Error, ErrorKind, Result};
use model::id::{UploadId, UserId};
use model::upload::{Append, Appended, Details, NewUpload, Upload, UploadState};

use super::home::Home;
use crate::doors::{ByteStream, UploadDoor};
use crate::router;

/// The door to it.
#[derive(Debug, Default)]
struct Shelf(Mutex<HashMap<UploadId, Upload>>);

impl Home {
    /// The same house, where uploads are taken.
    pub(crate) fn with_a_shelf_for_uploads(mut self) -> Self {
        self.app.site.doors.uploads = Some(Arc::new(Shelf::default()));
        self.service = router::service(self.app.clone());
        self
    }
}

impl Shelf {
    fn change(&self, id: UploadId, change: impl FnOnce(&mut Upload)) -> Result<Upload> {
        let mut uploads = self.0.lock().unwrap();
        let upload = uploads.get_mut(&id).ok_or_else(nothing)?;
        change(upload);
        Ok(upload.clone())
    }
}

fn nothing() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such upload")
}

#[async_trait]
impl UploadDoor for Shelf {
    async fn most_bytes(&self) -> u64 {
        u64::MAX
    }

    async fn create(&self, _: UserId, new: NewUpload) -> Result<Upload> {
        let upload = Upload {
            id: UploadId::generate(),
            file_name: new.file_name,
            details: new.details,
            length_bytes: new.length_bytes,
            offset_bytes: 0,
            state: UploadState::Receiving,
            metadata: new.metadata,
            expires_at: WallTime(0),
        };
        self.0.lock().unwrap().insert(upload.id, upload.clone());
        Ok(upload)
    }

    async fn find(&self, _: UserId, id: UploadId) -> Result<Upload> {
        self.change(id, |_| ())
    }

    async fn trace(&self, id: UploadId) -> Result<Upload> {
        self.change(id, |_| ())
    }

    async fn list(&self, _: UserId) -> Result<Vec<Upload>> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }

    async fn append(
        &self,
        _: UserId,
        id: UploadId,
        _: Append,
        mut bytes: ByteStream,
    ) -> Result<Appended> {
        while let Some(some) = bytes
            .try_next()
            .await
            .context(ErrorKind::Unavailable, "the stream broke off")?
        {
            self.change(id, |upload| upload.offset_bytes += some.len() as u64)?;
        }
        self.find(UserId::generate(), id).await.map(Appended::Added)
    }

    async fn complete(&self, _: UserId, id: UploadId, details: Details) -> Result<Upload> {
        self.change(id, |upload| upload.details = details)
    }

    async fn remove(&self, _: UserId, id: UploadId) -> Result<()> {
        let removed = self.0.lock().unwrap().remove(&id);
        removed.map(|_| ()).ok_or_else(nothing)
    }
}
