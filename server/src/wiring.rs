//! Makes the parts from the configuration. What does not belong here: their order (`server`).

use jobs::policy::JobsPolicy;
use media::spawn::ProcessLauncher;
use model::error::{Context, Error, ErrorKind, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

use crate::config::{Config, host_of};

/// Name of the encoding program beside ours.
const WORKER_NAME: &str = "homereel-worker";

/// More than thousands of connections need; some programs go through all that are allowed.
const MOST_DESCRIPTORS: u64 = 65_536;

/// Listens, or says in one sentence why not and what to do.
///
/// # Errors
/// `Conflict` if the address is taken, `InvalidInput` if it cannot be had here.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| not_listening(address, &error))
}

fn not_listening(address: SocketAddr, error: &io::Error) -> Error {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::new(
            ErrorKind::Conflict,
            format!(
                "Another program already listens on {address}. Stop it, or choose another port, \
                 for example with --listen {}.",
                SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(8096))
            ),
        ),
        io::ErrorKind::PermissionDenied => Error::new(
            ErrorKind::InvalidInput,
            format!(
                "Listening on {address} is not allowed; ports below 1024 belong to the system. \
                 Choose a higher one, for example with --listen {}.",
                SocketAddr::new(address.ip(), 8096)
            ),
        ),
        io::ErrorKind::AddrNotAvailable => Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{} is not an address of this machine. Choose one that is, or --listen \
                 0.0.0.0:{port} for all of them.",
                address.ip()
            ),
        ),
        _ => Error::new(
            ErrorKind::Unavailable,
            format!("Listening on {address} failed: {error}"),
        ),
    }
}

/// The launcher of the configured worker, or of the one beside this program.
///
/// # Errors
/// `Unavailable` if no thread can be started.
pub fn launcher(config: &Config) -> Result<ProcessLauncher> {
    ProcessLauncher::new(worker_path(config)?)
}

fn worker_path(config: &Config) -> Result<PathBuf> {
    if let Some(path) = &config.worker {
        return Ok(path.clone());
    }
    let own = std::env::current_exe().context(ErrorKind::Unavailable, "finding our own program")?;
    Ok(own.with_file_name(WORKER_NAME))
}

/// How the work is done.
pub fn jobs_policy(config: &Config) -> JobsPolicy {
    JobsPolicy {
        reserve_bytes: config.reserve_bytes,
        ..JobsPolicy::default()
    }
}

/// Makes the drop folder if nobody chose another one, open to all in the house. Blocks. Its
/// failure is not the server's: the folder is then offline until it appears.
pub fn make_drop_folder(config: &Config) {
    for folder in config.watch.iter().filter(|_| config.make_watch) {
        if folder.exists() {
            continue;
        }
        if let Err(error) = make_public(folder) {
            tracing::warn!(%error, folder = %folder.display(), "The drop folder could not be made.");
        }
    }
}

fn make_public(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // Our own files are made for their owner alone; this folder is for everybody to read.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

/// The names under which requests are answered, this machine's own first, then what the owner says.
pub fn host_names(config: &Config) -> Vec<String> {
    let own = rustix::system::uname();
    let own = own.nodename().to_string_lossy().into_owned();
    let own = (!own.is_empty()).then_some(own);
    let public = config.public_url.as_deref().and_then(host_of);
    own.into_iter()
        .chain(config.host_names.clone())
        .chain(public.map(str::to_owned))
        .collect()
}

/// How many files and connections this process may have open: as many as the system allows, where
/// shells and services begin with a thousand.
pub fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let begun = limit.current.unwrap_or(MOST_DESCRIPTORS);
    let wanted = limit
        .maximum
        .unwrap_or(MOST_DESCRIPTORS)
        .min(MOST_DESCRIPTORS);
    if wanted <= begun {
        return begun;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, begun, "More files could not be allowed to be open at once.");
            begun
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_DESCRIPTORS, descriptors, listen};
    use model::error::ErrorKind;
    use rustix::process::{Resource, getrlimit};

    #[tokio::test]
    async fn a_port_in_use_is_explained_with_a_way_out() {
        let first = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let taken = first.local_addr().unwrap();
        let error = listen(taken).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains(&taken.to_string()), "{error}");
        assert!(error.message().contains("--listen"), "{error}");
    }

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let allowed = descriptors();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, Some(allowed), "what is told is what holds");
        let most = limit.maximum.unwrap_or(u64::MAX).min(MOST_DESCRIPTORS);
        assert!(allowed >= most, "{allowed} of {most}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_explained() {
        // 192.0.2.0/24 is for documentation and never a machine's own (RFC 5737).
        let error = listen("192.0.2.1:8096".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("192.0.2.1"), "{error}");
    }
}
