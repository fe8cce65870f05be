//! What the file system says about a path, without opening it.

use model::title::FileStamp;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::words;

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A regular file.
    File(Version),
    /// A folder; what is in it arrives by itself.
    Folder,
    /// A link, a pipe, a device: never read. The sentence says why.
    Special(Version, &'static str),
    /// Nothing.
    Gone,
    /// It cannot be looked at for now; the sentence says why.
    Unreachable(String),
}

/// Which version of a file lies there. Finer than the [`FileStamp`] that is remembered for good:
/// it tells other content of the same length and modification time apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// What is remembered of the file.
    pub(crate) stamp: FileStamp,
    /// Time of the last change of content, name or permissions; unlike the modification time it
    /// cannot be set back by the program that copies.
    changed_ns: i64,
    /// Disk space in use: it grows while reserved space is written.
    blocks: u64,
}

impl Version {
    /// The version that `metadata` describes.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            stamp: stamp_of(metadata),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            blocks: metadata.blocks(),
        }
    }
}

/// Looks at `path` itself: a link is a link, never what it points to. Blocks for as long as the
/// file system takes.
pub(crate) fn look_at(path: &Path) -> Look {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => look_of(&metadata),
        Err(error) if is_absence(&error) => Look::Gone,
        Err(error) => Look::Unreachable(unreachable_sentence(&error)),
    }
}

fn look_of(metadata: &Metadata) -> Look {
    let file_type = metadata.file_type();
    if file_type.is_file() {
        Look::File(Version::of(metadata))
    } else if file_type.is_dir() {
        Look::Folder
    } else if file_type.is_symlink() {
        let why = "This is a link. Homereel takes files, not links to them.";
        Look::Special(Version::of(metadata), why)
    } else {
        let why = "This is a device or a pipe, not a file.";
        Look::Special(Version::of(metadata), why)
    }
}

/// A parent that became a file means the same as a missing file.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Why a file cannot be looked at or read, for its owner.
pub(crate) fn unreachable_sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "Homereel may not read this file. Give it permission.".to_owned()
        }
        io::ErrorKind::InvalidFilename => "Its path is too long.".to_owned(),
        _ => format!("It cannot be read for now: {}.", words::of_io(error)),
    }
}

fn stamp_of(metadata: &Metadata) -> FileStamp {
    FileStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size_bytes: metadata.size(),
        modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::{Look, look_at};
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn links_folders_and_absence_are_told_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("film.mp4");
        fs::write(&film, "film").unwrap();
        let link = folder.path().join("link.mp4");
        symlink(&film, &link).unwrap();

        assert!(matches!(look_at(&film), Look::File(_)));
        assert!(
            matches!(look_at(&link), Look::Special(..)),
            "links are not followed"
        );
        assert_eq!(look_at(folder.path()), Look::Folder);
        assert_eq!(look_at(&folder.path().join("none")), Look::Gone);
        assert_eq!(
            look_at(&film.join("below")),
            Look::Gone,
            "a file has nothing below it"
        );
        let long = folder.path().join("x".repeat(300));
        assert!(matches!(look_at(&long), Look::Unreachable(_)));
    }

    #[test]
    fn setting_the_modification_time_back_does_not_hide_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        let long_ago = UNIX_EPOCH + Duration::from_secs(1);
        let write = |content: &str| {
            fs::write(&path, content).unwrap();
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        };
        write("one");
        let before = look_at(&path);
        // Kernels before 6.13 stamp changes with the time of the last timer tick.
        while look_at(&path) == before {
            write("two");
        }
        let (Look::File(before), Look::File(after)) = (before, look_at(&path)) else {
            unreachable!("both are files");
        };
        assert_eq!(
            before.stamp, after.stamp,
            "size and modification time agree"
        );
        assert_ne!(before, after, "the time of change tells them apart");
    }
}
