//! The watched folders as a file system for the protocol's library: every name opened beneath its
//! folder, links invisible, files written aside and put in place whole.

use futures::{FutureExt, stream};
use http::StatusCode;
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, statvfs, unlinkat};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use webdav_handler::davpath::DavPath;
use webdav_handler::fs::{
    DavDirEntry, DavFile, DavFileSystem, DavMetaData, DavProp, FsError, FsFuture, FsResult,
    FsStream, OpenOptions, ReadDirMeta,
};

use crate::webdav::beneath::{Kind, Place, io_refusal, open_folder, refusal};
use crate::webdav::list::list;
use crate::webdav::metadata::{Entry, Metadata};
use crate::webdav::props::Props;
use crate::webdav::replacing::{Replacing, take_place};
use crate::webdav::roots::{Meant, Roots};
use crate::webdav::staged::{HIDDEN, Reading, Staged};
use crate::webdav::{Deliver, asked};

/// The folders, as one person sees them. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct GuardedFiles {
    pub(crate) roots: Arc<RwLock<Roots>>,
    pub(crate) props: Props,
    pub(crate) reserve_bytes: u64,
    pub(crate) deliver: Deliver,
    /// What a MOVE or a COPY goes to.
    pub(crate) replacing: Option<Arc<Replacing>>,
}

/// Something that may be changed.
struct Changeable {
    root: PathBuf,
    /// Where it is below the root.
    path: PathBuf,
    /// The whole path as clients know it.
    known_as: PathBuf,
}

impl GuardedFiles {
    fn roots(&self) -> Roots {
        let roots = self.roots.read();
        roots.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn changeable(&self, path: &DavPath) -> FsResult<Changeable> {
        let path = path.as_rel_ospath();
        check_is_seen(path)?;
        let (root, path) = self.roots().changeable(path)?;
        let known_as = root.join(&path);
        let path = match &self.replacing {
            Some(replacing) => replacing.path_for(&root, path),
            None => path,
        };
        Ok(Changeable {
            root,
            path,
            known_as,
        })
    }

    /// What the request goes to, if this is it.
    fn replaced(&self, root: &Path, path: &Path) -> Option<Arc<Replacing>> {
        let replacing = self.replacing.as_ref();
        replacing.filter(|it| it.is(root, path)).cloned()
    }

    fn meant(&self, path: &DavPath) -> FsResult<Meant> {
        let path = path.as_rel_ospath();
        check_is_seen(path)?;
        self.roots().meant(path)
    }

    async fn open_for(&self, path: &DavPath, options: OpenOptions) -> FsResult<Box<dyn DavFile>> {
        if !options.write {
            return self.read(path).await;
        }
        if options.append || !(options.create || options.truncate) {
            return Err(FsError::NotImplemented);
        }
        let Changeable {
            root,
            path,
            known_as,
        } = self.changeable(path)?;
        let (reserve_bytes, deliver) = (self.reserve_bytes, self.deliver.clone());
        asked(move || {
            let place = Place::below(&root, &path)?;
            check_may_replace(&place, &options)?;
            if !options.truncate {
                // A lock on a name that is not there yet makes an empty file (RFC 4918 §7.3).
                return make_empty(&place);
            }
            let size = options.size;
            let staged = Staged::begin(place, known_as, root, size, reserve_bytes, deliver)?;
            Ok(Box::new(staged) as Box<dyn DavFile>)
        })
        .await
    }

    async fn read(&self, path: &DavPath) -> FsResult<Box<dyn DavFile>> {
        let Meant::Inside { root, path } = self.meant(path)? else {
            return Err(FsError::Forbidden);
        };
        asked(move || {
            let file = open_regular(&root, &path)?;
            Ok(Box::new(Reading::new(file)) as Box<dyn DavFile>)
        })
        .await
    }

    async fn look(&self, path: &DavPath) -> FsResult<Metadata> {
        match self.meant(path)? {
            Meant::Top => Ok(Metadata::of_top()),
            Meant::Inside { root, path } => asked(move || look_at(&root, &path)).await,
        }
    }

    async fn entries(&self, path: &DavPath) -> FsResult<Vec<Entry>> {
        match self.meant(path)? {
            // It is about to be removed as a whole; the library would empty it first.
            Meant::Inside { root, path } if self.replaced(&root, &path).is_some() => Ok(Vec::new()),
            Meant::Inside { root, path } => {
                asked(move || list(open_folder(&root, &path)?.as_fd())).await
            }
            Meant::Top => {
                let roots = self.roots();
                asked(move || Ok(top(&roots))).await
            }
        }
    }

    async fn make_folder(&self, path: &DavPath) -> FsResult<()> {
        let Changeable { root, path, .. } = self.changeable(path)?;
        let replaced = self.replaced(&root, &path);
        asked(move || {
            if let Some(replacing) = replaced
                && replacing.make_folder()?
            {
                return Ok(());
            }
            let place = Place::below(&root, &path)?;
            mkdirat(&place.folder, &place.name, Mode::RWXU).map_err(refusal)?;
            place.take_mode_of_folder();
            Ok(())
        })
        .await
    }

    async fn remove(&self, path: &DavPath, is_folder: bool) -> FsResult<()> {
        let Changeable {
            root,
            path,
            known_as,
        } = self.changeable(path)?;
        let replaced = self.replaced(&root, &path);
        asked(move || {
            let place = Place::below(&root, &path)?;
            // What nobody sees cannot be removed by its name either.
            place.look()?;
            if let Some(replacing) = replaced {
                replacing.clear();
                return Ok(());
            }
            let flags = if is_folder {
                AtFlags::REMOVEDIR
            } else {
                AtFlags::empty()
            };
            unlinkat(&place.folder, &place.name, flags).map_err(refusal)
        })
        .await?;
        self.props.removed(&known_as);
        Ok(())
    }

    async fn move_to(&self, from: &DavPath, to: &DavPath) -> FsResult<()> {
        let (old, new) = (self.changeable(from)?, self.changeable(to)?);
        asked(move || {
            let source = Place::below(&old.root, &old.path)?;
            source.look()?;
            let target = Place::below(&new.root, &new.path)?;
            if target.is_special()? {
                return Err(FsError::Forbidden);
            }
            take_place(&source, &target)?;
            Ok((old.known_as, new.known_as))
        })
        .await
        .map(|(old, new)| self.props.moved(&old, &new))
    }

    async fn copy_to(&self, from: &DavPath, to: &DavPath) -> FsResult<()> {
        let Meant::Inside { root, path } = self.meant(from)? else {
            return Err(FsError::Forbidden);
        };
        let target = self.changeable(to)?;
        let (old, new) = (root.join(&path), target.known_as.clone());
        let (reserve_bytes, deliver) = (self.reserve_bytes, self.deliver.clone());
        let mut staged = asked(move || {
            let source = open_regular(&root, &path)?;
            let size = source.metadata().map_err(|error| io_refusal(&error))?.len();
            let place = Place::below(&target.root, &target.path)?;
            if place.is_special()? {
                return Err(FsError::Forbidden);
            }
            let mut staged = Staged::begin(
                place,
                target.known_as,
                target.root,
                Some(size),
                reserve_bytes,
                deliver,
            )?;
            staged.copy_from(source)?;
            Ok(staged)
        })
        .await?;
        DavFile::flush(&mut staged).await?;
        self.props.copied(&old, &new);
        Ok(())
    }

    /// Where the properties of something are kept.
    fn key(&self, path: &DavPath) -> PathBuf {
        match self.meant(path) {
            Ok(Meant::Inside { root, path }) => root.join(path),
            _ => PathBuf::from("/"),
        }
    }
}

/// Files on their way are nobody's business.
fn check_is_seen(path: &Path) -> FsResult<()> {
    let hidden = |name: &std::ffi::OsStr| name.as_bytes().starts_with(HIDDEN.as_bytes());
    if path.iter().any(hidden) {
        return Err(FsError::Forbidden);
    }
    Ok(())
}

fn check_may_replace(place: &Place, options: &OpenOptions) -> FsResult<()> {
    if place.is_special()? {
        return Err(FsError::Forbidden);
    }
    match place.look() {
        Ok(Kind::Folder(_)) => Err(FsError::Exists),
        Ok(Kind::File(_)) if options.create_new => Err(FsError::Exists),
        Ok(Kind::File(_)) => Ok(()),
        Err(FsError::NotFound) if options.create => Ok(()),
        Err(error) => Err(error),
    }
}

fn make_empty(place: &Place) -> FsResult<Box<dyn DavFile>> {
    let file = place.open(OFlags::RDONLY | OFlags::CREATE, Mode::RUSR | Mode::WUSR)?;
    place.give_mode_of_folder(&file);
    Ok(Box::new(Reading::new(file)))
}

fn open_regular(root: &Path, path: &Path) -> FsResult<File> {
    let file = Place::below(root, path)?.open(OFlags::RDONLY, Mode::empty())?;
    let metadata = file
        .metadata()
        .map_err(|error: io::Error| io_refusal(&error))?;
    if metadata.is_file() {
        Ok(file)
    } else {
        Err(FsError::Forbidden)
    }
}

fn look_at(root: &Path, path: &Path) -> FsResult<Metadata> {
    if !path.as_os_str().is_empty() {
        return Ok(Metadata::of(&Place::below(root, path)?.look()?));
    }
    let folder = File::from(open_folder(root, path)?);
    let metadata = folder.metadata().map_err(|error| io_refusal(&error))?;
    Ok(Metadata::of_std(&metadata))
}

/// The folders that are there at present.
fn top(roots: &Roots) -> Vec<Entry> {
    let folders = roots.folders().iter();
    let there = folders.filter_map(|(name, root)| {
        let metadata = look_at(root, Path::new("")).ok()?;
        Some(Entry {
            name: name.as_bytes().to_owned(),
            metadata,
        })
    });
    there.collect()
}

impl DavFileSystem for GuardedFiles {
    fn open<'a>(
        &'a self,
        path: &'a DavPath,
        options: OpenOptions,
    ) -> FsFuture<'a, Box<dyn DavFile>> {
        self.open_for(path, options).boxed()
    }

    fn read_dir<'a>(
        &'a self,
        path: &'a DavPath,
        _meta: ReadDirMeta,
    ) -> FsFuture<'a, FsStream<Box<dyn DavDirEntry>>> {
        async move {
            let entries = self.entries(path).await?;
            let entries = entries
                .into_iter()
                .map(|entry| Ok(Box::new(entry) as Box<dyn DavDirEntry>));
            let entries: FsStream<Box<dyn DavDirEntry>> = Box::pin(stream::iter(entries));
            Ok(entries)
        }
        .boxed()
    }

    fn metadata<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, Box<dyn DavMetaData>> {
        async move {
            let metadata: Box<dyn DavMetaData> = Box::new(self.look(path).await?);
            Ok(metadata)
        }
        .boxed()
    }

    fn create_dir<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, ()> {
        self.make_folder(path).boxed()
    }

    fn remove_dir<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, ()> {
        self.remove(path, true).boxed()
    }

    fn remove_file<'a>(&'a self, path: &'a DavPath) -> FsFuture<'a, ()> {
        self.remove(path, false).boxed()
    }

    fn rename<'a>(&'a self, from: &'a DavPath, to: &'a DavPath) -> FsFuture<'a, ()> {
        self.move_to(from, to).boxed()
    }

    fn copy<'a>(&'a self, from: &'a DavPath, to: &'a DavPath) -> FsFuture<'a, ()> {
        self.copy_to(from, to).boxed()
    }

    fn have_props<'a>(
        &'a self,
        _path: &'a DavPath,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        std::future::ready(true).boxed()
    }

    fn patch_props<'a>(
        &'a self,
        path: &'a DavPath,
        patch: Vec<(bool, DavProp)>,
    ) -> FsFuture<'a, Vec<(StatusCode, DavProp)>> {
        let key = self.key(path);
        let outcomes = patch.into_iter().map(|(is_set, prop)| {
            let bare = DavProp {
                xml: None,
                ..prop.clone()
            };
            if !is_set {
                self.props.unset(&key, &prop);
                return (StatusCode::OK, bare);
            }
            if self.props.set(&key, prop) {
                (StatusCode::OK, bare)
            } else {
                (StatusCode::INSUFFICIENT_STORAGE, bare)
            }
        });
        std::future::ready(Ok(outcomes.collect())).boxed()
    }

    fn get_props<'a>(&'a self, path: &'a DavPath, do_content: bool) -> FsFuture<'a, Vec<DavProp>> {
        let props = self.props.all(&self.key(path), do_content);
        std::future::ready(Ok(props)).boxed()
    }

    fn get_prop<'a>(&'a self, path: &'a DavPath, prop: DavProp) -> FsFuture<'a, Vec<u8>> {
        let value = self.props.one(&self.key(path), &prop);
        std::future::ready(value.ok_or(FsError::NotFound)).boxed()
    }

    fn get_quota(&'_ self) -> FsFuture<'_, (u64, Option<u64>)> {
        let roots = self.roots();
        asked(move || {
            let (_, root) = roots.folders().first().ok_or(FsError::NotFound)?;
            let volume = statvfs(root).map_err(refusal)?;
            let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
            let used_bytes = bytes(volume.f_blocks.saturating_sub(volume.f_bfree));
            Ok((
                used_bytes,
                Some(used_bytes.saturating_add(bytes(volume.f_bavail))),
            ))
        })
        .boxed()
    }
}
