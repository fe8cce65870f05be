//! The file a title is made from: opened once for each worker, checked to be the one that was
//! accepted when it is opened and after each unit of work.
//!
//! Originals are only ever read. What does not belong here: what is inside the file (`media`).

use model::title::{FileStamp, Source};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::policy::JobsPolicy;
use crate::trouble::Trouble;

/// How long a folder on a network may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);

/// An open source whose content is the one that was accepted.
#[derive(Debug)]
pub(crate) struct OpenSource {
    file: File,
    path: PathBuf,
    stamp: FileStamp,
}

/// What became of an open source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Still the same file at the same place.
    Same,
    /// What we read is whole, but the place is empty or taken by another file.
    Gone,
    /// Its content is not what it was.
    Changed,
}

impl OpenSource {
    /// Opens the file, if it is still the one that was accepted.
    pub(crate) async fn open(source: &Source, policy: &JobsPolicy) -> Result<Self, Trouble> {
        let (path, stamp) = (source.path.clone(), source.stamp);
        let opened = within_deadline(move || open(&path)).await;
        let (file, found) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(unreadable(&source.path, &error, policy)),
        };
        if found != stamp {
            return Err(changed(&source.path));
        }
        Ok(Self {
            file,
            path: source.path.clone(),
            stamp,
        })
    }

    /// A descriptor for a worker.
    pub(crate) fn descriptor(&self) -> Result<File, Trouble> {
        self.file
            .try_clone()
            .map_err(|error| Trouble::defect(format!("copying a descriptor: {error}")))
    }

    /// Looks whether the file and its place are what they were.
    pub(crate) async fn condition(&self) -> Result<Condition, Trouble> {
        let file = self.descriptor()?;
        let (path, stamp) = (self.path.clone(), self.stamp);
        let looked = within_deadline(move || condition(&file, &path, stamp)).await;
        looked.map_err(|error| {
            Trouble::defect(format!("looking at {} again: {error}", self.path.display()))
        })
    }

    /// What to do about a file that is gone.
    pub(crate) fn gone(&self, policy: &JobsPolicy) -> Trouble {
        gone(&self.path, policy)
    }

    /// What to do about a file that has changed.
    pub(crate) fn changed(&self) -> Trouble {
        changed(&self.path)
    }
}

/// `O_NOFOLLOW` refuses a link put in the file's place, `O_NONBLOCK` a pipe that never answers.
fn open(path: &Path) -> io::Result<(File, FileStamp)> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    Ok((file, stamp_of(&metadata)))
}

fn condition(file: &File, path: &Path, stamp: FileStamp) -> io::Result<Condition> {
    if stamp_of(&file.metadata()?) != stamp {
        return Ok(Condition::Changed);
    }
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if stamp_of(&metadata) == stamp => Ok(Condition::Same),
        Ok(_) => Ok(Condition::Gone),
        Err(error) if is_absence(&error) => Ok(Condition::Gone),
        Err(error) => Err(error),
    }
}

fn stamp_of(metadata: &Metadata) -> FileStamp {
    let seconds = metadata.mtime().saturating_mul(1_000_000_000);
    FileStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size_bytes: metadata.len(),
        modified_ns: seconds.saturating_add(metadata.mtime_nsec()),
    }
}

fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn unreadable(path: &Path, error: &io::Error, policy: &JobsPolicy) -> Trouble {
    if is_absence(error) {
        return gone(path, policy);
    }
    Trouble::Attempt(format!("{} cannot be read: {error}", path.display()))
}

/// Missing is not deleted: a folder may be offline, and a rename will be noticed.
fn gone(path: &Path, policy: &JobsPolicy) -> Trouble {
    Trouble::Wait {
        reason: format!(
            "The file is no longer at {}; it was removed or renamed. Encoding goes on when it is \
             back.",
            path.display()
        ),
        delay: policy.source_retry,
    }
}

fn changed(path: &Path) -> Trouble {
    Trouble::Attempt(format!(
        "{} has changed since it was accepted; it will be taken in anew once it is left alone.",
        path.display()
    ))
}

/// Runs a question to the file system on a thread that may block, but not for ever.
async fn within_deadline<T: Send + 'static>(
    question: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::time::timeout(DEADLINE, tokio::task::spawn_blocking(question)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(io::Error::other(panic)),
        Err(_elapsed) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "its folder does not answer",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, OpenSource, stamp_of};
    use model::title::{Identity, Source};
    use std::path::Path;

    use crate::policy::JobsPolicy;
    use crate::trouble::Trouble;

    fn source(path: &Path) -> Source {
        Source {
            path: path.to_owned(),
            identity: Identity {
                size_bytes: 0,
                sample_hash: String::new(),
            },
            stamp: stamp_of(&std::fs::metadata(path).unwrap()),
        }
    }

    async fn open(source: &Source) -> Result<OpenSource, Trouble> {
        OpenSource::open(source, &JobsPolicy::default()).await
    }

    #[tokio::test]
    async fn a_file_left_alone_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, "film").unwrap();
        let open = open(&source(&path)).await.unwrap();
        assert_eq!(open.condition().await, Ok(Condition::Same));
    }

    #[tokio::test]
    async fn removal_rename_replacement_and_change_are_told_apart() {
        type Deed = fn(&Path);
        let cases: [(&str, Deed, Condition); 4] = [
            (
                "removed",
                |path| std::fs::remove_file(path).unwrap(),
                Condition::Gone,
            ),
            (
                "renamed",
                |path| std::fs::rename(path, path.with_extension("mkv")).unwrap(),
                Condition::Gone,
            ),
            (
                "replaced",
                |path| {
                    let other = path.with_extension("new");
                    std::fs::write(&other, "other").unwrap();
                    std::fs::rename(other, path).unwrap();
                },
                Condition::Gone,
            ),
            (
                "changed",
                |path| std::fs::write(path, "longer film").unwrap(),
                Condition::Changed,
            ),
        ];
        for (name, deed, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("film.mp4");
            std::fs::write(&path, "film").unwrap();
            let open = open(&source(&path)).await.unwrap();
            deed(&path);
            assert_eq!(open.condition().await, Ok(expected), "{name}");
        }
    }

    #[tokio::test]
    async fn a_missing_file_waits_and_a_changed_one_fails_the_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, "film").unwrap();
        let accepted = source(&path);
        std::fs::write(&path, "another film").unwrap();
        let changed = open(&accepted).await.unwrap_err();
        assert!(matches!(&changed, Trouble::Attempt(reason) if reason.contains("has changed")));
        std::fs::remove_file(&path).unwrap();
        let gone = open(&accepted).await.unwrap_err();
        assert!(
            matches!(&gone, Trouble::Wait { reason, .. } if reason.contains("no longer at")),
            "missing is not deleted: {gone:?}"
        );
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, "film").unwrap();
        let accepted = source(&path);
        let elsewhere = folder.path().join("elsewhere.mp4");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let refused = open(&accepted).await.unwrap_err();
        assert!(matches!(refused, Trouble::Attempt(_)), "{refused:?}");
    }
}
