//! Questions to the file system: asked off the runtime's threads, each with a deadline.
//!
//! A network share that went away lets a system call hang for minutes. The thread that hangs
//! cannot be stopped, so the disk it hangs on is not asked again before it has answered; other
//! disks are.

use model::error::{Context, Error, ErrorKind, Result};
use model::silence::Silence;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// What is mounted where, as the kernel knows it; reading it asks no disk.
const MOUNTS: &str = "/proc/self/mountinfo";

static SILENCE: Silence<PathBuf> = Silence::new();

/// Runs `question`, which may block on the disk of `path`, elsewhere.
///
/// # Errors
/// `Unavailable` if the file system does not answer in time, or has not answered before.
pub(crate) async fn ask<T: Send + 'static>(
    path: &Path,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let mounts = std::fs::read(MOUNTS).unwrap_or_default();
    let open = SILENCE.ask(mount_of(path, &mounts)).ok_or_else(silent)?;
    let open = Arc::new(open);
    let held = Arc::clone(&open);
    let answer = tokio::task::spawn_blocking(move || {
        let answer = question();
        drop(held);
        answer
    });
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answer) => answer.context(ErrorKind::Internal, "asking the file system"),
        Err(_elapsed) => {
            open.give_up();
            Err(silent())
        }
    }
}

/// Paths in groups of at most `most`, each of one disk, in their order.
pub(crate) fn trips(paths: Vec<PathBuf>, most: usize) -> Vec<Vec<PathBuf>> {
    let mounts = std::fs::read(MOUNTS).unwrap_or_default();
    let mut by_disk: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let disk = mount_of(&path, &mounts);
        by_disk.entry(disk).or_default().push(path);
    }
    let trips = by_disk.values().flat_map(|paths| paths.chunks(most));
    trips.map(<[PathBuf]>::to_vec).collect()
}

fn silent() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the file system does not answer; is a network share away?",
    )
}

/// The longest mount point that `path` lies under, of those in `mountinfo` (proc_pid_mountinfo(5),
/// whose fifth field it is).
fn mount_of(path: &Path, mountinfo: &[u8]) -> PathBuf {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    let points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let points = points.map(|point| PathBuf::from(unescaped(point)));
    let above = points.filter(|point| path.starts_with(point));
    above
        .max_by_key(|point| point.as_os_str().len())
        .unwrap_or_default()
}

/// Blanks and the like are written as three octal digits.
fn unescaped(point: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(point.len());
    let mut rest = point;
    while let Some((first, after)) = rest.split_first() {
        let digits = (*first == b'\\').then(|| after.get(..3)).flatten();
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::{DEADLINE, ask, mount_of};
    use model::error::ErrorKind;
    use std::path::Path;
    use std::sync::mpsc;

    const MOUNTS: &[u8] = b"\
        22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
        30 22 0:45 / /mnt/nas\\040one rw - nfs nas:/films rw\n\
        31 22 0:46 / /mnt rw - tmpfs none rw\n";

    #[test]
    fn a_path_is_told_the_disk_it_lies_on() {
        for (path, expected) in [
            ("/home/film.mp4", "/"),
            ("/mnt/film.mp4", "/mnt"),
            ("/mnt/nas one/a/film.mp4", "/mnt/nas one"),
            ("/mnt/nas one more/film.mp4", "/mnt"),
        ] {
            let found = mount_of(Path::new(path), MOUNTS);
            assert_eq!(found, Path::new(expected), "{path}");
        }
        assert_eq!(mount_of(Path::new("/a"), b""), Path::new(""), "no /proc");
    }

    /// `/proc` and the root are different disks, whatever the machine.
    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_not_asked_twice_and_holds_no_other_up() {
        let (answer, waiting) = mpsc::channel::<()>();
        let hung = Path::new("/proc/self");
        // Time goes on by itself only while nothing else runs, and a hung thread counts.
        let asking = ask(hung, move || waiting.recv().is_ok());
        let mut asking = std::pin::pin!(asking);
        assert!(is_open(asking.as_mut()).await, "it is open");
        tokio::time::advance(DEADLINE).await;
        assert_eq!(asking.await.unwrap_err().kind(), ErrorKind::Unavailable);
        let again = ask(hung, || true).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Unavailable, "not asked at all");
        assert!(ask(Path::new("/"), || true).await.unwrap());
        answer.send(()).unwrap();
        while ask(hung, || true).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// True if the question has no answer yet.
    async fn is_open<T>(mut asking: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(asking.as_mut().poll(cx).is_pending()))
            .await
    }
}
