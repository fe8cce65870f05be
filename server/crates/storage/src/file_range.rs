//! A range of an open file, read block by block. What does not belong here: finding the file
//! (`folder`) and sending it (`delivery`).

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt, try_unfold};
use rustix::io::{ReadWriteFlags, preadv2};

/// How far apart the bytes are that [`FileRange::is_in_memory`] looks at: the kernel reads ahead in
/// windows at least so large.
const PROBE_BYTES: u64 = 64 * 1024;

/// Bytes `range` of an open file that nobody writes to. Cloning it opens nothing.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The file.
    pub file: Arc<File>,
    /// From, to (exclusive).
    pub range: Range<u64>,
}

impl FileRange {
    /// How many bytes are left.
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes at most `most_bytes` off the front.
    #[must_use]
    pub fn take_front(&mut self, most_bytes: u64) -> Self {
        let end = self.range.start + self.len().min(most_bytes);
        let front = self.range.start..end;
        self.range.start = end;
        Self {
            file: Arc::clone(&self.file),
            range: front,
        }
    }

    /// Whether reading would not wait for the disk, as far as single bytes tell. A file system that
    /// cannot say so counts as a disk to wait for.
    pub fn is_in_memory(&self) -> bool {
        let last = self.range.end.saturating_sub(1);
        let steps = (self.range.start..self.range.end).step_by(PROBE_BYTES as usize);
        steps.chain([last]).all(|at| {
            let mut byte = [0];
            let mut buffer = [IoSliceMut::new(&mut byte)];
            preadv2(&self.file, &mut buffer, at, ReadWriteFlags::NOWAIT) == Ok(1)
        })
    }

    /// The bytes in blocks of at most `block_bytes`, each read outside the async threads.
    pub fn into_blocks(self, block_bytes: u64) -> BoxStream<'static, io::Result<Bytes>> {
        try_unfold(self, move |mut rest| async move {
            if rest.is_empty() {
                return Ok(None);
            }
            let block = rest.take_front(block_bytes).read().await?;
            Ok(Some((block, rest)))
        })
        .boxed()
    }

    /// All bytes at once: for ranges of a block or so.
    ///
    /// # Errors
    /// Those of the disk, and `UnexpectedEof` if the file ends early.
    pub async fn read(self) -> io::Result<Bytes> {
        let reading = tokio::task::spawn_blocking(move || {
            let length = usize::try_from(self.len()).map_err(io::Error::other)?;
            let mut block = BytesMut::zeroed(length);
            self.file.read_exact_at(&mut block, self.range.start)?;
            Ok(block.freeze())
        });
        reading.await.map_err(io::Error::other)?
    }
}
