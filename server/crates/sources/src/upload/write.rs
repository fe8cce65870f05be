//! Bytes from a stream into a file: in blocks, so that memory stays flat, and onto the disk every
//! now and then and at the end. Knows of no records.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use model::error::{Context, ErrorKind, Result};
use model::upload::{Checksum, ChecksumKind};
use sha2::Digest;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::space::{is_full, room_bytes};

/// Written at once.
const BLOCK_BYTES: usize = 1024 * 1024;
/// What a power cut in the middle of a long stream may cost.
const SYNC_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// A file that bytes are added to.
#[derive(Debug)]
pub(crate) struct Sink {
    file: Arc<File>,
    /// Where the next block goes.
    position: u64,
    /// Up to here everything is on the disk.
    durable: u64,
    hasher: Option<Hasher>,
    limits: SinkLimits,
}

/// How far a sink may go.
#[derive(Clone, Debug)]
pub(crate) struct SinkLimits {
    /// The file may not become longer.
    pub(crate) length_bytes: u64,
    /// Where free space is asked for.
    pub(crate) disk: PathBuf,
    /// So much of it stays free.
    pub(crate) reserve_bytes: u64,
    /// A stream that brings nothing for so long has ended.
    pub(crate) idle: Duration,
}

/// Why no more bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The stream ended.
    Complete,
    /// The stream broke off or brought nothing for too long.
    Broken,
    /// More came than may.
    TooLong,
    /// The disk is full.
    Full,
}

#[derive(Clone, Debug)]
enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Hasher {
    fn new(kind: ChecksumKind) -> Self {
        match kind {
            ChecksumKind::Sha1 => Self::Sha1(sha1::Sha1::new()),
            ChecksumKind::Sha256 => Self::Sha256(sha2::Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Sink {
    /// A sink that goes on at `offset_bytes`.
    pub(crate) fn new(
        file: File,
        offset_bytes: u64,
        checksum: Option<&Checksum>,
        limits: SinkLimits,
    ) -> Self {
        Self {
            file: Arc::new(file),
            position: offset_bytes,
            durable: offset_bytes,
            hasher: checksum.map(|checksum| Hasher::new(checksum.kind)),
            limits,
        }
    }

    /// How many bytes of the file are on the disk.
    pub(crate) fn durable_bytes(&self) -> u64 {
        self.durable
    }

    /// Writes the stream until it ends, for whatever reason, and makes durable what came.
    /// `progress` hears of each chunk and of each time bytes reached the disk.
    ///
    /// # Errors
    /// As the file system has it; a full disk is an [`End`], not an error.
    pub(crate) async fn fill<S>(&mut self, mut bytes: S, progress: impl Fn(u64)) -> Result<End>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        let mut block = BytesMut::new();
        let end = loop {
            let chunk = match tokio::time::timeout(self.limits.idle, bytes.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(None) => break End::Complete,
                Ok(Some(Err(_))) | Err(_) => break End::Broken,
            };
            progress(self.durable);
            let length_bytes = self.position + (block.len() + chunk.len()) as u64;
            if length_bytes > self.limits.length_bytes {
                break End::TooLong;
            }
            block.extend_from_slice(&chunk);
            if block.len() >= BLOCK_BYTES {
                if !self.write(block.split().freeze()).await? {
                    return Ok(End::Full);
                }
                progress(self.durable);
            }
        };
        let fits = self.write(block.freeze()).await? && self.sync().await?;
        Ok(if fits { end } else { End::Full })
    }

    /// The hash of what was written.
    pub(crate) fn digest(&mut self) -> Option<Vec<u8>> {
        self.hasher.take().map(Hasher::finish)
    }

    /// Drops everything from `length_bytes` on.
    ///
    /// # Errors
    /// As the file system has it.
    pub(crate) async fn cut(&mut self, length_bytes: u64) -> Result<()> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            file.set_len(length_bytes)?;
            file.sync_all()
        })
        .await?
        .context(ErrorKind::Unavailable, "cutting an upload")?;
        self.position = length_bytes;
        self.durable = length_bytes;
        Ok(())
    }

    /// False if the disk is full; what fitted stays.
    async fn write(&mut self, block: Bytes) -> Result<bool> {
        let (file, position) = (Arc::clone(&self.file), self.position);
        let mut hasher = self.hasher.take();
        let written_bytes = block.len() as u64;
        let (written, hasher) = blocking(move || {
            let written = file.write_all_at(&block, position);
            if let Some(hasher) = &mut hasher {
                hasher.update(&block);
            }
            (written, hasher)
        })
        .await?;
        self.hasher = hasher;
        match written {
            Ok(()) => self.position += written_bytes,
            Err(error) if is_full(&error) => {
                self.settle_for_what_fitted().await?;
                return Ok(false);
            }
            Err(error) => return Err(error).context(ErrorKind::Unavailable, "writing an upload"),
        }
        if self.position - self.durable < SYNC_EVERY_BYTES {
            return Ok(true);
        }
        Ok(self.sync().await? && self.has_room().await?)
    }

    /// The part of a block that was written before the disk was full counts too.
    async fn settle_for_what_fitted(&mut self) -> Result<()> {
        let file = Arc::clone(&self.file);
        let fitted = blocking(move || file.metadata().map(|metadata| metadata.len()))
            .await?
            .context(ErrorKind::Unavailable, "looking at an upload")?;
        self.position = fitted;
        self.sync().await.map(drop)
    }

    /// False if the disk turned out to be full only now; then the file is as long as what is
    /// surely on the disk.
    async fn sync(&mut self) -> Result<bool> {
        let file = Arc::clone(&self.file);
        match blocking(move || file.sync_all()).await? {
            Ok(()) => {
                self.durable = self.position;
                Ok(true)
            }
            Err(error) if is_full(&error) => {
                self.cut(self.durable).await?;
                Ok(false)
            }
            Err(error) => Err(error).context(ErrorKind::Unavailable, "syncing an upload"),
        }
    }

    async fn has_room(&self) -> Result<bool> {
        let limits = self.limits.clone();
        let room = blocking(move || room_bytes(&limits.disk, limits.reserve_bytes))
            .await?
            .context(ErrorKind::Unavailable, "asking for free space")?;
        Ok(room > 0)
    }
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context(ErrorKind::Internal, "waiting for the disk")
}
