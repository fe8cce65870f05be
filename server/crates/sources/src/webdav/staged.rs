//! A file that a client writes: under a name that nobody sees until it is complete, then in place
//! of whatever was there. What is dropped before leaves everything as it was.

use bytes::{Buf, Bytes};
use futures::FutureExt;
use rustix::fs::{AtFlags, Mode, OFlags, fsync, renameat, unlinkat};
use std::fs::File;
use std::io::{self, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use webdav_handler::fs::{DavFile, DavMetaData, FsError, FsFuture};

use crate::space::room_bytes;
use crate::webdav::beneath::{Place, io_refusal, refusal};
use crate::webdav::metadata::Metadata;
use crate::webdav::{Deliver, asked};

/// How names of files on their way begin. The dot hides them from the watch.
pub(crate) const HIDDEN: &str = ".homereel-";
/// Free space is asked for after this much was written.
const LOOK_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// Makes the names of one run different from one another.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Staged {
    shared: Arc<Shared>,
    written: u64,
    /// How long the client says it will be.
    expected: Option<u64>,
    looked_at: u64,
    reserve_bytes: u64,
    deliver: Deliver,
}

/// What the threads that wait for the disk hold.
#[derive(Debug)]
struct Shared {
    place: Place,
    hidden: String,
    file: File,
    /// The whole path, for the watch.
    path: PathBuf,
    /// The root, for asking how much room there is.
    root: PathBuf,
    is_placed: std::sync::atomic::AtomicBool,
}

impl Staged {
    /// Begins a file that will be at `place`. Blocks.
    pub(crate) fn begin(
        place: Place,
        path: PathBuf,
        root: PathBuf,
        expected: Option<u64>,
        reserve_bytes: u64,
        deliver: Deliver,
    ) -> Result<Self, FsError> {
        let room = room_bytes(&root, reserve_bytes).map_err(|error| io_refusal(&error))?;
        if expected.unwrap_or(1) > room {
            return Err(FsError::InsufficientStorage);
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let hidden = format!("{HIDDEN}{}-{count}.part", std::process::id());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        // As the umask has it: these are the owner's files, in the owner's folder.
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        let file = rustix::fs::openat(&place.folder, &hidden, flags, mode).map_err(refusal)?;
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                hidden,
                file: file.into(),
                path,
                root,
                is_placed: false.into(),
            }),
            written: 0,
            expected,
            looked_at: 0,
            reserve_bytes,
            deliver,
        })
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), FsError> {
        if self.written - self.looked_at >= LOOK_EVERY_BYTES {
            self.looked_at = self.written;
            self.check_room().await?;
        }
        let (shared, at) = (Arc::clone(&self.shared), self.written);
        self.written += bytes.len() as u64;
        asked(move || {
            let written = shared.file.write_all_at(&bytes, at);
            written.map_err(|error| io_refusal(&error))
        })
        .await
    }

    /// Everything that is in `source`. Blocks.
    pub(crate) fn copy_from(&mut self, mut source: File) -> Result<(), FsError> {
        let copied = io::copy(&mut source, &mut &self.shared.file);
        self.written = copied.map_err(|error| io_refusal(&error))?;
        Ok(())
    }

    async fn check_room(&self) -> Result<(), FsError> {
        let (shared, reserve_bytes) = (Arc::clone(&self.shared), self.reserve_bytes);
        let room = asked(move || {
            room_bytes(&shared.root, reserve_bytes).map_err(|error| io_refusal(&error))
        });
        match room.await? {
            0 => Err(FsError::InsufficientStorage),
            _ => Ok(()),
        }
    }

    /// The file takes its place, unless it is not what the client announced: then the library
    /// will say so, and nothing has happened.
    async fn finish(&mut self) -> Result<(), FsError> {
        if self
            .expected
            .is_some_and(|expected| expected != self.written)
        {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        asked(move || shared.put_in_place()).await?;
        self.deliver.tell(self.shared.path.clone()).await;
        Ok(())
    }
}

impl Shared {
    fn put_in_place(&self) -> Result<(), FsError> {
        self.file.sync_all().map_err(|error| io_refusal(&error))?;
        // Whoever made a link of this name in the meantime loses it, not what it points to.
        let folder = &self.place.folder;
        renameat(folder, &self.hidden, folder, &self.place.name).map_err(refusal)?;
        self.is_placed.store(true, Ordering::Relaxed);
        fsync(folder).map_err(refusal)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_placed.load(Ordering::Relaxed) {
            // Failing that, the next listing of the folder removes it.
            let _ = unlinkat(&self.place.folder, &self.hidden, AtFlags::empty());
        }
    }
}

impl DavFile for Staged {
    fn metadata(&'_ mut self) -> FsFuture<'_, Box<dyn DavMetaData>> {
        let shared = Arc::clone(&self.shared);
        asked(move || {
            let metadata = shared.file.metadata().map_err(|error| io_refusal(&error))?;
            Ok(Box::new(Metadata::of_std(&metadata)) as Box<dyn DavMetaData>)
        })
        .boxed()
    }

    fn write_buf(&'_ mut self, mut buf: Box<dyn Buf + Send>) -> FsFuture<'_, ()> {
        let length = buf.remaining();
        let bytes = buf.copy_to_bytes(length);
        self.write(bytes).boxed()
    }

    fn write_bytes(&'_ mut self, bytes: Bytes) -> FsFuture<'_, ()> {
        self.write(bytes).boxed()
    }

    fn read_bytes(&'_ mut self, _count: usize) -> FsFuture<'_, Bytes> {
        refused()
    }

    /// Parts of files are refused before; so is this.
    fn seek(&'_ mut self, _to: SeekFrom) -> FsFuture<'_, u64> {
        refused()
    }

    fn flush(&'_ mut self) -> FsFuture<'_, ()> {
        self.finish().boxed()
    }
}

fn refused<'a, T: Send + 'a>() -> FsFuture<'a, T> {
    std::future::ready(Err(FsError::NotImplemented)).boxed()
}

/// A file that a client reads.
#[derive(Debug)]
pub(crate) struct Reading {
    file: Arc<File>,
    at: u64,
}

impl Reading {
    /// From its beginning.
    pub(crate) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
            at: 0,
        }
    }

    async fn read(&mut self, count: usize) -> Result<Bytes, FsError> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        let bytes = asked(move || {
            let mut bytes = vec![0; count];
            let read = file.read_at(&mut bytes, at);
            bytes.truncate(read.map_err(|error| io_refusal(&error))?);
            Ok(Bytes::from(bytes))
        })
        .await?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }
}

impl DavFile for Reading {
    fn metadata(&'_ mut self) -> FsFuture<'_, Box<dyn DavMetaData>> {
        let file = Arc::clone(&self.file);
        asked(move || {
            let metadata = file
                .metadata()
                .map_err(|error: io::Error| io_refusal(&error))?;
            Ok(Box::new(Metadata::of_std(&metadata)) as Box<dyn DavMetaData>)
        })
        .boxed()
    }

    fn write_buf(&'_ mut self, _buf: Box<dyn Buf + Send>) -> FsFuture<'_, ()> {
        refused()
    }

    fn write_bytes(&'_ mut self, _bytes: Bytes) -> FsFuture<'_, ()> {
        refused()
    }

    fn read_bytes(&'_ mut self, count: usize) -> FsFuture<'_, Bytes> {
        self.read(count).boxed()
    }

    fn seek(&'_ mut self, to: SeekFrom) -> FsFuture<'_, u64> {
        match to {
            SeekFrom::Start(at) => self.at = at,
            SeekFrom::Current(by) => self.at = self.at.saturating_add_signed(by),
            SeekFrom::End(_) => return refused(),
        }
        std::future::ready(Ok(self.at)).boxed()
    }

    fn flush(&'_ mut self) -> FsFuture<'_, ()> {
        std::future::ready(Ok(())).boxed()
    }
}
