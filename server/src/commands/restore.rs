//! `homereel restore FILE`: puts a backup in the place of the catalog, keeps the former one
//! beside it, and begins those titles anew whose segments are not there any more.
//!
//! What does not belong here: films and segments. Titles that the backup does not know are taken
//! in again from their folders; their old segments are swept at the next start.

use catalog::Catalog;
use catalog::library::TitleQuery;
use catalog::viewer::Viewer;
use model::clock::{Clock, SystemClock};
use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use model::id::TitleId;
use model::segment::ObjectKey;
use model::settings::Place;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::Storage;
use storage::local::LocalStorage;

use crate::data_dir::{DataDir, Paths};

/// Puts `backup` in the place of the catalog in `data_dir`. No server may run on it.
///
/// # Errors
/// `Conflict` if a server runs or the backup is not ours or too new, `NotFound` if it is not
/// there, `Corrupt` if it is damaged. Whatever fails, the former catalog stays in place.
pub async fn run(data_dir: &Path, backup: &Path, out: &mut dyn Write) -> Result<()> {
    prove(backup).await?;
    let held = DataDir::open(data_dir)?;
    let paths = held.paths();
    let aside = exchange(paths, backup)?;
    let catalog = Catalog::open(&paths.catalog(), Arc::new(SystemClock))?;
    let anew = begin_incomplete_anew(&catalog, paths).await?;
    let titles = catalog.titles(everything()).await?.total;
    catalog.close().await;
    let mut say = |line: String| {
        writeln!(out, "{line}").context(ErrorKind::Unavailable, "writing the answer")
    };
    say(format!("The library is back: {titles} titles."))?;
    if anew > 0 {
        say(format!(
            "{anew} of them are prepared again, because parts of them are gone."
        ))?;
    }
    aside.map_or(Ok(()), |aside| {
        say(format!(
            "What was there before is kept as {}.",
            aside.display()
        ))
    })
}

/// A file that is not a whole catalog must not take the place of one.
async fn prove(backup: &Path) -> Result<()> {
    let catalog = Catalog::open_read_only(backup)?;
    let findings = catalog.integrity().await;
    catalog.close().await;
    match findings?.first() {
        None => Ok(()),
        Some(finding) => Err(Error::new(
            ErrorKind::Corrupt,
            format!("The backup {} is damaged: {finding}", backup.display()),
        )),
    }
}

/// Copies the backup beside the catalog and exchanges the two; returns where the former one is.
fn exchange(paths: &Paths, backup: &Path) -> Result<Option<PathBuf>> {
    let catalog = paths.catalog();
    let draft = catalog.with_extension("db.restoring");
    let aside = catalog.with_extension(format!("db.before-{}", SystemClock.now().0));
    let copied = fs::copy(backup, &draft).and_then(|_| File::open(&draft)?.sync_all());
    copied.map_err(|error| disk(&draft, error))?;
    let existed = catalog.exists();
    if existed {
        set_aside(&catalog, &aside).map_err(|error| disk(&aside, error))?;
    }
    fs::rename(&draft, &catalog)
        .and_then(|()| File::open(paths.root())?.sync_all())
        .map_err(|error| disk(&catalog, error))?;
    Ok(existed.then_some(aside))
}

/// With its log, which may hold its newest commits and must not be applied to another file.
fn set_aside(catalog: &Path, aside: &Path) -> std::io::Result<()> {
    for ending in ["-wal", "-shm"] {
        let log = with_ending(catalog, ending);
        if log.exists() {
            fs::rename(&log, with_ending(aside, ending))?;
        }
    }
    fs::rename(catalog, aside)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Rows of objects that are gone would be promises that nobody keeps. Only what lies on this
/// computer is looked at; `homereel check` looks into the bucket.
async fn begin_incomplete_anew(catalog: &Catalog, paths: &Paths) -> Result<usize> {
    let storage = LocalStorage::open(&paths.store())?;
    let stored: HashMap<ObjectKey, u64> = storage.list().await?.into_iter().collect();
    let rows = catalog.every_key().await?;
    let incomplete: BTreeSet<TitleId> = rows
        .iter()
        .filter(|row| row.place == Place::Local)
        .filter(|row| stored.get(&row.key) != Some(&row.size_bytes))
        .filter_map(|row| row.key.title())
        .collect();
    for title in &incomplete {
        catalog.make_anew(*title).await?;
    }
    Ok(incomplete.len())
}

fn everything() -> TitleQuery {
    TitleQuery {
        who: Viewer::EVERYTHING,
        ..TitleQuery::default()
    }
}

fn disk(path: &Path, error: std::io::Error) -> Error {
    let message = format!("putting the backup in place at {}", path.display());
    Error::caused_by(kind_of_io(&error), message, error)
}
