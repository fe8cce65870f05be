//! The last step: a source becomes a title with its job, or is found to be one already.
//!
//! The catalog does each step in one transaction. What only the file system can answer, whether
//! the file of a known film is still where it was, is asked here.

use catalog::Catalog;
use catalog::admission::{Admission, Candidate};
use model::error::{Error, ErrorKind, Result};
use model::id::TitleId;
use model::title::{Source, Title};
use model::upload::Details;
use std::path::PathBuf;

use crate::disk;
use crate::look::{Look, look_at};
use crate::words;

/// What became of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is the file of this title.
    Admitted(TitleId),
    /// It is the file of this title, which lay elsewhere before.
    Moved {
        /// The title.
        title: TitleId,
        /// Where the file lay.
        from: PathBuf,
    },
    /// Somebody removed this film; its title, while that can be brought back.
    Removed(Option<TitleId>),
    /// The film is there already, and so is its other file.
    Copy {
        /// The title.
        title: TitleId,
        /// What the title is called.
        name: String,
    },
}

/// Admits a source, or recognises it.
pub(crate) async fn admit(catalog: &Catalog, source: Source, details: Details) -> Result<Outcome> {
    let candidate = candidate(source.clone(), details);
    match catalog.admit(candidate).await? {
        Admission::New(title) | Admission::Restarted(title) | Admission::Moved(title) => {
            Ok(Outcome::Admitted(title))
        }
        Admission::Duplicate(title) => recognise(catalog, title, source).await,
        Admission::Removed(title) => Ok(Outcome::Removed(title)),
    }
}

/// Records a file that will never be a film, so that its owner sees why.
pub(crate) async fn refuse(
    catalog: &Catalog,
    source: Source,
    details: Details,
    reason: &str,
) -> Result<TitleId> {
    catalog.refuse(candidate(source, details), reason).await
}

fn candidate(source: Source, details: Details) -> Candidate {
    Candidate {
        name: words::title_name(&source.path),
        details,
        source,
    }
}

/// A known film at another path is a copy if the first file is still there, else it was moved.
async fn recognise(catalog: &Catalog, title: TitleId, source: Source) -> Result<Outcome> {
    let Title {
        name,
        source: known,
        ..
    } = catalog.title(title).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("the title {title} went away while its file was looked at"),
        )
    })?;
    if known.path == source.path {
        return Ok(Outcome::Admitted(title));
    }
    if still_exists(known.path.clone()).await {
        return Ok(Outcome::Copy { title, name });
    }
    catalog.source_moved(title, source).await?;
    Ok(Outcome::Moved {
        title,
        from: known.path,
    })
}

/// A file that cannot be reached counts as gone: its film is better read from where it is seen.
async fn still_exists(path: PathBuf) -> bool {
    let wanted = path.clone();
    let look = disk::ask(&path, move || look_at(&wanted)).await;
    matches!(look, Ok(Look::File(_)))
}
