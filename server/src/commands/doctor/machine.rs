//! The part of `homereel doctor` about this computer: the data folder, the server on it, the
//! program that encodes, the folders that are watched, and what the kernel allows.

use media::self_test::Confinement;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;
use storage::bucket::trial::Check;

use crate::config::Config;
use crate::data_dir::{Paths, is_in_use};
use crate::endpoint::Endpoint;
use crate::wiring;

/// A healthy server answers within milliseconds.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// Fewer watches than this are used up by a middling library; then folders are read through
/// instead of followed.
const ENOUGH_WATCHES: u64 = 8192;

/// Looks at everything that needs no catalog.
pub(super) fn examine(config: &Config, paths: &Paths) -> Vec<Check> {
    let mut checks = vec![data_folder(paths), server(paths)];
    checks.extend(config.watch.iter().map(|path| folder(path)));
    checks.push(watches());
    checks
}

fn data_folder(paths: &Paths) -> Check {
    let root = paths.root();
    let lies = root.display();
    match fs::metadata(root) {
        Ok(found)
            if found.is_dir() && rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_ok() =>
        {
            well("Data", format!("{lies} is ours to write."))
        }
        Ok(_) => trouble(
            "Data",
            format!("{lies} cannot be written. Give it to the account that runs Homereel."),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            well("Data", format!("{lies} is made at the first start."))
        }
        Err(error) => trouble("Data", format!("{lies} cannot be looked at: {error}.")),
    }
}

/// Whether a server runs, and answers.
pub(super) fn server(paths: &Paths) -> Check {
    match is_in_use(paths) {
        Ok(true) => {}
        Ok(false) => return trouble("Server", "No server runs. Start it with `homereel serve`."),
        Err(error) => return trouble("Server", error.to_string()),
    }
    let Some(endpoint) = Endpoint::read(paths.root()) else {
        return trouble(
            "Server",
            "A server is starting or stopping; look again in a moment.",
        );
    };
    match answers(&endpoint) {
        Ok(true) => well("Server", format!("It answers at {}.", endpoint.url)),
        Ok(false) => trouble(
            "Server",
            format!("{} answers, but not well. Read its log.", endpoint.url),
        ),
        Err(error) => trouble(
            "Server",
            format!(
                "It runs, but {} does not answer ({error}). Read its log.",
                endpoint.url
            ),
        ),
    }
}

/// Asks `/healthz` in the simplest words there are.
fn answers(endpoint: &Endpoint) -> std::io::Result<bool> {
    let address: SocketAddr = endpoint
        .url
        .trim_start_matches("http://")
        .parse()
        .map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_DEADLINE)?;
    stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
    stream.set_write_timeout(Some(ANSWER_DEADLINE))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}

/// The encoding program, how well this system locks it in, and what else could encode.
pub(super) async fn worker(config: &Config) -> Vec<Check> {
    let launcher = match wiring::launcher(config) {
        Ok(launcher) => launcher,
        Err(error) => return vec![trouble("Encoder", error.message())],
    };
    if let Err(error) = launcher.check() {
        return vec![trouble("Encoder", error.message())];
    }
    let sandbox = match launcher.self_test().await {
        Ok(Confinement {
            landlock,
            gap: None,
        }) => well(
            "Sandbox",
            format!(
                "What reads films is locked in, by seccomp and {}.",
                shown(landlock)
            ),
        ),
        Ok(Confinement { gap: Some(gap), .. }) => trouble("Sandbox", gap),
        Err(error) => trouble("Sandbox", error.message()),
    };
    // Films are encoded without it as well, so it is no trouble whatever was found.
    let hardware = launcher.try_hardware(&config.hardware).await.sentence();
    vec![
        well("Encoder", "The encoding program is there."),
        sandbox,
        well("Hardware", hardware),
    ]
}

fn shown(landlock: u32) -> String {
    match landlock {
        0 => "nothing else".to_owned(),
        version => format!("Landlock {version}"),
    }
}

/// A folder that is watched.
pub(super) fn folder(path: &Path) -> Check {
    let shown = path.display();
    match fs::read_dir(path) {
        Ok(_) => well("Folder", format!("{shown} can be read.")),
        Err(error) => trouble(
            "Folder",
            format!(
                "{shown} cannot be read: {error}. Its films keep playing; connect its disk, or let \
                 the account that runs Homereel read it."
            ),
        ),
    }
}

fn watches() -> Check {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    let limit = limit.ok().and_then(|text| text.trim().parse::<u64>().ok());
    match limit {
        Some(limit) if limit < ENOUGH_WATCHES => trouble(
            "Watching",
            format!(
                "This system follows {limit} folders at most; beyond that new films are noticed \
                 within a minute. Raise fs.inotify.max_user_watches to follow more."
            ),
        ),
        Some(limit) => well(
            "Watching",
            format!("Up to {limit} folders are followed at once."),
        ),
        None => well("Watching", "New films are noticed within a minute."),
    }
}

fn well(what: &'static str, sentence: impl Into<String>) -> Check {
    Check {
        what,
        ok: true,
        sentence: sentence.into(),
    }
}

fn trouble(what: &'static str, sentence: impl Into<String>) -> Check {
    Check {
        what,
        ok: false,
        sentence: sentence.into(),
    }
}
