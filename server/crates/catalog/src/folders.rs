//! Folders that are watched because somebody said so while the server runs. Whether they exist
//! and may be read is for the caller to find out.

use std::path::{Path, PathBuf};

use model::change::Change;
use model::clock::WallTime;
use model::error::{ErrorKind, Result};
use model::id::FolderId;

use crate::Catalog;
use crate::failure::Failure;
use crate::table::folders;

/// The most folders.
const MOST_FOLDERS: usize = 100;

/// A watched folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// In URLs.
    pub id: FolderId,
    /// Where it lies.
    pub path: PathBuf,
    /// When somebody added it.
    pub added_at: WallTime,
}

impl Catalog {
    /// The folders, in the order in which they were added.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn folders(&self) -> Result<Vec<Folder>> {
        self.read("reading the watched folders", |transaction, _| {
            folders::all(transaction)
        })
        .await
    }

    /// Watches a folder from now on.
    ///
    /// # Errors
    /// `InvalidInput` if the path does not begin at the root, `Conflict` if the folder is
    /// watched already, lies in one that is, or has one in it.
    pub async fn add_folder(&self, path: PathBuf) -> Result<Folder> {
        self.write("adding a watched folder", move |write| {
            if !path.is_absolute() {
                let message = format!("{} does not begin at the root", path.display());
                return Err(Failure::rule(ErrorKind::InvalidInput, message));
            }
            let known = folders::all(&write.transaction)?;
            if let Some(reason) = conflict(&known, &path) {
                return Err(Failure::rule(ErrorKind::Conflict, reason));
            }
            let folder = Folder {
                id: FolderId::generate(),
                path,
                added_at: write.now,
            };
            folders::insert(&write.transaction, &folder)?;
            write.announce(Change::Folders);
            Ok(folder)
        })
        .await
    }

    /// Watches a folder no more. Its files and titles stay.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub async fn remove_folder(&self, id: FolderId) -> Result<()> {
        self.write("removing a watched folder", move |write| {
            if !folders::delete(&write.transaction, id)? {
                let message = format!("there is no watched folder {id}");
                return Err(Failure::rule(ErrorKind::NotFound, message));
            }
            write.announce(Change::Folders);
            Ok(())
        })
        .await
    }
}

/// How a watched folder meets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It is that folder.
    Same,
    /// The other lies in it.
    Inside,
    /// It lies in the other.
    Around,
}

/// How the folder `known` meets the folder `new`, if it does: a file must not arrive twice.
pub fn overlap(known: &Path, new: &Path) -> Option<Overlap> {
    if known == new {
        Some(Overlap::Same)
    } else if new.starts_with(known) {
        Some(Overlap::Inside)
    } else if known.starts_with(new) {
        Some(Overlap::Around)
    } else {
        None
    }
}

impl Folder {
    /// Why the folder `new` cannot be watched beside this one, if it cannot.
    pub fn meeting(&self, new: &Path) -> Option<String> {
        let how = overlap(&self.path, new)?;
        let (new, old) = (new.display(), self.path.display());
        Some(match how {
            Overlap::Same => format!("{new} is watched already"),
            Overlap::Inside => format!("{new} lies in {old}, which is watched already"),
            Overlap::Around => format!("{old} is watched and lies in {new}; remove it first"),
        })
    }
}

fn conflict(known: &[Folder], path: &Path) -> Option<String> {
    if known.len() >= MOST_FOLDERS {
        return Some(format!("{MOST_FOLDERS} folders are watched already"));
    }
    known.iter().find_map(|folder| folder.meeting(path))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use model::change::Change;
    use model::error::ErrorKind;

    use crate::testing::House;

    #[tokio::test]
    async fn a_folder_is_watched_once_and_not_inside_of_another() {
        let house = House::new();
        let mut changes = house.catalog.subscribe();
        let add = |path: &str| house.catalog.add_folder(PathBuf::from(path));
        let films = add("/srv/films").await.unwrap();
        assert_eq!(changes.recv().await.unwrap(), Change::Folders);
        for (path, words) in [
            ("/srv/films", "already"),
            ("/srv/films/new", "lies in /srv/films"),
            ("/srv", "remove it first"),
        ] {
            let error = add(path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{path}");
            assert!(error.message().contains(words), "{error}");
        }
        let relative = add("films").await.unwrap_err();
        assert_eq!(relative.kind(), ErrorKind::InvalidInput);
        let beside = add("/srv/films2").await.unwrap();
        let listed = house.catalog.folders().await.unwrap();
        assert_eq!(listed, [films.clone(), beside]);
        house.catalog.remove_folder(films.id).await.unwrap();
        let gone = house.catalog.remove_folder(films.id).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        add("/srv/films/new").await.unwrap();
    }
}
