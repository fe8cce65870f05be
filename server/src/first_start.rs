//! Opens the catalog. Where there is none, but what was made for one is still here, nothing of it is
//! thrown away: a catalog that got lost can be brought back, and then everything plays as before.
//!
//! What does not belong here: bringing it back (`commands::restore`).

use catalog::Catalog;
use model::clock::SystemClock;
use model::error::{Error, Result, kind_of_io};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::data_dir::Paths;

const NOTE: &str = "\
The folder `store` beside this file holds segments of a library whose catalog is gone. Homereel leaves
them alone as long as this file is here. Bring a backup back with `homereel restore`, or remove this
file to have Homereel delete what no title needs at its next start.
";

/// Opens the catalog, or makes one. The caller holds the lock of the data folder. Blocks.
///
/// # Errors
/// As [`Catalog::open`] has it.
pub(crate) fn open_catalog(paths: &Paths) -> Result<Catalog> {
    let file = paths.catalog();
    // Before the catalog is there: whatever breaks this off, it is not taken for an old one.
    if !file.exists() {
        set_former_apart(paths)?;
    }
    Catalog::open(&file, Arc::new(SystemClock))
}

/// Whether objects without a row may be those of a library whose catalog is gone.
pub(crate) fn spares_orphans(paths: &Paths) -> bool {
    paths.spared().exists()
}

/// The same for the owner.
pub(crate) fn spared_sentence(paths: &Paths) -> Option<String> {
    spares_orphans(paths).then(|| {
        format!(
            "The catalog was gone at a start, but segments of its titles are still here and are \
             kept. Bring a backup back with `homereel restore`, or remove {} to have them deleted.",
            paths.spared().display()
        )
    })
}

/// A catalog was brought back: what it does not know is not needed.
pub(crate) fn forget_spared(paths: &Paths) -> Result<()> {
    let note = paths.spared();
    match fs::remove_file(&note) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("removing", &note, error))
        }
        _ => Ok(()),
    }
}

/// A new library must not take segments and buckets of a former one for its own.
fn set_former_apart(paths: &Paths) -> Result<()> {
    let (store, note) = (paths.store(), paths.spared());
    if holds_a_file(&store).map_err(|error| failed("reading", &store, error))? {
        let noted = fs::write(&note, NOTE).and_then(|()| File::open(&note)?.sync_all());
        noted.map_err(|error| failed("writing", &note, error))?;
        tracing::warn!(
            note = %note.display(),
            "The catalog is gone, but segments of its titles are here. They are kept."
        );
    }
    let marked = paths.buckets();
    match fs::remove_file(&marked) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("removing", &marked, error));
        }
        _ => {}
    }
    let root = paths.root();
    let synced = File::open(root).and_then(|folder| folder.sync_all());
    synced.map_err(|error| failed("syncing", root, error))
}

fn holds_a_file(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || holds_a_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("{what} {}", path.display());
    Error::caused_by(kind_of_io(&error), message, error)
}

#[cfg(test)]
mod tests {
    use super::{open_catalog, spared_sentence, spares_orphans};
    use crate::data_dir::DataDir;
    use std::fs;

    #[tokio::test]
    async fn what_a_lost_catalog_left_is_kept_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let paths = data.paths();
        open_catalog(paths).unwrap().close().await;
        assert!(!spares_orphans(paths), "a new library has nothing to spare");
        fs::create_dir_all(paths.store().join("title/1")).unwrap();
        fs::write(paths.store().join("title/1/poster.jpg"), "x").unwrap();
        fs::write(paths.buckets(), "library x").unwrap();
        open_catalog(paths).unwrap().close().await;
        assert!(!spares_orphans(paths), "its catalog is here");
        assert!(paths.buckets().exists());
        for file in fs::read_dir(paths.root()).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().contains("homereel.db") {
                fs::remove_file(path).unwrap();
            }
        }
        for start in 1..=2 {
            open_catalog(paths).unwrap().close().await;
            let told = spared_sentence(paths).unwrap();
            assert!(told.contains("homereel restore"), "start {start}: {told}");
        }
        assert!(!paths.buckets().exists(), "a new library has a new name");
    }
}
