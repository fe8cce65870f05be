//! The file in the data folder with the secret that makes somebody the owner: written at each
//! start until somebody is, gone afterwards. What does not belong here: the claim itself
//! (`delivery`).

use catalog::Catalog;
use delivery::setup_token::SetupToken;
use model::error::{Error, Result, kind_of_io};
use sources::durable::replace;
use std::path::{Path, PathBuf};

/// A new token, written to `file`, unless the house has an owner already.
///
/// # Errors
/// As the catalog and the file system have it.
pub(crate) async fn offer(catalog: &Catalog, file: PathBuf) -> Result<Option<SetupToken>> {
    if catalog.setup_state().await?.claimed {
        withdraw(&file);
        return Ok(None);
    }
    let token = SetupToken::new()?;
    write(&token, &file)?;
    let used = token.clone();
    // Ends with the claim, or with the process.
    tokio::spawn(async move {
        used.used().await;
        withdraw(&file);
    });
    Ok(Some(token))
}

/// One short line; writing it takes no longer than looking whether it has to be done.
fn write(token: &SetupToken, file: &Path) -> Result<()> {
    let line = format!("{}\n", token.reveal());
    replace(file, line.as_bytes()).map_err(|error| {
        let message = format!("writing {}", file.display());
        Error::caused_by(kind_of_io(&error), message, error)
    })
}

/// Removes it. What stays behind is worth nothing any more.
pub(crate) fn withdraw(file: &Path) {
    let _ = std::fs::remove_file(file);
}
