//! The file a title is made from: opened once for each worker, checked to be the one that was
//! accepted when it is opened and after each unit of work.
//!
//! Originals are only ever read. What does not belong here: what is inside the file (`media`).

use model::silence::Silence;
use model::title::{FileStamp, Source};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::policy::JobsPolicy;
use crate::trouble::Trouble;

/// How long a folder on a network may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);

/// Disks that do not answer, by their number. A thread that hangs cannot be stopped, and the
/// catalog needs threads too.
static SILENCE: Silence<u64> = Silence::new();

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
        let opened = within_deadline(stamp.device, move || open(&path)).await;
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
    pub(crate) async fn condition(&self, policy: &JobsPolicy) -> Result<Condition, Trouble> {
        let file = self.descriptor()?;
        let (path, stamp) = (self.path.clone(), self.stamp);
        let looked = within_deadline(stamp.device, move || condition(&file, &path, stamp)).await;
        looked.map_err(|error| unreadable(&self.path, &error, policy))
    }

    /// Why a worker failed: a file that cannot be looked at could not be read either, and then
    /// neither is to blame.
    pub(crate) async fn explain(&self, trouble: Trouble, policy: &JobsPolicy) -> Trouble {
        let is_blame = matches!(
            trouble,
            Trouble::Attempt(_) | Trouble::GiveUp(_) | Trouble::Disagreement(_)
        );
        if !is_blame {
            return trouble;
        }
        match self.condition(policy).await {
            Err(wait @ Trouble::Wait { .. }) => wait,
            Ok(Condition::Gone) => self.gone(policy),
            _ => trouble,
        }
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

/// Whatever a disk answers, the file is not to blame, and may be read again when its disk is
/// back. Only something else in its place fails the attempt.
fn unreadable(path: &Path, error: &io::Error, policy: &JobsPolicy) -> Trouble {
    if is_absence(error) {
        return gone(path, policy);
    }
    tracing::info!(path = %path.display(), %error, "An original cannot be read.");
    let name = name_of(path);
    if is_no_file(error) {
        return Trouble::Attempt(format!("{name} is no regular file any more."));
    }
    Trouble::Wait {
        reason: format!(
            "{name} cannot be read at present: {error}. Encoding goes on by itself when it can."
        ),
        delay: policy.source_retry,
    }
}

fn is_no_file(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    // The kernel has words of its own for what is wrong with a disk.
    let is_ours = error.raw_os_error().is_none();
    is_link || (is_ours && error.kind() == io::ErrorKind::InvalidInput)
}

/// Missing is not deleted: a folder may be offline, and a rename will be noticed.
fn gone(path: &Path, policy: &JobsPolicy) -> Trouble {
    tracing::info!(path = %path.display(), "An original is not where it was.");
    Trouble::Wait {
        reason: format!(
            "{} is not where it was; it was removed or renamed. Encoding goes on when it is back.",
            name_of(path)
        ),
        delay: policy.source_retry,
    }
}

fn changed(path: &Path) -> Trouble {
    Trouble::Attempt(format!(
        "{} has changed since it was accepted; it will be taken in anew once it is left alone.",
        name_of(path)
    ))
}

/// A reason is read by everybody who may see the job, and where a film lies is not theirs to know.
fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Runs a question to the file system on a thread that may block, but not for ever. A disk that
/// has not answered before is not asked again until it does.
pub(crate) async fn within_deadline<T: Send + 'static>(
    device: u64,
    question: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let open = Arc::new(SILENCE.ask(device).ok_or_else(silent)?);
    let held = Arc::clone(&open);
    let answer = tokio::task::spawn_blocking(move || {
        let answer = question();
        drop(held);
        answer
    });
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(io::Error::other(panic)),
        Err(_elapsed) => {
            open.give_up();
            Err(silent())
        }
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "its folder does not answer")
}

#[cfg(test)]
mod tests {
    use super::{Condition, DEADLINE, OpenSource, stamp_of, unreadable, within_deadline};
    use model::title::{Identity, Source};
    use rustix::io::Errno;
    use std::io;
    use std::path::Path;
    use std::sync::mpsc;

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
        let condition = open.condition(&JobsPolicy::default()).await;
        assert_eq!(condition, Ok(Condition::Same));
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
            let condition = open.condition(&JobsPolicy::default()).await;
            assert_eq!(condition, Ok(expected), "{name}");
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
            matches!(&gone, Trouble::Wait { reason, .. } if reason.contains("not where it was")),
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

    #[tokio::test]
    async fn a_worker_is_not_blamed_for_a_file_that_went_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        std::fs::write(&path, "film").unwrap();
        let open = open(&source(&path)).await.unwrap();
        let policy = JobsPolicy::default();
        let failed = || Trouble::GiveUp("It cannot be decoded.".into());
        assert_eq!(open.explain(failed(), &policy).await, failed());
        assert_eq!(open.explain(Trouble::Lost, &policy).await, Trouble::Lost);
        std::fs::remove_file(&path).unwrap();
        let explained = open.explain(failed(), &policy).await;
        assert!(matches!(explained, Trouble::Wait { .. }), "{explained:?}");
    }

    /// A share that stumbles must not fail a film for good: only what is no file does.
    #[test]
    fn a_disk_that_stumbles_is_waited_for() {
        let policy = JobsPolicy::default();
        let path = Path::new("/mnt/nas/secret folder/film.mp4");
        for error in [
            Errno::IO,
            Errno::STALE,
            Errno::ACCESS,
            Errno::HOSTDOWN,
            Errno::TIMEDOUT,
            Errno::NXIO,
            Errno::NOTCONN,
        ] {
            let trouble = unreadable(path, &error.into(), &policy);
            let Trouble::Wait { reason, delay } = trouble else {
                panic!("{error} is not the film's fault")
            };
            assert_eq!(delay, policy.source_retry);
            assert!(reason.contains("film.mp4"), "{reason}");
            assert!(!reason.contains("secret"), "not where it lies: {reason}");
        }
        for error in [
            Errno::LOOP.into(),
            io::Error::from(io::ErrorKind::InvalidInput),
        ] {
            let trouble = unreadable(path, &error, &policy);
            assert!(matches!(trouble, Trouble::Attempt(_)), "{trouble:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_costs_one_thread_and_no_other_disk() {
        let (answer, waiting) = mpsc::channel::<()>();
        let hung = tokio::spawn(within_deadline(1, move || Ok(waiting.recv().is_ok())));
        tokio::task::yield_now().await;
        tokio::time::advance(DEADLINE).await;
        let error = hung.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let again = within_deadline(1, || Ok(true)).await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::TimedOut, "not asked at all");
        assert!(within_deadline(2, || Ok(true)).await.unwrap());
        answer.send(()).unwrap();
        while within_deadline(1, || Ok(true)).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
