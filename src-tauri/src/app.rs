//! The app from its start to its end: plugins, window, tray, signals, quitting. What does not
//! belong here: the server (`host`), what the window shows (`window`), the menu (`tray`).

use homereel::config::Flags;
use std::path::{Path, PathBuf};
use tauri::{AppHandle, Manager, RunEvent};
use tokio::signal::unix::{SignalKind, signal};

use crate::host::Host;
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
        .plugin(at_login(&start.flags))
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

/// Starting at login looks after the same folders as this start does.
fn at_login(flags: &Flags) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    let mut arguments = vec!["--hidden".to_owned()];
    for (name, path) in [("--config", &flags.config), ("--data-dir", &flags.data_dir)] {
        let absolute = path
            .as_ref()
            .and_then(|path| std::path::absolute(path).ok());
        if let Some(path) = absolute {
            arguments.extend([name.to_owned(), path.to_string_lossy().into_owned()]);
        }
    }
    tauri_plugin_autostart::Builder::new()
        .args(arguments)
        .build()
}

fn set_up(app: &AppHandle, start: Start) -> Result<(), Box<dyn std::error::Error>> {
    if start.quit {
        // Nobody else runs, so there is nobody to quit.
        app.exit(0);
        return Ok(());
    }
    app.manage(Host::new(start.flags));
    window::create(app, !start.hidden)?;
    tray::create(app)?;
    follow_signals(app.clone());
    let folder = std::env::current_dir().unwrap_or_default();
    host::begin(app, absolute(&folder, start.paths));
    Ok(())
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
        tracing::info!("Homereel has stopped.");
        app.exit(0);
    });
}
