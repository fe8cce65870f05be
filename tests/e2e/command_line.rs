//! The commands beside `serve`: `ingest` with and without a server, and a `check` that finds what
//! it is for. What does not belong here: `serve` itself (every other module).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::proof::prove_title;
use tests::program::{command, text_of};
use tests::server::{Home, server_program};
use tests::{media_maker, stage, store};

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn ingest_takes_a_file_from_anywhere_with_and_without_a_server() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let early = media_maker::tiny(43).make()?;
    let first = ingest(&home, &early)?;

    let server = home.serve()?;
    let film = media_maker::plain("mkv", 12).make()?;
    let second = ingest(&home, &film)?;
    let name = film.file_name().unwrap_or_default().to_string_lossy();
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    ensure!(
        video.id == second,
        "`ingest` said title {second}, the library has {}",
        video.id
    );
    prove_title(&server, &video, &film)?;
    let early = server.api.video(&first)?;
    ensure!(
        early.state != "failed",
        "what was ingested before the start must be made too: {}",
        early.words()
    );
    ensure!(
        ingest(&home, &film)? == second,
        "the same file again is the same title"
    );
    server.stop()?;
    home.check()?;
    Ok(())
}

/// Runs `homereel ingest` and returns the title it names.
fn ingest(home: &Home, file: &Path) -> Result<String> {
    let mut ingest = command(server_program()?);
    ingest.arg("ingest").arg(file);
    ingest.arg("--data-dir").arg(home.data());
    let said = text_of(&mut ingest)?;
    let title = said.lines().next().context("`ingest` said nothing")?;
    Ok(title.to_owned())
}

#[test]
fn check_finds_a_lost_and_a_changed_segment() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let name = home.drop_file(&media_maker::plain("mp4", 12).make()?)?;
    server.api.wait_until_ready(&name, PATIENCE)?;
    server.stop()?;
    home.check()?;

    let segments = store::segments(&home.data())?;
    let mut paths = segments.keys();
    let (lost, changed) = (paths.next(), paths.next());
    let lost = lost.context("nothing is stored")?;
    let changed = changed.context("only one segment is stored")?;
    fs::remove_file(lost)?;
    let mut bytes = fs::read(changed)?;
    let last = bytes.last_mut().context("an empty segment")?;
    *last ^= 1;
    fs::write(changed, bytes)?;

    let words = format!("{:#}", home.check().err().context("nothing was found")?);
    for path in [lost, changed] {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        ensure!(
            words.contains(&*name),
            "the check must name {name}: {words}"
        );
    }
    Ok(())
}
