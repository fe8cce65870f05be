//! How a desktop app enters a data folder: as its server, or as a guest of the server that is
//! already there.
//!
//! What does not belong here: windows, and what either of them does next.

use model::error::{Error, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::data_dir::{Paths, is_in_use};
use crate::endpoint::Endpoint;
use crate::server::{Running, Server};
use crate::wiring::listen;

/// A server that holds the lock tells where it listens within this time, unless it is stopping.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often its endpoint is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What came of entering. Sentences are for the owner.
#[derive(Debug)]
pub enum Entrance {
    /// The folder is ours, and this process serves it.
    Serving(Box<Running>),
    /// Another process serves it, here.
    Attached(Endpoint),
    /// Nobody serves it, but the port is somebody else's.
    PortTaken(String),
    /// The folder belongs to another person of this computer.
    NotOurs(String),
    /// It does not work for another reason.
    Failed(String),
}

/// Serves the data folder, or finds who does. Must be called within a runtime.
pub async fn enter(config: Config) -> Entrance {
    let begun = Instant::now();
    loop {
        let error = match Server::start(config.clone()).await {
            Ok(running) => return Entrance::Serving(Box::new(running)),
            Err(error) => error,
        };
        match fault(&config, &error).await {
            Fault::Occupied => {}
            Fault::Port => return Entrance::PortTaken(error.message().to_owned()),
            Fault::Permission => return Entrance::NotOurs(not_ours(&config.data_dir)),
            Fault::Other => return Entrance::Failed(error.to_string()),
        }
        if let Some(endpoint) = endpoint_in_use(&config.data_dir) {
            return Entrance::Attached(endpoint);
        }
        // It is just starting, or just stopping: then the folder is ours next time.
        if begun.elapsed() > PATIENCE {
            return Entrance::Failed(error.message().to_owned());
        }
        sleep(LOOK_EVERY).await;
    }
}

enum Fault {
    Occupied,
    Port,
    Permission,
    Other,
}

/// The sentence is for people, so the facts behind it are looked at again.
async fn fault(config: &Config, error: &Error) -> Fault {
    if is_permission(error) {
        return Fault::Permission;
    }
    if error.kind() != ErrorKind::Conflict {
        return Fault::Other;
    }
    if let Ok(true) = is_in_use(&Paths::under(&config.data_dir)) {
        return Fault::Occupied;
    }
    match listen(config.listen).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Fault::Port,
        _ => Fault::Other,
    }
}

fn is_permission(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::PermissionDenied;
        }
        cause = error.source();
    }
    false
}

fn not_ours(data_dir: &Path) -> String {
    format!(
        "The folder {} belongs to another person of this computer. Ask them to share their \
         address with you, or choose another folder with --data-dir.",
        data_dir.display()
    )
}

/// The endpoint of whoever holds the lock. One that a killed server left behind has no process.
fn endpoint_in_use(data_dir: &Path) -> Option<Endpoint> {
    let endpoint = Endpoint::read(data_dir)?;
    let lives = Path::new("/proc").join(endpoint.pid.to_string()).exists();
    lives.then_some(endpoint)
}

#[cfg(test)]
mod tests {
    use super::{Entrance, enter};
    use crate::config::{Config, Flags};
    use std::ffi::OsString;
    use std::path::Path;

    fn config(folder: &Path, listen: &str) -> Config {
        let flags = Flags {
            data_dir: Some(folder.join("data")),
            listen: Some(listen.to_owned()),
            watch: vec![folder.join("drop")],
            ..Flags::default()
        };
        Config::load(&flags, &|_| None::<OsString>).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_serves_and_the_second_is_its_guest() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "127.0.0.1:0");
        let Entrance::Serving(running) = enter(config.clone()).await else {
            panic!("nobody else is there");
        };
        let Entrance::Attached(endpoint) = enter(config.clone()).await else {
            panic!("the first one holds the folder");
        };
        assert_eq!(endpoint.url, running.url());
        running.shutdown().await;
        let again = enter(config).await;
        let Entrance::Serving(running) = again else {
            panic!("the folder is free again: {again:?}");
        };
        running.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_port_of_somebody_else_is_told_apart_from_a_folder_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = other.local_addr().unwrap().to_string();
        let entrance = enter(config(folder.path(), &listen)).await;
        let Entrance::PortTaken(sentence) = entrance else {
            panic!("the port is taken: {entrance:?}");
        };
        assert!(sentence.contains(&listen), "{sentence}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_else_goes_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), "a file").unwrap();
        let entrance = enter(config(folder.path(), "127.0.0.1:0")).await;
        let Entrance::Failed(sentence) = entrance else {
            panic!("a file is in the place of the folder: {entrance:?}");
        };
        assert!(sentence.contains("/data"), "{sentence}");
    }
}
