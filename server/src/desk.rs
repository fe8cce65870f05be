//! What a shell around a server asks of it beside its pages: the few things that are done from a
//! tray. Everything here is also on a page; this is for the process that the server runs in.
//!
//! What does not belong here: menus and windows.

use catalog::Catalog;
use delivery::folders::WatchRules;
use model::error::{Error, ErrorKind, Result};
use model::settings::Settings;
use std::path::PathBuf;

/// A handle on a running server; clones share it. It does not keep the server alive.
#[derive(Clone, Debug)]
pub struct Desk {
    catalog: Catalog,
    folders: WatchRules,
}

impl Desk {
    pub(crate) fn new(folders: WatchRules) -> Self {
        Self {
            catalog: folders.catalog.clone(),
            folders,
        }
    }

    /// Watches one more folder, with everything below it.
    ///
    /// # Errors
    /// In words for whoever chose it: there is no such folder, it cannot be read, it is Homereel's
    /// own or the system's, or a folder that is watched already meets it.
    pub async fn add_folder(&self, path: PathBuf) -> Result<()> {
        let text = path.to_str().ok_or_else(|| {
            let message = format!("The name of {} is no text.", path.display());
            Error::new(ErrorKind::InvalidInput, message)
        })?;
        self.folders.add(text).await?;
        Ok(())
    }

    /// Nothing is encoded at present, because somebody paused it.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn is_encoding_paused(&self) -> Result<bool> {
        Ok(self.catalog.settings().await?.encoding_paused)
    }

    /// Pauses all encoding, or goes on with it.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn pause_encoding(&self, paused: bool) -> Result<()> {
        let pause = move |settings| {
            Ok(Settings {
                encoding_paused: paused,
                ..settings
            })
        };
        self.catalog.change_settings(pause).await?;
        Ok(())
    }
}
