//! The app from its start to its end: plugins, window, tray, signals, quitting. What does not
//! belong here: the server (`host`), what the window shows (`window`), the menu (`tray`).

use homereel::config::Flags;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use tauri::{AppHandle, Manager, RunEvent};
use tokio::signal::unix::{SignalKind, signal};

use crate::host::Host;
use crate::login::Login;
use crate::{host, parse_again, take_in, tray, window};

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) flags: Flags,
    pub(crate) hidden: bool,
    pub(crate) quit: bool,
    pub(crate) paths: Vec<PathBuf>,
}

/// Runs the app to its end and returns the exit code. A start beside an app that runs hands its
/// wishes over and ends the process.
///
/// # Errors
/// As Tauri has it: there is no screen, or no WebKit.
pub(crate) fn run(start: Start) -> tauri::Result<i32> {
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(
            |app, arguments, folder| another_start(app, &arguments, Path::new(&folder)),
        ))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .on_window_event(window::on_event)
        .setup(move |app| set_up(app.handle(), start))
        .build(tauri::generate_context!())?;
    Ok(app.run_return(|_, event| {
        // Without a window the app goes on in the tray; only `leave` ends it, with a code.
        if let RunEvent::ExitRequested {
            code: None, api, ..
        } = event
        {
            api.prevent_exit();
        }
    }))
}

fn set_up(app: &AppHandle, start: Start) -> Result<(), Box<dyn std::error::Error>> {
    if start.quit {
        // Nobody else runs, so there is nobody to quit.
        app.exit(0);
        return Ok(());
    }
    app.manage(Login::of(&start.flags));
    app.manage(Host::new(start.flags));
    window::create(app, !start.hidden)?;
    create_tray(app);
    follow_signals(app.clone());
    let folder = std::env::current_dir().unwrap_or_default();
    host::begin(app, absolute(&folder, start.paths));
    Ok(())
}

/// Not every desktop has a tray, and what it does can be done without one. Its library is looked
/// for when the app runs, and whoever looks for it panics if it is missing.
fn create_tray(app: &AppHandle) {
    let reason = match catch_unwind(AssertUnwindSafe(|| tray::create(app))) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "libayatana-appindicator is missing".to_owned(),
    };
    tracing::warn!(
        reason,
        "There is no tray; start the app again to see its window."
    );
}

/// Somebody started the program although it runs: they want to see it, or it to do something.
fn another_start(app: &AppHandle, arguments: &[String], folder: &Path) {
    let Some(start) = parse_again(arguments) else {
        return window::show(app);
    };
    if start.quit {
        return leave(app);
    }
    if !start.hidden && start.paths.is_empty() {
        window::show(app);
    }
    take_in::take_in(app, absolute(folder, start.paths));
}

fn absolute(folder: &Path, paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().map(|path| folder.join(path)).collect()
}

/// The signals that mean "stop" end the app in good order.
fn follow_signals(app: AppHandle) {
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            match signal(kind) {
                Ok(mut signals) => {
                    signals.recv().await;
                    leave(&app);
                }
                Err(error) => tracing::warn!(%error, "A signal cannot be caught."),
            }
        });
    }
}

/// Puts everything away and ends the app. A second call changes nothing.
pub(crate) fn leave(app: &AppHandle) {
    let Some(state) = app.state::<Host>().leave() else {
        return;
    };
    window::hide(app);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        host::end(state).await;
        let _none_starts = app.state::<Host>().no_more_starts().await;
        tracing::info!("Homereel has stopped.");
        app.exit(0);
    });
}
