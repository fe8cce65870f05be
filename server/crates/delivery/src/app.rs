//! What every request can reach, and the limits that keep one client from starving the others.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::error::Result;
use model::id::UserId;
use tokio_util::sync::CancellationToken;

use crate::allowance::Buckets;
use crate::api::users::Reset;
use crate::caller::Callers;
use crate::cutetube::limit::Door;
use crate::metrics::requests::Requests;
use crate::once::OneTime;
use crate::origin::Origin;
use crate::passwords::{Cost, Passwords};
use crate::room::{Client, Room};
use crate::site::Site;
use crate::throttle::Throttle;

/// A ticket is opened by the program that asked for it, at once.
const TICKET: Duration = Duration::from_secs(30);
/// A link for a new password is sent to somebody who sits at the table.
pub(crate) const RESET: Duration = Duration::from_secs(3_600);

/// State shared by all requests. It is cloned several times for each, so a clone is one count.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Tests change what they share with nobody.
#[cfg(test)]
impl std::ops::DerefMut for App {
    fn deref_mut(&mut self) -> &mut Shared {
        Arc::make_mut(&mut self.0)
    }
}

/// What an [`App`] shares.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Shared {
    pub(crate) site: Site,
    pub(crate) limits: Limits,
    /// Who waits for a segment.
    pub(crate) held: Arc<Room<Client>>,
    /// Who listens to events.
    pub(crate) listeners: Arc<Room<Client>>,
    /// Counts what is asked for.
    pub(crate) requests: Requests,
    pub(crate) started: Instant,
    /// Set when the server stops: whoever waits answers at once.
    pub(crate) stopping: CancellationToken,
    /// Who was recognised a moment ago.
    pub(crate) callers: Arc<Callers>,
    /// Counts attempts at every door that takes a secret.
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) passwords: Passwords,
    /// How much clients of CuteTube's API ask for.
    pub(crate) clients: Arc<Buckets<(Door, Origin)>>,
    /// Whoever changes the settings reads and writes them in turn.
    pub(crate) settings_turn: Arc<tokio::sync::Mutex<()>>,
    /// Links that sign a browser of this machine in.
    pub(crate) tickets: Arc<OneTime<UserId>>,
    /// Links that give somebody a new password.
    pub(crate) resets: Arc<OneTime<Reset>>,
    /// Once set up, a house stays so, and nobody has to be asked again.
    claimed: Arc<AtomicBool>,
}

/// How many and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests that wait for a segment at the same time. Each holds a connection and a wish.
    pub(crate) held_requests: usize,
    /// Those of one client: a player asks for a few of each stream at once.
    pub(crate) held_of_one: usize,
    /// After this a held request is answered with 503 and asked to come again. Below the 30 s
    /// that players and proxies commonly wait.
    pub(crate) hold_deadline: Duration,
    /// Event streams open at the same time.
    pub(crate) listeners: usize,
    /// Those of one client.
    pub(crate) listeners_of_one: usize,
    /// Connections open at the same time; further ones wait in the listener's backlog. A browser
    /// opens six, so the default is some seven hundred players.
    pub(crate) connections: usize,
    /// Those of one household, unless it is this machine or a trusted proxy.
    pub(crate) connections_of_one: usize,
    /// A request's head must be complete by then, and an idle connection is closed after it.
    pub(crate) head_deadline: Duration,
    /// A client that sends nothing of its body for this long is gone.
    pub(crate) read_patience: Duration,
    /// How long running answers may take once the server stops.
    pub(crate) grace: Duration,
    /// Changes are gathered for this long before listeners hear of them.
    pub(crate) gather: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_requests: 256,
            held_of_one: 24,
            hold_deadline: Duration::from_secs(20),
            listeners: 256,
            listeners_of_one: 8,
            connections: 4096,
            connections_of_one: 512,
            head_deadline: Duration::from_secs(12),
            read_patience: Duration::from_secs(60),
            grace: Duration::from_secs(3),
            gather: Duration::from_millis(200),
        }
    }
}

impl Limits {
    /// As far as a process may open this many files. A connection has its socket and perhaps a
    /// file that is sent; the rest of the server keeps its own.
    pub(crate) fn within(descriptors: u64) -> Self {
        const OUR_OWN: u64 = 384;
        let limits = Self::default();
        let room = descriptors.saturating_sub(OUR_OWN) / 2;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let connections = room.clamp(32, limits.connections);
        Self {
            connections,
            connections_of_one: (connections / 8).max(16),
            ..limits
        }
    }
}

impl App {
    pub(crate) fn new(site: Site, limits: Limits, stopping: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            callers: Arc::new(Callers::new(&site.catalog)),
            throttle: Arc::default(),
            settings_turn: Arc::default(),
            passwords: Passwords::new(Cost::HOUSEHOLD),
            clients: Arc::default(),
            tickets: Arc::new(OneTime::lasting(TICKET)),
            resets: Arc::new(OneTime::lasting(RESET)),
            claimed: Arc::default(),
            site,
            limits,
            held: Arc::new(Room::new(limits.held_requests, limits.held_of_one)),
            listeners: Arc::new(Room::new(limits.listeners, limits.listeners_of_one)),
            requests: Requests::default(),
            started: Instant::now(),
            stopping,
        }))
    }

    /// Whether somebody has set the house up.
    pub(crate) async fn is_claimed(&self) -> Result<bool> {
        if self.claimed.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let claimed = self.site.catalog.setup_state().await?.claimed;
        self.claimed.store(claimed, Ordering::Relaxed);
        Ok(claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (descriptors, expected) in [
            (65_536, (4096, 512)),
            (1_024, (320, 40)),
            (256, (32, 16)),
            (0, (32, 16)),
        ] {
            let limits = Limits::within(descriptors);
            let found = (limits.connections, limits.connections_of_one);
            assert_eq!(found, expected, "{descriptors} descriptors");
        }
    }
}
