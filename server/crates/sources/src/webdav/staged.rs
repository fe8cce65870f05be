//! A file that a client writes: under a name that nobody sees until it is complete, then in place
//! of whatever was there. What is dropped before leaves everything as it was.

use bytes::{Buf, Bytes};
use futures::FutureExt;
use rustix::fs::{AtFlags, Mode, OFlags, unlinkat};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use webdav_handler::fs::{DavFile, DavMetaData, FsError, FsFuture};

use crate::space::room_bytes;
use crate::webdav::beneath::{Place, io_refusal};
use crate::webdav::metadata::Metadata;
use crate::webdav::replacing::take_place;
use crate::webdav::{Deliver, asked};

/// How names of files on their way begin. The dot hides them from the watch.
pub(crate) const HIDDEN: &str = ".homereel-";
/// Free space is asked for after this much was written.
const LOOK_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// How names of files on their way end.
const PART: &str = ".part";

/// Makes the names of one run different from one another.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Makes them different from those of other runs and other servers: in a container every server
/// is process 1.
static RUN: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", RandomState::new().hash_one("run")));

/// A name that nobody sees and nobody else has.
pub(crate) fn hidden_name() -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{HIDDEN}{}-{count}{PART}", *RUN)
}

/// The same for what was there before and is to go: it is never taken for a leftover.
pub(crate) fn aside_name() -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{HIDDEN}{}-{count}.old", *RUN)
}

/// Whether another run gave this name to something on its way.
pub(crate) fn is_of_another_run(name: &[u8]) -> bool {
    let parts = || {
        let inner = std::str::from_utf8(name).ok()?.strip_prefix(HIDDEN)?;
        inner.strip_suffix(PART)?.split_once('-')
    };
    parts().is_some_and(|(run, count)| {
        let is_run = run.len() == 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_run && count.parse::<u64>().is_ok() && run != *RUN
    })
}

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
    hidden: Place,
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
        let folder = place.folder.try_clone();
        let hidden = Place {
            folder: folder.map_err(|error| io_refusal(&error))?,
            name: hidden_name().into(),
        };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = hidden.open(flags, Mode::RUSR | Mode::WUSR)?;
        hidden.give_mode_of_folder(&file);
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                hidden,
                file,
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
        take_place(&self.hidden, &self.place)?;
        self.is_placed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_placed.load(Ordering::Relaxed) {
            // Failing that, a listing of the folder removes it one day.
            let _ = unlinkat(&self.hidden.folder, &self.hidden.name, AtFlags::empty());
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
