//! Files that uploads left with us: ours alone, so that nobody else would ever remove one that is
//! not needed, or miss one that the library forgot.
//!
//! A file goes only for a reason that is written down: its title was purged, or it is a copy of a
//! film that is prepared from another file. One of which nothing is known is taken in again: the
//! library was brought back from a backup that is older than it. What does not belong here: when
//! titles are purged (`janitor`).

use catalog::Catalog;
use catalog::originals::Standing;
use ingest::IngestHandle;
use model::arrival::Door;
use model::error::{Context, ErrorKind, Result};
use model::id::UploadId;
use model::title::TitleState;
use model::upload::Details;
use sources::upload::Uploads;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folder of originals, and who knows about them.
pub(crate) struct Originals {
    /// Where they are.
    pub(crate) folder: PathBuf,
    /// What they became.
    pub(crate) catalog: Catalog,
    /// Which of them are still on their way.
    pub(crate) uploads: Uploads,
    /// Where those go that are not known.
    pub(crate) ingest: IngestHandle,
}

impl Originals {
    /// Removes the file of a title that is gone for good, if it is ours.
    pub(crate) async fn remove(&self, file: &Path) {
        let (folder, wanted) = (self.folder.clone(), file.to_owned());
        let removing = tokio::task::spawn_blocking(move || remove_if_ours(&folder, &wanted));
        match removing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, file = %file.display(), "An original could not be removed.");
            }
            Err(error) => tracing::error!(%error, "Removing an original ended badly."),
        }
    }

    /// Looks at every file that no upload is busy with.
    pub(crate) async fn reconcile(&self) {
        let folder = self.folder.clone();
        let files = tokio::task::spawn_blocking(move || list(&folder)).await;
        for (upload, file) in files.unwrap_or_default() {
            if self.uploads.is_pending(upload) {
                continue;
            }
            if let Err(error) = self.settle(upload, &file).await {
                tracing::warn!(%error, file = %file.display(), "An original could not be looked at.");
            }
        }
    }

    async fn settle(&self, upload: UploadId, file: &Path) -> Result<()> {
        match self.catalog.standing(file).await? {
            Standing::Source | Standing::Arrival => return Ok(()),
            Standing::Copy(title) => {
                let title = self.catalog.title(title).await?;
                let is_prepared = title.is_some_and(|title| title.state == TitleState::Ready);
                if is_prepared {
                    tracing::info!(file = %file.display(), "A copy of a film that is here already is removed.");
                    self.remove(file).await;
                }
                return Ok(());
            }
            Standing::Unknown => {}
        }
        let identity = ingest::identity(file).await?;
        if self.catalog.was_purged(identity).await? {
            tracing::info!(file = %file.display(), "The original of a title that is gone is removed.");
            self.remove(file).await;
            return Ok(());
        }
        tracing::info!(file = %file.display(), "An original that the library does not know is taken in again.");
        if self.uploads.hand_over_again(upload).await? {
            return Ok(());
        }
        let details = Details {
            upload: Some(upload),
            ..Details::default()
        };
        self.ingest
            .deliver(file.to_owned(), Door::Upload, details)
            .await
            .context(ErrorKind::Unavailable, "taking an original in again")
    }
}

/// Every file that an upload left. Blocks.
fn list(folder: &Path) -> Vec<(UploadId, PathBuf)> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| entry.ok())
    };
    let homes = entries(folder).filter_map(|home| {
        let upload = home.file_name().to_str()?.parse::<UploadId>().ok()?;
        Some((upload, home.path()))
    });
    let files = homes.flat_map(|(upload, home)| {
        let files = entries(&home).filter(|file| file.file_type().is_ok_and(|kind| kind.is_file()));
        files
            .map(move |file| (upload, file.path()))
            .collect::<Vec<_>>()
    });
    files.collect()
}

/// Removes the file if it lies in our own folder, and the folder it was alone in. Names are
/// compared as they are written: a path that goes up or through a link is not ours.
fn remove_if_ours(originals: &Path, file: &Path) -> io::Result<()> {
    let Ok(inside) = file.strip_prefix(originals) else {
        return Ok(());
    };
    let plain = inside
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
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
    use super::{Originals, remove_if_ours};
    use catalog::Catalog;
    use catalog::admission::Candidate;
    use catalog::inbox::ArrivalUpdate;
    use ingest::{IngestHandle, Report};
    use model::arrival::{ArrivalState, Door};
    use model::clock::{SystemClock, WallTime};
    use model::id::UploadId;
    use model::title::{FileStamp, Source};
    use model::upload::Details;
    use sources::upload::{UploadPolicy, Uploads};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::sync::Arc;
    use tempfile::TempDir;
    use tokio::sync::mpsc;

    struct House {
        _home: TempDir,
        originals: Originals,
        reports: mpsc::Receiver<Report>,
    }

    impl House {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let root = home.path().canonicalize().unwrap();
            let catalog = Catalog::open(&root.join("homereel.db"), Arc::new(SystemClock));
            let (inbox, reports) = mpsc::channel(8);
            let ingest = IngestHandle::reporting_to(inbox);
            let folder = root.join("originals");
            let uploads = Uploads::open(
                root.join("uploads"),
                folder.clone(),
                ingest.clone(),
                Arc::new(SystemClock),
                UploadPolicy::default(),
            );
            let originals = Originals {
                folder,
                catalog: catalog.unwrap(),
                uploads: uploads.unwrap(),
                ingest,
            };
            Self {
                _home: home,
                originals,
                reports,
            }
        }

        fn original(&self, content: &str) -> PathBuf {
            let home = self.originals.folder.join(UploadId::generate().to_string());
            fs::create_dir(&home).unwrap();
            fs::write(home.join("film.mkv"), content).unwrap();
            home.join("film.mkv")
        }
    }

    #[tokio::test]
    async fn an_original_goes_for_a_reason_and_is_taken_in_without_one() {
        let mut house = House::new();
        let (purged, source) = (house.original("purged"), house.original("source"));
        let (copy, unknown) = (house.original("source"), house.original("unknown"));
        let catalog = house.originals.catalog.clone();
        let mut titles = Vec::new();
        for path in [&purged, &source] {
            let candidate = Candidate {
                name: "Film".into(),
                details: Details::default(),
                source: Source {
                    path: path.clone(),
                    identity: ingest::identity(path).await.unwrap(),
                    stamp: FileStamp {
                        device: 1,
                        inode: 1,
                        size_bytes: 6,
                        modified_ns: 1,
                    },
                },
            };
            catalog.admit(candidate).await.unwrap();
            titles.push(catalog.source_by_path(path).await.unwrap().unwrap().0);
        }
        let arrival = ArrivalUpdate {
            path: copy.clone(),
            door: Door::Upload,
            state: ArrivalState::Duplicate,
            reason: None,
            size_bytes: 6,
            title: Some(titles[1]),
            owner: None,
        };
        catalog.record_arrival(arrival).await.unwrap();
        catalog.delete_title(titles[0], None).await.unwrap();
        catalog.purge_deleted(WallTime(i64::MAX)).await.unwrap();
        house.originals.reconcile().await;
        assert!(!purged.exists(), "its title is gone for good");
        assert!(source.exists(), "a title is made from it");
        assert!(copy.exists(), "the film is not prepared from the other yet");
        assert!(unknown.exists());
        let Some(Report::Asked { path, door, .. }) = house.reports.recv().await else {
            unreachable!("it is asked for")
        };
        assert_eq!((path, door), (unknown, Door::Upload));
        assert!(house.reports.try_recv().is_err(), "nothing else is");
    }

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
