//! The server that the app shows: its own, or one that was there before. The only file that
//! starts and stops one. What does not belong here: what the window and the tray make of it.

use homereel::config::{Config, Flags};
use homereel::desk::Desk;
use homereel::endpoint::Endpoint;
use homereel::entrance::{Entrance, enter};
use homereel::server::Running;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tauri::{AppHandle, Manager};
use tokio::sync::OwnedMutexGuard;

use crate::api::Api;
use crate::window::Splash;
use crate::{activity, pulse, take_in, tray, window};

/// How many ports above the one that is taken are tried.
const FURTHER_PORTS: u16 = 20;

/// How long the end of the app waits for a server that is starting.
const START_DEADLINE: Duration = Duration::from_secs(10);

/// What the app knows of its server.
#[derive(Debug)]
pub(crate) struct Host {
    flags: Flags,
    state: Mutex<State>,
    /// Held while a server starts, and by the end of the app.
    start: Arc<tokio::sync::Mutex<()>>,
}

/// Where the app stands.
#[derive(Debug, Default)]
pub(crate) enum State {
    /// There is no server, and none is on its way.
    #[default]
    Nothing,
    /// One is on its way; these files and folders wait for it.
    Starting(Vec<PathBuf>),
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

/// Whether what is asked of a server can be done.
#[derive(Debug)]
pub(crate) enum Reach {
    /// It can.
    Now(Contact),
    /// It will be, once the server is there.
    Soon,
    /// There is no server.
    Never,
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
            start: Arc::default(),
        }
    }

    /// The server, if there is one at present.
    pub(crate) fn contact(&self) -> Option<Contact> {
        match &*self.lock() {
            State::Here(server) => Some(server.contact.clone()),
            State::Nothing | State::Starting(_) | State::Leaving => None,
        }
    }

    /// The server for `paths`; they are kept for the one that is on its way.
    pub(crate) fn reach(&self, paths: &[PathBuf]) -> Reach {
        match &mut *self.lock() {
            State::Here(server) => Reach::Now(server.contact.clone()),
            State::Starting(waiting) => {
                waiting.extend_from_slice(paths);
                Reach::Soon
            }
            State::Nothing | State::Leaving => Reach::Never,
        }
    }

    /// Whether the app still shows the server behind `contact`.
    pub(crate) fn shows(&self, contact: &Contact) -> bool {
        let current = self.contact();
        current.is_some_and(|current| current.api.base() == contact.api.base())
    }

    /// The app ends; returns what is to be put away, the first time.
    pub(crate) fn leave(&self) -> Option<State> {
        let before = std::mem::replace(&mut *self.lock(), State::Leaving);
        (!matches!(before, State::Leaving)).then_some(before)
    }

    /// Waits until no server is starting, and lets none start as long as the guard lives. A server
    /// that started in vain is stopped by then, unless that takes too long.
    pub(crate) fn no_more_starts(
        &self,
    ) -> impl Future<Output = Option<OwnedMutexGuard<()>>> + use<> {
        let turn = self.start.clone().lock_owned();
        async move { tokio::time::timeout(START_DEADLINE, turn).await.ok() }
    }

    /// Somebody wants a server, for `paths`. Returns whether it is to be sought: one is enough.
    fn set_out(&self, paths: Vec<PathBuf>) -> bool {
        let mut state = self.lock();
        let rests = matches!(*state, State::Nothing);
        if rests {
            *state = State::Starting(paths);
        }
        rests
    }

    /// A server is still wanted.
    fn is_starting(&self) -> bool {
        matches!(*self.lock(), State::Starting(_))
    }

    /// There is a server; returns how it is reached and what waits for it. One that nobody waits
    /// for is handed back.
    fn arrive(&self, server: Server) -> Result<(Contact, Vec<PathBuf>), Box<Server>> {
        let mut state = self.lock();
        let State::Starting(waiting) = &mut *state else {
            return Err(Box::new(server));
        };
        let arrived = (server.contact.clone(), std::mem::take(waiting));
        *state = State::Here(server);
        Ok(arrived)
    }

    /// Something is in the way of the server that was on its way.
    fn give_up(&self) {
        let mut state = self.lock();
        if matches!(*state, State::Starting(_)) {
            *state = State::Nothing;
        }
    }

    /// The server behind `contact` does not answer any more; returns what is to be put away,
    /// unless that has happened.
    fn lose(&self, contact: &Contact) -> Option<State> {
        let mut state = self.lock();
        let is_it = matches!(&*state, State::Here(server)
            if server.contact.api.base() == contact.api.base());
        is_it.then(|| std::mem::take(&mut *state))
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

/// The server behind `contact` is gone. It is put away if it is ours, and the app becomes what the
/// folder needs: its server, or the guest of who serves it now.
pub(crate) fn replace(app: &AppHandle, contact: &Contact) {
    let Some(lost) = app.state::<Host>().lose(contact) else {
        return;
    };
    tracing::warn!(
        url = contact.api.base(),
        "Homereel does not answer any more; it is started anew."
    );
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        end(lost).await;
        begin(&app, Vec::new());
    });
}

fn begin_from(app: &AppHandle, further_ports: Option<u16>, paths: Vec<PathBuf>) {
    if !app.state::<Host>().set_out(paths) {
        return;
    }
    window::say(app, Splash::Starting, "");
    tray::show(app, activity::starting());
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let host = app.state::<Host>();
        let _start = host.start.clone().lock_owned().await;
        if !host.is_starting() {
            return;
        }
        let flags = host.flags.clone();
        match open(&flags, further_ports).await {
            Ok(server) => settle_in(&app, server).await,
            Err((splash, sentence)) => give_up(&app, splash, &sentence),
        }
    });
}

async fn settle_in(app: &AppHandle, server: Server) {
    match app.state::<Host>().arrive(server) {
        Ok((contact, waiting)) => {
            window::open_library(app, &contact).await;
            pulse::start(app.clone(), contact);
            take_in::take_in(app, waiting);
        }
        // Somebody quit while it started.
        Err(server) => end(State::Here(*server)).await,
    }
}

fn give_up(app: &AppHandle, splash: Splash, sentence: &str) {
    tracing::warn!("{sentence}");
    app.state::<Host>().give_up();
    tray::show(app, activity::stopped());
    window::say(app, splash, sentence);
    window::show(app);
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

#[cfg(test)]
mod tests {
    use super::{Contact, Duration, Host, Reach, Server, State, end};
    use crate::api::Api;
    use homereel::config::{Config, Flags};
    use homereel::entrance::{Entrance, enter};
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    fn contact(url: &str) -> Contact {
        Contact {
            data_dir: PathBuf::new(),
            api: Api::new(url, Path::new("")),
            desk: None,
        }
    }

    fn guest_of(url: &str) -> Server {
        Server {
            running: None,
            contact: contact(url),
        }
    }

    #[test]
    fn one_server_is_sought_at_a_time_and_none_takes_the_place_of_another() {
        let host = Host::new(Flags::default());
        assert!(host.arrive(guest_of("http://a")).is_err(), "nobody asked");
        assert!(host.set_out(vec![PathBuf::from("film")]));
        assert!(!host.set_out(Vec::new()), "try again, pressed twice");
        assert!(matches!(host.reach(&["clip".into()]), Reach::Soon));
        let (_, waiting) = host.arrive(guest_of("http://a")).unwrap();
        assert_eq!(waiting, ["film", "clip"].map(PathBuf::from));
        assert!(!host.set_out(Vec::new()), "there is one");
        assert!(host.arrive(guest_of("http://b")).is_err());
        assert!(host.shows(&contact("http://a")));
        assert!(matches!(host.reach(&[]), Reach::Now(_)));
    }

    #[test]
    fn after_giving_up_somebody_may_try_again_and_after_leaving_nobody() {
        let host = Host::new(Flags::default());
        assert!(host.set_out(Vec::new()));
        host.give_up();
        assert!(matches!(host.reach(&[]), Reach::Never));
        assert!(host.set_out(Vec::new()));
        assert!(host.leave().is_some());
        assert!(host.leave().is_none(), "once is enough");
        assert!(host.arrive(guest_of("http://a")).is_err(), "too late");
        assert!(!host.set_out(Vec::new()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_of_ours_that_is_lost_is_put_away() {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags {
            data_dir: Some(folder.path().join("data")),
            listen: Some("127.0.0.1:0".to_owned()),
            watch: vec![folder.path().join("drop")],
            ..Flags::default()
        };
        let config = Config::load(&flags, &|_| None::<OsString>).unwrap();
        let Entrance::Serving(running) = enter(config.clone()).await else {
            panic!("nobody else is there");
        };
        let host = Host::new(flags);
        assert!(host.set_out(Vec::new()));
        let (ours, _) = host
            .arrive(super::serving(config.clone(), running))
            .unwrap();
        assert!(host.lose(&contact("http://another")).is_none());
        let lost = host.lose(&ours).unwrap();
        assert!(
            host.lose(&ours).is_none(),
            "one of two threads saw it first"
        );
        assert!(matches!(lost, State::Here(_)));
        end(lost).await;
        let entrance = enter(config).await;
        let Entrance::Serving(running) = entrance else {
            panic!("the folder is free for the next: {entrance:?}");
        };
        running.shutdown().await;
    }

    #[tokio::test]
    async fn the_end_waits_for_a_server_that_is_starting() {
        let host = Host::new(Flags::default());
        assert!(host.set_out(Vec::new()));
        let start = host.start.clone().lock_owned().await;
        assert!(matches!(host.leave(), Some(State::Starting(_))));
        let mut end = Box::pin(host.no_more_starts());
        let at_once = tokio::time::timeout(Duration::ZERO, &mut end).await;
        assert!(at_once.is_err(), "its folder is still in use");
        drop(start);
        assert!(end.await.is_some(), "now nothing starts any more");
        assert!(!host.is_starting());
    }
}
