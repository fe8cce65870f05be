//! `homereel doctor`: what is wrong with this installation, and what helps. Looks, writes one
//! object to the bucket if there is one, and repairs nothing.
//!
//! What does not belong here: whether rows and objects agree (`check`).

use catalog::Catalog;
use model::error::{Context, ErrorKind, Result};
use std::io::Write;

use crate::config::Config;
use crate::data_dir::Paths;

mod machine;
mod storage;

/// Looks at everything and writes a line for each finding. True if nothing is wrong.
///
/// # Errors
/// If the catalog cannot be read or nothing can be written.
pub async fn run(config: &Config, out: &mut dyn Write) -> Result<bool> {
    let paths = Paths::under(&config.data_dir);
    let mut checks = machine::worker(config).await;
    checks.extend(machine::examine(config, &paths));
    if paths.catalog().is_file() {
        let catalog = Catalog::open_read_only(&paths.catalog())?;
        let folders = catalog.folders().await?;
        checks.extend(folders.iter().map(|folder| machine::folder(&folder.path)));
        checks.extend(storage::examine(&paths, &catalog).await?);
        catalog.close().await;
    }
    for check in &checks {
        let mark = if check.ok { "well" } else { "TROUBLE" };
        writeln!(out, "{mark:<8} {:<10} {}", check.what, check.sentence)
            .context(ErrorKind::Unavailable, "writing the findings")?;
    }
    Ok(checks.iter().all(|check| check.ok))
}

/// Only whether the server on the data folder answers; for whoever asks every few seconds.
///
/// # Errors
/// If nothing can be written.
pub fn quick(config: &Config, out: &mut dyn Write) -> Result<bool> {
    let check = machine::server(&Paths::under(&config.data_dir));
    writeln!(out, "{}", check.sentence).context(ErrorKind::Unavailable, "writing the finding")?;
    Ok(check.ok)
}
