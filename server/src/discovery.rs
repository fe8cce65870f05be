//! Announces the server in the home network by multicast DNS (RFC 6762, RFC 6763), so that it is
//! found by name: `http://homereel.local:8096`, and as a service of the types `_http._tcp` and
//! `_homereel._tcp`. Says goodbye when it stops.
//!
//! Nothing is trusted that comes from there, and nothing private is told: no version, no user, no
//! title. What does not belong here: which addresses we have (`addresses`).

use catalog::Catalog;
use delivery::health::HealthFacts;
use mdns_sd::{DaemonEvent, ServiceDaemon, ServiceInfo};
use model::change::Change;
use model::error::{Context, Error, ErrorKind, Result};
use model::settings::Settings;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What is announced: a web server, and one of ours.
const TYPES: [&str; 2] = ["_http._tcp.local.", "_homereel._tcp.local."];
/// The name of this machine for Homereel; with a number behind it if it is taken.
const HOST: &str = "homereel.local.";
/// Longest instance name, in bytes (RFC 6763 §4.1.1).
const INSTANCE_BYTES: usize = 63;
/// Goodbyes are sent at once; nobody waits longer for them.
const GOODBYE_DEADLINE: Duration = Duration::from_millis(500);

/// What is followed.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// Says whether to announce, and under which name.
    pub(crate) catalog: Catalog,
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// Hears the name that we got.
    pub(crate) facts: HealthFacts,
}

/// What is announced at present.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    house_name: String,
}

/// Announces what the settings say until `stop` is cancelled, then says goodbye. A server for
/// this machine alone announces nothing.
pub(crate) async fn follow(discovery: Discovery, stop: CancellationToken) {
    if discovery.listen.ip().is_loopback() {
        return;
    }
    let mut changes = discovery.catalog.subscribe();
    let mut current: Option<(Wanted, Announcement)> = None;
    loop {
        if let Ok(settings) = discovery.catalog.settings().await {
            current = discovery.adjust(current, wanted(&settings)).await;
        }
        if !next_change(&mut changes, &stop).await {
            break;
        }
    }
    if let Some((_, announcement)) = current {
        announcement.shutdown().await;
    }
}

fn wanted(settings: &Settings) -> Option<Wanted> {
    settings.discoverable.then(|| Wanted {
        house_name: settings.house_name.clone(),
    })
}

/// Waits until the settings may have changed; false when it is time to stop.
async fn next_change(changes: &mut Receiver<Change>, stop: &CancellationToken) -> bool {
    loop {
        let change = tokio::select! {
            () = stop.cancelled() => return false,
            change = changes.recv() => change,
        };
        match change {
            Ok(Change::Settings) | Err(RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            Err(RecvError::Closed) => return false,
        }
    }
}

impl Discovery {
    /// Brings what is announced to what is wanted.
    async fn adjust(
        &self,
        current: Option<(Wanted, Announcement)>,
        wanted: Option<Wanted>,
    ) -> Option<(Wanted, Announcement)> {
        if current.as_ref().map(|(wanted, _)| wanted) == wanted.as_ref() {
            return current;
        }
        if let Some((_, announcement)) = current {
            announcement.shutdown().await;
            self.facts.set_host_name(None);
        }
        let wanted = wanted?;
        let facts = self.facts.clone();
        let renamed = move |name| facts.set_host_name(Some(name));
        match Announcement::start(&wanted.house_name, self.listen, renamed) {
            Ok(announcement) => {
                let name = HOST.trim_end_matches('.');
                let url = format!("http://{name}:{}", self.listen.port());
                tracing::info!(%url, "The home network finds Homereel by its name.");
                Some((wanted, announcement))
            }
            Err(error) => {
                tracing::warn!(%error, "People open Homereel by its address instead.");
                None
            }
        }
    }
}

/// A running announcement.
struct Announcement {
    daemon: ServiceDaemon,
    hearing: JoinHandle<()>,
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement").finish_non_exhaustive()
    }
}

impl Announcement {
    /// Announces a server that listens on `listen` under the name of the house. Must be called
    /// within a runtime. `renamed` hears the host name that we really got, without its last dot.
    ///
    /// # Errors
    /// `Unavailable` if the network lets nobody announce anything.
    fn start(
        house_name: &str,
        listen: SocketAddr,
        renamed: impl Fn(String) + Send + 'static,
    ) -> Result<Self> {
        let daemon = ServiceDaemon::new().map_err(|error| failed(&error))?;
        let events = daemon.monitor().map_err(|error| failed(&error))?;
        renamed(HOST.trim_end_matches('.').to_owned());
        let hearing = tokio::spawn(async move {
            while let Ok(event) = events.recv_async().await {
                hear(event, &renamed);
            }
        });
        for service in TYPES {
            daemon
                .register(announcement(service, house_name, listen)?)
                .map_err(|error| failed(&error))?;
        }
        Ok(Self { daemon, hearing })
    }

    /// Says goodbye, so that nobody offers the server any more.
    async fn shutdown(self) {
        self.hearing.abort();
        // Unregistering and the goodbye packets are part of it.
        if let Ok(status) = self.daemon.shutdown() {
            let _ = tokio::time::timeout(GOODBYE_DEADLINE, status.recv_async()).await;
        }
    }
}

fn announcement(service: &str, house_name: &str, listen: SocketAddr) -> Result<ServiceInfo> {
    let instance = shortened(house_name);
    let properties = [("path", "/")];
    let announced = if listen.ip().is_unspecified() {
        ServiceInfo::new(service, instance, HOST, "", listen.port(), &properties[..])
            .map(ServiceInfo::enable_addr_auto)
    } else {
        ServiceInfo::new(
            service,
            instance,
            HOST,
            listen.ip(),
            listen.port(),
            &properties[..],
        )
    };
    announced.context(ErrorKind::Internal, "describing the server to the network")
}

/// As much of the name as an announcement holds, in whole characters.
fn shortened(name: &str) -> &str {
    let mut end = name.len().min(INSTANCE_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

fn hear(event: DaemonEvent, renamed: &impl Fn(String)) {
    match event {
        DaemonEvent::NameChange(change) if change.original == HOST => {
            let name = change.new_name.trim_end_matches('.').to_owned();
            tracing::info!(%name, "Another machine is called homereel.local; this one is found by another name.");
            renamed(name);
        }
        DaemonEvent::Error(error) => {
            tracing::debug!(%error, "Announcing the server in the network has trouble.");
        }
        _ => {}
    }
}

fn failed(error: &mdns_sd::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("The server cannot be announced in the network: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{INSTANCE_BYTES, announcement, shortened, wanted};
    use model::settings::Settings;

    #[test]
    fn a_house_that_hides_announces_nothing() {
        let mut settings = Settings::default();
        assert!(
            wanted(&settings).is_some(),
            "found by name unless switched off"
        );
        settings.discoverable = false;
        assert_eq!(wanted(&settings), None);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = "ü".repeat(40);
        let short = shortened(&name);
        assert!(short.len() <= INSTANCE_BYTES && name.starts_with(short));
        assert_eq!(shortened("Homereel"), "Homereel");
    }

    #[test]
    fn an_announcement_tells_where_and_nothing_else() {
        let listen = "0.0.0.0:8096".parse().unwrap();
        let service = announcement("_http._tcp.local.", "Ada’s house. 1", listen).unwrap();
        assert_eq!(service.get_port(), 8096);
        assert_eq!(service.get_hostname(), "homereel.local.");
        assert!(service.is_addr_auto(), "addresses come and go");
        assert_eq!(service.get_properties().len(), 1, "only the path is told");
    }
}
