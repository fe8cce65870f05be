//! A walk over the local store that tells objects from everything else. Blocking.

use std::fs::DirEntry;
use std::io;
use std::path::Path;

use model::segment::ObjectKey;

use crate::folder::INCOMING;

/// Objects lie in a title's folder and there in a generation's.
const OBJECT_DEPTH: u32 = 2;

/// What a walk over the store found.
#[derive(Default)]
pub(crate) struct Listing {
    /// Our objects with their lengths in bytes, in no order.
    pub(crate) objects: Vec<(ObjectKey, u64)>,
    /// How many other files, links and folders there are.
    pub(crate) foreign: u64,
}

impl Listing {
    /// Walks everything below `root` without following a link.
    pub(crate) fn of(root: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        listing.descend(root, "", 0)?;
        Ok(listing)
    }

    fn descend(&mut self, folder: &Path, prefix: &str, depth: u32) -> io::Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            // The last object of the folder was deleted between the two looks.
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth > 0 => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            self.look_at(&entry?, prefix, depth)?;
        }
        Ok(())
    }

    fn look_at(&mut self, entry: &DirEntry, prefix: &str, depth: u32) -> io::Result<()> {
        let name = entry.file_name();
        if depth == 0 && name == INCOMING {
            return Ok(());
        }
        let kind = entry.file_type()?;
        match name.to_str() {
            Some(name) if kind.is_dir() && depth < OBJECT_DEPTH => {
                self.descend(&entry.path(), &format!("{prefix}{name}/"), depth + 1)
            }
            Some(name) if kind.is_file() && depth == OBJECT_DEPTH => {
                self.add(entry, &format!("{prefix}{name}"))
            }
            _ => {
                self.foreign += 1;
                Ok(())
            }
        }
    }

    fn add(&mut self, entry: &DirEntry, text: &str) -> io::Result<()> {
        let Some(key) = ObjectKey::parse(text) else {
            self.foreign += 1;
            return Ok(());
        };
        match entry.metadata() {
            Ok(metadata) => self.objects.push((key, metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
