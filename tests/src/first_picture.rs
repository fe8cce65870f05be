//! A film is moved into the drop folder and opened in a real browser at once: how long until its
//! first picture moves, and what that was taken from. What does not belong here: playing on from
//! there.

use anyhow::{Result, ensure};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::browser;
use crate::server::{Home, Server};

/// What the browser saw.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstPicture {
    /// From the move until the server listed the film.
    pub listed_ms: f64,
    /// From the move until the first picture moved.
    pub first_picture_ms: f64,
    /// Of which a segment had arrived by then, in order.
    pub streams: Vec<u32>,
    failures: Vec<String>,
}

/// Opens `clip` as `film.mp4` in the drop folder of `home`, which `server` serves.
pub fn first_picture(home: &Home, server: &Server, clip: &Path) -> Result<FirstPicture> {
    let film = beside(home, clip)?;
    let outcome: FirstPicture = browser::run_scenario(
        "first_frame.mjs",
        &serde_json::json!({
            "url": server.url,
            "source": film,
            "target": home.drop_folder().join("film.mp4"),
        }),
    )?;
    ensure!(
        outcome.failures.is_empty(),
        "the page failed: {:?}",
        outcome.failures
    );
    Ok(outcome)
}

/// A copy of the film beside the drop folder that the disk has whole: what is measured is Homereel,
/// not a disk that is still busy with four gigabytes.
fn beside(home: &Home, clip: &Path) -> Result<PathBuf> {
    let film = home.data().with_file_name("film.mp4");
    fs::copy(clip, &film)?;
    File::open(&film)?.sync_all()?;
    Ok(film)
}
