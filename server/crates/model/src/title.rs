//! A title: one film, clip or piece of music, from the moment its file was accepted.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::WallTime;
use crate::extras::Tags;
use crate::id::{JobId, TitleId, UserId};
use crate::plan::{Plan, PlanSummary};
use crate::rights::{TitleRights, Visibility};
use crate::segment::Piece;
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
    /// The pictures that its poster can be chosen from, by their numbers, the best first.
    pub poster_choices: Vec<u32>,
    /// Which of them somebody chose.
    pub poster_choice: Option<u32>,
    /// Its picture was to be copied, which turned out not to be possible; the next plan does
    /// without.
    pub copy_refused: bool,
    /// The sheets of thumbnails that are stored, by their numbers.
    pub thumb_sheets: Vec<u32>,
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

    /// The picture that stands for it: the one that was chosen, as long as it exists.
    pub fn poster_piece(&self) -> Piece {
        let chosen = self.poster_choice;
        match chosen.filter(|number| self.poster_choices.contains(number)) {
            Some(number) => Piece::PosterChoice { number },
            None => Piece::Poster,
        }
    }

    /// What it should be called by the `tags` of its file, if it still has the file's own name and
    /// the tags know a better one.
    pub fn name_by(&self, tags: &Tags) -> Option<String> {
        let stem = self.source.path.file_stem()?.to_string_lossy();
        let better = tags.title.as_deref().filter(|title| is_name(title))?;
        (stem == self.name && better != self.name).then(|| better.to_owned())
    }
}

/// Whether people would call a film that. Programs write their own names into titles, sites their
/// addresses, and copies the names of files.
fn is_name(text: &str) -> bool {
    const NO_NAMES: [&str; 8] = [
        "untitled", "unknown", "title", "movie", "video", "track", "export", "sequence",
    ];
    let lower = text.to_lowercase();
    let letters = lower.chars().filter(|c| c.is_alphabetic()).count();
    let first = lower.split([' ', '_', '-']).next().unwrap_or_default();
    let is_file = !text.contains(' ') && text.contains(['.', '_']);
    letters >= 2
        && text.chars().count() <= 150
        && !is_file
        && !NO_NAMES.contains(&first.trim_end_matches(|c: char| c.is_ascii_digit()))
        && !["://", "www.", ".com", ".org", ".net"]
            .iter()
            .any(|part| lower.contains(part))
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

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_tag_is_a_name_if_people_would_call_a_film_that() {
        for name in [
            "Big Buck Bunny",
            "Up",
            "東京物語",
            "2001: A Space Odyssey",
            "M*A*S*H",
        ] {
            assert!(is_name(name), "{name}");
        }
        for other in [
            "",
            "1",
            "Untitled",
            "untitled project",
            "Sequence 01",
            "Video2",
            "Film.2012.1080p.x264-GRP",
            "IMG_2034",
            "Film from www.example.org",
            "https://example.net/film",
            &"long ".repeat(40),
        ] {
            assert!(!is_name(other), "{other}");
        }
    }
}
