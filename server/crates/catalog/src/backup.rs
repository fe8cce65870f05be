//! A copy of the catalog while it is in use: one state of it, compact, in one file.

use std::fs::File;
use std::path::Path;

use model::error::{Context, ErrorKind, Result, kind_of_io};
use rusqlite::named_params;

use crate::Catalog;
use crate::failure::Failure;

const COPY: &str = "VACUUM INTO :path";

impl Catalog {
    /// Writes a copy to `path`, where no file may be yet, and has it on the disk when it returns.
    /// Writing goes on meanwhile; what is committed after the beginning is not in the copy.
    ///
    /// # Errors
    /// `Conflict` if there is a file already, `InvalidInput` if the path is no text, otherwise
    /// as the disk has it. What was written until then is removed.
    pub async fn backup_to(&self, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.read_at_large("copying the catalog", move |connection| {
            let refuse = |kind, why: &str| Failure::rule(kind, format!("{} {why}", path.display()));
            let Some(text) = path.to_str() else {
                return Err(refuse(ErrorKind::InvalidInput, "is no text"));
            };
            if path.symlink_metadata().is_ok() {
                return Err(refuse(ErrorKind::Conflict, "exists already"));
            }
            let copied = connection
                .execute(COPY, named_params! {":path": text})
                .map_err(Failure::from)
                .and_then(|_| Ok(make_durable(&path)?));
            if copied.is_err() {
                // The copy is of no use; what is wrong with it is told already.
                let _ = std::fs::remove_file(&path);
            }
            copied
        })
        .await
    }
}

fn make_durable(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    for what in [path, folder] {
        let synced = File::open(what).and_then(|file| file.sync_all());
        let kind = synced
            .as_ref()
            .err()
            .map_or(ErrorKind::Internal, kind_of_io);
        synced.with_context(kind, || format!("writing {} to the disk", what.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::error::ErrorKind;

    use crate::Catalog;
    use crate::library::TitleQuery;
    use crate::testing::House;
    use crate::viewer::Viewer;

    #[tokio::test]
    async fn a_copy_is_a_whole_catalog_and_replaces_nothing() {
        let house = House::new();
        let (title, _) = house.planned("/films/a.mp4", 4).await;
        let copy = house.folder.path().join("it's a copy.db");
        house.catalog.backup_to(&copy).await.unwrap();
        house.admit("/films/later.mp4", "later").await;
        let opened = Catalog::open_read_only(&copy).unwrap();
        assert!(opened.title(title).await.unwrap().unwrap().plan.is_some());
        assert!(opened.integrity().await.unwrap().is_empty());
        let again = house.catalog.backup_to(&copy).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict, "{again}");
        let nowhere = house.folder.path().join("none/copy.db");
        house.catalog.backup_to(&nowhere).await.unwrap_err();
        let query = TitleQuery {
            who: Viewer::EVERYTHING,
            ..TitleQuery::default()
        };
        let page = opened.titles(query).await.unwrap();
        assert_eq!(page.total, 1, "as it was at that moment");
    }
}
