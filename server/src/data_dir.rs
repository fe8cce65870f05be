//! The data folder: its layout, and the lock that keeps a second server out.
//!
//! ```text
//! lock  endpoint.json  setup-token  homereel.db  buckets  spare-room  store/  store.spared  scratch/
//! shelf/  spool/  uploads/  originals/
//! ```
//!
//! What does not belong here: what is in the files.

use model::error::{Error, ErrorKind, Result, kind_of_io};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::endpoint::Endpoint;

/// A data folder that is ours alone as long as this value lives.
#[derive(Debug)]
pub struct DataDir {
    paths: Paths,
    _lock: File,
}

/// Where things are in a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    root: PathBuf,
}

impl Paths {
    /// The layout under `root`.
    pub fn under(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The data folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The catalog's file.
    pub fn catalog(&self) -> PathBuf {
        self.root.join("homereel.db")
    }

    /// Finished segments, for the local store.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Says that the store holds what a library left whose catalog is gone.
    pub fn spared(&self) -> PathBuf {
        self.root.join("store.spared")
    }

    /// Room for rows when the disk is full.
    pub fn ballast(&self) -> PathBuf {
        self.root.join("spare-room")
    }

    /// Which buckets are marked as ours.
    pub fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    /// Encoded pieces that wait for a bucket that is away.
    pub fn shelf(&self) -> PathBuf {
        self.root.join("shelf")
    }

    /// What workers write; emptied at start.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// The secret that makes somebody the owner; there until somebody is.
    pub fn setup_token(&self) -> PathBuf {
        self.root.join("setup-token")
    }

    /// Files on their way in over HTTP.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// Files that came in over HTTP, complete; never touched again.
    pub fn originals(&self) -> PathBuf {
        self.root.join("originals")
    }

    /// Requests of `homereel ingest`.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }
}

impl DataDir {
    /// Makes the folder and its parts if need be, only for its owner, and locks it. Blocks, but
    /// never waits for another server.
    ///
    /// # Errors
    /// `Conflict` if another server holds the lock; the sentence says which and where. Otherwise
    /// as the file system has it.
    pub fn open(root: &Path) -> Result<Self> {
        make_folder(root)?;
        // Whoever opens files without following links must be able to reach ours.
        let real = root.canonicalize();
        let real = real.map_err(|error| failed("finding the folder", root, error))?;
        let paths = Paths::under(&real);
        let lock = lock(&paths)?;
        for part in [paths.store(), paths.scratch(), paths.shelf(), paths.spool()] {
            make_folder(&part)?;
        }
        Ok(Self { paths, _lock: lock })
    }

    /// Where things are.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }
}

/// Whether a server holds the lock at this moment. Blocks for an instant.
///
/// # Errors
/// As the file system has it; a folder without a lock is in nobody's use.
pub fn is_in_use(paths: &Paths) -> Result<bool> {
    let file = match File::open(paths.lock()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("opening", &paths.lock(), error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(failed("locking", &paths.lock(), error)),
    }
}

fn make_folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| failed("making the folder", path, error))
}

/// The kernel frees the lock however the process ends, so a stale file keeps nobody out.
fn lock(paths: &Paths) -> Result<File> {
    let path = paths.lock();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    let mut file = options
        .open(&path)
        .map_err(|error| failed("opening", &path, error))?;
    match take(&file) {
        Ok(()) => {
            note_owner(&mut file).map_err(|error| failed("writing", &path, error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(in_use(paths, &mut file)),
        Err(TryLockError::Error(error)) => Err(failed("locking", &path, error)),
    }
}

/// Tries for a fifth of a second: `homereel check` holds the lock for an instant to see whether
/// it is free, and a server that was just killed may not be quite gone.
fn take(file: &File) -> Result<(), TryLockError> {
    for _ in 0..4 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
            outcome => return outcome,
        }
    }
    file.try_lock()
}

fn note_owner(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(paths: &Paths, lock: &mut File) -> Error {
    let mut owner = String::new();
    // A number of at most twenty digits; whatever else is there does not matter.
    let read = Read::take(&mut *lock, 20).read_to_string(&mut owner);
    let owner: Option<u32> = read.ok().and_then(|_| owner.trim().parse().ok());
    let who = owner.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let at = Endpoint::read(paths.root())
        .filter(|endpoint| Some(endpoint.pid) == owner)
        .map_or_else(String::new, |endpoint| format!(", at {}", endpoint.url));
    Error::new(
        ErrorKind::Conflict,
        format!(
            "Another Homereel{who} already uses the folder {}{at}. Use that one, or choose \
             another folder with --data-dir.",
            paths.root().display()
        ),
    )
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("{what} {}", path.display());
    Error::caused_by(kind_of_io(&error), message, error)
}

#[cfg(test)]
mod tests {
    use super::{DataDir, Paths, is_in_use};
    use delivery::secret::Secret;
    use model::error::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    use crate::endpoint::Endpoint;

    #[test]
    fn the_second_server_is_told_who_has_the_folder_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let first = DataDir::open(&root).unwrap();
        let endpoint = Endpoint::of_this_process(
            "127.0.0.1:4711".parse().unwrap(),
            &Secret::long("").unwrap(),
        );
        endpoint.write(&root).unwrap();
        let refusal = DataDir::open(&root).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Conflict);
        for words in [&std::process::id().to_string(), "http://127.0.0.1:4711"] {
            assert!(refusal.message().contains(words), "{refusal}");
        }
        drop(first);
        assert!(DataDir::open(&root).is_ok(), "a lock ends with its owner");
    }

    #[test]
    fn everything_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/b");
        let data = DataDir::open(&root).unwrap();
        let paths = data.paths();
        for path in [
            paths.root().to_owned(),
            paths.store(),
            paths.scratch(),
            paths.spool(),
        ] {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", path.display());
        }
    }

    #[test]
    fn whether_a_folder_is_in_use_can_be_asked_without_taking_it() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert!(!is_in_use(&paths).unwrap(), "there is not even a lock");
        let data = DataDir::open(folder.path()).unwrap();
        assert!(is_in_use(&paths).unwrap(), "we hold it");
        drop(data);
        assert!(!is_in_use(&paths).unwrap(), "nobody holds it");
    }

    #[test]
    fn a_folder_behind_a_link_is_known_by_its_real_path() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("disk");
        std::fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let data = DataDir::open(&link.join("data")).unwrap();
        assert_eq!(data.paths().originals(), real.join("data/originals"));
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = DataDir::open(&file).unwrap_err();
        assert!(error.message().contains("/file"), "{error}");
    }
}
