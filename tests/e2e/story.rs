//! The life of a house in a real browser, from the claim to the undo. The browser's part is
//! `tests/browser/story.mjs`; here is what must be true of it.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;

use tests::program::report_folder;
use tests::server::Home;
use tests::{browser, media_maker};

/// Where the phone was left, and where the desk goes on: the place is noted every few seconds.
const NOTED_EVERY_S: f64 = 11.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Story {
    link: String,
    uploaded: Uploaded,
    job_shown: usize,
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
struct Uploaded {
    before: u64,
    uploads: usize,
}

#[test]
fn a_house_is_claimed_filled_shared_and_watched() -> Result<()> {
    let home = Home::new()?;
    let elsewhere = home.folder().join("more films");
    fs::create_dir(&elsewhere)?;
    let film = home.folder().join("A summer.mp4");
    fs::copy(media_maker::grainy_720p().make()?, &film)?;
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
    let before = story.uploaded.before;
    ensure!(
        before > 0 && before < film_bytes,
        "the reload fell into the middle of {film_bytes} bytes: {before} were there"
    );
    ensure!(
        story.uploaded.uploads == 1,
        "the upload went on instead of beginning anew"
    );
    ensure!(story.job_shown == 1, "the job is on the page of jobs");
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
