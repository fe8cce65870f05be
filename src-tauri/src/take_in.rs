//! Files and folders that somebody dropped on the window or named on the command line: files are
//! taken into the library where they lie, folders are watched from now on.
//!
//! What does not belong here: judging files; the server does that.

use homereel::commands::ingest::hand_over;
use serde_json::json;
use std::path::{Path, PathBuf};
use tauri::{AppHandle, Manager};

use crate::activity::News;
use crate::host::{Contact, Host, Reach};
use crate::pulse::tell;

/// More at once is a folder's job.
const MOST_AT_ONCE: usize = 200;

/// Takes each of `paths`, and tells what became of them.
pub(crate) fn take_in(app: &AppHandle, paths: Vec<PathBuf>) {
    if paths.is_empty() {
        return;
    }
    if paths.len() > MOST_AT_ONCE {
        return refuse(
            app,
            "Nothing was taken",
            "That is a lot at once. Put the files into a folder and add the folder.",
        );
    }
    match app.state::<Host>().reach(&paths) {
        Reach::Now(contact) => {
            tauri::async_runtime::spawn(take_each(app.clone(), contact, paths));
        }
        Reach::Soon => {}
        Reach::Never => refuse(app, "Nothing was taken", "Homereel is not running."),
    }
}

async fn take_each(app: AppHandle, contact: Contact, paths: Vec<PathBuf>) {
    let mut taken = Taken::default();
    for path in paths {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let is_folder = path.is_dir();
        match take_one(&contact, path, is_folder).await {
            Ok(()) if is_folder => taken.folders.push(name),
            Ok(()) => taken.files.push(name),
            Err(sentence) => refuse(&app, &format!("{name} was not taken"), &sentence),
        }
    }
    for news in taken.news() {
        tell(&app, &news);
    }
}

async fn take_one(contact: &Contact, path: PathBuf, is_folder: bool) -> Result<(), String> {
    if is_folder {
        return watch(contact, path).await;
    }
    let taken = hand_over(&contact.data_dir, path).await;
    taken.map(drop).map_err(|error| error.to_string())
}

/// The names of what was taken.
#[derive(Debug, Default)]
struct Taken {
    files: Vec<String>,
    folders: Vec<String>,
}

impl Taken {
    /// One sentence for all files and one for all folders, however many there are.
    fn news(&self) -> Vec<News> {
        let files = heading(
            &self.files,
            "is in your library",
            "films are in your library",
        );
        let files = files.map(|heading| News {
            heading,
            sentence: "It plays as soon as its first seconds are made.".to_owned(),
        });
        let folders = heading(&self.folders, "is watched", "folders are watched");
        let folders = folders.map(|heading| News {
            heading,
            sentence: "What lies there, or comes there, is taken in.".to_owned(),
        });
        files.into_iter().chain(folders).collect()
    }
}

fn heading(names: &[String], one: &str, several: &str) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("{name} {one}")),
        names => Some(format!("{} {several}", names.len())),
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

#[cfg(test)]
mod tests {
    use super::Taken;

    #[test]
    fn what_was_taken_is_said_once() {
        let check = |files: &[&str], folders: &[&str], expected: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let taken = Taken {
                files: names(files),
                folders: names(folders),
            };
            let news = taken.news().into_iter();
            let headings: Vec<String> = news.map(|news| news.heading).collect();
            assert_eq!(headings, expected);
        };
        check(&[], &[], &[]);
        check(&["a.mp4"], &[], &["a.mp4 is in your library"]);
        check(&["a", "b", "c"], &[], &["3 films are in your library"]);
        check(
            &["a.mp4"],
            &["films"],
            &["a.mp4 is in your library", "films is watched"],
        );
        check(&[], &["a", "b"], &["2 folders are watched"]);
    }
}
