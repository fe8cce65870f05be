//! Files that were opened lately, so that a segment which many players want is not opened for each
//! of them on a thread that may block. What does not belong here: reading them (`file_range`).

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::segment::ObjectKey;

/// How many are kept; each takes a descriptor and a few hundred bytes.
const LIMIT: usize = 128;

/// Open files by key; the one that was not used for longest makes room.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<ObjectKey, Entry>,
    /// Counts uses; the order of last use.
    uses: u64,
    changes: u64,
}

#[derive(Debug)]
struct Entry {
    file: OpenFile,
    last_use: u64,
}

/// An object's file and its length.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<File>,
    pub(crate) size_bytes: u64,
}

/// How many objects had been replaced or deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes(u64);

impl OpenFiles {
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<OpenFile> {
        let mut kept = self.kept();
        kept.uses += 1;
        let now = kept.uses;
        let entry = kept.files.get_mut(key)?;
        entry.last_use = now;
        Some(entry.file.clone())
    }

    /// Taken before a file is opened.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.kept().changes)
    }

    /// Keeps a file, unless an object was changed since `before`: it might have been this one.
    pub(crate) fn keep(&self, before: Changes, key: ObjectKey, file: OpenFile) {
        let mut kept = self.kept();
        if kept.changes != before.0 {
            return;
        }
        if kept.files.len() >= LIMIT {
            let oldest = kept.files.iter().min_by_key(|(_, entry)| entry.last_use);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|key| kept.files.remove(&key));
        }
        kept.uses += 1;
        let last_use = kept.uses;
        kept.files.insert(key, Entry { file, last_use });
    }

    /// After the object was replaced or deleted, whether that succeeded or not.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        let mut kept = self.kept();
        kept.changes += 1;
        kept.files.remove(key);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::segment::{ObjectKey, Piece};

    use super::{LIMIT, OpenFile, OpenFiles};

    fn key(number: usize) -> ObjectKey {
        let number = u32::try_from(number).unwrap();
        let piece = Piece::Media { stream: 0, number };
        ObjectKey::of_piece("01jz0000000000000000000000".parse().unwrap(), 1, piece)
    }

    fn file() -> OpenFile {
        OpenFile {
            file: Arc::new(tempfile::tempfile().unwrap()),
            size_bytes: 0,
        }
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let files = OpenFiles::default();
        for number in 0..LIMIT {
            files.keep(files.changes(), key(number), file());
        }
        assert!(files.get(&key(0)).is_some(), "there is room for all");
        files.keep(files.changes(), key(LIMIT), file());
        assert!(files.get(&key(0)).is_some(), "it was just used");
        assert!(files.get(&key(1)).is_none(), "it was not");
    }

    #[test]
    fn a_file_that_was_opened_while_objects_changed_is_not_kept() {
        let files = OpenFiles::default();
        let before = files.changes();
        files.forget(&key(1));
        files.keep(before, key(1), file());
        assert!(files.get(&key(1)).is_none(), "it may be the old one");
    }
}
