//! A file on its way in over HTTP, in the words that its sender, its door and its title share.

use serde::{Deserialize, Serialize};

use crate::clock::WallTime;
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
    /// The upload it came by, known once that is complete.
    #[serde(default)]
    pub upload: Option<UploadId>,
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
    /// What the sender said of it in the words of its protocol, to be told back.
    pub metadata: Option<String>,
    /// It is forgotten then unless something happens before.
    pub expires_at: WallTime,
}

/// What a sender announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewUpload {
    /// What the file is called at the sender's; anything, even a path.
    pub file_name: String,
    /// What its sender says of the film. The owner is filled in from the account.
    pub details: Details,
    /// How long it will be; `None` while the sender does not know.
    pub length_bytes: Option<u64>,
    /// What the sender said of it in the words of its protocol.
    pub metadata: Option<String>,
}

/// Some bytes that a sender wants to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Append {
    /// Where they belong; must be how much is here.
    pub offset_bytes: u64,
    /// How many will come, where the sender says so.
    pub body_bytes: Option<u64>,
    /// The length of the whole, where the sender tells it only now.
    pub length_bytes: Option<u64>,
    /// What the bytes must hash to.
    pub checksum: Option<Checksum>,
}

/// A hash that bytes must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How it is computed.
    pub kind: ChecksumKind,
    /// The hash itself.
    pub digest: Vec<u8>,
}

/// How a checksum is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumKind {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// What became of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each request; nobody keeps many"
)]
pub enum Appended {
    /// They are safely here, as many as came.
    Added(Upload),
    /// They belong elsewhere: so much is here.
    OtherOffset(u64),
    /// They go past the length that was announced. None was kept.
    TooLong,
    /// They do not hash to what they should. None was kept.
    Different,
    /// Somebody else is sending.
    Busy,
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
