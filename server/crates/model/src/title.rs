//! A title: one film, clip or piece of music, from the moment its file was accepted.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::WallTime;
use crate::id::{JobId, TitleId, UserId};
use crate::plan::{Plan, PlanSummary};
use crate::rights::{TitleRights, Visibility};
use crate::settings::Place;

/// A title as the library shows it.
#[derive(Clone, Debug)]
pub struct Title {
    /// Its name in URLs.
    pub id: TitleId,
    /// What people call it; at first the file name without its extension.
    pub name: String,
    /// A text about it.
    pub description: Option<String>,
    /// Who may watch it.
    pub visibility: Visibility,
    /// Who added it, where somebody did.
    pub owner: Option<UserId>,
    /// When it was accepted.
    pub added_at: WallTime,
    /// Since when it is removed; it can be brought back until it is purged.
    pub deleted_at: Option<WallTime>,
    /// The file it is made from.
    pub source: Source,
    /// How far it has come.
    pub state: TitleState,
    /// Why it failed, or what it waits for, in a sentence for its owner.
    pub reason: Option<String>,
    /// Counts the plans that were begun for it; part of every object's key, so that objects of
    /// an abandoned plan are never mistaken for the present one's.
    pub generation: u32,
    /// Where its pieces are, or would go.
    pub place: Place,
    /// Present from the end of the inspection on, but not in a listing.
    pub plan: Option<Arc<Plan>>,
    /// What a card shows of the plan; present whenever there is one.
    pub summary: Option<PlanSummary>,
    /// A poster is stored.
    pub has_poster: bool,
    /// The job that makes it.
    pub job: Option<JobId>,
}

impl Title {
    /// What decides who may do what with it.
    pub fn rights(&self) -> TitleRights {
        TitleRights {
            owner: self.owner,
            visibility: self.visibility,
        }
    }
}

/// Longest name of a title, in characters.
pub const NAME_CHARS: usize = 300;

/// How long a removed title can be brought back.
pub const UNDO: Duration = Duration::from_secs(600);

/// How far a title has come, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TitleState {
    /// Accepted; nobody has looked into it yet, or a retry is due later.
    Waiting,
    /// Being inspected or encoded; not yet playable.
    Processing,
    /// Plays and can be sought over its whole length, while more is being encoded.
    Playable,
    /// Everything is encoded.
    Ready,
    /// Will not become playable; the reason says why.
    Failed,
}

impl TitleState {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Processing => "processing",
            Self::Playable => "playable",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// The state with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Processing,
            Self::Playable,
            Self::Ready,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

/// A file that a title is made from, as it was when it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// What it contains.
    pub identity: Identity,
    /// Which version of the file on disk that was.
    pub stamp: FileStamp,
}

/// What a file contains, regardless of its name: its size and a BLAKE3 over samples of it.
/// Two files with the same identity are never encoded twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Length of the file.
    pub size_bytes: u64,
    /// 64 hexadecimal digits.
    pub sample_hash: String,
}

/// Which version of a file on disk is meant: a change of any of these is another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileStamp {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Length of the file.
    pub size_bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i64,
}
