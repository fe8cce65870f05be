//! From a dropped file to the first moving picture in a real browser. The budget is 8 s where the
//! source must be encoded and 3 s where its picture is copied, at any length. What does not belong
//! here: playing on from there (`e2e::playback`).

use anyhow::Result;
use std::path::{Path, PathBuf};

use crate::median;
use tests::first_picture::{FirstPicture, first_picture};
use tests::media_maker::{self, Fate};
use tests::server::Home;

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

/// A fresh server each time, so that no earlier film is in the way.
fn measure_once(clip: &Path) -> Result<FirstPicture> {
    let home = Home::new()?;
    let server = home.serve()?;
    let outcome = first_picture(&home, &server, clip)?;
    server.stop()?;
    Ok(outcome)
}
