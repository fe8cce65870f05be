//! Where finished bytes live. A store knows objects by their [`ObjectKey`]s and nothing else.
//!
//! [`local`] keeps them on a disk of this machine, [`bucket`] on an S3-compatible server,
//! [`memory`] for tests of others; [`places`] says which is which. [`file_range`] is what of an
//! open file a reader gets. What does not belong here: what
//! the bytes mean (`model::segment`), which of them should exist (`catalog`), and how they reach a
//! player (`delivery`).
//!
//! The order that keeps rows and objects in step: put, wait for the answer, insert the row. To
//! remove: move the row to the garbage, delete the object, drop the garbage row.

use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures::stream::BoxStream;
use model::error::{Error, ErrorKind, Result};
use model::segment::ObjectKey;

use crate::file_range::FileRange;

pub mod bucket;
mod digest;
pub mod file_range;
mod folder;
mod listing;
pub mod local;
pub mod memory;
mod open_files;
pub mod places;

/// A place that keeps objects until they are deleted.
#[async_trait::async_trait]
pub trait Storage: Send + Sync + Debug {
    /// Moves the finished local `file` to `key` and answers only when the bytes will survive a
    /// power cut. An object that is there already is replaced in one step: readers see the old
    /// one or the new one. The file is gone afterwards; after an error it may still be there.
    ///
    /// # Errors
    /// `NotFound` if the file is not there, `OutOfSpace` if the store is full, else `Unavailable`.
    /// After an error the object may be there or not; storing it again is safe.
    async fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject>;

    /// Opens the object, or the bytes `range` of it (from, to exclusive).
    ///
    /// # Errors
    /// `NotFound` if there is no such object, `InvalidInput` if the range does not lie inside it.
    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody>;

    /// Removes the object. One that is not there counts as removed.
    ///
    /// # Errors
    /// `Unavailable` if the store could not do it; trying again later is safe.
    async fn delete(&self, key: &ObjectKey) -> Result<()>;

    /// Every object with its length in bytes, in no order. What is not an object of ours is
    /// passed over and counted in the log.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read whole; a partial listing is never returned.
    async fn list(&self) -> Result<Vec<(ObjectKey, u64)>>;

    /// Reads the whole object and compares it with what its row says.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, which says nothing about the object.
    async fn verify(&self, key: &ObjectKey, size_bytes: u64, sha256: &str) -> Result<Verdict>;
}

/// What was stored, as its row will describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// An opened object.
#[derive(Debug)]
pub struct ObjectBody {
    /// Length of the whole object, whatever range was asked for.
    pub size_bytes: u64,
    /// The bytes of the range. An object that turns out shorter than it was when opened ends in an
    /// error, never in a silent gap.
    pub bytes: ObjectBytes,
}

/// The bytes of an object.
pub enum ObjectBytes {
    /// In a file of this machine, which the kernel can send without a detour through memory.
    File(FileRange),
    /// In blocks of at most [`BLOCK_BYTES`].
    Stream(BoxStream<'static, io::Result<Bytes>>),
}

impl ObjectBytes {
    /// The bytes in blocks, wherever they are.
    pub fn into_stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        match self {
            Self::File(range) => range.into_blocks(BLOCK_BYTES as u64),
            Self::Stream(stream) => stream,
        }
    }
}

/// The most bytes of one object that a reader holds in memory at once.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// Whether an object is what its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Same length, same hash.
    Intact,
    /// There is no such object.
    Missing,
    /// It is there, with other bytes.
    Different,
}

impl Debug for ObjectBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(range) => f.debug_tuple("File").field(range).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// Runs work that waits for a disk outside the async threads. `what` is for the case that it
/// panicked, which would be a defect.
async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::caused_by(ErrorKind::Internal, what, error)),
    }
}

/// Refuses a range that does not lie inside an object of `size_bytes`.
fn check_range(key: &ObjectKey, range: &Range<u64>, size_bytes: u64) -> Result<()> {
    if range.start <= range.end && range.end <= size_bytes {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!(
            "bytes {} to {} of {key} were asked for, which has {size_bytes}",
            range.start, range.end
        ),
    ))
}
