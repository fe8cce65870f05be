//! Opening below a folder and never outside of it, whatever names and links say. Blocks.
//!
//! One call of the kernel where there is `openat2`; a walk that opens one name at a time where
//! there is not. Both refuse every link on the way.

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fchmod, fstat, openat, openat2,
    statat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use webdav_handler::fs::FsError;

/// Longest name, in bytes.
const NAME_BYTES: usize = 255;

/// A name in an open folder.
#[derive(Debug)]
pub(crate) struct Place {
    /// The folder, open for as long as this lives.
    pub(crate) folder: OwnedFd,
    /// The name in it.
    pub(crate) name: OsString,
}

/// What lies at a place. Links and devices count as nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    File(Stat),
    Folder(Stat),
}

impl Kind {
    pub(crate) fn stat(&self) -> &Stat {
        match self {
            Self::File(stat) | Self::Folder(stat) => stat,
        }
    }
}

impl Place {
    /// Where `path` is below `root`: its folder is opened, the last name not yet.
    ///
    /// # Errors
    /// `Forbidden` for names that we do not take, `NotFound` if the folder is not there.
    pub(crate) fn below(root: &Path, path: &Path) -> Result<Self, FsError> {
        check(path)?;
        let name = path.file_name().ok_or(FsError::Forbidden)?.to_owned();
        let parent = path.parent().unwrap_or(Path::new(""));
        let folder = open_folder(root, parent)?;
        Ok(Self { folder, name })
    }

    /// What lies there.
    ///
    /// # Errors
    /// `NotFound` also for what is no file and no folder.
    pub(crate) fn look(&self) -> Result<Kind, FsError> {
        let stat = self.stat()?.ok_or(FsError::NotFound)?;
        kind(stat).ok_or(FsError::NotFound)
    }

    /// What the kernel says of it; `None` if nothing is there.
    pub(crate) fn stat(&self) -> Result<Option<Stat>, FsError> {
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    /// Something lies there that is neither file nor folder.
    pub(crate) fn is_special(&self) -> Result<bool, FsError> {
        Ok(self.stat()?.is_some_and(|stat| kind(stat).is_none()))
    }

    /// Opens it; never through a link, never waiting for the other end of a pipe.
    pub(crate) fn open(&self, flags: OFlags, mode: Mode) -> Result<File, FsError> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&self.folder, &self.name, flags, mode);
        opened.map(File::from).map_err(refusal)
    }

    /// Whoever may read and write in the folder may do so with this file, whatever our umask: it
    /// is the owner's folder.
    pub(crate) fn give_mode_of_folder(&self, file: &File) {
        self.give_mode(file, 0o666);
    }

    /// The same for a folder that was just made there, with the group that it hands down.
    pub(crate) fn take_mode_of_folder(&self) {
        if let Ok(made) = self.open(folder_flags(), Mode::empty()) {
            self.give_mode(&made, 0o2777);
        }
    }

    /// Some file systems have one mode for all; then that is it.
    fn give_mode(&self, made: &File, most: u32) {
        if let Ok(folder) = fstat(&self.folder) {
            let mode = |bits: u32| Mode::from_raw_mode(folder.st_mode & most & bits);
            // A service that may not hand a group down shares with its own.
            let _ = fchmod(made, mode(0o7777)).or_else(|_| fchmod(made, mode(0o777)));
        }
    }
}

/// Removes what is called so in a folder, and all that is in it. Links go, not what they lead to.
pub(crate) fn remove_all(folder: impl AsFd, name: &OsStr) -> Result<(), FsError> {
    let folder = folder.as_fd();
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // PERM is what POSIX has for folders.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(refusal(error)),
    }
    let flags = folder_flags() | OFlags::NOFOLLOW;
    let inner = openat(folder, name, flags, Mode::empty()).map_err(refusal)?;
    for found in Dir::read_from(&inner).map_err(refusal)? {
        let found = found.map_err(refusal)?;
        let name = found.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            remove_all(&inner, OsStr::from_bytes(name))?;
        }
    }
    unlinkat(folder, name, AtFlags::REMOVEDIR).map_err(refusal)
}

/// Opens a folder below `root`.
pub(crate) fn open_folder(root: &Path, path: &Path) -> Result<OwnedFd, FsError> {
    check(path)?;
    // The owner may have named the folder through links; nobody else names it.
    let root = rustix::fs::open(root, folder_flags(), Mode::empty()).map_err(refusal)?;
    if path.as_os_str().is_empty() {
        return Ok(root);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&root, path, folder_flags(), Mode::empty(), resolve) {
        Ok(folder) => Ok(folder),
        // Linux before 5.6, or a container that forbids the call.
        Err(Errno::NOSYS | Errno::PERM) => walk(root, path),
        Err(error) => Err(refusal(error)),
    }
}

fn walk(root: OwnedFd, path: &Path) -> Result<OwnedFd, FsError> {
    let mut folder = root;
    for name in path.iter() {
        let flags = folder_flags() | OFlags::NOFOLLOW;
        folder = openat(folder.as_fd(), name, flags, Mode::empty()).map_err(refusal)?;
    }
    Ok(folder)
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

/// What a file or a folder is; `None` for everything else.
pub(crate) fn kind(stat: Stat) -> Option<Kind> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Some(Kind::File(stat)),
        FileType::Directory => Some(Kind::Folder(stat)),
        _ => None,
    }
}

/// Names that people can read and that stay where they are.
fn check(path: &Path) -> Result<(), FsError> {
    let is_fine = path.components().all(|component| match component {
        Component::Normal(name) => is_fine(name),
        _ => false,
    });
    if is_fine {
        Ok(())
    } else {
        Err(FsError::Forbidden)
    }
}

fn is_fine(name: &OsStr) -> bool {
    let text = name.to_str();
    name.len() <= NAME_BYTES && text.is_some_and(|text| !text.chars().any(char::is_control))
}

/// What a client hears of a failure.
pub(crate) fn refusal(error: Errno) -> FsError {
    match error {
        Errno::NOENT | Errno::NOTDIR => FsError::NotFound,
        Errno::EXIST | Errno::NOTEMPTY => FsError::Exists,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => FsError::InsufficientStorage,
        Errno::NAMETOOLONG => FsError::PathTooLong,
        // A link on the way, or a place outside: to a client it is not there.
        Errno::LOOP => FsError::NotFound,
        Errno::XDEV | Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::ISDIR | Errno::INVAL => {
            FsError::Forbidden
        }
        _ => FsError::GeneralFailure,
    }
}

/// The same for errors of the standard library.
pub(crate) fn io_refusal(error: &io::Error) -> FsError {
    Errno::from_io_error(error).map_or(FsError::GeneralFailure, refusal)
}

#[cfg(test)]
mod tests {
    use super::{Place, open_folder};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use webdav_handler::fs::FsError;

    #[test]
    fn nothing_is_reached_outside_or_through_a_link() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("Drop");
        fs::create_dir_all(root.join("films")).unwrap();
        fs::create_dir(home.path().join("secret")).unwrap();
        fs::write(root.join("films/a.mp4"), "film").unwrap();
        symlink(home.path().join("secret"), root.join("link")).unwrap();
        symlink("/etc/passwd", root.join("passwd.mp4")).unwrap();
        let look = |path: &str| Place::below(&root, Path::new(path))?.look().map(drop);
        assert_eq!(look("films/a.mp4"), Ok(()));
        assert_eq!(look("passwd.mp4"), Err(FsError::NotFound), "a link");
        for path in ["link/x", "films/a.mp4/x", "none/x"] {
            assert_eq!(look(path), Err(FsError::NotFound), "{path}");
        }
        for path in ["../secret", "films/../../secret", "/etc/passwd", "a\nb", ""] {
            assert_eq!(look(path), Err(FsError::Forbidden), "{path:?}");
        }
        assert!(open_folder(&root, Path::new("films")).is_ok());
        assert!(open_folder(&root, Path::new("link")).is_err());
    }
}
