//! What every request can reach, and the limits that keep one client from starving the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::error::Result;
use model::id::UserId;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::allowance::Buckets;
use crate::caller::Callers;
use crate::cutetube::limit::Door;
use crate::listeners::Listeners;
use crate::metrics::requests::Requests;
use crate::once::OneTime;
use crate::passwords::{Cost, Passwords};
use crate::site::Site;
use crate::throttle::{Origin, Throttle};

/// A ticket is opened by the program that asked for it, at once.
const TICKET: Duration = Duration::from_secs(30);
/// A link for a new password is sent to somebody who sits at the table.
pub(crate) const RESET: Duration = Duration::from_secs(3_600);

/// State shared by all requests.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) site: Site,
    pub(crate) limits: Limits,
    /// One permit per request that waits for a segment.
    pub(crate) held: Arc<Semaphore>,
    /// Who listens to events.
    pub(crate) listeners: Arc<Listeners>,
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
    pub(crate) resets: Arc<OneTime<UserId>>,
    /// Once set up, a house stays so, and nobody has to be asked again.
    claimed: Arc<AtomicBool>,
}

/// How many and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests that wait for a segment at the same time. Each holds a connection and a wish.
    pub(crate) held_requests: usize,
    /// After this a held request is answered with 503 and asked to come again. Below the 30 s
    /// that players and proxies commonly wait.
    pub(crate) hold_deadline: Duration,
    /// Event streams open at the same time.
    pub(crate) listeners: usize,
    /// Those of one client.
    pub(crate) listeners_of_one: usize,
    /// Changes are gathered for this long before listeners hear of them.
    pub(crate) gather: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_requests: 256,
            hold_deadline: Duration::from_secs(20),
            listeners: 256,
            listeners_of_one: 8,
            gather: Duration::from_millis(200),
        }
    }
}

impl App {
    pub(crate) fn new(site: Site, limits: Limits, stopping: CancellationToken) -> Self {
        Self {
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
            held: Arc::new(Semaphore::new(limits.held_requests)),
            listeners: Arc::new(Listeners::new(limits.listeners, limits.listeners_of_one)),
            requests: Requests::default(),
            started: Instant::now(),
            stopping,
        }
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
