//! From a dropped file to the first moving picture in a real browser. The budget is 8 s where the
//! source must be encoded and 3 s where its picture is copied, at any length. What does not belong
//! here: playing on from there (`e2e::playback`).

use anyhow::{Result, ensure};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::median;
use tests::media_maker::Fate;
use tests::server::Home;
use tests::{browser, media_maker};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstPicture {
    listed_ms: f64,
    first_picture_ms: f64,
    failures: Vec<String>,
}

/// How many scenes of 20.48 s a film has, and what happens to its picture.
const FILMS: [(&str, u32, Fate); 4] = [
    ("20 s, encoded", 1, Fate::Encoded),
    ("10 min, encoded", 30, Fate::Encoded),
    ("1 min, copied", 3, Fate::Copied),
    ("2 h, copied", 352, Fate::Copied),
];

/// A table of medians for short and long films.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    let clips = FILMS
        .iter()
        .map(|(_, scenes, fate)| media_maker::scenes_1080p(*scenes, *fate)?.make())
        .collect::<Result<Vec<PathBuf>>>()?;
    let mut measured: Vec<Vec<FirstPicture>> = clips.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (clip, results) in clips.iter().zip(&mut measured) {
            results.push(measure_once(clip)?);
        }
    }
    let mut table = format!(
        "from a file moved into the folder to the first moving picture, 1080p, median of {rounds}\n\
         {:<16} {:>16} {:>16}",
        "film", "listed", "first picture"
    );
    for ((name, ..), results) in FILMS.iter().zip(&measured) {
        let listed = median(results.iter().map(|r| r.listed_ms).collect());
        let first = median(results.iter().map(|r| r.first_picture_ms).collect());
        table += &format!(
            "\n{name:<16} {:>14.2} s {:>14.2} s",
            listed / 1e3,
            first / 1e3
        );
    }
    Ok(table)
}

/// A copy of the film beside the drop folder that the disk has whole: what is measured is Homereel,
/// not a disk that is still busy with four gigabytes.
fn beside(home: &Home, clip: &Path) -> Result<PathBuf> {
    let film = home.data().with_file_name("film.mp4");
    fs::copy(clip, &film)?;
    File::open(&film)?.sync_all()?;
    Ok(film)
}

/// A fresh server each time, so that no earlier film is in the way.
fn measure_once(clip: &Path) -> Result<FirstPicture> {
    let home = Home::new()?;
    let server = home.serve()?;
    let film = beside(&home, clip)?;
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
    server.stop()?;
    Ok(outcome)
}
