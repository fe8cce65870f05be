//! Real S3 servers on loopback: MinIO, where the set-up could build it, and s3s-fs, which runs in
//! the test's own process and is always there. What does not belong here: disturbing them (`tests::proxy`).

use anyhow::{Context, Result, bail};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use tempfile::TempDir;

use tests::api::wait_until;
use tests::program::{command, tool};

/// The name of the bucket that is there from the start.
pub(crate) const BUCKET: &str = "films";
/// Who may use it.
pub(crate) const ACCESS_KEY: &str = "homereel";
/// And how.
pub(crate) const SECRET_KEY: &str = "hush-hush-hush";
/// MinIO needs a second or two on a machine that does other things too.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// MinIO as its own process.
    Minio,
    /// s3s-fs in a thread.
    Folder,
}

/// A running S3 server with one bucket.
#[derive(Debug)]
pub(crate) struct S3 {
    kind: Kind,
    folder: TempDir,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Option<Child>,
}

/// Where MinIO's program is, if `packaging/setup` could build it.
pub(crate) fn minio() -> Option<PathBuf> {
    tool("minio")
}

impl S3 {
    /// Starts one with an empty bucket.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let folder = TempDir::with_prefix("homereel-s3-")?;
        fs::create_dir(folder.path().join(BUCKET))?;
        let mut server = Self {
            kind,
            folder,
            address: free_address()?,
            child: None,
        };
        match kind {
            Kind::Minio => server.run()?,
            Kind::Folder => server.address = serve(server.folder.path(), true)?,
        }
        Ok(server)
    }

    /// Another door to the same folder, where nobody is asked for a key.
    pub(crate) fn in_public(&self) -> Result<SocketAddr> {
        serve(self.folder.path(), false)
    }

    /// Kills MinIO with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            bail!("only MinIO is a process that can be killed");
        };
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts MinIO again on its folder and its port.
    pub(crate) fn run(&mut self) -> Result<()> {
        if self.kind != Kind::Minio {
            bail!("only MinIO can be started again");
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().with_extension("log"))?;
        let program = minio().context("packaging/setup has not built MinIO")?;
        let child = command(program)
            .args(["server", "--quiet", "--address"])
            .arg(self.address.to_string())
            .arg(self.folder.path())
            .env("MINIO_ROOT_USER", ACCESS_KEY)
            .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
            .env("MINIO_BROWSER", "off")
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn()
            .context("starting MinIO")?;
        self.child = Some(child);
        let address = self.address;
        wait_until("MinIO listening", START_DEADLINE, || {
            Ok(TcpStream::connect(address).ok().map(drop))
        })
    }

    /// How many objects with such an ending there are.
    pub(crate) fn count(&self, ending: &str) -> usize {
        count(&self.folder.path().join(BUCKET), ending)
    }

    /// The configuration of a library whose pieces go to the bucket behind `endpoint`.
    pub(crate) fn configuration(endpoint: &str) -> String {
        format!(
            "[bucket]\nendpoint = \"{endpoint}\"\nname = \"{BUCKET}\"\n\
             access_key = \"{ACCESS_KEY}\"\nsecret_key = \"{SECRET_KEY}\"\n"
        )
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(self.folder.path().with_extension("log"));
    }
}

/// MinIO keeps an object as a folder of that name, s3s-fs as a file.
fn count(folder: &Path, ending: &str) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let entries = entries.flatten().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            1
        } else if entry.path().is_dir() {
            count(&entry.path(), ending)
        } else {
            0
        }
    });
    entries.sum()
}

/// Free at this moment, which is good enough for one machine's tests.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?)
}

/// Serves the folders in `root` as buckets until the test process ends.
fn serve(root: &Path, asks_for_keys: bool) -> Result<SocketAddr> {
    let files = FileSystem::new(root).map_err(|error| anyhow::anyhow!("s3s-fs: {error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    if asks_for_keys {
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    }
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    std::thread::spawn(move || runtime.block_on(accept(listener, service)));
    Ok(address)
}

async fn accept(listener: TcpListener, service: S3Service) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
