//! The tray: the ladder with as many rungs alight as are ready, a line that says what goes on,
//! and the menu. Each entry is one call. Where a desktop has no tray, nothing is missing that a
//! page does not have.
//!
//! What does not belong here: what the calls do.

use serde_json::json;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

use crate::activity::{self, Activity};
use crate::host::{Contact, Host};
use crate::login::Login;
use crate::{address, app as life, take_in, window};

/// The ladder with none to all of its rungs alight.
const LADDERS: [&[u8]; 5] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/tray-0.png")),
    include_bytes!(concat!(env!("OUT_DIR"), "/tray-1.png")),
    include_bytes!(concat!(env!("OUT_DIR"), "/tray-2.png")),
    include_bytes!(concat!(env!("OUT_DIR"), "/tray-3.png")),
    include_bytes!(concat!(env!("OUT_DIR"), "/tray-4.png")),
];

const OPEN: &str = "open";
const COPY: &str = "copy";
const CODE: &str = "code";
const FOLDER: &str = "folder";
const PAUSE: &str = "pause";
const LOGIN: &str = "login";
const QUIT: &str = "quit";

/// The parts that change.
struct Tray {
    icon: TrayIcon,
    line: MenuItem<Wry>,
    place: MenuItem<Wry>,
    pause: MenuItem<Wry>,
    login: CheckMenuItem<Wry>,
    shown: std::sync::Mutex<Activity>,
}

/// Puts the ladder into the tray.
///
/// # Errors
/// As Tauri has it.
pub(crate) fn create(app: &AppHandle) -> tauri::Result<()> {
    let first = activity::starting();
    let entry = |id: &str, text: &str| MenuItem::with_id(app, id, text, true, None::<&str>);
    let line = MenuItem::new(app, &first.line, false, None::<&str>)?;
    let place = MenuItem::new(app, &first.place, false, None::<&str>)?;
    let pause = MenuItem::with_id(app, PAUSE, "Pause encoding", false, None::<&str>)?;
    let starts = Login::is_on(app);
    let login = CheckMenuItem::with_id(app, LOGIN, "Start at login", true, starts, None::<&str>)?;
    let separator = PredefinedMenuItem::separator(app)?;
    let menu = Menu::with_items(
        app,
        &[
            &line,
            &place,
            &separator,
            &entry(OPEN, "Open Homereel")?,
            &entry(COPY, "Copy address")?,
            &entry(CODE, "Show QR code")?,
            &entry(FOLDER, "Add folder…")?,
            &pause,
            &login,
            &PredefinedMenuItem::separator(app)?,
            &entry(QUIT, "Quit")?,
        ],
    )?;
    let icon = TrayIconBuilder::with_id("ladder")
        .icon(ladder(first.rungs)?)
        .tooltip("Homereel")
        .menu(&menu)
        .on_menu_event(|app, event| chosen(app, &event))
        .build(app)?;
    app.manage(Tray {
        icon,
        line,
        place,
        pause,
        login,
        shown: first.into(),
    });
    Ok(())
}

/// Shows what goes on.
pub(crate) fn show(app: &AppHandle, activity: Activity) {
    let Some(tray) = app.try_state::<Tray>() else {
        return;
    };
    let mut shown = tray
        .shown
        .lock()
        .unwrap_or_else(|poison| poison.into_inner());
    if *shown == activity {
        return;
    }
    if let Err(error) = tray.paint(&shown, &activity) {
        tracing::debug!(%error, "The tray does not show what goes on.");
    }
    *shown = activity;
}

impl Tray {
    fn paint(&self, before: &Activity, now: &Activity) -> tauri::Result<()> {
        self.line.set_text(&now.line)?;
        self.place.set_text(&now.place)?;
        self.icon
            .set_tooltip(Some(format!("Homereel\n{}", now.line)))?;
        self.pause.set_enabled(now.paused.is_some())?;
        self.pause.set_text(match now.paused {
            Some(true) => "Resume encoding",
            Some(false) | None => "Pause encoding",
        })?;
        // On Linux each picture is a file, so it is written only when it is another one.
        if before.rungs != now.rungs {
            self.icon.set_icon(Some(ladder(now.rungs)?))?;
        }
        Ok(())
    }
}

fn ladder(alight: usize) -> tauri::Result<Image<'static>> {
    Image::from_bytes(LADDERS[alight.min(LADDERS.len() - 1)])
}

fn chosen(app: &AppHandle, event: &MenuEvent) {
    match event.id().as_ref() {
        OPEN => window::show(app),
        COPY => address::copy(app),
        CODE => address::show(app),
        FOLDER => choose_folder(app),
        PAUSE => pause_or_resume(app),
        LOGIN => start_at_login(app),
        QUIT => life::leave(app),
        _ => {}
    }
}

fn choose_folder(app: &AppHandle) {
    let chosen = app.clone();
    app.dialog()
        .file()
        .set_title("Which folder are your films in?")
        .pick_folder(move |folder| {
            let path = folder.and_then(|folder| folder.into_path().ok());
            take_in::take_in(&chosen, path.into_iter().collect());
        });
}

fn pause_or_resume(app: &AppHandle) {
    let Some(contact) = contact(app) else {
        return;
    };
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let paused = app.try_state::<Tray>().and_then(|tray| {
            let shown = tray
                .shown
                .lock()
                .unwrap_or_else(|poison| poison.into_inner());
            shown.paused
        });
        let Some(paused) = paused else {
            return;
        };
        if let Err(sentence) = pause(&contact, !paused).await {
            complain(&app, sentence);
        }
    });
}

async fn pause(contact: &Contact, paused: bool) -> Result<(), String> {
    if let Some(desk) = &contact.desk {
        let done = desk.pause_encoding(paused).await;
        return done.map_err(|error| error.to_string());
    }
    let (api, body) = (contact.api.clone(), json!({ "encoding_paused": paused }));
    let asking = move || api.send("PATCH", "/api/v1/settings", &body);
    let asked = tauri::async_runtime::spawn_blocking(asking).await;
    asked.map_err(|error| error.to_string())?
}

/// The menu has toggled its mark already; it shows the truth afterwards.
fn start_at_login(app: &AppHandle) {
    let Some(tray) = app.try_state::<Tray>() else {
        return;
    };
    let outcome = app.state::<Login>().switch(app, !Login::is_on(app));
    if let Err(error) = outcome {
        complain(app, format!("Starting at login cannot be changed: {error}"));
    }
    let _ = tray.login.set_checked(Login::is_on(app));
}

fn complain(app: &AppHandle, sentence: String) {
    app.dialog()
        .message(sentence)
        .title("Homereel")
        .kind(MessageDialogKind::Error)
        .show(|_| {});
}

fn contact(app: &AppHandle) -> Option<Contact> {
    app.state::<Host>().contact()
}
