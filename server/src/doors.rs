//! The doors of `delivery`, made of `sources`. What does not belong here: what either of them
//! does.

use async_trait::async_trait;
use delivery::doors::{ByteStream, DavDoor, Doors, InboxDoor, UploadDoor};
use http::{Request, Response};
use ingest::IngestHandle;
use model::arrival::Door;
use model::clock::SystemClock;
use model::error::{Context, ErrorKind, Result};
use model::id::{UploadId, UserId};
use model::upload::{Append, Appended, Details, NewUpload, Upload};
use sources::upload::{UploadPolicy, Uploads};
use sources::webdav::Webdav;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::data_dir::Paths;

/// Everything through which bytes come in over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct OpenDoors {
    /// Files that come over HTTP.
    pub(crate) uploads: Uploads,
    ingest: IngestHandle,
    /// The watched folders; what they are is set from outside.
    pub(crate) webdav: Webdav,
}

impl OpenDoors {
    /// Takes up what an earlier run left, and begins.
    pub(crate) async fn open(
        config: &Config,
        paths: &Paths,
        ingest: &IngestHandle,
    ) -> Result<Self> {
        let policy = UploadPolicy {
            reserve_bytes: config.reserve_bytes,
            ..UploadPolicy::default()
        };
        let webdav = Webdav::new(config.watch.clone(), ingest.clone(), config.reserve_bytes);
        let (folder, originals) = (paths.uploads(), paths.originals());
        let (ingest, takes_in) = (ingest.clone(), ingest.clone());
        let open = move || Uploads::open(folder, originals, ingest, Arc::new(SystemClock), policy);
        let uploads = tokio::task::spawn_blocking(open)
            .await
            .context(ErrorKind::Internal, "taking up uploads")??;
        uploads.start();
        Ok(Self {
            uploads,
            ingest: takes_in,
            webdav,
        })
    }

    /// As delivery sees them.
    pub(crate) fn doors(&self) -> Doors {
        Doors {
            uploads: Some(Arc::new(UploadsDoor(self.uploads.clone()))),
            dav: Some(Arc::new(WebdavDoor(self.webdav.clone()))),
            inbox: Some(Arc::new(SecondLook(self.ingest.clone()))),
        }
    }

    /// Takes nothing more.
    pub(crate) async fn shutdown(&self) {
        self.uploads.shutdown().await;
    }
}

#[derive(Debug)]
struct UploadsDoor(Uploads);

#[async_trait]
impl UploadDoor for UploadsDoor {
    async fn most_bytes(&self) -> u64 {
        self.0.most_bytes()
    }

    async fn create(&self, owner: UserId, new: NewUpload) -> Result<Upload> {
        self.0.create(owner, new).await
    }

    async fn find(&self, owner: UserId, id: UploadId) -> Result<Upload> {
        self.0.find(owner, id)
    }

    async fn trace(&self, id: UploadId) -> Result<Upload> {
        self.0.trace(id)
    }

    async fn list(&self, owner: UserId) -> Result<Vec<Upload>> {
        Ok(self.0.list(owner))
    }

    async fn append(
        &self,
        owner: UserId,
        id: UploadId,
        append: Append,
        bytes: ByteStream,
    ) -> Result<Appended> {
        self.0.append(owner, id, append, bytes).await
    }

    async fn complete(&self, owner: UserId, id: UploadId, details: Details) -> Result<Upload> {
        self.0.complete(owner, id, details).await
    }

    async fn remove(&self, owner: UserId, id: UploadId) -> Result<()> {
        self.0.remove(owner, id).await
    }
}

#[derive(Debug)]
struct WebdavDoor(Webdav);

#[async_trait]
impl DavDoor for WebdavDoor {
    async fn answer(&self, person: UserId, request: Request<ByteStream>) -> Response<ByteStream> {
        self.0.answer(person, request).await
    }
}

/// Has files looked at again.
#[derive(Debug)]
struct SecondLook(IngestHandle);

#[async_trait]
impl InboxDoor for SecondLook {
    async fn look_again(&self, path: PathBuf, door: Door) -> Result<()> {
        self.0.deliver(path, door, Details::default()).await
    }
}
