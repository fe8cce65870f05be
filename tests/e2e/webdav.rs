//! WebDAV with clients that others wrote: litmus for the protocol, rclone for a film.

use anyhow::{Context, Result, ensure};
use std::time::Duration;

use tests::owner::{self, Owner};
use tests::program::{command, find, report_folder, run, say_aloud, text_of};
use tests::server::Home;
use tests::{media_maker, stage};

/// Tests of litmus that do not pass, and why that is right.
const EXCEPTIONS: &[(&str, &str)] = &[];

#[test]
fn litmus_finds_the_protocol_as_it_should_be() -> Result<()> {
    let _turn = stage::shared();
    if find("litmus").is_none() {
        say_aloud("litmus is not installed; the protocol was NOT verified");
        return Ok(());
    }
    let home = Home::new()?;
    let server = home.serve()?;
    let password = Owner::claim(&home, &server)?.token("webdav")?;
    let logs = report_folder()?.join("litmus");
    std::fs::create_dir_all(&logs)?;
    let mut litmus = command("litmus");
    litmus
        .current_dir(&logs)
        .env("TESTS", "basic copymove props locks http")
        .arg("-k")
        .arg(format!("{}/dav/", server.url))
        .args([owner::NAME, &password]);
    let output = litmus.output().context("starting litmus")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("FAIL"))
        .filter(|line| !EXCEPTIONS.iter().any(|(test, _)| line.contains(test)))
        .collect();
    ensure!(failed.is_empty(), "litmus found {failed:#?} in\n{said}");
    let summaries: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("<- summary for "))
        .collect();
    ensure!(summaries.len() == 5, "litmus did not run through:\n{said}");
    say_aloud(&format!("litmus: {}", summaries.join("; ")));
    server.stop()?;
    Ok(())
}

#[test]
fn a_film_copied_by_rclone_becomes_one_title_of_its_sender() -> Result<()> {
    let _turn = stage::shared();
    if find("rclone").is_none() {
        say_aloud("rclone is not installed; copying by it was NOT verified");
        return Ok(());
    }
    let home = Home::new()?;
    let server = home.serve()?;
    let password = Owner::claim(&home, &server)?.token("webdav")?;
    let clip = media_maker::sized(320, 180, 4).make()?;
    let obscured = text_of(command("rclone").args(["obscure", &password]))?;
    let mut copy = command("rclone");
    copy.env("RCLONE_CONFIG", home.folder().join("rclone.conf"))
        .args([
            "copy",
            "--webdav-vendor",
            "other",
            "--webdav-user",
            owner::NAME,
        ])
        .arg(format!("--webdav-pass={}", obscured.trim()))
        .arg(format!("--webdav-url={}/dav/", server.url))
        .arg(&clip)
        .arg(":webdav:from-afar");
    run(&mut copy)?;
    let name = clip.file_name().context("the clip has no name")?;
    let name = name.to_string_lossy().into_owned();
    let copied = home.drop_folder().join("from-afar").join(&name);
    ensure!(
        std::fs::read(&copied)? == std::fs::read(&clip)?,
        "the copy has other bytes"
    );
    server
        .api
        .wait_until_ready(&name, Duration::from_secs(120))?;
    run(&mut copy)?;
    let titles = server.api.videos_of(&name)?;
    ensure!(titles.len() == 1, "one film became {titles:?}");
    server.stop()?;
    home.check()?;
    Ok(())
}
