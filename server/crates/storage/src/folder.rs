//! The blocking half of the local store: every function here may wait for the disk.
//!
//! A file gets its final name only when it is complete and on the disk, so a reader never sees
//! half an object, not even after a power cut. Paths are made from [`ObjectKey`]s alone, whose
//! three components cannot leave the root, and the last one is never followed if it is a link.

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use model::segment::ObjectKey;

use crate::digest::copy_and_hash;
use crate::listing::Listing;
use crate::{StoredObject, Verdict};

/// Files on their way in from another file system. Not an object, so listings pass it over.
pub(crate) const INCOMING: &str = ".incoming";

/// The folder of a store.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Held while names come and go, so that a delete does not remove the folder that a put has
    /// just made.
    tree: Mutex<()>,
    incoming_count: AtomicU64,
}

impl Folder {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let opened = create_private_folder(root)
            .and_then(|()| create_private_folder(&root.join(INCOMING)))
            .and_then(|()| std::fs::read_dir(root));
        opened.map_err(|error| {
            store_error(error, format!("opening the store in {}", root.display()))
        })?;
        Ok(Self {
            root: root.to_owned(),
            tree: Mutex::new(()),
            incoming_count: AtomicU64::new(0),
        })
    }

    pub(crate) fn remove_leftovers(&self) -> Result<u64> {
        let incoming = self.root.join(INCOMING);
        remove_files_in(&incoming).map_err(|error| {
            let what = format!("removing half copied files from {}", incoming.display());
            store_error(error, what)
        })
    }

    pub(crate) fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject> {
        let mut source = open_regular(file).map_err(|error| {
            let what = format!("opening {} to store it as {key}", file.display());
            Error::caused_by(kind_of_io(&error), what, error)
        })?;
        self.put_opened(key, file, &mut source)
            .map_err(|error| store_error(error, self.about("storing", key)))
    }

    pub(crate) fn open_object(&self, key: &ObjectKey) -> Result<(File, u64)> {
        let opened = open_regular(&self.path_of(key)).and_then(|file| {
            let size_bytes = file.metadata()?.len();
            Ok((file, size_bytes))
        });
        opened.map_err(|error| {
            Error::caused_by(kind_of_io(&error), self.about("opening", key), error)
        })
    }

    pub(crate) fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.remove(key)
            .map_err(|error| store_error(error, self.about("deleting", key)))
    }

    pub(crate) fn list(&self) -> Result<Vec<(ObjectKey, u64)>> {
        let listing = Listing::of(&self.root)
            .map_err(|error| store_error(error, format!("listing {}", self.root.display())))?;
        if listing.foreign > 0 {
            tracing::warn!(
                root = %self.root.display(),
                foreign = listing.foreign,
                "passed over files in the store that are not Homereel's"
            );
        }
        Ok(listing.objects)
    }

    pub(crate) fn verify(&self, key: &ObjectKey, expected: &StoredObject) -> Result<Verdict> {
        let (mut file, size_bytes) = match self.open_object(key) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Verdict::Missing),
            Err(error) => return Err(error),
        };
        if size_bytes != expected.size_bytes {
            return Ok(Verdict::Different);
        }
        let found = copy_and_hash(&mut file, &mut io::sink())
            .context(ErrorKind::Unavailable, self.about("reading", key))?;
        Ok(if found == *expected {
            Verdict::Intact
        } else {
            Verdict::Different
        })
    }

    fn path_of(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn about(&self, doing: &str, key: &ObjectKey) -> String {
        format!("{doing} {key} in {}", self.root.display())
    }

    fn put_opened(
        &self,
        key: &ObjectKey,
        file: &Path,
        source: &mut File,
    ) -> io::Result<StoredObject> {
        let object = copy_and_hash(source, &mut io::sink())?;
        // The name must never lead to bytes that are not on the disk yet.
        source.sync_all()?;
        match self.publish(key, file, source) {
            Ok(()) => Ok(object),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.put_copied(key, file, source)
            }
            Err(error) => Err(error),
        }
    }

    /// The way in from another file system: copy into ours, then rename.
    fn put_copied(
        &self,
        key: &ObjectKey,
        file: &Path,
        source: &mut File,
    ) -> io::Result<StoredObject> {
        let number = self.incoming_count.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let copy_path = self.root.join(INCOMING).join(name);
        let copied = self.copy_in(key, source, &copy_path);
        if copied.is_err() {
            // The first error is the one to tell; what stays here is removed at the next start.
            let _ = std::fs::remove_file(&copy_path);
        }
        let object = copied?;
        std::fs::remove_file(file)?;
        Ok(object)
    }

    fn copy_in(
        &self,
        key: &ObjectKey,
        source: &mut File,
        copy_path: &Path,
    ) -> io::Result<StoredObject> {
        io::Seek::rewind(source)?;
        let mut options = File::options();
        options.create(true).write(true).truncate(true).mode(0o600);
        let mut copy = options.open(copy_path)?;
        // Hashed again on the way: the row must describe the copy.
        let object = copy_and_hash(source, &mut copy)?;
        copy.sync_all()?;
        self.publish(key, copy_path, &copy)?;
        Ok(object)
    }

    /// Gives the complete, synced file at `path` its final name. `opened` is the same file.
    fn publish(&self, key: &ObjectKey, path: &Path, opened: &File) -> io::Result<()> {
        let target = self.path_of(key);
        let parent = target.parent().unwrap_or(&self.root);
        let changed = self.rename_into(path, &target, parent)?;
        if !same_file(&target, opened)? {
            // Somebody exchanged the file between hashing and renaming.
            std::fs::remove_file(&target)?;
            return Err(io::Error::other(
                "the file was replaced while it was stored",
            ));
        }
        sync_folder(parent)?;
        changed.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn rename_into(&self, path: &Path, target: &Path, parent: &Path) -> io::Result<Vec<PathBuf>> {
        let _tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = make_folders(&self.root, parent)?;
        std::fs::rename(path, target)?;
        Ok(changed)
    }

    fn remove(&self, key: &ObjectKey) -> io::Result<()> {
        let path = self.path_of(key);
        let parent = path.parent().unwrap_or(&self.root);
        let _tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        // Without this the object could come back after a power cut, with no row to its name.
        sync_folder(parent)?;
        // These two fail on purpose while other objects lie there.
        let _ = std::fs::remove_dir(parent);
        if let Some(title) = parent.parent() {
            let _ = std::fs::remove_dir(title);
        }
        Ok(())
    }
}

/// An error on our own side of the store. A missing folder is not a missing object: it means
/// that the disk is away, which may pass.
pub(crate) fn store_error(error: io::Error, message: String) -> Error {
    let kind = match kind_of_io(&error) {
        ErrorKind::NotFound => ErrorKind::Unavailable,
        kind => kind,
    };
    Error::caused_by(kind, message, error)
}

/// Opens a regular file for reading; a link or a pipe is refused instead of followed.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

/// Whether the name `path` now leads to the file that is `opened`.
fn same_file(path: &Path, opened: &File) -> io::Result<bool> {
    let (named, opened) = (std::fs::symlink_metadata(path)?, opened.metadata()?);
    Ok(named.dev() == opened.dev() && named.ino() == opened.ino())
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)
}

/// Creates what is missing between `root` and `folder`; returns the folders that got an entry.
/// The root itself is not created: if it vanished, its disk is away.
fn make_folders(root: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    let mut path = root.to_owned();
    for component in folder.strip_prefix(root).unwrap_or(folder) {
        let parent = path.clone();
        path.push(component);
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => changed.push(parent),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(changed)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn remove_files_in(folder: &Path) -> io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        std::fs::remove_file(entry?.path())?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::io;

    use model::error::ErrorKind;

    use super::store_error;

    #[test]
    fn a_full_disk_is_told_apart_from_a_disk_that_is_away() {
        let kind_of = |errno| {
            let error = io::Error::from_raw_os_error(errno);
            store_error(error, "storing x in /store".to_owned()).kind()
        };
        const NO_SUCH_FILE: i32 = 2;
        const NO_SPACE_LEFT: i32 = 28;
        assert_eq!(kind_of(NO_SPACE_LEFT), ErrorKind::OutOfSpace);
        assert_eq!(kind_of(NO_SUCH_FILE), ErrorKind::Unavailable);
    }
}
