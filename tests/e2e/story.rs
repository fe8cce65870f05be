//! The life of a house in a real browser, from the claim to the undo. The browser's part is
//! `tests/browser/story.mjs`; here is what must be true of it.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;

use tests::program::report_folder;
use tests::server::Home;
use tests::{browser, media_maker, stage};

/// Where the phone was left, and where the desk goes on: the place is noted every few seconds.
const NOTED_EVERY_S: f64 = 11.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Story {
    link: String,
    uploaded: Uploaded,
    job_said: Vec<String>,
    left: f64,
    admin_page: u16,
    admin_call: u16,
    continued: usize,
    resumed: f64,
    owner: Option<String>,
    deleted_for: bool,
    back: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Uploaded {
    left_out: String,
    paused_at: u64,
    before: u64,
    uploads: usize,
}

#[test]
fn a_house_is_claimed_filled_shared_and_watched() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let elsewhere = home.folder().join("more films");
    fs::create_dir(&elsewhere)?;
    let film_folder = home.folder().join("Summer");
    fs::create_dir(&film_folder)?;
    let film = film_folder.join("A summer.mp4");
    fs::copy(media_maker::grainy_720p().make()?, &film)?;
    fs::write(film_folder.join("A summer.nfo"), "what others wrote of it")?;
    let server = home.serve()?;
    let token = fs::read_to_string(home.data().join("setup-token"))
        .context("an unclaimed house has a token")?;
    let screenshots = report_folder()?.join("story");
    fs::create_dir_all(&screenshots)?;
    let story: Story = browser::run_scenario(
        "story.mjs",
        &serde_json::json!({
            "url": server.url,
            "token": token.trim(),
            "folder": elsewhere,
            "filmFolder": film_folder,
            "film": film,
            "name": "A summer",
            "screenshots": screenshots,
        }),
    )?;
    judge(&story, fs::metadata(&film)?.len())?;
    ensure!(
        !home.data().join("setup-token").exists(),
        "a token that claimed a house is of no further use"
    );
    server.stop()?;
    Ok(())
}

fn judge(story: &Story, film_bytes: u64) -> Result<()> {
    ensure!(
        story.link.contains("/join#t="),
        "the link was {}",
        story.link
    );
    ensure!(
        story.uploaded.left_out == "One file that is no film stays where it is.",
        "of the folder it was said: {}",
        story.uploaded.left_out
    );
    let (paused, before) = (story.uploaded.paused_at, story.uploaded.before);
    ensure!(
        paused > 0 && before > paused && before < film_bytes,
        "of {film_bytes} bytes, {paused} were there at the pause and {before} at the reload"
    );
    ensure!(
        story.uploaded.uploads == 1,
        "the upload went on instead of beginning anew"
    );
    let percents = story.job_said.iter().filter(|said| said.contains("% done"));
    ensure!(
        percents.count() >= 2,
        "the job was seen to grow: {:?}",
        story.job_said
    );
    ensure!(
        story.admin_page >= 400 && story.admin_call == 403,
        "a viewer sees no accounts: {} {}",
        story.admin_page,
        story.admin_call
    );
    ensure!(story.continued == 1, "the desk offers to go on");
    ensure!(
        (story.resumed - story.left).abs() < NOTED_EVERY_S && story.resumed > 1.0,
        "left at {} s, resumed at {} s",
        story.left,
        story.resumed
    );
    ensure!(story.owner.as_deref() == Some("Ada"), "{:?}", story.owner);
    ensure!(story.deleted_for, "what is deleted is gone for everybody");
    ensure!(story.back, "what is taken back is there again");
    Ok(())
}
