//! What ingest remembers of every file it was told of, and when to look at which one again.
//!
//! Grows with the number of files in the watched folders, about 200 bytes each, and with nothing
//! else. No I/O here.

use model::arrival::{ArrivalState, Door};
use model::error::Result;
use model::id::TitleId;
use model::upload::Details;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::look::Version;
use crate::settle::Settling;

/// Whoever waits for a file to become a title.
pub(crate) type Reply = oneshot::Sender<Result<TitleId>>;

/// One file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// How it came first.
    pub(crate) door: Door,
    /// When somebody last said that it is there.
    pub(crate) seen_at: Instant,
    /// Its length when last looked at.
    pub(crate) size_bytes: u64,
    /// The title it became, or the one it is a copy of.
    pub(crate) title: Option<TitleId>,
    /// What whoever brought it says of it, until it is concluded.
    pub(crate) details: Option<Box<Details>>,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// Those who wait for the outcome.
    pub(crate) waiting: Vec<Reply>,
    /// Kept by [`Files::schedule`].
    due_at: Option<Instant>,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Known from an earlier run, or to be looked at afresh; it was in this state then.
    Remembered(ArrivalState),
    /// Watched until it comes to rest and is complete.
    Settling(Settling),
    /// Dealt with, in this version.
    Concluded(Version),
    /// No longer there.
    Missing,
}

impl Entry {
    /// An entry for a file that was in state `stage`.
    pub(crate) fn new(door: Door, stage: Stage, now: Instant) -> Self {
        Self {
            door,
            seen_at: now,
            size_bytes: 0,
            title: None,
            details: None,
            stage,
            waiting: Vec::new(),
            due_at: None,
        }
    }

    /// Nobody writes to it any more, so that it need not be waited for.
    pub(crate) fn is_finished(&self) -> bool {
        self.door == Door::Upload
    }

    /// Known to be gone.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.stage, Stage::Missing)
    }

    /// Its row tells an outcome that most likely holds for this version too.
    pub(crate) fn is_probably_concluded(&self, version: Version) -> bool {
        match self.stage {
            Stage::Remembered(state) => state != ArrivalState::Settling,
            // Other permissions, or another name for the same file.
            Stage::Concluded(concluded) => concluded.stamp == version.stamp,
            Stage::Settling(_) | Stage::Missing => false,
        }
    }
}

/// All files, with the order in which they are due for another look.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Keyed by the bytes of the path: comparing paths part by part takes ten times as long.
    entries: BTreeMap<OsString, Entry>,
    due: BTreeSet<(Instant, PathBuf)>,
}

impl Files {
    pub(crate) fn get(&self, path: &Path) -> Option<&Entry> {
        self.entries.get(path.as_os_str())
    }

    pub(crate) fn get_mut(&mut self, path: &Path) -> Option<&mut Entry> {
        self.entries.get_mut(path.as_os_str())
    }

    /// The entry at `path`, made by `entry` if there was none.
    pub(crate) fn get_or_insert(
        &mut self,
        path: &Path,
        entry: impl FnOnce() -> Entry,
    ) -> &mut Entry {
        self.entries.entry(path.into()).or_insert_with(entry)
    }

    /// Forgets a file, due looks included.
    pub(crate) fn remove(&mut self, path: &Path) -> Option<Entry> {
        self.unschedule(path);
        self.entries.remove(path.as_os_str())
    }

    /// The paths at and below `folder`.
    pub(crate) fn below(&self, folder: &Path) -> impl Iterator<Item = (&Path, &Entry)> {
        let at = self.entries.get_key_value(folder.as_os_str());
        // With a slash at its end the folder's name begins everything below it, and these are
        // neighbours in the order of bytes.
        let start = folder.join("").into_os_string();
        let below = self
            .entries
            .range::<OsStr, _>((Bound::Included(&*start), Bound::Unbounded))
            .take_while(move |(path, _)| {
                let prefix = start.as_encoded_bytes();
                path.as_encoded_bytes().starts_with(prefix)
            });
        at.into_iter()
            .chain(below)
            .map(|(path, entry)| (Path::new(path), entry))
    }

    /// Another look at `path` is due at this moment, instead of the one that was due before.
    pub(crate) fn schedule(&mut self, path: &Path, at: Instant) {
        self.unschedule(path);
        if let Some(entry) = self.get_mut(path) {
            entry.due_at = Some(at);
            self.due.insert((at, path.to_owned()));
        }
    }

    /// No further look is due.
    pub(crate) fn unschedule(&mut self, path: &Path) {
        let Some(entry) = self.get_mut(path) else {
            return;
        };
        if let Some(at) = entry.due_at.take() {
            self.due.remove(&(at, path.to_owned()));
        }
    }

    /// When the next look is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Up to `limit` paths whose look is due, those due longest first.
    pub(crate) fn take_due(&mut self, now: Instant, limit: usize) -> Vec<PathBuf> {
        let due: Vec<PathBuf> = self
            .due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(limit)
            .map(|(_, path)| path.clone())
            .collect();
        for path in &due {
            self.unschedule(path);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Files, Stage};
    use model::arrival::Door;
    use std::path::{Path, PathBuf};
    use std::time::Duration;
    use tokio::time::Instant;

    fn files(paths: &[&str]) -> (Files, Instant) {
        let now = Instant::now();
        let mut files = Files::default();
        for path in paths {
            files.get_or_insert(Path::new(path), || {
                Entry::new(Door::Folder, Stage::Missing, now)
            });
        }
        (files, now)
    }

    #[test]
    fn only_what_lies_in_a_folder_is_below_it() {
        let (files, _) = files(&[
            "/a/b",
            "/a/b/c.mp4",
            "/a/b/d/e.mp4",
            "/a/b.mp4",
            "/a/bc/f.mp4",
        ]);
        let below: Vec<&Path> = files
            .below(Path::new("/a/b"))
            .map(|(path, _)| path)
            .collect();
        assert_eq!(below, ["/a/b", "/a/b/c.mp4", "/a/b/d/e.mp4"].map(Path::new));
    }

    #[test]
    fn a_file_is_due_once_at_the_moment_named_last() {
        let (mut files, now) = files(&["/a", "/b"]);
        let at = |seconds| now + Duration::from_secs(seconds);
        files.schedule(Path::new("/a"), at(1));
        files.schedule(Path::new("/b"), at(2));
        files.schedule(Path::new("/a"), at(3));
        files.schedule(Path::new("/unknown"), at(0));
        assert_eq!(files.next_due(), Some(at(2)));
        assert_eq!(files.take_due(at(9), 1), ["/b"].map(PathBuf::from));
        assert_eq!(files.take_due(at(9), 9), ["/a"].map(PathBuf::from));
        assert_eq!(files.next_due(), None, "each look is due once");
        files.schedule(Path::new("/a"), at(4));
        files.remove(Path::new("/a"));
        assert_eq!(files.next_due(), None, "a forgotten file is not looked at");
    }
}
