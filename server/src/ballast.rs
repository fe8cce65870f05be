//! A file that is nothing but room: it goes when the disk is full, so that the rows of what is
//! deleted can be written, and comes back when there is space again.
//!
//! SQLite needs room even to delete. Without it a full disk stays full.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Enough for the log of many transactions.
const BALLAST_BYTES: u64 = 32 * 1024 * 1024;
/// With less than this the disk counts as full.
const FULL_BYTES: u64 = 16 * 1024 * 1024;
/// It comes back when so much is free: never itself the reason that the disk is full.
const ROOMY_BYTES: u64 = 8 * BALLAST_BYTES;

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// The ballast at `path`.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Throws it off or makes it, as the free space wants it. Blocks.
    pub(crate) fn follow(&self, free_bytes: u64) {
        if free_bytes < FULL_BYTES {
            self.throw_off();
        } else if free_bytes >= ROOMY_BYTES && !self.path.exists() {
            // Failing that, there is none; it is tried again.
            if let Err(error) = make(&self.path) {
                tracing::debug!(%error, "There is no ballast for a full disk.");
            }
        }
    }

    /// Makes room. Blocks.
    pub(crate) fn throw_off(&self) {
        if fs::remove_file(&self.path).is_ok() {
            tracing::warn!("The disk is full. Room that was kept for this is used to clean up.");
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    let file = File::create(path)?;
    let flags = rustix::fs::FallocateFlags::empty();
    let made = rustix::fs::fallocate(&file, flags, 0, BALLAST_BYTES).map_err(io::Error::from);
    if made.is_err() {
        // Room that the file system does not promise is none.
        let _ = fs::remove_file(path);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::{BALLAST_BYTES, Ballast, FULL_BYTES, ROOMY_BYTES};
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_goes_when_the_disk_is_full_and_comes_back_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast");
        let ballast = Ballast::at(path.clone());
        for (free_bytes, is_there) in [
            (ROOMY_BYTES - 1, false),
            (ROOMY_BYTES, true),
            (FULL_BYTES, true),
            (FULL_BYTES - 1, false),
            (FULL_BYTES, false),
            (ROOMY_BYTES, true),
        ] {
            ballast.follow(free_bytes);
            assert_eq!(path.exists(), is_there, "with {free_bytes} bytes free");
        }
        let blocks = std::fs::metadata(path).unwrap().blocks();
        assert!(blocks * 512 >= BALLAST_BYTES, "it takes room");
    }
}
