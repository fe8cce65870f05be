//! S3 servers of the test: a right one over a folder, and wrong ones.

use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use model::settings::Bucket;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::bucket::tests::bucket;

/// What a public address gives without keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Public {
    Objects,
    Everything,
    Nothing,
    SomethingElse,
}

/// A server that keeps buckets as folders.
pub(super) struct S3 {
    folder: TempDir,
    url: String,
}

impl S3 {
    pub(super) async fn start(buckets: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for bucket in buckets {
            std::fs::create_dir(folder.path().join(bucket)).unwrap();
        }
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("homereel", "hush-hush"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder, url }
    }

    pub(super) fn bucket(&self) -> Bucket {
        bucket(&self.url)
    }

    /// An address where the bucket's objects are seen without keys.
    pub(super) async fn in_public(&self, public: Public) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = self.folder.path().join("films");
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = vec![0; 64 * 1024];
                let length = socket.read(&mut head).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let answer = answer_in_public(public, &folder, &path);
                let _ = socket.write_all(&answer).await;
            }
        });
        url
    }

    /// Puts an object there behind everybody's back.
    pub(super) fn write(&self, bucket: &str, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(bucket).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Removes everything in a bucket.
    pub(super) fn empty(&self, bucket: &str) {
        for entry in std::fs::read_dir(self.folder.path().join(bucket)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// The names of all objects in a bucket.
    pub(super) fn names(&self, bucket: &str) -> Vec<String> {
        let root = self.folder.path().join(bucket);
        let mut names = Vec::new();
        gather(&root, &root, &mut names);
        names
    }
}

fn answer_in_public(public: Public, folder: &Path, path: &str) -> Vec<u8> {
    let is_listing = path.contains('?');
    let object = std::fs::read(folder.join(path.trim_start_matches('/')));
    let body = match (public, is_listing, object) {
        (Public::Everything, true, _) => Some(b"<ListBucketResult/>".to_vec()),
        (Public::Objects | Public::Everything, false, Ok(object)) => Some(object),
        (Public::SomethingElse, false, _) => Some(b"It works".to_vec()),
        _ => None,
    };
    let status = if body.is_some() {
        "200 OK"
    } else {
        "403 Forbidden"
    };
    let body = body.unwrap_or_default();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.into_bytes(), body].concat()
}

fn gather(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, names);
        } else {
            names.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

/// A server that answers every request with the same bytes, or never.
pub(super) struct WrongServer;

impl WrongServer {
    /// An address where nobody listens.
    pub(super) async fn nobody() -> Bucket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        bucket(&format!("http://{}", listener.local_addr().unwrap()))
    }

    /// Reads the head of each request and answers `answer`; an empty one means silence.
    pub(super) async fn saying(answer: String) -> Bucket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut head = vec![0; 64 * 1024];
                    let _ = socket.read(&mut head).await;
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = socket.write_all(answer.as_bytes()).await;
                });
            }
        });
        bucket(&url)
    }
}
