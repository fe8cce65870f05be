//! The server that the app shows: its own, or one that was there before. The only file that
//! starts and stops one. What does not belong here: what the window and the tray make of it.

use homereel::config::{Config, Flags};
use homereel::desk::Desk;
use homereel::endpoint::Endpoint;
use homereel::entrance::{Entrance, enter};
use homereel::server::Running;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tauri::{AppHandle, Manager};

use crate::api::Api;
use crate::window::Splash;
use crate::{pulse, take_in, window};

/// How many ports above the one that is taken are tried.
const FURTHER_PORTS: u16 = 20;

/// What the app knows of its server.
#[derive(Debug)]
pub(crate) struct Host {
    flags: Flags,
    state: Mutex<State>,
}

/// Where the app stands.
#[derive(Debug, Default)]
pub(crate) enum State {
    /// There is no server: it starts, or something is in its way.
    #[default]
    Nothing,
    /// There is one.
    Here(Server),
    /// The app ends.
    Leaving,
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    /// Ours, or `None` for one that was there before.
    running: Option<Box<Running>>,
    contact: Contact,
}

/// How a server is spoken to; clones speak to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    /// Where its folder is.
    pub(crate) data_dir: PathBuf,
    /// Its pages and its API.
    pub(crate) api: Api,
    /// The short way, if it runs in this process.
    pub(crate) desk: Option<Desk>,
}

impl Host {
    pub(crate) fn new(flags: Flags) -> Self {
        Self {
            flags,
            state: Mutex::default(),
        }
    }

    /// The server, if there is one at present.
    pub(crate) fn contact(&self) -> Option<Contact> {
        match &*self.lock() {
            State::Here(server) => Some(server.contact.clone()),
            State::Nothing | State::Leaving => None,
        }
    }

    /// The app ends; returns what is to be put away, the first time.
    pub(crate) fn leave(&self) -> Option<State> {
        let before = std::mem::replace(&mut *self.lock(), State::Leaving);
        (!matches!(before, State::Leaving)).then_some(before)
    }

    /// A server of another process has gone. Returns whether somebody should look for another.
    pub(crate) fn forget(&self) -> bool {
        let mut state = self.lock();
        let gone = matches!(&*state, State::Here(server) if server.running.is_none());
        if gone {
            *state = State::Nothing;
        }
        gone
    }

    fn arrive(&self, server: Server) -> Result<Contact, Server> {
        let mut state = self.lock();
        if matches!(*state, State::Leaving) {
            return Err(server);
        }
        let contact = server.contact.clone();
        *state = State::Here(server);
        Ok(contact)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters the data folder and shows the library, or what is in the way. `paths` are taken in
/// once that is done.
pub(crate) fn begin(app: &AppHandle, paths: Vec<PathBuf>) {
    begin_from(app, None, paths);
}

/// The same at the next free port above the configured one.
pub(crate) fn begin_at_another_port(app: &AppHandle) {
    begin_from(app, Some(FURTHER_PORTS), Vec::new());
}

fn begin_from(app: &AppHandle, further_ports: Option<u16>, paths: Vec<PathBuf>) {
    window::say(app, Splash::Starting, "");
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let flags = app.state::<Host>().flags.clone();
        match open(&flags, further_ports).await {
            Ok(server) => settle_in(&app, server, paths).await,
            Err((splash, sentence)) => {
                tracing::warn!("{sentence}");
                window::say(&app, splash, &sentence);
                window::show(&app);
            }
        }
    });
}

async fn settle_in(app: &AppHandle, server: Server, paths: Vec<PathBuf>) {
    match app.state::<Host>().arrive(server) {
        Ok(contact) => {
            window::open_library(app, &contact).await;
            pulse::start(app.clone(), contact);
            take_in::take_in(app, paths);
        }
        // Somebody quit while it started.
        Err(server) => end(State::Here(server)).await,
    }
}

async fn open(flags: &Flags, further_ports: Option<u16>) -> Result<Server, (Splash, String)> {
    let mut config = Config::load(flags, &|name| std::env::var_os(name))
        .map_err(|error| (Splash::Failed, error.to_string()))?;
    let first = config.listen.port();
    for port in first..=first.saturating_add(further_ports.unwrap_or_default()) {
        config.listen.set_port(port);
        match enter(config.clone()).await {
            Entrance::Serving(running) => return Ok(serving(config, running)),
            Entrance::Attached(endpoint) => return Ok(attached(config, endpoint)),
            Entrance::PortTaken(_) if further_ports.is_some() => {}
            Entrance::PortTaken(sentence) => return Err((Splash::Port, sentence)),
            Entrance::NotOurs(sentence) => return Err((Splash::Locked, sentence)),
            Entrance::Failed(sentence) => return Err((Splash::Failed, sentence)),
        }
    }
    Err((
        Splash::Port,
        format!("All ports from {first} on are taken."),
    ))
}

fn serving(config: Config, running: Box<Running>) -> Server {
    tracing::info!(url = running.url(), "Homereel is running.");
    let contact = Contact {
        api: Api::new(running.url(), &config.data_dir),
        desk: Some(running.desk()),
        data_dir: config.data_dir,
    };
    Server {
        running: Some(running),
        contact,
    }
}

fn attached(config: Config, endpoint: Endpoint) -> Server {
    tracing::info!(
        url = endpoint.url,
        pid = endpoint.pid,
        "Homereel already runs; this is its window."
    );
    let contact = Contact {
        api: Api::new(&endpoint.url, &config.data_dir),
        desk: None,
        data_dir: config.data_dir,
    };
    Server {
        running: None,
        contact,
    }
}

/// Stops the server if it is ours.
pub(crate) async fn end(state: State) {
    let State::Here(Server {
        running: Some(running),
        ..
    }) = state
    else {
        return;
    };
    tracing::info!("Homereel stops; work that is under way goes on at the next start.");
    running.shutdown().await;
}
