//! Follows the server's events and looks at the library after each: the tray and notifications
//! live by it. One thread, which ends with its server. What does not belong here: what is made
//! of what it sees (`activity`).

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use tauri::{AppHandle, Manager};
use tauri_plugin_notification::NotificationExt;

use crate::activity::{self, Memory, News, Videos};
use crate::host::{self, Contact, Host};
use crate::{tray, window};

/// Events of one moment are looked at together.
const GATHER: Duration = Duration::from_millis(700);
/// Without events, this often is enough; an event may have been missed.
const LOOK_ANYWAY: Duration = Duration::from_secs(60);
/// A stream that ended is opened again after this.
const RECONNECT: Duration = Duration::from_secs(2);
/// How many silences in a row mean that the server is gone.
const PATIENCE: u32 = 3;
/// As many titles as a page has; what changes is among the newest.
const NEWEST: &str = "/api/v1/videos?per_page=50";

/// Begins to follow `contact`.
pub(crate) fn start(app: AppHandle, contact: Contact) {
    let (wake, woken) = sync_channel(1);
    let listening = contact.clone();
    let listener = {
        let app = app.clone();
        move || listen(&app, &listening, &wake)
    };
    let looker = move || look_after_each(&app, &contact, &woken);
    for (name, work) in [
        ("events", Box::new(listener) as Box<dyn FnOnce() + Send>),
        ("pulse", Box::new(looker)),
    ] {
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(work) {
            tracing::warn!(%error, "The tray will not say what goes on.");
        }
    }
}

/// Wakes the other thread for each event. Ends when the server is gone.
fn listen(app: &AppHandle, contact: &Contact, wake: &SyncSender<()>) {
    let mut silences = 0;
    while silences < PATIENCE {
        let outcome = contact.api.follow(|| {
            // Full means that a look is due anyway.
            let _ = wake.try_send(());
            is_current(app, contact)
        });
        if !is_current(app, contact) {
            return;
        }
        match outcome {
            Ok(()) => silences = 0,
            Err(error) => tracing::debug!(%error, "The server does not tell its events."),
        }
        thread::sleep(RECONNECT);
        let answers = contact.api.get::<serde_json::Value>("/healthz").is_ok();
        silences = if answers { 0 } else { silences + 1 };
    }
    if app.state::<Host>().forget() {
        tracing::info!("The Homereel of the other program has stopped.");
        host::begin(app, Vec::new());
    }
}

/// Whether the app still shows this server.
fn is_current(app: &AppHandle, contact: &Contact) -> bool {
    let current = app.state::<Host>().contact();
    current.is_some_and(|current| current.api.base() == contact.api.base())
}

fn look_after_each(app: &AppHandle, contact: &Contact, woken: &Receiver<()>) {
    let mut memory = Memory::default();
    loop {
        look(app, contact, &mut memory);
        match woken.recv_timeout(LOOK_ANYWAY) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        thread::sleep(GATHER);
        // What came meanwhile is seen by this look.
        let _ = woken.try_recv();
    }
}

fn look(app: &AppHandle, contact: &Contact, memory: &mut Memory) {
    let videos: Videos = match contact.api.get(NEWEST) {
        Ok(videos) => videos,
        Err(error) => return tracing::debug!(%error, "The library cannot be looked at."),
    };
    tray::show(app, activity::activity(&videos, paused(contact)));
    for news in memory.news(&videos) {
        tell(app, &news);
    }
}

/// Whether encoding is paused, if we may know.
fn paused(contact: &Contact) -> Option<bool> {
    match &contact.desk {
        Some(desk) => tauri::async_runtime::block_on(desk.is_encoding_paused()).ok(),
        None => {
            let settings: serde_json::Value = contact.api.get("/api/v1/settings").ok()?;
            settings.get("encoding_paused")?.as_bool()
        }
    }
}

/// Shows a notification. Where nobody shows them, nothing is lost.
pub(crate) fn tell(app: &AppHandle, news: &News) {
    tracing::info!(sentence = news.sentence, "{}", news.heading);
    let builder = app.notification().builder();
    let shown = builder.title(&news.heading).body(&news.sentence).show();
    if let Err(error) = shown {
        tracing::debug!(%error, "There is nobody to show notifications.");
    }
}

/// Says once that closing the window does not end the app.
pub(crate) fn tell_that_it_goes_on(app: &AppHandle) {
    if window::is_first_closing(app) {
        tell(
            app,
            &News {
                heading: "Homereel goes on".to_owned(),
                sentence: "Your films stay reachable in the house. Start Homereel again to see \
                           its window."
                    .to_owned(),
            },
        );
    }
}
