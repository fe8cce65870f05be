//! What is known of one upload: a small JSON file beside its bytes. Blocks.
//!
//! The bytes speak for themselves: how many are here is the length of their file, never a number
//! in the record. The record says what cannot be seen from them.

use model::clock::WallTime;
use model::error::{Error, ErrorKind, Result, kind_of_io};
use model::id::{TitleId, UserId};
use model::upload::{Details, UploadState};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

use crate::durable::replace;

const RECORD: &str = "record.json";
/// A description has at most 20 kB, protocol metadata 8 KiB; JSON may escape every byte.
const MAX_RECORD_BYTES: u64 = 512 * 1024;

/// What is known of one upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Whose it is.
    pub(crate) owner: UserId,
    /// What the file is called on our disk.
    pub(crate) file_name: String,
    /// What its sender says of the film.
    pub(crate) details: Details,
    /// The same in the words of the protocol.
    pub(crate) metadata: Option<String>,
    /// How long it will be, once that is known.
    pub(crate) length_bytes: Option<u64>,
    /// Bytes from here on do not count until they are proved: they may go past the end, or not
    /// have the checksum that was announced.
    pub(crate) unproven_from: Option<u64>,
    /// When something last happened, as far as the bytes do not tell.
    pub(crate) touched_at: WallTime,
    /// How far it has come.
    pub(crate) state: Stage,
}

/// How far an upload has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Bytes are missing.
    Receiving,
    /// The file lies among the originals.
    Arrived,
    /// It became this title, or is a copy of it.
    Taken(TitleId),
    /// It cannot become a title.
    Refused(String),
}

impl Stage {
    /// As its sender sees it.
    pub(crate) fn told(&self) -> UploadState {
        match self {
            Self::Receiving => UploadState::Receiving,
            Self::Arrived => UploadState::Arrived,
            Self::Taken(title) => UploadState::Taken(*title),
            Self::Refused(reason) => UploadState::Refused(reason.clone()),
        }
    }
}

impl Record {
    /// The record in `folder`, `None` if there is none.
    ///
    /// # Errors
    /// As the file system has it; `Corrupt` if it is not one of ours.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(RECORD);
        let failed = |error: io::Error| {
            let message = format!("reading {}", path.display());
            Error::caused_by(kind_of_io(&error), message, error)
        };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(metadata) if metadata.len() > MAX_RECORD_BYTES => {
                return Err(corrupt(&path, "it is too long"));
            }
            Ok(_) => {}
        }
        let bytes = fs::read(&path).map_err(failed)?;
        let record = serde_json::from_slice(&bytes);
        record.map(Some).map_err(|error| corrupt(&path, error))
    }

    /// Writes the record so that after a crash either it or the one before is there.
    ///
    /// # Errors
    /// As the file system has it.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::from);
        let written = text.and_then(|text| replace(&folder.join(RECORD), &text));
        written.map_err(|error| {
            let message = format!("writing the record in {}", folder.display());
            Error::caused_by(kind_of_io(&error), message, error)
        })
    }
}

fn corrupt(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("{} is damaged: {why}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::{Record, Stage};
    use model::clock::WallTime;
    use model::error::ErrorKind;
    use model::id::{TitleId, UserId};
    use model::upload::Details;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), None);
        let mut record = Record {
            owner: UserId::generate(),
            file_name: "a.mp4".into(),
            details: Details::default(),
            metadata: Some("filename YQ==".into()),
            length_bytes: None,
            unproven_from: Some(3),
            touched_at: WallTime(1),
            state: Stage::Receiving,
        };
        for state in [
            Stage::Receiving,
            Stage::Arrived,
            Stage::Taken(TitleId::generate()),
            Stage::Refused("This is no film.".into()),
        ] {
            record.state = state;
            record.write(folder.path()).unwrap();
            assert_eq!(Record::read(folder.path()).unwrap(), Some(record.clone()));
        }
        std::fs::write(folder.path().join("record.json"), "{").unwrap();
        let error = Record::read(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}
