//! Purges titles whose time to be brought back has passed, and removes the originals of those that
//! were uploaded: they are ours, and nobody else would ever do it. Files of watched folders are
//! their owner's and stay. What does not belong here: objects of the store (`jobs` deletes garbage).

use catalog::Catalog;
use catalog::removal::Purged;
use model::clock::{Clock, SystemClock, WallTime};
use model::title::UNDO;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Soon enough for people who wait for space.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is looked after.
pub(crate) struct Janitor {
    /// Where titles are.
    pub(crate) catalog: Catalog,
    /// Where the files of uploads are kept.
    pub(crate) originals: PathBuf,
}

/// Looks until `stop` is cancelled.
pub(crate) async fn follow(janitor: Janitor, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        janitor.look(SystemClock.now()).await;
    }
}

impl Janitor {
    /// Purges a few titles at a time until none is left.
    async fn look(&self, now: WallTime) {
        let Some(due) = before(now, UNDO) else {
            return;
        };
        loop {
            match self.catalog.purge_deleted(due).await {
                Ok(purged) if purged.is_empty() => return,
                Ok(purged) => self.remove_originals(purged).await,
                Err(error) => {
                    tracing::warn!(%error, "Deleted titles could not be purged; this is tried again.");
                    return;
                }
            }
        }
    }

    async fn remove_originals(&self, purged: Vec<Purged>) {
        let originals = self.originals.clone();
        let removing = tokio::task::spawn_blocking(move || {
            for title in purged {
                tracing::info!(title = %title.title, "A deleted title is gone for good.");
                if let Err(error) = remove_if_ours(&originals, &title.source) {
                    tracing::warn!(%error, title = %title.title, "Its original could not be removed.");
                }
            }
        });
        if let Err(error) = removing.await {
            tracing::error!(%error, "Removing originals ended badly.");
        }
    }
}

/// So long ago; `None` before the clock was ever set.
fn before(now: WallTime, long: Duration) -> Option<WallTime> {
    let long = i64::try_from(long.as_millis()).ok()?;
    now.0.checked_sub(long).map(WallTime)
}

/// Removes the file if it lies in our own folder, and the folder it was alone in. Names are
/// compared as they are written: a path that goes up or through a link is not ours.
fn remove_if_ours(originals: &Path, file: &Path) -> io::Result<()> {
    let Ok(inside) = file.strip_prefix(originals) else {
        return Ok(());
    };
    let plain = inside
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if !plain || !lies_in(originals, file) {
        return Ok(());
    }
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(folder) = file.parent().filter(|folder| *folder != originals) {
        // It may hold something else, and then it stays.
        let _ = std::fs::remove_dir(folder);
    }
    Ok(())
}

fn lies_in(originals: &Path, file: &Path) -> bool {
    let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
    let ours = originals.canonicalize().ok();
    folder
        .zip(ours)
        .is_some_and(|(folder, ours)| folder.starts_with(ours))
}

#[cfg(test)]
mod tests {
    use super::remove_if_ours;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_our_own_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let originals = folder.path().join("originals");
        let drop = folder.path().join("drop");
        fs::create_dir_all(originals.join("one")).unwrap();
        fs::create_dir(&drop).unwrap();
        symlink(&drop, originals.join("link")).unwrap();
        let ours = originals.join("one/film.mkv");
        let theirs = drop.join("film.mkv");
        for file in [&ours, &theirs] {
            fs::write(file, "film").unwrap();
        }
        for path in [
            theirs.clone(),
            originals.join("../drop/film.mkv"),
            originals.join("link/film.mkv"),
            originals.join("none/film.mkv"),
        ] {
            remove_if_ours(&originals, &path).unwrap();
        }
        assert!(theirs.exists(), "a file of a watched folder is its owner's");
        remove_if_ours(&originals, &ours).unwrap();
        assert!(!originals.join("one").exists(), "with the folder it was in");
        remove_if_ours(&originals, &ours).unwrap();
    }
}
