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
/// A stream that ended is opened again after this, and a silent server asked again.
const RECONNECT: Duration = Duration::from_secs(2);
/// How many looks without an answer in a row mean that the server is gone.
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

/// Wakes the other thread for each event, and when the stream of events ends.
fn listen(app: &AppHandle, contact: &Contact, wake: &SyncSender<()>) {
    let tell = || {
        // Full means that a look is due anyway.
        let _ = wake.try_send(());
        app.state::<Host>().shows(contact)
    };
    while app.state::<Host>().shows(contact) {
        if let Err(error) = contact.api.follow(tell) {
            tracing::debug!(%error, "The server does not tell its events.");
        }
        tell();
        thread::sleep(RECONNECT);
    }
}

/// Ends when the app shows another server, or none. When the server is gone, the app is told to
/// find another.
fn look_after_each(app: &AppHandle, contact: &Contact, woken: &Receiver<()>) {
    let mut memory = Memory::default();
    let mut silences = 0;
    while silences < PATIENCE {
        silences = match look(app, contact, &mut memory) {
            Err(error) if !contact.api.answers() => {
                tracing::debug!(%error, "The server is silent.");
                silences + 1
            }
            outcome => {
                note(outcome);
                0
            }
        };
        let rest = if silences == 0 {
            LOOK_ANYWAY
        } else {
            RECONNECT
        };
        if let Err(RecvTimeoutError::Disconnected) = woken.recv_timeout(rest) {
            return;
        }
        thread::sleep(GATHER);
        // What came meanwhile is seen by this look.
        let _ = woken.try_recv();
    }
    host::replace(app, contact);
}

fn look(app: &AppHandle, contact: &Contact, memory: &mut Memory) -> Result<(), String> {
    let viewer = contact.api.introduce()?;
    let videos: Videos = contact.api.get(NEWEST)?;
    let address = contact.api.address_in_the_house();
    tray::show(app, activity::activity(&videos, paused(contact), address));
    for news in memory.news(viewer, &videos) {
        tell(app, &news);
    }
    Ok(())
}

fn note(outcome: Result<(), String>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "The library cannot be looked at.");
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
