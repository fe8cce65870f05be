//! The doors through which bytes come in over HTTP, as delivery sees them: traits that the
//! composition root implements. What does not belong here: protocols (`api/uploads`, `dav`), and
//! what becomes of the bytes.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use model::arrival::Door;
use model::error::{Error, ErrorKind, Result};
use model::id::{UploadId, UserId};
use model::upload::{Append, Appended, Details, NewUpload, Upload};

/// Bytes as they come or go.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Where uploads are kept until they are titles. What belongs to somebody else is not found.
#[async_trait]
pub trait UploadDoor: Send + Sync + Debug {
    /// The longest upload that can be taken at present.
    async fn most_bytes(&self) -> u64;

    /// Begins an upload.
    ///
    /// # Errors
    /// `OutOfSpace` if it cannot fit, `Conflict` if the person has too many open, `InvalidInput`
    /// if something said of it is too long.
    async fn create(&self, owner: UserId, new: NewUpload) -> Result<Upload>;

    /// An upload as it is now.
    ///
    /// # Errors
    /// `NotFound`
    async fn find(&self, owner: UserId, id: UploadId) -> Result<Upload>;

    /// An upload as it is now, whoever sent it, for whoever knows its identifier.
    ///
    /// # Errors
    /// `NotFound`
    async fn trace(&self, id: UploadId) -> Result<Upload>;

    /// All uploads of a person, the newest first.
    ///
    /// # Errors
    /// As the file system has it.
    async fn list(&self, owner: UserId) -> Result<Vec<Upload>>;

    /// Adds bytes. What has come when the stream ends or fails is kept; when all is there, the
    /// upload has arrived.
    ///
    /// # Errors
    /// `NotFound`, `OutOfSpace` (what fitted is kept), `Unavailable` (the stream broke off, what
    /// came is kept).
    async fn append(
        &self,
        owner: UserId,
        id: UploadId,
        append: Append,
        bytes: ByteStream,
    ) -> Result<Appended>;

    /// Declares an upload of unknown length to be complete, with what its sender says of it.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if it is complete already or still being sent.
    async fn complete(&self, owner: UserId, id: UploadId, details: Details) -> Result<Upload>;

    /// Gives an upload up. One that has arrived is left alone and counts as not found.
    ///
    /// # Errors
    /// `NotFound`
    async fn remove(&self, owner: UserId, id: UploadId) -> Result<()>;
}

/// The watched folders over WebDAV.
#[async_trait]
pub trait DavDoor: Send + Sync + Debug {
    /// Answers a request of `person`, who may write. Paths begin with `/dav/`.
    async fn answer(
        &self,
        person: UserId,
        request: axum::http::Request<ByteStream>,
    ) -> axum::http::Response<ByteStream>;
}

/// Whoever takes files in, asked to look at one again.
#[async_trait]
pub trait InboxDoor: Send + Sync + Debug {
    /// Has the file at `path` looked at again, which goes on after this returns.
    ///
    /// # Errors
    /// `Unavailable` if nobody takes files in at present.
    async fn look_again(&self, path: PathBuf, door: Door) -> Result<()>;
}

/// All doors. Without them, as in tests of other things, they are shut.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Uploads.
    pub uploads: Option<Arc<dyn UploadDoor>>,
    /// WebDAV.
    pub dav: Option<Arc<dyn DavDoor>>,
    /// Whoever takes files in.
    pub inbox: Option<Arc<dyn InboxDoor>>,
}

impl Doors {
    /// The door for uploads.
    pub(crate) fn uploads(&self) -> Result<&dyn UploadDoor> {
        self.uploads.as_deref().ok_or_else(shut)
    }

    /// The door for WebDAV.
    pub(crate) fn dav(&self) -> Result<&dyn DavDoor> {
        self.dav.as_deref().ok_or_else(shut)
    }
}

impl Doors {
    /// Has a file looked at again; where nobody takes files in, the next start does.
    pub(crate) async fn look_again(&self, path: PathBuf, door: Door) -> Result<()> {
        match &self.inbox {
            Some(inbox) => inbox.look_again(path, door).await,
            None => Ok(()),
        }
    }
}

fn shut() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "Nothing can be sent here at present",
    )
}

/// The bytes of a request.
pub(crate) fn bytes_of(body: Body) -> ByteStream {
    Box::pin(body.into_data_stream().map_err(io::Error::other))
}
