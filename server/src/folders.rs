//! Which folders are watched: those of the configuration, and those that were added since. Keeps
//! the watch and WebDAV informed. What does not belong here: watching.

use catalog::Catalog;
use model::change::Change;
use model::error::Result;
use sources::watch::WatchHandle;
use sources::webdav::Webdav;
use std::path::{Path, PathBuf};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Who has to know.
#[derive(Debug)]
pub(crate) struct Folders {
    /// Where added folders are remembered.
    pub(crate) catalog: Catalog,
    /// Those of the configuration.
    pub(crate) configured: Vec<PathBuf>,
    /// Never watched, nor anything around it.
    pub(crate) data_dir: PathBuf,
    /// Reports what is in them.
    pub(crate) watch: WatchHandle,
    /// Shows them to clients.
    pub(crate) webdav: Webdav,
}

impl Folders {
    /// Follows the list until `stop` is cancelled.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        let mut changes = self.catalog.subscribe();
        loop {
            if let Err(error) = self.apply().await {
                tracing::warn!(%error, "The list of folders could not be followed.");
            }
            loop {
                let change = tokio::select! {
                    () = stop.cancelled() => return,
                    change = changes.recv() => change,
                };
                match change {
                    // Whoever missed changes may have missed this one.
                    Ok(Change::Folders) | Err(RecvError::Lagged(_)) => break,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    async fn apply(&self) -> Result<()> {
        let added = self.catalog.folders().await?;
        let added = added.into_iter().map(|folder| folder.path);
        let all = together(&self.data_dir, &self.configured, added);
        self.watch.set_folders(all.clone())?;
        self.webdav.set_folders(all);
        Ok(())
    }
}

/// All of them, each only once: what lies in, or around, another or the data folder is left out.
fn together(
    data_dir: &Path,
    configured: &[PathBuf],
    added: impl Iterator<Item = PathBuf>,
) -> Vec<PathBuf> {
    let mut all = configured.to_vec();
    for folder in added {
        let meets = |other: &Path| folder.starts_with(other) || other.starts_with(&folder);
        if !folder.is_absolute() || meets(data_dir) || all.iter().any(|other| meets(other)) {
            // It was fine when it was added; the configuration has changed since.
            tracing::warn!(folder = %folder.display(), "This folder is not watched: it meets another one.");
            continue;
        }
        all.push(folder);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::together;
    use std::path::{Path, PathBuf};

    #[test]
    fn each_folder_is_watched_once_and_the_data_never() {
        let added = [
            "/new",
            "/films/a",
            "/",
            "/data/originals",
            "relative",
            "/new",
        ];
        let all = together(
            Path::new("/data"),
            &[PathBuf::from("/films")],
            added.map(PathBuf::from).into_iter(),
        );
        assert_eq!(all, ["/films", "/new"].map(PathBuf::from));
    }
}
