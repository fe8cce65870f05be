//! Where uploads lie. Blocks.
//!
//! ```text
//! uploads/<upload>/record.json  bytes.part      while bytes are missing, and for a while after
//! originals/<upload>/<file name>                once all are here; never touched again
//! ```
//!
//! Each step leaves a state from which the next start goes on.

use model::error::{Error, ErrorKind, Result, kind_of_io};
use model::id::UploadId;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::durable::sync_folder;
use crate::upload::record::{Record, Stage};

const BYTES: &str = "bytes.part";

/// The two folders.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Uploads and what is known of them.
    pub(crate) uploads: PathBuf,
    /// Complete files.
    pub(crate) originals: PathBuf,
}

/// An upload as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) offset_bytes: u64,
}

impl Layout {
    /// Makes both folders.
    pub(crate) fn make(&self) -> Result<()> {
        for folder in [&self.uploads, &self.originals] {
            make_folder(folder).map_err(|error| failed("making", folder, error))?;
        }
        Ok(())
    }

    /// Where an upload and its record lie.
    pub(crate) fn of(&self, id: UploadId) -> PathBuf {
        self.uploads.join(id.to_string())
    }

    /// Where the complete file lies.
    pub(crate) fn original(&self, id: UploadId, file_name: &str) -> PathBuf {
        self.originals.join(id.to_string()).join(file_name)
    }

    /// Uploads of earlier runs.
    pub(crate) fn list(&self) -> Result<Vec<UploadId>> {
        let entries =
            fs::read_dir(&self.uploads).map_err(|error| failed("reading", &self.uploads, error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Makes room for a new upload. The record goes last: without one there is no upload.
    pub(crate) fn create(&self, id: UploadId, record: &Record) -> Result<()> {
        let folder = self.of(id);
        let made = make_folder(&folder)
            .and_then(|()| bytes_options().create_new(true).open(folder.join(BYTES)))
            .and_then(|_| sync_folder(&self.uploads));
        made.map_err(|error| failed("making", &folder, error))?;
        record.write(&folder)
    }

    /// The file that bytes are added to.
    pub(crate) fn open(&self, id: UploadId) -> Result<File> {
        let path = self.of(id).join(BYTES);
        let opened = bytes_options().open(&path);
        opened.map_err(|error| failed("opening", &path, error))
    }

    /// An upload as an earlier run left it, with its bytes made durable; `None` if nothing is
    /// left of it.
    pub(crate) fn load(&self, id: UploadId) -> Result<Option<Found>> {
        let folder = self.of(id);
        let Some(mut record) = Record::read(&folder)? else {
            return Ok(None);
        };
        if record.state != Stage::Receiving {
            let offset_bytes = record.length_bytes.unwrap_or_default();
            return Ok(Some(Found {
                record,
                offset_bytes,
            }));
        }
        match self.open(id) {
            Ok(file) => {
                let loaded = proved(&file, record.unproven_from);
                let offset_bytes = loaded.map_err(|error| failed("reading", &folder, error))?;
                record.unproven_from = None;
                Ok(Some(Found {
                    record,
                    offset_bytes,
                }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => self.moved(id, record),
            Err(error) => Err(error),
        }
    }

    /// The bytes had been moved, but the record did not say so yet.
    fn moved(&self, id: UploadId, mut record: Record) -> Result<Option<Found>> {
        let original = self.original(id, &record.file_name);
        let Ok(metadata) = fs::symlink_metadata(&original) else {
            return Ok(None);
        };
        record.state = Stage::Arrived;
        record.length_bytes = Some(metadata.len());
        record.write(&self.of(id))?;
        Ok(Some(Found {
            record,
            offset_bytes: metadata.len(),
        }))
    }

    /// Moves complete, durable bytes among the originals and says so in the record. What an
    /// earlier try has done already is not done again.
    pub(crate) fn finish(&self, id: UploadId, record: &Record) -> Result<()> {
        let folder = self.of(id);
        let original = self.original(id, &record.file_name);
        let home = self.originals.join(id.to_string());
        let moved = make_folder(&home)
            .and_then(|()| move_once(&folder.join(BYTES), &original))
            .and_then(|()| sync_folder(&home))
            .and_then(|()| sync_folder(&self.originals));
        moved.map_err(|error| failed("moving the upload to", &original, error))?;
        record.write(&folder)
    }

    /// Forgets an upload that has not arrived, with what a try to finish it may have moved.
    pub(crate) fn discard(&self, id: UploadId) -> Result<()> {
        let home = self.originals.join(id.to_string());
        match fs::remove_dir_all(&home) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("removing", &home, error))
            }
            _ => self.remove(id),
        }
    }

    /// Forgets an upload. What lies among the originals stays.
    pub(crate) fn remove(&self, id: UploadId) -> Result<()> {
        let folder = self.of(id);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("removing", &folder, error))
            }
            _ => Ok(()),
        }
    }
}

/// A file that is not there any more but where it should go was moved before.
fn move_once(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && to.is_file() => Ok(()),
        moved => moved,
    }
}

/// How many bytes count, once they are on the disk.
fn proved(file: &File, unproven_from: Option<u64>) -> io::Result<u64> {
    let length_bytes = file.metadata()?.len();
    let proved_bytes = unproven_from.map_or(length_bytes, |from| from.min(length_bytes));
    file.set_len(proved_bytes)?;
    file.sync_all()?;
    Ok(proved_bytes)
}

fn bytes_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("{what} {}", path.display());
    Error::caused_by(kind_of_io(&error), message, error)
}
