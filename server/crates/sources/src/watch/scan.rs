//! Walks folders and reports every file in them. Blocks; `folder` runs it on its own thread.
//!
//! Reporting waits while ingest is busy, so a hundred thousand files are reported one by one and
//! none is lost. Links are reported, never followed.

use ingest::IngestHandle;
use model::arrival::Door;
use model::error::Result;
use std::fs::{self, FileType};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

use crate::watch::names::{is_passed_over, is_passed_over_below};
use crate::words;

/// Folders deeper than this are passed over; a path can hold two thousand.
const MAX_DEPTH: usize = 128;

/// Paths reported at once: a trip through ingest's inbox costs as much as reading ten names.
const BATCH: usize = 256;

/// Reports what lies in folders.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    /// Where to report.
    pub(crate) ingest: IngestHandle,
    /// Ends a scan early.
    pub(crate) stop: CancellationToken,
}

/// A scan under way.
#[derive(Debug)]
struct Walk<'a> {
    scan: &'a Scan,
    /// Folders to be read, each with its depth.
    folders: Vec<(PathBuf, usize)>,
    /// Paths to be reported.
    batch: Vec<PathBuf>,
    scanned: Scanned,
}

/// How a scan went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Why some folders could not be read: the last reason, in a sentence. `None` if everything
    /// was seen.
    pub(crate) problem: Option<String>,
    /// Paths at which nothing was found.
    pub(crate) gone: Vec<PathBuf>,
}

impl Scan {
    /// Reports every file below `folder`.
    ///
    /// # Errors
    /// `Unavailable` if ingest has ended.
    pub(crate) fn folder(&self, folder: &Path) -> Result<Scanned> {
        let mut walk = Walk::new(self);
        walk.folder(folder)?;
        walk.finish()
    }

    /// Looks at paths below `root` at which something happened.
    ///
    /// # Errors
    /// `Unavailable` if ingest has ended.
    pub(crate) fn paths(&self, root: &Path, paths: Vec<PathBuf>) -> Result<Scanned> {
        let mut walk = Walk::new(self);
        for path in paths {
            if !is_passed_over_below(root, &path) {
                walk.path(path)?;
            }
        }
        walk.finish()
    }
}

impl<'a> Walk<'a> {
    fn new(scan: &'a Scan) -> Self {
        Self {
            scan,
            folders: Vec::new(),
            batch: Vec::with_capacity(BATCH),
            scanned: Scanned::default(),
        }
    }

    fn path(&mut self, path: PathBuf) -> Result<()> {
        match fs::symlink_metadata(&path) {
            // Whatever came into it before it was watched has told of nothing.
            Ok(metadata) if metadata.is_dir() => self.folder(&path),
            Err(error) if is_absence(&error) => {
                self.scanned.gone.push(path);
                Ok(())
            }
            // What cannot be looked at is reported too: ingest tells the owner why.
            _ => self.report(path),
        }
    }

    fn folder(&mut self, folder: &Path) -> Result<()> {
        self.folders.push((folder.to_owned(), 0));
        while let Some((folder, depth)) = self.folders.pop() {
            match self.entries(&folder, depth)? {
                Ok(()) => {}
                // It went away since its parent was read.
                Err(error) if depth > 0 && is_absence(&error) => {}
                Err(error) => {
                    let why = words::of_io(&error);
                    let problem = format!("{} cannot be read: {why}.", folder.display());
                    self.scanned.problem = Some(problem);
                }
            }
        }
        Ok(())
    }

    /// Reports the files of one folder and remembers the folders in it. The outer error ends the
    /// scan, the inner one concerns this folder alone.
    fn entries(&mut self, folder: &Path, depth: usize) -> Result<io::Result<()>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((file_type, entry)) => self.entry(file_type, &entry, depth)?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    fn entry(&mut self, file_type: FileType, entry: &fs::DirEntry, depth: usize) -> Result<()> {
        if self.scan.stop.is_cancelled() || is_passed_over(&entry.file_name()) {
            return Ok(());
        }
        let path = entry.path();
        if !file_type.is_dir() {
            return self.report(path);
        }
        if depth < MAX_DEPTH {
            self.folders.push((path, depth + 1));
        } else {
            tracing::warn!(folder = %path.display(), "A folder lies too deep and is passed over.");
        }
        Ok(())
    }

    fn report(&mut self, path: PathBuf) -> Result<()> {
        self.batch.push(path);
        if self.batch.len() < BATCH {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let paths = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.scan.ingest.seen_blocking(paths, Door::Folder)
    }

    fn finish(mut self) -> Result<Scanned> {
        if !self.batch.is_empty() {
            self.flush()?;
        }
        Ok(self.scanned)
    }
}

/// A parent that became a file means the same as a missing folder.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
