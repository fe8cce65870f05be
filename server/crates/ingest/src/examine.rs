//! Opens a file that has come to rest and says what it is. Blocks; `desk` runs it elsewhere.

use model::title::{Identity, Source};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::complete::{Completeness, announced_bytes, judge};
use crate::identify::identify;
use crate::look::{Version, is_absence, unreachable_sentence};

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The file as it is, and how complete.
    Examined(Source, Completeness),
    /// It is being written after all.
    Changed,
    /// It went away.
    Gone,
    /// It cannot be read for now; the sentence says why.
    Unreadable(String),
}

/// Examines the file at `path`, provided it still is the `expected` version before and after.
pub(crate) fn examine(path: &Path, expected: Version) -> Finding {
    match try_examine(path, expected) {
        Ok(Some((identity, completeness))) => {
            let source = Source {
                path: path.to_owned(),
                identity,
                stamp: expected.stamp,
            };
            Finding::Examined(source, completeness)
        }
        Ok(None) => Finding::Changed,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Finding::Changed,
        Err(error) if is_absence(&error) => Finding::Gone,
        Err(error) => Finding::Unreadable(unreachable_sentence(&error)),
    }
}

/// `None` if the file is not, or no longer, the expected version.
fn try_examine(path: &Path, expected: Version) -> io::Result<Option<(Identity, Completeness)>> {
    let mut file = open(path)?;
    if !is_version(&file, expected)? {
        return Ok(None);
    }
    let size_bytes = expected.stamp.size_bytes;
    let completeness = judge(&mut file, size_bytes)?;
    let identity = identify(&mut file, size_bytes)?;
    Ok(is_version(&file, expected)?.then_some((identity, completeness)))
}

/// What it contains, whatever it is.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let mut file = open(path)?;
    let size_bytes = file.metadata()?.len();
    identify(&mut file, size_bytes)
}

/// How long a growing file says it will be; `None` where nothing is known.
pub(crate) fn glance(path: &Path) -> Option<u64> {
    let mut file = open(path).ok()?;
    let metadata = file.metadata().ok()?;
    announced_bytes(&mut file, metadata.len()).ok()?
}

fn is_version(file: &File, expected: Version) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && Version::of(&metadata) == expected)
}

/// Opens without ever following a link, in the last part of the path or in any other: whoever
/// may write into a watched folder could else show us any file of the system. Does not wait for
/// the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(CWD, path, flags, Mode::empty(), resolve) {
        Ok(file) => Ok(File::from(file)),
        // Linux before 5.6, or a container that forbids the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => open_plainly(path),
        Err(error) => Err(error.into()),
    }
}

fn open_plainly(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    File::options()
        .read(true)
        .custom_flags(i32::from_ne_bytes(flags.bits().to_ne_bytes()))
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::{Finding, examine, glance, open};
    use crate::complete::Completeness;
    use crate::look::{Look, Version, look_at};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn version(path: &Path) -> Version {
        match look_at(path) {
            Look::File(version) => version,
            other => unreachable!("{path:?} is a file, not {other:?}"),
        }
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_examined() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mkv");
        fs::write(&path, b"\x1a\x45\xdf\xa3 first").unwrap();
        let expected = version(&path);
        assert!(matches!(
            examine(&path, expected),
            Finding::Examined(source, Completeness::Complete) if source.stamp == expected.stamp
        ));
        fs::write(&path, b"\x1a\x45\xdf\xa3 second").unwrap();
        assert_eq!(examine(&path, expected), Finding::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(examine(&path, expected), Finding::Gone);
    }

    #[test]
    fn nothing_is_opened_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("outside")).unwrap();
        fs::write(root.join("outside/secret"), "secret").unwrap();
        symlink("outside/secret", root.join("film.mp4")).unwrap();
        symlink("outside", root.join("films")).unwrap();

        assert!(
            open(&root.join("outside/secret")).is_ok(),
            "plain paths open"
        );
        assert!(open(&root.join("film.mp4")).is_err(), "the file is a link");
        assert!(
            open(&root.join("films/secret")).is_err(),
            "its folder is a link"
        );
    }

    #[test]
    fn a_pipe_is_opened_without_waiting_and_then_refused() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("film.mkv");
        fs::write(&film, "film").unwrap();
        let expected = version(&film);
        let pipe = folder.path().join("pipe.mkv");
        let kind = rustix::fs::FileType::Fifo;
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        assert_eq!(
            examine(&pipe, expected),
            Finding::Changed,
            "it is not that file"
        );
        assert_eq!(glance(&pipe), None);
    }
}
