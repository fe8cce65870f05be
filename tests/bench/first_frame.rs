//! From a copied file to the first moving picture in a real browser. The budget is 8 s where the
//! source must be encoded. What does not belong here: playing on from there (`e2e::playback`).

use anyhow::{Result, ensure};
use serde::Deserialize;
use std::path::Path;

use crate::median;
use tests::server::Home;
use tests::{browser, media_maker};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstPicture {
    listed_ms: f64,
    first_picture_ms: f64,
    failures: Vec<String>,
}

/// A table of medians for a short and a long film.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    let clips = [
        ("20 s", media_maker::twenty_seconds_1080p().make()?),
        ("10 min", media_maker::ten_minutes()?.make()?),
    ];
    let mut measured: [Vec<FirstPicture>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for ((_, clip), results) in clips.iter().zip(&mut measured) {
            results.push(measure_once(clip)?);
        }
    }
    let mut table = format!(
        "from copied file to first moving picture, 1080p, median of {rounds}\n\
         {:<8} {:>16} {:>16}",
        "film", "listed", "first picture"
    );
    for ((name, _), results) in clips.iter().zip(&measured) {
        let listed = median(results.iter().map(|r| r.listed_ms).collect());
        let first = median(results.iter().map(|r| r.first_picture_ms).collect());
        table += &format!(
            "\n{name:<8} {:>14.2} s {:>14.2} s",
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
    let outcome: FirstPicture = browser::run_scenario(
        "first_frame.mjs",
        &serde_json::json!({
            "url": server.url,
            "source": clip,
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
