//! What a shell around a server asks of it beside its pages: the few things that are done from a
//! tray. Everything here is also on a page; this is for the process that the server runs in.
//!
//! What does not belong here: menus and windows.

use catalog::Catalog;
use model::error::Result;
use std::path::PathBuf;

/// A handle on a running server; clones share it. It does not keep the server alive.
#[derive(Clone, Debug)]
pub struct Desk {
    catalog: Catalog,
}

impl Desk {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }

    /// Watches one more folder, with everything below it.
    ///
    /// # Errors
    /// `Conflict` if it lies inside or around a folder that is watched already.
    pub async fn add_folder(&self, path: PathBuf) -> Result<()> {
        self.catalog.add_folder(path).await?;
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
        let mut settings = self.catalog.settings().await?;
        settings.encoding_paused = paused;
        self.catalog.save_settings(settings).await
    }
}
