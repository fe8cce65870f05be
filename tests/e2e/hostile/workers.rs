//! Workers that misbehave, and films that change under them: M28, M29 and M30 of the catalogue.
//! That a worker can start no process is proved by its self-test and `sandbox`. What does not
//! belong here: the misdeeds themselves (`misbehaving-worker`).

use anyhow::{Result, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::ordeal::{Fate, Ordeal, PATIENCE, is_unharmed};
use crate::pictures::picture_at;
use tests::api::Video;
use tests::media_maker::{self, Recipe};
use tests::program::build_folder;
use tests::server::Home;
use tests::stage;
use tests::verifier::Report;

/// Misbehaves at every start.
const ALWAYS: u32 = 99;

/// What a worker does, when it is asked for what, how often, and what becomes of the film: `None`
/// if it is finished all the same, otherwise words of the reason.
type Case = (&'static str, &'static str, u32, Option<&'static str>);

/// What takes too much of time, processor, memory or disk.
const GREED: [Case; 4] = [
    ("hang", "inspect", 1, None),
    ("spin", "inspect", ALWAYS, Some("processor time")),
    ("leak", "inspect", ALWAYS, Some("lack of memory")),
    ("flood", "inspect", ALWAYS, Some("wrote more than it may")),
];

/// What is said wrongly, or not at all.
const LIES: [Case; 13] = [
    ("babble", "inspect", ALWAYS, Some("makes no sense")),
    ("boast", "encode_chunk", ALWAYS, Some("makes no sense")),
    ("break_off", "inspect", ALWAYS, Some("ended")),
    ("lie", "inspect", ALWAYS, Some("was not asked")),
    ("lie", "encode_chunk", ALWAYS, Some("without")),
    (
        "shorten",
        "encode_chunk",
        ALWAYS,
        Some("not what lies there"),
    ),
    ("invent", "encode_chunk", ALWAYS, Some("nobody made")),
    ("stutter", "encode_chunk", ALWAYS, None),
    ("leave", "inspect", ALWAYS, Some("ended with code 0")),
    ("die", "encode_chunk", 2, None),
    ("die", "inspect", ALWAYS, Some("killed by signal 9")),
    ("crash", "encode_chunk", ALWAYS, Some("it crashed")),
    ("trespass", "encode_chunk", ALWAYS, Some("it ")),
];

#[test]
fn m28_workers_that_take_too_much_are_ended_and_told_of() -> Result<()> {
    suffer_all(&GREED)
}

#[test]
fn m30_workers_that_lie_or_die_publish_nothing_and_are_told_of() -> Result<()> {
    suffer_all(&LIES)
}

/// All at once: they mostly wait.
fn suffer_all(cases: &[Case]) -> Result<()> {
    let _turn = stage::shared();
    let clip = &media_maker::tiny(70).make()?;
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = cases
            .iter()
            .map(|case| (case, scope.spawn(move || suffer(case, clip))))
            .collect();
        for ((deed, request, ..), outcome) in running {
            let outcome = outcome
                .join()
                .unwrap_or_else(|_| anyhow::bail!("the test panicked"));
            report.note(&format!("{deed} at {request}"), outcome);
        }
    });
    report.conclude()
}

/// One server with one such worker and one film.
fn suffer(case: &Case, clip: &Path) -> Result<()> {
    let (deed, request, times, reason) = *case;
    let folder = tempfile::TempDir::with_prefix("homereel-misbehaving-")?;
    let worker = misbehaving(folder.path(), deed, request, times)?;
    let home = Home::configured(&format!("worker = \"{worker}\"\n"))?;
    let mut server = home.serve()?;
    let name = home.drop_file(clip)?;
    let video = server
        .api
        .wait_for_video(&name, "in a final state", PATIENCE, Video::is_final)?;
    match reason {
        None => ensure!(
            video.state == "ready",
            "it is {}: {}",
            video.state,
            video.words()
        ),
        Some(words) => {
            ensure!(video.state == "failed", "it is {}", video.state);
            ensure!(video.words().contains(words), "it says {:?}", video.words());
        }
    }
    is_unharmed(&mut server, &home, &[name])?;
    server.stop()?;
    home.check()?;
    Ok(())
}

/// A script that is the worker which misbehaves so.
fn misbehaving(folder: &Path, deed: &str, request: &str, times: u32) -> Result<String> {
    let programs = build_folder()?;
    let script = folder.join("worker");
    let words = format!(
        "#!/bin/sh\nexec {} {deed} {request} {times} {} {} \"$@\"\n",
        programs.join("misbehaving-worker").display(),
        folder.join("counter").display(),
        programs.join("homereel-worker").display()
    );
    fs::write(&script, words)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script.display().to_string())
}

/// Red, green and blue of what takes the place.
const BLUE: [f64; 3] = [0.0, 0.0, 255.0];

#[test]
fn m29_a_film_that_is_swapped_while_it_is_made_is_never_mixed() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let mut films = Vec::new();
    for (name, colour, seconds) in [("renamed.mp4", "red", 50), ("overwritten.mp4", "lime", 45)] {
        let other = one_colour("blue", seconds).make()?;
        films.push((name, one_colour(colour, 60).make()?, other));
    }
    // Made before: while a clip is made, a film that was dropped becomes ready.
    for (name, first, _) in &films {
        ordeal.home.drop_file_as(first, name)?;
    }
    let folder = ordeal.home.drop_folder();
    for (name, _, other) in &films {
        let api = &ordeal.server.api;
        api.wait_for_video(name, "playable", PATIENCE, Video::plays)?;
        if *name == "renamed.mp4" {
            let aside = ordeal.home.folder().join("aside.mp4");
            fs::copy(other, &aside)?;
            fs::rename(&aside, folder.join(name))?;
        } else {
            fs::copy(other, folder.join(name))?;
        }
    }
    for (name, seconds) in [("renamed.mp4", 50.0), ("overwritten.mp4", 45.0)] {
        is_all_blue(&ordeal, name, seconds)?;
    }
    ordeal.expect("renamed.mp4", Fate::Plays);
    ordeal.expect("overwritten.mp4", Fate::Plays);
    ordeal.conclude()
}

fn one_colour(colour: &str, seconds: u32) -> Recipe {
    let clip = format!(
        "-f lavfi -i color={colour}:s=640x360:r=25:d={seconds},noise=alls=8:allf=t -c:v libx264 \
         -preset ultrafast -g 50 -pix_fmt yuv420p"
    );
    Recipe::new(&format!("swapped-{colour}-{seconds}s"), "mp4", &clip)
}

/// The title is what lies there now, from its beginning to its end.
fn is_all_blue(ordeal: &Ordeal, name: &str, seconds: f64) -> Result<()> {
    let api = &ordeal.server.api;
    let is_other = |video: &Video| {
        let length = video.duration_s.unwrap_or(0.0);
        video.state == "ready" && (length - seconds).abs() < 0.5
    };
    let video = api.wait_for_video(name, "ready as the other film", PATIENCE, is_other)?;
    for second in [0.5, seconds / 2.0, seconds - 0.5] {
        let shown = picture_at(&ordeal.server, &video, second)?.mean(0.1, 0.9);
        let near = shown
            .iter()
            .zip(BLUE)
            .all(|(is, should)| (is - should).abs() < 40.0);
        ensure!(near, "{name} shows {shown:?} at {second} s");
    }
    Ok(())
}
