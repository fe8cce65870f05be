//! Folders that workers write into: `scratch/<job>/<attempt>/`, fresh for each worker and removed
//! after it. Whatever a crash leaves behind is swept away at the next start.

use model::id::JobId;
use std::fs::{DirBuilder, DirEntry};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the folders of this process; the root is emptied at start, so names never meet.
static ATTEMPTS: AtomicU64 = AtomicU64::new(1);

/// An empty folder for one worker; removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one for `job` under `root`.
    pub(crate) fn create(root: &Path, job: JobId) -> io::Result<Self> {
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        let path = root.join(job.to_string()).join(attempt.to_string());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    /// A worker's folder holds a handful of files, so this takes microseconds.
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "A scratch folder stays behind.");
        }
        // The job's own folder goes with its last attempt.
        if let Some(job) = self.path.parent() {
            let _ = std::fs::remove_dir(job);
        }
    }
}

/// Removes everything that an earlier life left behind. Blocks.
pub(crate) fn empty(root: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    for entry in std::fs::read_dir(root)? {
        match remove(&entry?) {
            // A worker of a server that was dropped a moment ago may tidy up at the same time.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

fn remove(entry: &DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() {
        std::fs::remove_dir_all(entry.path())
    } else {
        std::fs::remove_file(entry.path())
    }
}

#[cfg(test)]
mod tests {
    use super::{Scratch, empty};
    use model::id::JobId;

    #[test]
    fn a_scratch_folder_lives_as_long_as_its_worker() {
        let root = tempfile::tempdir().unwrap();
        let job = JobId::generate();
        let first = Scratch::create(root.path(), job).unwrap();
        let second = Scratch::create(root.path(), job).unwrap();
        assert_ne!(first.path(), second.path(), "each attempt has its own");
        std::fs::write(first.path().join("half.m4s"), "x").unwrap();
        drop(first);
        assert!(second.path().is_dir(), "the other attempt is not touched");
        drop(second);
        let left = std::fs::read_dir(root.path()).unwrap().count();
        assert_eq!(left, 0, "nothing stays behind");
    }

    #[test]
    fn what_a_crash_left_is_removed_at_start() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(root.path(), JobId::generate()).unwrap();
        std::fs::write(scratch.path().join("half.m4s"), "x").unwrap();
        std::mem::forget(scratch);
        empty(root.path()).unwrap();
        let left = std::fs::read_dir(root.path()).unwrap().count();
        assert_eq!(left, 0, "an earlier life's files are of no use");
    }
}
