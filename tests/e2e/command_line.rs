//! The commands beside `serve`: `ingest` with and without a server, and a `check` that finds what
//! it is for; and what `serve` says to whoever started it. What does not belong here: what it serves
//! (every other module).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::proof::prove_title;
use tests::api::wait_until;
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

#[test]
fn the_log_is_json_for_programs_and_tells_where_the_house_finds_it() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let address = "http://films.test:8096";
    let mut serve = home.serve_command()?;
    serve.env("HOMEREEL_LOG_FORMAT", "json");
    serve.env("HOMEREEL_PUBLIC_URL", address);
    let server = home.start(serve)?;
    let lines = wait_until("told where it is", PATIENCE, || {
        let log = server.log();
        Ok(log.contains("no owner yet").then_some(log))
    })?;
    server.stop()?;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
        .collect::<Result<_>>()?;
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            ensure!(line[field].is_string(), "{field} is missing in {line}");
        }
    }
    ensure!(
        lines.iter().any(|line| line["url"] == address),
        "nobody was told where the house finds it: {lines:?}"
    );
    Ok(())
}

#[test]
fn whoever_sits_at_a_terminal_gets_the_address_to_scan() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let seen = home.folder().join("terminal.txt");
    let program = server_program()?;
    let line = format!(
        "exec '{}' serve --listen 127.0.0.1:0 --data-dir '{}' --watch '{}'",
        program.display(),
        home.data().display(),
        home.drop_folder().display()
    );
    let mut terminal = command("script")
        .args(["--quiet", "--flush", "--return", "--command", &line])
        .arg(&seen)
        .env("HOMEREEL_PUBLIC_URL", "http://films.test:8096")
        .stdout(std::process::Stdio::null())
        .spawn()?;
    // The corner of such a picture that cameras look for, drawn two rows in a line.
    let corner = "\u{2588} \u{2584}\u{2584}\u{2584}\u{2584}\u{2584} \u{2588}";
    let found = wait_until("drawn", PATIENCE, || {
        let text = fs::read_to_string(&seen).unwrap_or_default();
        Ok(text.contains(corner).then_some(()))
    });
    // The terminal goes away, which ends the server as a closed window does.
    terminal.kill()?;
    terminal.wait()?;
    found?;
    wait_until("stopped", PATIENCE, || {
        Ok((!home.data().join("endpoint.json").exists()).then_some(()))
    })
}
