//! What a client sees of a file without reading it.

use rustix::fs::Stat;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use webdav_handler::fs::{DavDirEntry, DavMetaData, FsError, FsFuture};

use crate::webdav::beneath::Kind;

/// Length, time and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    size_bytes: u64,
    modified: SystemTime,
    is_folder: bool,
    inode: u64,
}

impl Metadata {
    pub(crate) fn of(kind: &Kind) -> Self {
        let stat: &Stat = kind.stat();
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: moment(stat.st_mtime, nanoseconds),
            is_folder: matches!(kind, Kind::Folder(_)),
            inode: stat.st_ino,
        }
    }

    pub(crate) fn of_std(metadata: &std::fs::Metadata) -> Self {
        let nanoseconds = u32::try_from(metadata.mtime_nsec()).unwrap_or_default();
        Self {
            size_bytes: metadata.len(),
            modified: moment(metadata.mtime(), nanoseconds),
            is_folder: metadata.is_dir(),
            inode: metadata.ino(),
        }
    }

    /// The list of the folders, which is no folder itself.
    pub(crate) fn of_top() -> Self {
        Self {
            size_bytes: 0,
            modified: UNIX_EPOCH,
            is_folder: true,
            inode: 0,
        }
    }
}

fn moment(seconds: i64, nanoseconds: u32) -> SystemTime {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    UNIX_EPOCH + Duration::new(seconds, nanoseconds.min(999_999_999))
}

impl DavMetaData for Metadata {
    fn len(&self) -> u64 {
        self.size_bytes
    }

    fn modified(&self) -> Result<SystemTime, FsError> {
        Ok(self.modified)
    }

    fn is_dir(&self) -> bool {
        self.is_folder
    }

    /// The inode is new with each version, since files are replaced whole.
    fn etag(&self) -> Option<String> {
        let since = self.modified.duration_since(UNIX_EPOCH).ok()?;
        let nanoseconds = since.as_nanos();
        Some(format!(
            "{:x}-{:x}-{nanoseconds:x}",
            self.inode, self.size_bytes
        ))
    }
}

/// A name in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) metadata: Metadata,
}

impl DavDirEntry for Entry {
    fn name(&self) -> Vec<u8> {
        self.name.clone()
    }

    fn metadata(&'_ self) -> FsFuture<'_, Box<dyn DavMetaData>> {
        let metadata: Box<dyn DavMetaData> = Box::new(self.metadata);
        Box::pin(std::future::ready(Ok(metadata)))
    }
}
