//! The watched folders over WebDAV: the protocol is a library's, the files and their limits are
//! ours.
//!
//! A request passes the `gate`, then the library, then [`files::GuardedFiles`]. What was written
//! whole is reported to ingest with its sender as owner; the watch would find it anyway. What does
//! not belong here: who may come in.

mod beneath;
mod files;
mod gate;
mod list;
mod locks;
mod metadata;
mod props;
mod replacing;
mod roots;
mod staged;
#[cfg(test)]
mod stories;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use ingest::IngestHandle;
use model::arrival::Door;
use model::id::UserId;
use model::upload::Details;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use webdav_handler::DavHandler;
use webdav_handler::davpath::DavPath;
use webdav_handler::fs::FsError;

use crate::watch::names::is_passed_over_below;
use crate::webdav::files::GuardedFiles;
use crate::webdav::locks::Locks;
use crate::webdav::props::Props;
use crate::webdav::replacing::Replacing;
use crate::webdav::roots::Roots;

/// Where the folders are in URLs.
const PREFIX: &str = "/dav";
/// Longest body that is not a file.
const XML_BYTES: usize = 64 * 1024;

/// Bytes as they come or go.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The folders over WebDAV. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Webdav {
    roots: Arc<RwLock<Roots>>,
    props: Props,
    locks: Locks,
    ingest: IngestHandle,
    reserve_bytes: u64,
}

impl Webdav {
    /// `folders` over WebDAV; `reserve_bytes` of their disks stay free.
    pub fn new(folders: Vec<PathBuf>, ingest: IngestHandle, reserve_bytes: u64) -> Self {
        Self {
            roots: Arc::new(RwLock::new(Roots::new(folders))),
            props: Props::default(),
            locks: Locks::default(),
            ingest,
            reserve_bytes,
        }
    }

    /// Other folders from now on.
    pub fn set_folders(&self, folders: Vec<PathBuf>) {
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        *roots = Roots::new(folders);
    }

    /// Answers a request of `person`, who may read and write everything here.
    pub async fn answer(
        &self,
        person: UserId,
        request: Request<ByteStream>,
    ) -> Response<ByteStream> {
        match self.try_answer(person, request).await {
            Ok(response) => response,
            Err(status) => {
                let mut response = Response::new(empty());
                *response.status_mut() = status;
                response
            }
        }
    }

    async fn try_answer(
        &self,
        person: UserId,
        request: Request<ByteStream>,
    ) -> Result<Response<ByteStream>, StatusCode> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let method = parts.method.clone();
        gate::check(&method, &mut parts.headers)?;
        let replacing = self.check_folders_stay(&method, &path, &parts.headers)?;
        let replacing = match replacing {
            Some((from, to)) => Some(self.replacing(from, to, &parts.headers).await?),
            None => None,
        };
        self.locks.end_old().await;
        if method.as_str() == "LOCK" {
            self.locks.admit(person, &mut parts.headers)?;
        }
        let body = if method == Method::PUT {
            body
        } else {
            small(body).await?
        };
        let asked = parts.headers.clone();
        let request = Request::from_parts(parts, Payload(body));
        let handler = self.handler(person, replacing.clone());
        let response = handler.handle(request).await;
        if response.status().is_success() && response.status() != StatusCode::MULTI_STATUS {
            finish(replacing).await?;
        }
        self.note_locks(person, &method, &path, &asked, &response);
        // The library's stream panics when it is asked again after its end, as compression does.
        Ok(uncached(response.map(|body| body.fuse().boxed())))
    }

    /// A watched folder itself is never removed, moved or replaced. The library would first empty
    /// it and then find that it may not. Answers what is to be moved or copied, and where to.
    fn check_folders_stay(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<(PathBuf, PathBuf)>, StatusCode> {
        let is_copy = method.as_str() == "COPY";
        let is_transfer = is_copy || method.as_str() == "MOVE";
        if !is_transfer && method != Method::DELETE {
            return Ok(None);
        }
        let path = below_prefix(path)?;
        let to = match gate::destination(headers).filter(|_| is_transfer) {
            Some(to) => Some(below_prefix(&to)?),
            None => None,
        };
        let roots = self.roots.read().unwrap_or_else(PoisonError::into_inner);
        let changed = (!is_copy).then_some(&path).into_iter().chain(&to);
        for changed in changed {
            if roots.changeable(changed).is_err() {
                return Err(StatusCode::FORBIDDEN);
            }
        }
        Ok(to.map(|to| (path, to)))
    }

    async fn replacing(
        &self,
        from: PathBuf,
        to: PathBuf,
        headers: &HeaderMap,
    ) -> Result<Arc<Replacing>, StatusCode> {
        let (roots, headers) = (Arc::clone(&self.roots), headers.clone());
        let prepared = asked(move || {
            let roots = roots.read().unwrap_or_else(PoisonError::into_inner).clone();
            Ok(Replacing::prepare(&roots, &from, &to, &headers))
        });
        let prepared = prepared.await;
        let prepared = prepared.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        prepared.map(Arc::new)
    }

    fn handler(&self, person: UserId, replacing: Option<Arc<Replacing>>) -> DavHandler {
        let files = GuardedFiles {
            roots: Arc::clone(&self.roots),
            props: self.props.clone(),
            reserve_bytes: self.reserve_bytes,
            deliver: Deliver {
                ingest: self.ingest.clone(),
                roots: Arc::clone(&self.roots),
                person,
            },
            replacing,
        };
        DavHandler::builder()
            .strip_prefix(PREFIX)
            .filesystem(Box::new(files))
            .locksystem(self.locks.system())
            .principal(person.to_string())
            .read_buf_size(64 * 1024)
            .build_handler()
    }

    fn note_locks<B>(
        &self,
        person: UserId,
        method: &Method,
        path: &str,
        asked: &HeaderMap,
        response: &Response<B>,
    ) {
        match method.as_str() {
            "LOCK" if response.status().is_success() => {
                self.locks.made(person, path, asked, response.headers());
            }
            "UNLOCK" if response.status().is_success() => self.locks.ended(asked),
            _ => {}
        }
    }
}

/// Tells ingest of files that came whole.
#[derive(Clone, Debug)]
pub(crate) struct Deliver {
    ingest: IngestHandle,
    roots: Arc<RwLock<Roots>>,
    person: UserId,
}

impl Deliver {
    /// A file is in its place. Names that the watch passes over are passed over here too.
    pub(crate) async fn tell(&self, path: PathBuf) {
        let is_wanted = {
            let roots = self.roots.read().unwrap_or_else(PoisonError::into_inner);
            let mut folders = roots.folders().iter();
            folders.any(|(_, root)| !is_passed_over_below(root, &path))
        };
        if !is_wanted {
            return;
        }
        let details = Details {
            owner: Some(self.person),
            ..Details::default()
        };
        // The owner may have named the folder through a link, but nothing is opened through one.
        let real = asked(move || Ok(real_path(path))).await;
        let Ok(path) = real else {
            return;
        };
        // The watch finds the file too; only its owner would be unknown.
        if let Err(error) = self.ingest.deliver(path, Door::Webdav, details).await {
            tracing::debug!(%error, "A file from WebDAV is left to the watch.");
        }
    }
}

/// The path below the top, as the library reads it.
fn below_prefix(path: &str) -> Result<PathBuf, StatusCode> {
    let mut path = DavPath::new(path).map_err(|_| StatusCode::BAD_REQUEST)?;
    path.set_prefix(PREFIX)
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(path.as_rel_ospath().to_owned())
}

/// A folder that was copied whole takes its place.
async fn finish(replacing: Option<Arc<Replacing>>) -> Result<(), StatusCode> {
    let Some(replacing) = replacing else {
        return Ok(());
    };
    let finished = asked(move || replacing.finish()).await;
    finished.map_err(|error| match error {
        FsError::InsufficientStorage => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::FORBIDDEN,
    })
}

fn real_path(path: PathBuf) -> PathBuf {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    let real = folder.zip(path.file_name());
    real.map_or_else(|| path.clone(), |(folder, name)| folder.join(name))
}

/// Bodies that are not files are short XML; they are read whole and looked at.
async fn small(mut body: ByteStream) -> Result<ByteStream, StatusCode> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await.map_err(|_| StatusCode::BAD_REQUEST)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > XML_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    if !gate::is_harmless(&bytes) {
        return Err(StatusCode::BAD_REQUEST);
    }
    if bytes.is_empty() {
        return Ok(empty());
    }
    Ok(stream::iter([Ok(Bytes::from(bytes))]).boxed())
}

fn empty() -> ByteStream {
    stream::empty().boxed()
}

/// Clients may not keep what other clients change.
fn uncached(mut response: Response<ByteStream>) -> Response<ByteStream> {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        let never = http::HeaderValue::from_static("no-cache");
        headers.insert(header::CACHE_CONTROL, never);
    }
    response
}

/// A stream as the library wants it.
struct Payload(ByteStream);

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0
            .as_mut()
            .poll_next(cx)
            .map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }
}

/// Asks the file system on a thread that may wait for it.
pub(crate) async fn asked<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, FsError> + Send + 'static,
) -> Result<T, FsError> {
    let answer = tokio::task::spawn_blocking(question).await;
    answer.unwrap_or(Err(FsError::GeneralFailure))
}
