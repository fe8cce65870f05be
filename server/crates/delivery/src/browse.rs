//! Folders of this machine, for an admin who looks for one to watch. Names and nothing else: what
//! lies in a folder besides folders is nobody's business here.

use std::path::{Path, PathBuf};

use model::error::{Error, ErrorKind};

use crate::disk;
use crate::folders::refusal;
use crate::problem::Problem;

/// More are too many to choose from; typing the path helps.
const MAX_FOLDERS: usize = 500;
/// Places that are offered to begin at.
const MAX_PLACES: usize = 8;
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

/// Where people keep films, as far as it is there: their home, disks that are plugged in, `/srv`.
/// The first is a sensible place to begin; there is always one.
///
/// # Errors
/// 503 if a disk does not answer.
pub(crate) async fn places(data_dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let data_dir = data_dir.to_owned();
    in_time(move || {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let likely = std::env::home_dir().into_iter().chain(disks(&mounts));
        let likely = likely.chain([PathBuf::from("/srv")]);
        Ok(usable(likely, &data_dir))
    })
    .await
}

/// Those that are there, each once, without our own; the root if there are none.
fn usable(likely: impl Iterator<Item = PathBuf>, data_dir: &Path) -> Vec<PathBuf> {
    let data_dir = data_dir
        .canonicalize()
        .unwrap_or_else(|_| data_dir.to_owned());
    let mut places: Vec<PathBuf> = Vec::new();
    for place in likely.filter_map(|path| path.canonicalize().ok()) {
        let ours = place.starts_with(&data_dir) || place == Path::new("/");
        if !ours && !places.contains(&place) && std::fs::read_dir(&place).is_ok() {
            places.push(place);
        }
    }
    if places.is_empty() {
        places.push(PathBuf::from("/"));
    }
    places.truncate(MAX_PLACES);
    places
}

/// Disks that are mounted where systems put those of people. The kernel writes a blank in a name
/// as `\040`.
fn disks(mounts: &str) -> impl Iterator<Item = PathBuf> {
    const WHERE: [&str; 3] = ["/media/", "/mnt", "/run/media/"];
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|path| path.replace("\\040", " "))
        .filter(|path| WHERE.iter().any(|place| path.starts_with(place)))
        .map(PathBuf::from)
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
    use super::{MAX_FOLDERS, disks, list, usable};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

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

    #[test]
    fn disks_of_people_are_places_to_begin_at() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\n\
                      /dev/sdb1 /media/ada/Old\\040films ext4 rw 0 0\n\
                      /dev/sdc1 /mnt/nas nfs rw 0 0\n\
                      proc /proc proc rw 0 0\nodd";
        let found: Vec<PathBuf> = disks(mounts).collect();
        assert_eq!(
            found,
            [Path::new("/media/ada/Old films"), Path::new("/mnt/nas")]
        );
    }

    #[test]
    fn what_is_not_there_and_what_is_ours_is_no_place_to_begin_at() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["films", "data"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let likely = ["films", "none", "data", "films"].map(|name| root.join(name));
        let places = usable(likely.into_iter(), &root.join("data"));
        assert_eq!(places, [root.join("films")]);
        assert_eq!(
            usable(std::iter::empty(), &root),
            [Path::new("/")],
            "there is always one"
        );
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
