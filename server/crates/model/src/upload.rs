//! A file on its way in over HTTP, in the words that its sender, its door and its title share.

use serde::{Deserialize, Serialize};

use crate::id::{TitleId, UploadId, UserId};
use crate::rights::Visibility;

/// Longest file name, in bytes: what file systems take.
pub const FILE_NAME_BYTES: usize = 255;
/// Longest description of a title, in characters.
pub const DESCRIPTION_CHARS: usize = 5_000;

/// What its sender says of a film; it becomes the title's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people will call it; the file's name without its ending if not given.
    pub name: Option<String>,
    /// A text about it.
    pub description: Option<String>,
    /// Who may watch it.
    pub visibility: Visibility,
    /// Who added it.
    pub owner: Option<UserId>,
}

/// An upload as its sender sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// In URLs.
    pub id: UploadId,
    /// What the file is called at the sender's.
    pub file_name: String,
    /// What its sender says of the film.
    pub details: Details,
    /// How long it will be; `None` while the sender does not know.
    pub length_bytes: Option<u64>,
    /// How much of it is safely here.
    pub offset_bytes: u64,
    /// How far it has come.
    pub state: UploadState,
}

/// How far an upload has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadState {
    /// Bytes are missing.
    Receiving,
    /// All bytes are here; it is being looked at.
    Arrived,
    /// It became this title, or is a copy of it.
    Taken(TitleId),
    /// It cannot become a title, for this reason.
    Refused(String),
}
