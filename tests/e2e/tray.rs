//! What the desktop app has beside the pages in its window: the tray, notifications, files that
//! are dropped on it, and a start at login. The desktop is a bus with a tray of the test's own.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tests::api::{Api, wait_until};
use tests::desktop::{App, Desktop, desktop_program, url_in};
use tests::owner::Owner;
use tests::program::say_aloud;
use tests::server::Home;
use tests::{media_maker, stage};

const PATIENCE: Duration = Duration::from_secs(120);
const SOON: Duration = Duration::from_secs(20);
const WINDOW: &str = "Homereel";
const CODE: &str = "Homereel on another screen";

#[test]
fn a_private_film_that_is_dropped_on_the_window_is_told_of_when_it_is_ready() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let desktop = Desktop::new(&home)?;
    let mut app = desktop.start(&home)?;
    let guest = app.wait_until_serving(&home)?;
    let owner = Owner::claim_at(&home.data(), guest.url("").as_str())?;

    desktop.bus.choose("Pause encoding", PATIENCE)?;
    desktop
        .bus
        .wait_for_entry("Resume encoding", SOON, |_| true)?;
    ensure!(
        owner.get("/api/v1/settings")?["encoding_paused"] == true,
        "pausing reaches the server"
    );
    let film = media_maker::tiny(46).make()?;
    let name = file_name(&film);
    desktop.hand.drop_file(WINDOW, &film, PATIENCE)?;
    let taken = format!("{name} is in your library");
    desktop.bus.wait_for_news(&taken, PATIENCE)?;

    let title = only_title(&guest)?;
    let members = json!({ "visibility": "members" });
    owner.patch(&format!("/api/v1/videos/{}", title.0), &members)?;
    ensure!(guest.videos()?.is_empty(), "guests do not see it");
    desktop.bus.choose("Resume encoding", SOON)?;
    let ready = format!("{} is ready", title.1);
    desktop.bus.wait_for_news(&ready, PATIENCE)?;
    desktop
        .bus
        .wait_for_entry("1 film, ready to watch", SOON, |entry| !entry.enabled)?;

    desktop.bus.choose("Quit", SOON)?;
    expect_good_end(&mut app)
}

#[test]
fn closing_the_window_keeps_serving_and_the_tray_opens_it_again() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let desktop = Desktop::new(&home)?;
    let mut app = desktop.start(&home)?;
    let api = app.wait_until_serving(&home)?;
    desktop.hand.wait_to_see(WINDOW, true, PATIENCE)?;
    desktop
        .bus
        .wait_for_entry("For this computer only", PATIENCE, |entry| !entry.enabled)?;
    desktop.bus.choose("Copy address", SOON)?;
    wait_until("copied", SOON, || {
        let copied = desktop.hand.clipboard(SOON).unwrap_or_default();
        Ok((copied == api.url("")).then_some(()))
    })?;

    desktop.hand.close(WINDOW)?;
    desktop.hand.wait_to_see(WINDOW, false, SOON)?;
    desktop.bus.wait_for_news("Homereel goes on", SOON)?;
    ensure!(api.get("/healthz")?.status == 200, "it serves on");
    desktop.bus.choose("Open Homereel", SOON)?;
    desktop.hand.wait_to_see(WINDOW, true, SOON)?;
    desktop.hand.close(WINDOW)?;
    desktop.hand.wait_to_see(WINDOW, false, SOON)?;
    desktop.start_again(&home, &[])?;
    desktop.hand.wait_to_see(WINDOW, true, SOON)?;

    desktop.bus.choose("Quit", SOON)?;
    expect_good_end(&mut app)
}

#[test]
fn what_was_there_before_is_no_news_beside_a_server_that_runs() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let owner = Owner::claim(&home, &server)?;
    let old = home.drop_file(&media_maker::tiny(47).make()?)?;
    let old = server.api.wait_until_ready(&old, PATIENCE)?;
    let members = json!({ "visibility": "members" });
    owner.patch(&format!("/api/v1/videos/{}", old.id), &members)?;

    let desktop = Desktop::new(&home)?;
    let mut app = desktop.start(&home)?;
    desktop
        .bus
        .wait_for_entry("1 film, ready to watch", PATIENCE, |_| true)?;
    let new = home.drop_file(&media_maker::tiny(48).make()?)?;
    let new = server.api.wait_until_ready(&new, PATIENCE)?;
    desktop
        .bus
        .wait_for_news(&format!("{} is ready", new.name), PATIENCE)?;
    ensure!(
        desktop.bus.told().len() == 1,
        "only the new film is news: {:?}",
        desktop.bus.told()
    );

    // The app takes the place of a server that goes.
    let before = url_in(&home.data().join("endpoint.json"));
    server.stop()?;
    wait_until("serving itself", PATIENCE, || {
        let now = url_in(&home.data().join("endpoint.json"));
        Ok(now.filter(|now| Some(now) != before.as_ref()))
    })?;
    desktop.bus.choose("Quit", SOON)?;
    expect_good_end(&mut app)
}

#[test]
fn started_at_login_it_serves_the_same_without_a_window() -> Result<()> {
    let _turn = stage::shared();
    // What a command line and an entry of a desktop have their own ideas about.
    let home = Home::called("our \"films\", 100% $HOME `x` ")?;
    let desktop = Desktop::new(&home)?;
    let mut app = desktop.start(&home)?;
    app.wait_until_serving(&home)?;
    desktop.bus.choose("Start at login", PATIENCE)?;
    let login = |marked| {
        let passes = move |entry: &tests::desktop::bus::Entry| entry.marked == marked;
        desktop.bus.wait_for_entry("Start at login", SOON, passes)
    };
    login(true)?;
    desktop.bus.choose("Quit", SOON)?;
    expect_good_end(&mut app)?;

    let entry = desktop.config_folder().join("autostart/homereel.desktop");
    let mut launch = desktop.command("gio");
    launch.arg("launch").arg(&entry);
    launch.stdout(Stdio::null()).stderr(Stdio::null());
    ensure!(launch.status()?.success(), "starting {}", entry.display());
    let endpoint = home.data().join("endpoint.json");
    wait_until("serving", PATIENCE, || Ok(url_in(&endpoint)))?;
    ensure!(!desktop.hand.sees(WINDOW)?, "nobody asked for a window");

    login(true)?;
    desktop.bus.choose("Start at login", SOON)?;
    login(false)?;
    ensure!(!entry.exists(), "{} is gone", entry.display());
    desktop.start_again(&home, &[Path::new("--quit")])?;
    wait_until("drained", PATIENCE, || {
        Ok((!endpoint.exists()).then_some(()))
    })
}

#[test]
fn in_a_house_the_tray_has_the_address_to_read_and_to_scan() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let desktop = Desktop::new(&home)?;
    let house = "ip link set lo up && ip link add house type veth peer name wall &&
        ip link set wall up && ip link set house up &&
        ip address add 192.168.77.5/24 dev house && exec \"$@\"";
    let alone = ["--net", "true"];
    if !desktop.command("unshare").args(alone).status()?.success() {
        say_aloud("not verified: a network of its own needs root and `unshare`");
        return Ok(());
    }
    let mut app = desktop.command("unshare");
    app.args(["--net", "sh", "-c", house, "sh"]);
    app.arg(desktop_program()?);
    app.args(["--listen", "0.0.0.0:8096", "--data-dir"])
        .arg(home.data());
    app.arg("--watch").arg(home.drop_folder());
    let mut app = desktop.start_by(&home, app)?;
    let address = wait_until("with an address", PATIENCE, || {
        let menu = desktop.bus.menu()?.into_iter();
        let mut addresses = menu.filter(|entry| entry.label.starts_with("http://"));
        Ok(addresses.next())
    })?;
    ensure!(!address.enabled, "the address is there to be read");
    ensure!(!address.label.contains("127.0.0.1"), "{}", address.label);
    desktop.bus.choose("Show QR code", SOON)?;
    desktop.hand.wait_to_see(CODE, true, PATIENCE)?;
    desktop.hand.close(CODE)?;
    desktop.hand.wait_to_see(CODE, false, SOON)?;
    ensure!(desktop.hand.sees(WINDOW)?, "the other window stays");
    desktop.bus.choose("Quit", SOON)?;
    expect_good_end(&mut app)
}

#[test]
fn without_the_library_of_the_tray_it_serves_all_the_same() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let desktop = Desktop::new(&home)?;
    let broken = home.folder().join("broken");
    fs::create_dir(&broken)?;
    for library in ["libayatana-appindicator3", "libappindicator3"] {
        for version in ["so", "so.1"] {
            fs::write(broken.join(format!("{library}.{version}")), "no library")?;
        }
    }
    let mut app = desktop.app_command(&home)?;
    app.env("LD_LIBRARY_PATH", &broken);
    let mut app = desktop.start_by(&home, app)?;
    app.wait_until_serving(&home)?;
    desktop.hand.wait_to_see(WINDOW, true, PATIENCE)?;
    ensure!(app.log().contains("There is no tray"), "{}", app.log());
    desktop.start_again(&home, &[Path::new("--quit")])?;
    expect_good_end(&mut app)
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Its identifier and its name.
fn only_title(api: &Api) -> Result<(String, String)> {
    let title = api.videos()?.pop().context("no title")?;
    Ok((title.id, title.name))
}

fn expect_good_end(app: &mut App) -> Result<()> {
    let status = app.wait_for_exit()?;
    ensure!(status.success(), "it ended with {status}: {}", app.log());
    Ok(())
}
