//! Which folders may be watched: the one check for every door by which somebody adds one, which are
//! the page, the API, the set-up and the tray. What does not belong here: watching them.

use std::path::{Path, PathBuf};

use catalog::Catalog;
use catalog::folders::{Folder, Overlap, overlap};
use model::error::{Error, ErrorKind, Result};

use crate::browse;

/// Where Linux keeps itself; nothing in there is a film.
const OF_THE_SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// What a folder is compared with.
#[derive(Clone, Debug)]
pub struct WatchRules {
    /// Knows those that were added.
    pub catalog: Catalog,
    /// Those of the configuration, which nobody can remove here.
    pub configured: Vec<PathBuf>,
    /// Homereel's own folder.
    pub data_dir: PathBuf,
}

impl WatchRules {
    /// Watches one more folder from now on, with everything below it.
    ///
    /// # Errors
    /// As [`WatchRules::checked`].
    pub async fn add(&self, path: &str) -> Result<Folder> {
        let path = self.checked(path).await?;
        let folder = self.catalog.add_folder(path).await?;
        tracing::info!(folder = %folder.path.display(), "A folder is watched from now on.");
        Ok(folder)
    }

    /// The folder at `path` without links, provided that it could be watched.
    ///
    /// # Errors
    /// In words for whoever chose it: `InvalidInput` if there is no such folder, it cannot be read
    /// or is not for films, `Conflict` if a watched folder meets it, `Unavailable` if its disk does
    /// not answer.
    pub async fn checked(&self, path: &str) -> Result<PathBuf> {
        let path = browse::watchable(path, &self.data_dir).await?;
        let is_met = |known: &PathBuf| Some((overlap(known, &path)?, known.clone()));
        if let Some((how, known)) = self.configured.iter().find_map(is_met) {
            return Err(conflict(by_configuration(how, &path, &known)));
        }
        let added = self.catalog.folders().await?;
        match added.iter().find_map(|folder| folder.meeting(&path)) {
            Some(reason) => Err(conflict(reason)),
            None => Ok(path),
        }
    }
}

/// Why the folder at `path` must never be watched, wherever somebody says so.
pub fn refusal(path: &Path, data_dir: &Path) -> Option<String> {
    let of_the_system = OF_THE_SYSTEM.iter().any(|folder| path.starts_with(folder));
    if of_the_system || path == Path::new("/") {
        return Some(format!(
            "{} cannot be watched: it holds the system, not films. Choose a folder with films.",
            path.display()
        ));
    }
    overlap(data_dir, path).map(|_| {
        format!(
            "The folder {} and Homereel's own folder {} contain one another, so Homereel would \
             take in its own films again and again. Choose a folder apart from it.",
            path.display(),
            data_dir.display()
        )
    })
}

fn by_configuration(how: Overlap, new: &Path, known: &Path) -> String {
    let (new, known) = (new.display(), known.display());
    match how {
        Overlap::Same => format!("{new} is watched already: the configuration says so."),
        Overlap::Inside => format!("{new} lies in {known}, which the configuration has watched."),
        Overlap::Around => format!(
            "{known}, which the configuration has watched, lies in {new}. Choose a folder beside \
             it, or change the configuration."
        ),
    }
}

fn conflict(reason: String) -> Error {
    Error::new(ErrorKind::Conflict, reason)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::Arc;

    use catalog::Catalog;
    use model::clock::SystemClock;
    use model::error::ErrorKind;

    use super::{WatchRules, refusal};

    #[test]
    fn what_is_not_for_films_is_told_from_its_path() {
        for (path, is_fine) in [
            ("/", false),
            ("/proc/1", false),
            ("/sys", false),
            ("/device", true),
            ("/data", false),
            ("/data/store", false),
            ("/database", true),
        ] {
            let refusal = refusal(Path::new(path), Path::new("/data"));
            assert_eq!(refusal.is_none(), is_fine, "{path}: {refusal:?}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_refused_with_the_reason_at_every_door() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in ["data/store", "films/new", "phone/2025", "free"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        symlink(root.join("data"), root.join("link")).unwrap();
        symlink(root.join("free"), root.join("other-name")).unwrap();
        let catalog = Catalog::open(&root.join("data/homereel.db"), Arc::new(SystemClock));
        let folders = WatchRules {
            catalog: catalog.unwrap(),
            configured: vec![root.join("films")],
            data_dir: root.join("data"),
        };
        let path = |name: &str| root.join(name).to_str().unwrap().to_owned();
        folders.add(&path("phone")).await.unwrap();
        for (name, kind, words) in [
            ("data/store", ErrorKind::InvalidInput, "own folder"),
            ("link", ErrorKind::InvalidInput, "own folder"),
            ("", ErrorKind::InvalidInput, "own folder"),
            ("nowhere", ErrorKind::InvalidInput, "no folder"),
            ("films", ErrorKind::Conflict, "watched already"),
            ("films/new", ErrorKind::Conflict, "configuration"),
            ("phone", ErrorKind::Conflict, "watched already"),
            ("phone/2025", ErrorKind::Conflict, "lies in"),
        ] {
            let error = folders.add(&path(name)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {error}");
            assert!(error.message().contains(words), "{name}: {error}");
        }
        let relative = folders.add("free").await.unwrap_err();
        assert_eq!(relative.kind(), ErrorKind::InvalidInput);
        let added = folders.add(&path("other-name")).await.unwrap();
        assert_eq!(added.path, root.join("free"), "without links");
    }

    #[tokio::test]
    async fn a_folder_around_a_configured_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("Homereel/Drop")).unwrap();
        fs::create_dir_all(root.join("data")).unwrap();
        let catalog = Catalog::open(&root.join("data/homereel.db"), Arc::new(SystemClock));
        let folders = WatchRules {
            catalog: catalog.unwrap(),
            configured: vec![root.join("Homereel/Drop")],
            data_dir: root.join("data"),
        };
        let around = root.join("Homereel");
        let error = folders.add(around.to_str().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains("Homereel/Drop"), "{error}");
        assert!(folders.catalog.folders().await.unwrap().is_empty());
    }
}
