//! Folders of this machine, for an admin who looks for one to watch. Names and nothing else: what
//! lies in a folder besides folders is nobody's business here.

use std::path::{Path, PathBuf};

use model::error::{Error, ErrorKind};

use crate::disk;
use crate::folders::refusal;
use crate::problem::Problem;

/// More are too many to choose from; typing the path helps.
const MAX_FOLDERS: usize = 500;
/// So many names are read at most, files included.
const MAX_LOOKED_AT: usize = 20_000;
/// Longest path Linux takes.
const PATH_BYTES: usize = 4096;

/// A folder and those in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Without links.
    pub(crate) path: PathBuf,
    /// In the order of their names, hidden ones left out.
    pub(crate) folders: Vec<String>,
    /// There are more than are listed.
    pub(crate) more: bool,
}

/// The folders in `path`, which is absolute.
///
/// # Errors
/// 400 if there is no such folder or it cannot be read, 503 if its disk does not answer.
pub(crate) async fn list(path: &str) -> Result<Listing, Problem> {
    let path = absolute(path)?;
    in_time(move || read(&path)).await
}

/// The folder at `path` without links, provided it is there, can be read, and is not refused whatever
/// else is watched.
///
/// # Errors
/// `InvalidInput` with the reason, `Unavailable` if its disk does not answer.
pub(crate) async fn watchable(path: &str, data_dir: &Path) -> Result<PathBuf, Error> {
    let found = real_in_time(path, data_dir).await;
    found.map_err(|problem| {
        let kind = match problem.is_ours() {
            true => ErrorKind::Unavailable,
            false => ErrorKind::InvalidInput,
        };
        Error::new(kind, problem.detail())
    })
}

async fn real_in_time(path: &str, data_dir: &Path) -> Result<PathBuf, Problem> {
    let (path, data_dir) = (absolute(path)?, data_dir.to_owned());
    in_time(move || {
        let path = real(&path)?;
        let data_dir = data_dir.canonicalize().unwrap_or(data_dir);
        if let Some(reason) = refusal(&path, &data_dir) {
            return Err(Problem::bad_request(reason));
        }
        std::fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(path)
    })
    .await
}

fn absolute(path: &str) -> Result<PathBuf, Problem> {
    let odd = path.len() > PATH_BYTES || path.contains('\0') || !path.starts_with('/');
    if odd {
        return Err(Problem::bad_request(
            "Name a folder of the computer Homereel runs on by its whole path, such as /srv/films.",
        ));
    }
    Ok(PathBuf::from(path))
}

/// Blocks; the folder without links.
fn real(path: &Path) -> Result<PathBuf, Problem> {
    let real = path
        .canonicalize()
        .map_err(|error| unreadable(path, &error))?;
    if real.is_dir() {
        return Ok(real);
    }
    Err(Problem::bad_request(format!(
        "{} is no folder.",
        path.display()
    )))
}

fn read(path: &Path) -> Result<Listing, Problem> {
    let path = real(path)?;
    let entries = std::fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
    let mut folders: Vec<String> = entries
        .take(MAX_LOOKED_AT)
        .flatten()
        // A link is no folder: the watch does not go through links either.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    folders.sort_by_key(|name| name.to_lowercase());
    let more = folders.len() > MAX_FOLDERS;
    folders.truncate(MAX_FOLDERS);
    Ok(Listing {
        path,
        folders,
        more,
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    let path = path.display();
    Problem::bad_request(match error.kind() {
        NotFound => format!("There is no folder {path}."),
        NotADirectory => format!("{path} is no folder."),
        PermissionDenied => format!(
            "Homereel may not look into {path}. Give the user it runs as the right to read it."
        ),
        _ => format!("The folder {path} cannot be read: {error}."),
    })
}

async fn in_time<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let silent = |_| Problem::not_yet("The disk of that folder does not answer.");
    disk::ask(look).await.map_err(silent)?
}

#[cfg(test)]
mod tests {
    use super::{MAX_FOLDERS, list};
    use std::fs;
    use std::os::unix::fs::symlink;

    #[tokio::test]
    async fn folders_are_listed_by_name_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["b", "A", ".hidden"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        fs::write(root.join("film.mkv"), "").unwrap();
        symlink("/etc", root.join("link")).unwrap();
        let listing = list(root.to_str().unwrap()).await.unwrap();
        assert_eq!(listing.folders, ["A", "b"]);
        assert!(!listing.more);
        let around = format!("{}/b/..", root.display());
        assert_eq!(list(&around).await.unwrap().path, root, "one spelling");
        for odd in ["", "relative", "/no/such", "/a\0b", "/etc/passwd"] {
            let problem = list(odd).await.unwrap_err();
            assert_eq!(problem.status(), 400, "{odd:?}");
        }
    }

    #[tokio::test]
    async fn a_huge_folder_is_listed_in_part() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..=MAX_FOLDERS {
            fs::create_dir(folder.path().join(number.to_string())).unwrap();
        }
        let listing = list(folder.path().to_str().unwrap()).await.unwrap();
        assert!(listing.more && listing.folders.len() == MAX_FOLDERS);
    }
}
