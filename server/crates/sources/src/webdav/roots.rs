//! Which folders there are, and which of them a path means: one folder is the whole tree, several
//! are a folder each. A pure rule.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use webdav_handler::fs::FsError;

/// The watched folders as WebDAV shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roots {
    folders: Vec<(OsString, PathBuf)>,
}

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// The list of the folders.
    Top,
    /// Something in a folder; empty for the folder itself.
    Inside {
        /// The folder.
        root: PathBuf,
        /// The path in it.
        path: PathBuf,
    },
}

impl Roots {
    /// Each folder under its own name, numbered where two are called the same.
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        let mut named: Vec<(OsString, PathBuf)> = Vec::with_capacity(folders.len());
        for folder in folders {
            let own = folder
                .file_name()
                .unwrap_or(OsStr::new("Folder"))
                .to_owned();
            let mut name = own.clone();
            let mut number = 2;
            while named.iter().any(|(taken, _)| *taken == name) {
                name = own.clone();
                name.push(format!(" {number}"));
                number += 1;
            }
            named.push((name, folder));
        }
        Self { folders: named }
    }

    /// The names of the folders and where they are.
    pub(crate) fn folders(&self) -> &[(OsString, PathBuf)] {
        &self.folders
    }

    /// What a path below the top means.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    pub(crate) fn meant(&self, path: &Path) -> Result<Meant, FsError> {
        if let [(_, root)] = &self.folders[..] {
            return Ok(Meant::Inside {
                root: root.clone(),
                path: path.to_owned(),
            });
        }
        let mut parts = path.iter();
        let Some(first) = parts.next() else {
            return Ok(Meant::Top);
        };
        let found = self.folders.iter().find(|(name, _)| name == first);
        let (_, root) = found.ok_or(FsError::NotFound)?;
        Ok(Meant::Inside {
            root: root.clone(),
            path: parts.as_path().to_owned(),
        })
    }

    /// Like [`meant`](Self::meant), for what may be changed: not the folders themselves.
    ///
    /// # Errors
    /// `Forbidden` for the top and for a folder itself.
    pub(crate) fn changeable(&self, path: &Path) -> Result<(PathBuf, PathBuf), FsError> {
        match self.meant(path) {
            Ok(Meant::Inside { root, path }) if !path.as_os_str().is_empty() => Ok((root, path)),
            _ => Err(FsError::Forbidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Meant, Roots};
    use std::path::{Path, PathBuf};

    fn inside(root: &str, path: &str) -> Meant {
        Meant::Inside {
            root: root.into(),
            path: path.into(),
        }
    }

    #[test]
    fn one_folder_is_the_whole_tree() {
        let roots = Roots::new(vec![PathBuf::from("/films")]);
        assert_eq!(roots.meant(Path::new("a/b")), Ok(inside("/films", "a/b")));
        assert_eq!(roots.meant(Path::new("")), Ok(inside("/films", "")));
        assert!(roots.changeable(Path::new("")).is_err());
        assert!(roots.changeable(Path::new("a")).is_ok());
    }

    #[test]
    fn several_folders_are_told_apart() {
        let roots = Roots::new(["/a/films", "/b/films", "/c"].map(PathBuf::from).into());
        assert_eq!(roots.meant(Path::new("")), Ok(Meant::Top));
        assert_eq!(roots.meant(Path::new("films")), Ok(inside("/a/films", "")));
        let second = roots.meant(Path::new("films 2/x"));
        assert_eq!(second, Ok(inside("/b/films", "x")));
        assert!(roots.meant(Path::new("d/x")).is_err());
        assert!(roots.changeable(Path::new("films")).is_err());
        assert!(roots.changeable(Path::new("new.mp4")).is_err());
    }
}
