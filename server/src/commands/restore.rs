//! `homereel restore FILE`: puts a backup in the place of the catalog, keeps the former one
//! beside it, and begins those titles anew whose segments are not there any more.
//!
//! What does not belong here: films and segments. Titles that the backup does not know are taken
//! in again from their folders and from what was uploaded; their old segments are swept at the next
//! start.

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
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::Storage;
use storage::local::LocalStorage;

use crate::data_dir::{DataDir, Paths};
use crate::first_start;

/// Puts `backup` in the place of the catalog in `data_dir`. No server may run on it.
///
/// # Errors
/// `Conflict` if a server runs or the backup is not ours or too new, `NotFound` if it is not
/// there, `Corrupt` if it is damaged. Whatever fails, the former catalog stays in place.
pub async fn run(data_dir: &Path, backup: &Path, out: &mut dyn Write) -> Result<()> {
    let held = DataDir::open(data_dir)?;
    let paths = held.paths();
    let draft = copy(paths, backup)?;
    let prepared = prepare(&draft, backup, paths).await;
    if prepared.is_err() {
        remove_catalog(&draft);
    }
    let Prepared { titles, anew } = prepared?;
    let aside = exchange(paths, &draft).await?;
    first_start::forget_spared(paths)?;
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

/// What became of a backup before it takes its place.
struct Prepared {
    titles: u64,
    anew: usize,
}

/// A copy beside the catalog, to be worked on.
fn copy(paths: &Paths, backup: &Path) -> Result<PathBuf> {
    if !backup.is_file() {
        let message = format!("there is no backup at {}", backup.display());
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let draft = paths.catalog().with_extension("db.restoring");
    remove_catalog(&draft);
    let copied = fs::copy(backup, &draft).and_then(|_| File::open(&draft)?.sync_all());
    match copied {
        Ok(()) => Ok(draft),
        Err(error) => {
            remove_catalog(&draft);
            Err(disk(&draft, error))
        }
    }
}

/// Everything that the backup needs is done before it takes its place: whatever breaks this off,
/// the former catalog is still there. One of an older Homereel is brought up to date.
async fn prepare(draft: &Path, backup: &Path, paths: &Paths) -> Result<Prepared> {
    let catalog = Catalog::open(draft, Arc::new(SystemClock))?;
    let prepared = async {
        if let Some(finding) = catalog.integrity().await?.first() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("The backup {} is damaged: {finding}", backup.display()),
            ));
        }
        Ok(Prepared {
            anew: begin_incomplete_anew(&catalog, paths).await?,
            titles: catalog.titles(everything()).await?.total,
        })
    };
    let prepared = prepared.await;
    catalog.close().await;
    if with_ending(draft, "-wal").exists() {
        let message = "the copy of the backup could not be closed; try again";
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    prepared
}

/// Puts the draft in the place of the catalog in one step, and returns where the former one is.
async fn exchange(paths: &Paths, draft: &Path) -> Result<Option<PathBuf>> {
    let catalog = paths.catalog();
    let existed = catalog.exists();
    let aside = catalog.with_extension(format!("db.before-{}", SystemClock.now().0));
    if existed {
        write_log_back(&catalog).await;
        keep(&catalog, &aside).map_err(|error| disk(&aside, error))?;
    }
    let sync = || File::open(paths.root())?.sync_all();
    let exchanged = sync().and_then(|()| {
        for ending in LOGS {
            remove_if_there(&with_ending(&catalog, ending))?;
        }
        fs::rename(draft, &catalog)?;
        sync()
    });
    exchanged.map_err(|error| disk(&catalog, error))?;
    Ok(existed.then_some(aside))
}

/// What a catalog has beside it while it is in use. The log may hold its newest commits and must
/// not be applied to another file.
const LOGS: [&str; 2] = ["-wal", "-shm"];

/// Opening and closing it writes its log back. One that is too damaged for that is kept with it.
async fn write_log_back(catalog: &Path) {
    match Catalog::open(catalog, Arc::new(SystemClock)) {
        Ok(opened) => opened.close().await,
        Err(error) => tracing::warn!(%error, "The former catalog is kept as it is."),
    }
}

/// Gives the catalog, and its log where there is one, a second name.
fn keep(catalog: &Path, aside: &Path) -> io::Result<()> {
    for ending in LOGS {
        let log = with_ending(catalog, ending);
        if log.exists() {
            second_name(&log, &with_ending(aside, ending))?;
        }
    }
    second_name(catalog, aside)
}

fn second_name(file: &Path, name: &Path) -> io::Result<()> {
    fs::hard_link(file, name).or_else(|_| {
        // Some file systems have one name for each file.
        fs::copy(file, name)?;
        File::open(name)?.sync_all()
    })
}

fn remove_catalog(file: &Path) {
    // What stays is in the way of nothing: the next draft is written over it.
    for ending in LOGS.into_iter().chain([""]) {
        let _ = fs::remove_file(with_ending(file, ending));
    }
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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

fn disk(path: &Path, error: io::Error) -> Error {
    let message = format!("putting the backup in place at {}", path.display());
    Error::caused_by(kind_of_io(&error), message, error)
}
