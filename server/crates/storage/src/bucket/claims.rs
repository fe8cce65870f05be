//! Whose bucket it is. A bucket that is used for the first time gets a marker with the name of
//! this library; from then on a bucket without it, or with another, is refused: the server's disk
//! was exchanged, or another library uses it, and our sweeps would delete what is not ours.
//!
//! The name is in the catalog, so that a backup brings it back; a file in the data folder remembers
//! which buckets were marked with it. What does not belong here: objects of titles.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use model::error::{Error, ErrorKind, Result, kind_of_io};
use model::id::TitleId;
use object_store::ObjectStoreExt;

use crate::blocking;
use crate::bucket::client::Client;

/// The marker's name below the prefix.
const MARKER: &str = "homereel-instance";
/// A marker is 26 letters long; whatever is longer is not one.
const MAX_MARKER_BYTES: u64 = 256;

/// What this library knows about the buckets that it marked.
#[derive(Clone, Debug)]
pub struct Claims {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: PathBuf,
    /// Looking only: nothing is written, neither here nor into a bucket.
    looking: bool,
    marks: Mutex<Marks>,
}

#[derive(Clone, Debug)]
struct Marks {
    library: String,
    buckets: BTreeSet<String>,
}

impl Claims {
    /// The claims of `library`, with what the file remembers of its buckets. What it remembers of
    /// another library counts no more. Blocking.
    ///
    /// # Errors
    /// `Unavailable` or `OutOfSpace` if it cannot be read or made, `Corrupt` if it is no such file.
    pub fn open(file: &Path, library: String) -> Result<Self> {
        let found = read(file)?.filter(|marks| marks.library == library);
        if let Some(marks) = found {
            return Ok(Self::with(file, marks, false));
        }
        let marks = Marks {
            library,
            buckets: BTreeSet::new(),
        };
        write(file, &marks)?;
        Ok(Self::with(file, marks, false))
    }

    /// The same for somebody who only looks: nothing is written, and a bucket without a marker is
    /// left without one. Blocking.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn look(file: &Path, library: Option<String>) -> Result<Self> {
        let library = library.unwrap_or_default();
        let found = read(file)?.filter(|marks| marks.library == library);
        let marks = found.unwrap_or(Marks {
            library,
            buckets: BTreeSet::new(),
        });
        Ok(Self::with(file, marks, true))
    }

    /// The library that the file speaks of. Blocking.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn library_in(file: &Path) -> Result<Option<String>> {
        Ok(read(file)?.map(|marks| marks.library))
    }

    /// A name for a library that has none yet.
    pub fn new_library() -> String {
        // Any unique word will do.
        TitleId::generate().to_string()
    }

    fn with(file: &Path, marks: Marks, looking: bool) -> Self {
        Self {
            shared: Arc::new(Shared {
                file: file.to_owned(),
                looking,
                marks: Mutex::new(marks),
            }),
        }
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        let marks = self.shared.marks.lock();
        marks.unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that the bucket `place` was marked.
    async fn remember(&self, place: String) -> Result<()> {
        if self.shared.looking || self.marks().buckets.contains(&place) {
            return Ok(());
        }
        let claims = self.clone();
        blocking("remembering a bucket", move || {
            let mut marks = claims.marks();
            marks.buckets.insert(place);
            write(&claims.shared.file, &marks)
        })
        .await
    }
}

/// Whether the bucket in use is ours, asked again whenever a connection broke.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Claims,
    /// How the file names this bucket.
    place: String,
    sure: AtomicBool,
}

impl Claim {
    pub(super) fn new(claims: Claims, client: &Client) -> Self {
        Self {
            claims,
            place: format!("{} {}", client.address.bucket(), client.prefix),
            sure: AtomicBool::new(false),
        }
    }

    /// Fails unless the bucket is ours; marks one that was never used.
    pub(super) async fn ensure(&self, client: &Client) -> Result<()> {
        if client.shaken.swap(false, Ordering::Relaxed) {
            self.sure.store(false, Ordering::Relaxed);
        }
        if self.sure.load(Ordering::Relaxed) {
            return Ok(());
        }
        let library = self.claims.marks().library.clone();
        match marker(client).await? {
            Some(found) if found == library => {}
            Some(found) => return Err(strange(client, &found)),
            None if self.claims.marks().buckets.contains(&self.place) => return Err(gone(client)),
            None if self.claims.shared.looking => {}
            None => mark(client, library).await?,
        }
        self.claims.remember(self.place.clone()).await?;
        self.sure.store(true, Ordering::Relaxed);
        Ok(())
    }
}

async fn marker(client: &Client) -> Result<Option<String>> {
    let doing = "reading its marker";
    let path = client.path(MARKER);
    let found = match client.store.get(&path).await {
        Ok(found) => found,
        Err(error) => {
            let error = client.address.trouble(doing, &error);
            if error.kind() == ErrorKind::NotFound {
                return Ok(None);
            }
            return Err(error);
        }
    };
    if found.meta.size > MAX_MARKER_BYTES {
        return Ok(Some(String::new()));
    }
    let blocks: Vec<_> = found
        .into_stream()
        .try_collect()
        .await
        .map_err(|error| client.address.trouble(doing, &error))?;
    let text = String::from_utf8_lossy(&blocks.concat()).trim().to_owned();
    Ok(Some(text))
}

async fn mark(client: &Client, library: String) -> Result<()> {
    let payload = object_store::PutPayload::from(library.into_bytes());
    let path = client.path(MARKER);
    let put = client.store.put(&path, payload);
    put.await
        .map(|_| ())
        .map_err(|error| client.address.trouble("writing its marker", &error))
}

fn strange(client: &Client, found: &str) -> Error {
    if found.parse::<TitleId>().is_err() {
        return client.address.unavailable(
            "answers like no S3 server: its marker cannot be read. Is the address right?",
        );
    }
    client.address.unavailable(
        "belongs to another Homereel library. Give this one a prefix of its own in the settings.",
    )
}

fn gone(client: &Client) -> Error {
    client.address.unavailable(&format!(
        "is not the one that was used so far: its marker {} is gone. If it was emptied on purpose, \
         give Homereel another prefix in the settings.",
        client.path(MARKER)
    ))
}

fn read(file: &Path) -> Result<Option<Marks>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", file, error)),
    };
    let mut lines = text.lines();
    let library = lines.next().and_then(|line| line.strip_prefix("library "));
    let Some(library) = library.filter(|library| library.parse::<TitleId>().is_ok()) else {
        let message = format!("{} does not say which library this is.", file.display());
        return Err(Error::new(ErrorKind::Corrupt, message));
    };
    let buckets = lines.filter_map(|line| line.strip_prefix("bucket "));
    Ok(Some(Marks {
        library: library.to_owned(),
        buckets: buckets.map(str::to_owned).collect(),
    }))
}

/// Complete and on the disk, or not at all.
fn write(file: &Path, marks: &Marks) -> Result<()> {
    let mut text = format!("library {}\n", marks.library);
    for bucket in &marks.buckets {
        text.push_str(&format!("bucket {bucket}\n"));
    }
    let half = file.with_extension("new");
    let mut options = File::options();
    options.create(true).write(true).truncate(true).mode(0o600);
    let written = options.open(&half).and_then(|mut opened| {
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        std::fs::rename(&half, file)?;
        match file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    });
    written.map_err(|error| failed("writing", file, error))
}

fn failed(doing: &str, file: &Path, error: io::Error) -> Error {
    let message = format!("{doing} {}", file.display());
    Error::caused_by(kind_of_io(&error), message, error)
}
