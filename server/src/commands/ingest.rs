//! `homereel ingest FILE`: takes one file into the library and says as what.
//!
//! With a server on the data folder the request goes through its spool; without one the catalog
//! is opened here, and the film is encoded when a server runs next.

use ingest::{Ingest, IngestPolicy};
use model::arrival::Door;
use model::error::{Context, Error, ErrorKind, Result};
use model::id::TitleId;
use sources::spool::format::{Answer, Request, RequestId, ask, fetch_answer, withdraw};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, interval};

use crate::config::Config;
use crate::data_dir::{DataDir, Paths, is_in_use};
use crate::endpoint::Endpoint;
use crate::first_start;

/// How long a file may take to be at rest and complete.
const DEADLINE: Duration = Duration::from_secs(600);
/// How often the spool is looked at for the answer.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Takes `file` in and writes two lines: the title's identifier, and where it is watched.
///
/// # Errors
/// With a sentence for whoever asked: the file is refused, is not there, or takes too long.
pub async fn run(config: &Config, file: &Path, out: &mut dyn Write) -> Result<()> {
    let file = real_path(file)?;
    let title = admit(config, &file).await?;
    let written = match Endpoint::read(&config.data_dir) {
        Some(endpoint) => writeln!(out, "{title}\n{}/watch/{title}", endpoint.url),
        None => writeln!(
            out,
            "{title}\nIt can be watched once `homereel serve` runs."
        ),
    };
    written.context(ErrorKind::Unavailable, "writing the answer")
}

/// Asks whoever serves `data_dir` to take `file`, and waits for what becomes of it.
///
/// # Errors
/// With a sentence for whoever asked: the file is refused, takes too long, or nobody serves.
pub async fn hand_over(data_dir: &Path, file: PathBuf) -> Result<TitleId> {
    let file = real_path(&file)?;
    let taken = ask_server(&Paths::under(data_dir), file, Instant::now()).await?;
    taken.ok_or_else(|| Error::new(ErrorKind::Unavailable, "The server has stopped."))
}

/// The file by a path without links: whoever names it may have come through one, but nothing is
/// opened through one. A link in the place of the file stays one, and is refused.
fn real_path(file: &Path) -> Result<PathBuf> {
    let finding = || format!("finding {}", file.display());
    let file = std::path::absolute(file).with_context(ErrorKind::InvalidInput, finding)?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Ok(file);
    };
    // Where there is no such folder, there is no such file, and whoever opens it says so.
    let real = folder.canonicalize();
    Ok(real.map_or_else(|_| file.clone(), |folder| folder.join(name)))
}

/// By ourselves or through whoever has the folder; that may end while we wait, so the question is
/// asked again.
async fn admit(config: &Config, file: &Path) -> Result<TitleId> {
    let begun = Instant::now();
    loop {
        match DataDir::open(&config.data_dir) {
            Ok(data_dir) => return take(config, &data_dir, file.to_owned()).await,
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
        let paths = Paths::under(&config.data_dir);
        if let Some(title) = ask_server(&paths, file.to_owned(), begun).await? {
            return Ok(title);
        }
    }
}

/// Takes the file in ourselves.
async fn take(config: &Config, data_dir: &DataDir, file: PathBuf) -> Result<TitleId> {
    // What a server that was killed left behind would point to nobody.
    Endpoint::remove(data_dir.paths().root());
    let catalog = first_start::open_catalog(data_dir.paths())?;
    let policy = IngestPolicy {
        settle: config.settle,
        patience: config.patience,
    };
    let ingest = Ingest::start(catalog.clone(), policy).await?;
    let taken = ingest.handle().take(file, Door::Command, DEADLINE).await;
    ingest.shutdown().await;
    catalog.close().await;
    taken
}

/// Lets the running server take the file in; `None` if it has stopped before it answered.
async fn ask_server(paths: &Paths, file: PathBuf, begun: Instant) -> Result<Option<TitleId>> {
    let spool = paths.spool();
    let id = ask(&spool, &Request { path: file })?;
    let answer = wait_for_answer(paths, id, begun).await;
    if !matches!(answer, Ok(Some(_))) {
        withdraw(&spool, id)?;
    }
    match answer? {
        Some(Answer::Taken { title }) => Ok(Some(title)),
        Some(Answer::Refused { error }) => Err(Error::new(ErrorKind::Unsupported, error)),
        None => Ok(None),
    }
}

/// `None` if nobody is left to answer.
async fn wait_for_answer(paths: &Paths, id: RequestId, begun: Instant) -> Result<Option<Answer>> {
    let mut looks = interval(LOOK_EVERY);
    for look in 1_u32.. {
        looks.tick().await;
        if let Some(answer) = fetch_answer(&paths.spool(), id)? {
            return Ok(Some(answer));
        }
        // Now and then is enough: asking for the lock takes it for an instant.
        if look.is_multiple_of(20) && !is_in_use(paths)? {
            return Ok(None);
        }
        if begun.elapsed() > DEADLINE {
            break;
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "The server did not answer within ten minutes. If it runs, look at its log.",
    ))
}
