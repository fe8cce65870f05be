//! A person watches in a real browser while the ladder is still filling. The browser's part is
//! `tests/browser/play.mjs`; here is what must be true of it.
//! What does not belong here: times as such (`bench`).

use anyhow::{Result, ensure};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

use tests::program::{report_folder, say_aloud};
use tests::server::Home;
use tests::{browser, media_maker, stage};

/// One picture at 25 frames a second, and a little for the browser's floating point.
const FRAME_S: f64 = 0.04 + 0.001;
/// Past the joins at 2, 4, 8 and 12 s.
const PLAY_UNTIL_S: f64 = 13.0;
const SEEK_PART: f64 = 0.8;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    card_shown: usize,
    duration: f64,
    played: f64,
    holes_played: Vec<(f64, f64)>,
    pictures_played: Vec<u32>,
    sound_played: Vec<u32>,
    rungs_at_seek: Vec<RungThen>,
    target: f64,
    seek_ms: u64,
    holes_after_seek: Vec<(f64, f64)>,
    switches: Vec<Switch>,
    holes_after_switch: Vec<(f64, f64)>,
    badge: Badge,
    quality: Quality,
    held: u32,
    aborted: u32,
    failures: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct RungThen {
    ready: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Switch {
    wanted: u32,
    took_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Badge {
    rungs: usize,
    lit: usize,
    words: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quality {
    total_video_frames: u32,
    dropped_video_frames: u32,
}

impl Watched {
    /// What a person would like to know; nothing of it passes or fails the test.
    fn summary(&self, screenshots: &Path) -> String {
        let switches = self.switches.iter();
        let switches: Vec<String> = switches
            .map(|switch| format!("{} lines in {} ms", switch.wanted, switch.took_ms))
            .collect();
        format!(
            "in the browser: seek to {:.0} s in {} ms; switched to {}; {} of {} pictures dropped; \
             screenshots in {}",
            self.target,
            self.seek_ms,
            switches.join(", to "),
            self.quality.dropped_video_frames,
            self.quality.total_video_frames,
            screenshots.display()
        )
    }
}

#[test]
fn a_browser_plays_seeks_and_switches_while_the_ladder_is_filling() -> Result<()> {
    let _turn = stage::alone();
    let home = Home::new()?;
    let clip = media_maker::sized(1280, 720, 150).make()?;
    let server = home.serve()?;
    let file = home.drop_file(&clip)?;
    let patience = Duration::from_secs(60);
    let video = server
        .api
        .wait_for_video(&file, "playable", patience, |video| video.plays())?;
    let screenshots = report_folder()?.join("screenshots");
    std::fs::create_dir_all(&screenshots)?;
    let watched: Watched = browser::run_scenario(
        "play.mjs",
        &serde_json::json!({
            "url": server.url,
            "id": video.id,
            "name": video.name,
            "screenshots": screenshots,
            "videoStreams": video.rungs.len(),
            "playUntil": PLAY_UNTIL_S,
            "seekPart": SEEK_PART,
        }),
    )?;
    say_aloud(&watched.summary(&screenshots));
    nothing_failed(&watched)?;
    playing_was_seamless(&watched)?;
    seeking_led_into_the_unfinished_part(&watched)?;
    the_menu_switched_quality(&watched)?;
    the_badge_is_full(&watched, video.rungs.len())?;
    server.stop()?;
    home.check()?;
    Ok(())
}

fn nothing_failed(watched: &Watched) -> Result<()> {
    ensure!(
        watched.card_shown == 1,
        "the library does not show the card"
    );
    ensure!(
        watched.failures.is_empty(),
        "besides {} held and {} aborted requests: {:?}",
        watched.held,
        watched.aborted,
        watched.failures
    );
    Ok(())
}

fn playing_was_seamless(watched: &Watched) -> Result<()> {
    no_hole("while playing", &watched.holes_played)?;
    for (what, numbers) in [
        ("picture", &watched.pictures_played),
        ("sound", &watched.sound_played),
    ] {
        let expected: Vec<u32> = (1..).take(numbers.len()).collect();
        ensure!(
            *numbers == expected && numbers.len() >= 4,
            "after {:.1} s the {what} segments {numbers:?} had arrived: one was dropped",
            watched.played
        );
    }
    Ok(())
}

fn seeking_led_into_the_unfinished_part(watched: &Watched) -> Result<()> {
    ensure!(
        (watched.target - watched.duration * SEEK_PART).abs() < 0.1,
        "the key 8 leads to 80 %"
    );
    ensure!(
        watched
            .rungs_at_seek
            .iter()
            .any(|rung| rung.ready < SEEK_PART),
        "the ladder was finished before the seek, so the test proves nothing: {:?}",
        watched.rungs_at_seek
    );
    no_hole("after the seek", &watched.holes_after_seek)
}

fn the_menu_switched_quality(watched: &Watched) -> Result<()> {
    ensure!(
        watched.switches.len() == 2,
        "to the lowest and to the highest"
    );
    no_hole("after switching", &watched.holes_after_switch)
}

fn the_badge_is_full(watched: &Watched, rungs: usize) -> Result<()> {
    ensure!(
        watched.badge.rungs == rungs && watched.badge.lit == rungs,
        "the badge shows {} of {} rungs lit ({:?})",
        watched.badge.lit,
        watched.badge.rungs,
        watched.badge.words
    );
    Ok(())
}

fn no_hole(when: &str, holes: &[(f64, f64)]) -> Result<()> {
    let wide = holes.iter().find(|(start, end)| end - start > FRAME_S);
    ensure!(
        wide.is_none(),
        "{when}, the buffer has a hole wider than a frame: {wide:?} of {holes:?}"
    );
    Ok(())
}
