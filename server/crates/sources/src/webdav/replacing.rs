//! What a MOVE or a COPY puts something in the place of. Blocks.
//!
//! The library removes what is at the destination and then moves or copies, so that what fails
//! in between costs the film that was there. Here nothing goes before what replaces it is whole:
//! the library's removal of the destination does nothing, and what comes takes its place at once.
//! What does not belong here: locks and conditions, which the library has checked by then.

use http::{HeaderMap, StatusCode};
use rustix::fs::{Mode, RenameFlags, fsync, mkdirat, renameat, renameat_with, stat};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use webdav_handler::fs::{FsError, FsResult};

use crate::webdav::beneath::{Kind, Place, refusal, remove_all};
use crate::webdav::roots::{Meant, Roots};
use crate::webdav::staged::{aside_name, hidden_name};

/// The destination of one request.
#[derive(Debug)]
pub(crate) struct Replacing {
    root: PathBuf,
    path: PathBuf,
    /// The library has removed it, as far as it knows.
    is_cleared: AtomicBool,
    /// A folder that is being copied in its place, beside it.
    staged: Mutex<Option<StagedFolder>>,
}

/// A folder on its way. Dropped before its time, it goes.
#[derive(Debug)]
struct StagedFolder {
    place: Arc<Place>,
    target: Place,
}

impl Replacing {
    /// Looks whether what is at `from` may go to `to`.
    ///
    /// # Errors
    /// `FORBIDDEN` if one of them is the other or lies in it; `PRECONDITION_FAILED` for a folder
    /// that is there already, unless the client says itself that it is to be replaced: most have
    /// only left out the name of the file.
    pub(crate) fn prepare(
        roots: &Roots,
        from: &Path,
        to: &Path,
        headers: &HeaderMap,
    ) -> Result<Self, StatusCode> {
        let forbidden = |_| StatusCode::FORBIDDEN;
        let (root, path) = roots.changeable(to).map_err(forbidden)?;
        if let Ok(Meant::Inside {
            root: from_root,
            path: from,
        }) = roots.meant(from)
        {
            check_apart(&lineage(&from_root, &from), &lineage(&root, &path))?;
        }
        let there = Place::below(&root, &path).and_then(|place| place.look());
        if matches!(there, Ok(Kind::Folder(_))) && !headers.contains_key("overwrite") {
            return Err(StatusCode::PRECONDITION_FAILED);
        }
        Ok(Self {
            root,
            path,
            is_cleared: AtomicBool::new(false),
            staged: Mutex::default(),
        })
    }

    /// Whether this is the destination.
    pub(crate) fn is(&self, root: &Path, path: &Path) -> bool {
        self.root == root && self.path == path
    }

    /// The library has removed the destination, as far as it knows.
    pub(crate) fn clear(&self) {
        self.is_cleared.store(true, Ordering::Relaxed);
    }

    /// Makes the folder that takes the destination's place in the end; false if the destination
    /// is not to be replaced.
    pub(crate) fn make_folder(&self) -> FsResult<bool> {
        if !self.is_cleared.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let target = Place::below(&self.root, &self.path)?;
        let place = Place::below(&self.root, &self.path.with_file_name(hidden_name()))?;
        mkdirat(&place.folder, &place.name, Mode::RWXU).map_err(refusal)?;
        let folder = StagedFolder {
            place: Arc::new(place),
            target,
        };
        folder.place.take_mode_of_folder();
        *self.staged() = Some(folder);
        Ok(true)
    }

    /// Where to write what the client will find at `path`.
    pub(crate) fn path_for(&self, root: &Path, path: PathBuf) -> PathBuf {
        let staged = self.staged();
        let Some(folder) = staged.as_ref().filter(|_| self.root == root) else {
            return path;
        };
        match path.strip_prefix(&self.path) {
            Ok(rest) => self.path.with_file_name(&folder.place.name).join(rest),
            Err(_) => path,
        }
    }

    /// Everything was copied: a folder that was made takes the destination's place.
    pub(crate) fn finish(&self) -> FsResult<()> {
        match self.staged().take() {
            Some(folder) => take_place(&folder.place, &folder.target),
            None => Ok(()),
        }
    }

    fn staged(&self) -> MutexGuard<'_, Option<StagedFolder>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StagedFolder {
    fn drop(&mut self) {
        let place = Arc::clone(&self.place);
        let remove = move || {
            // Failing that, a listing removes it one day.
            let _ = remove_all(&place.folder, &place.name);
        };
        // A tree may be large, and whoever drops a request must not wait for its disk.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// What lies at `source` is from now on at `target`; what was there goes after that. Whatever
/// fails, and whenever the power goes off, both are still there.
pub(crate) fn take_place(source: &Place, target: &Place) -> FsResult<()> {
    match (source.look()?, target.look()) {
        (Kind::File(_), Ok(Kind::File(_)) | Err(FsError::NotFound))
        | (Kind::Folder(_), Err(FsError::NotFound)) => rename(source, target)?,
        (_, Ok(_)) => exchange(source, target)?,
        (_, Err(error)) => return Err(error),
    }
    for folder in [&target.folder, &source.folder] {
        fsync(folder).map_err(refusal)?;
    }
    Ok(())
}

fn rename(source: &Place, target: &Place) -> FsResult<()> {
    renameat(&source.folder, &source.name, &target.folder, &target.name).map_err(refusal)
}

/// A rename replaces a file or an empty folder, nothing else.
fn exchange(source: &Place, target: &Place) -> FsResult<()> {
    let flags = RenameFlags::EXCHANGE;
    let (folder, name) = (&target.folder, &target.name);
    match renameat_with(&source.folder, &source.name, folder, name, flags) {
        Ok(()) => remove_all(&source.folder, &source.name),
        // File systems on a network seldom can.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => set_aside(source, target),
        Err(error) => Err(refusal(error)),
    }
}

fn set_aside(source: &Place, target: &Place) -> FsResult<()> {
    let (folder, aside) = (&target.folder, aside_name());
    renameat(folder, &target.name, folder, &aside).map_err(refusal)?;
    if let Err(error) = rename(source, target) {
        renameat(folder, &aside, folder, &target.name).map_err(refusal)?;
        return Err(error);
    }
    remove_all(folder, aside.as_ref())
}

/// A file or a folder as the kernel knows it, whatever it is called.
type Identity = (u64, u64);

/// What is at a path, and every folder above it; the first is `None` if nothing is there.
fn lineage(root: &Path, path: &Path) -> Vec<Option<Identity>> {
    let Ok(root) = root.canonicalize() else {
        return Vec::new();
    };
    let whole = root.join(path);
    let known = |path: &Path| {
        let stat = stat(path).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    whole.ancestors().map(known).collect()
}

fn check_apart(from: &[Option<Identity>], to: &[Option<Identity>]) -> Result<(), StatusCode> {
    let lies_in = |inner: &[Option<Identity>], outer: &[Option<Identity>]| {
        let outer = outer.first().copied().flatten();
        outer.is_some() && inner.contains(&outer)
    };
    if lies_in(from, to) || lies_in(to, from) {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(())
}
