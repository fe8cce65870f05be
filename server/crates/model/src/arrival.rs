//! A file seen at a door and what became of it: the rows of the inbox.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::clock::WallTime;
use crate::id::{ArrivalId, TitleId};

/// A file that was seen at a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// In URLs.
    pub id: ArrivalId,
    /// Where it lies.
    pub path: PathBuf,
    /// Which door it came through.
    pub door: Door,
    /// What became of it so far.
    pub state: ArrivalState,
    /// In a sentence for its owner: what it waits for, or why it was refused.
    pub reason: Option<String>,
    /// Its length when last looked at.
    pub size_bytes: u64,
    /// When it was first seen.
    pub first_seen_at: WallTime,
    /// When its state last changed.
    pub changed_at: WallTime,
    /// The title it became, or the one it is a copy of.
    pub title: Option<TitleId>,
}

/// Which way a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// A watched folder.
    Folder,
    /// `homereel ingest`.
    Command,
    /// An upload over HTTP. Nobody writes to the file any more.
    Upload,
    /// A watched folder, by a WebDAV client.
    Webdav,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalState {
    /// Still being written, or its structure is not complete yet.
    Settling,
    /// Became a title.
    Admitted,
    /// The same film is already there.
    Duplicate,
    /// Cannot become a title; the reason says why.
    Refused,
    /// Passed over on purpose: temporary, hidden, or a companion file.
    Ignored,
    /// Somebody removed its film; it stays away until somebody takes it again.
    Removed,
    /// No longer where it was. Its title stays.
    Missing,
}

impl Door {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Command => "command",
            Self::Upload => "upload",
            Self::Webdav => "webdav",
        }
    }

    /// The door with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Folder, Self::Command, Self::Upload, Self::Webdav]
            .into_iter()
            .find(|door| door.as_str() == word)
    }
}

impl ArrivalState {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::Admitted => "admitted",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Ignored => "ignored",
            Self::Removed => "removed",
            Self::Missing => "missing",
        }
    }

    /// The state with that name.
    pub fn parse(word: &str) -> Option<Self> {
        use ArrivalState::{Admitted, Duplicate, Ignored, Missing, Refused, Removed, Settling};
        [
            Settling, Admitted, Duplicate, Refused, Ignored, Removed, Missing,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}
