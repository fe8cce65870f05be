//! The desktop app as a person has it: a window with the library, one app however often it is
//! started, a guest where a server runs already, and quitting that loses nothing. The screen is
//! Xvfb, the hand in the window tauri-driver.

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::api::{Api, wait_until};
use tests::desktop::webdriver::Window;
use tests::desktop::{Desktop, url_in};
use tests::server::Home;
use tests::{media_maker, stage};

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_film_in_a_folder_that_was_added_becomes_ready_in_the_window() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let desktop = Desktop::new(&home)?;
    let app = desktop.drive(&home)?;
    let url = wait_until("serving", PATIENCE, || {
        Ok(url_in(&home.data().join("endpoint.json")))
    })?;
    app.window.wait_until_at(&url, PATIENCE)?;

    let films = home.folder().join("films");
    fs::create_dir(&films)?;
    desktop.start_again(&home, &[&films])?;
    let film = media_maker::tiny(44).make()?;
    let name = film.file_name().context("no name")?;
    fs::copy(&film, films.join(name))?;
    let api = Api::new(&url);
    let name = name.to_string_lossy();
    let video = api.wait_until_ready(&name, PATIENCE)?;
    app.window.evaluate("location.assign('/')")?;
    app.window.wait_for_words(&video.name, PATIENCE)?;
    app.window.take_picture("desktop-library")?;
    desktop.take_picture("desktop-screen")?;
    expect_no_way_into_the_app(&app.window)?;

    desktop.start_again(&home, &[Path::new("--quit")])?;
    expect_drained(&home)?;
    Ok(())
}

#[test]
fn started_twice_it_is_one_and_it_drains_when_it_quits() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let desktop = Desktop::new(&home)?;
    let mut app = desktop.start(&home)?;
    let api = app.wait_until_serving(&home)?;

    desktop.start_again(&home, &[])?;
    ensure!(app.is_up()?, "the first one stays");
    let film = media_maker::tiny(45).make()?;
    desktop.start_again(&home, &[&film])?;
    let name = film.file_name().unwrap_or_default().to_string_lossy();
    api.wait_until_ready(&name, PATIENCE)?;

    desktop.start_again(&home, &[Path::new("--quit")])?;
    let status = app.wait_for_exit()?;
    ensure!(
        status.success(),
        "quitting ended with {status}: {}",
        app.log()
    );
    expect_drained(&home)?;
    home.check()?;

    let mut app = desktop.start(&home)?;
    app.wait_until_serving(&home)?;
    let pid = Pid::from_raw(i32::try_from(app.pid())?).context("process 0 cannot be ours")?;
    kill_process(pid, Signal::TERM)?;
    let status = app.wait_for_exit()?;
    ensure!(
        status.success(),
        "SIGTERM ended it with {status}: {}",
        app.log()
    );
    expect_drained(&home)
}

#[test]
fn beside_a_server_that_runs_it_is_a_guest() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let desktop = Desktop::new(&home)?;
    let app = desktop.drive(&home)?;
    app.window.wait_until_at(&server.url, PATIENCE)?;
    ensure!(
        url_in(&home.data().join("endpoint.json")).as_ref() == Some(&server.url),
        "the server's endpoint stays the server's"
    );
    desktop.start_again(&home, &[Path::new("--quit")])?;
    drop(app);
    server.api.videos()?;
    server.stop()?;
    Ok(())
}

/// A page of the server gets nothing of the app, and the window does not leave the server.
fn expect_no_way_into_the_app(window: &Window) -> Result<()> {
    let there = window.evaluate("return typeof window.__TAURI__")?;
    ensure!(there == "undefined", "the pages found the app's interface");
    let refused = window.evaluate_later(
        "const done = arguments[0];
         window.__TAURI_INTERNALS__.invoke('plugin:event|listen', {})
             .then(() => done('allowed'), (reason) => done(String(reason)));",
    )?;
    let refused = refused.as_str().unwrap_or_default();
    ensure!(
        refused.contains("not allowed"),
        "a command answered: {refused}"
    );
    let before = window.url()?;
    window.evaluate("location.href = 'file:///etc/hostname'")?;
    window.evaluate("location.href = 'homereel-action:quit'")?;
    ensure!(window.url()? == before, "the window left the server");
    Ok(())
}

/// After quitting nothing serves the folder, and nothing says so.
fn expect_drained(home: &Home) -> Result<()> {
    let endpoint = home.data().join("endpoint.json");
    wait_until("drained", PATIENCE, || {
        Ok((!endpoint.exists()).then_some(()))
    })?;
    let lock = fs::File::open(home.data().join("lock"))?;
    wait_until("unlocked", PATIENCE, || Ok(lock.try_lock().ok()))
}
