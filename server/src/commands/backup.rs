//! `homereel backup FILE`: everything the catalog knows, settings included, in one file. May run
//! beside a server: the copy is one moment of it.
//!
//! What is not in it: films, and the segments made from them, which are made again. What does not
//! belong here: bringing it back (`restore`).

use catalog::Catalog;
use model::error::{Context, ErrorKind, Result};
use std::io::Write;
use std::path::Path;

use crate::data_dir::Paths;

/// Writes a copy of the catalog in `data_dir` to `target`, which must not exist: a backup never
/// replaces another. It holds passwords' hashes and the bucket's keys, so it is for its owner
/// alone.
///
/// # Errors
/// `NotFound` if there is no library, `Conflict` if `target` exists, else as the disk has it.
pub async fn run(data_dir: &Path, target: &Path, out: &mut dyn Write) -> Result<()> {
    let target =
        std::path::absolute(target).context(ErrorKind::InvalidInput, "finding the file")?;
    let catalog = Catalog::open_read_only(&Paths::under(data_dir).catalog())?;
    // Our own files are made for their owner alone (`main` sets the mask), and so is this one.
    let copied = catalog.backup_to(&target).await;
    catalog.close().await;
    copied?;
    writeln!(
        out,
        "The library is copied to {}. Films are not in it: keep copies of their folders too.",
        target.display()
    )
    .context(ErrorKind::Unavailable, "writing the answer")
}
