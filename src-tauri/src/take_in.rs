//! Files and folders that somebody dropped on the window or named on the command line: files are
//! taken into the library where they lie, folders are watched from now on.
//!
//! What does not belong here: judging files; the server does that.

use homereel::commands::ingest::hand_over;
use serde_json::json;
use std::path::{Path, PathBuf};
use tauri::{AppHandle, Manager};

use crate::activity::News;
use crate::host::{Contact, Host};
use crate::pulse::tell;

/// More at once is a folder's job.
const MOST_AT_ONCE: usize = 200;

/// Takes each of `paths`; what does not work is told.
pub(crate) fn take_in(app: &AppHandle, paths: Vec<PathBuf>) {
    if paths.is_empty() {
        return;
    }
    let Some(contact) = app.state::<Host>().contact() else {
        return refuse(app, "Nothing was taken", "Homereel is not running yet.");
    };
    if paths.len() > MOST_AT_ONCE {
        return refuse(
            app,
            "Nothing was taken",
            "That is a lot at once. Put the files into a folder and add the folder.",
        );
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        for path in paths {
            take_one(&app, &contact, path).await;
        }
    });
}

async fn take_one(app: &AppHandle, contact: &Contact, path: PathBuf) {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let outcome = if path.is_dir() {
        watch(contact, path).await
    } else {
        let taken = hand_over(&contact.data_dir, path).await;
        taken.map(drop).map_err(|error| error.to_string())
    };
    match outcome {
        Ok(()) => tracing::info!(name, "Taken."),
        Err(sentence) => refuse(app, &format!("{name} was not taken"), &sentence),
    }
}

/// Watches `folder` from now on.
async fn watch(contact: &Contact, folder: PathBuf) -> Result<(), String> {
    match &contact.desk {
        Some(desk) => {
            let added = desk.add_folder(folder).await;
            added.map_err(|error| error.to_string())
        }
        None => ask_to_watch(contact, &folder).await,
    }
}

/// The server of another process is asked as any page would.
async fn ask_to_watch(contact: &Contact, folder: &Path) -> Result<(), String> {
    let Some(path) = folder.to_str() else {
        return Err("The name of this folder is not UTF-8, so it cannot be told.".to_owned());
    };
    let (api, body) = (contact.api.clone(), json!({ "path": path }));
    let asking = move || api.send("POST", "/api/v1/folders", &body);
    let asked = tauri::async_runtime::spawn_blocking(asking).await;
    asked.map_err(|error| error.to_string())?
}

fn refuse(app: &AppHandle, heading: &str, sentence: &str) {
    tell(
        app,
        &News {
            heading: heading.to_owned(),
            sentence: sentence.to_owned(),
        },
    );
}
