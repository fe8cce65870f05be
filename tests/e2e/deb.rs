//! The Debian package: what is in it, and that a Debian has all it needs. `make deb-check` proves
//! the same in a Debian that has nothing else, which takes minutes and root.

use anyhow::{Result, ensure};
use std::fs;
use tests::program::{build_folder, command, find, repository, run, say_aloud, text_of};
use tests::stage;

/// What is found at run time, so that no table of the programs names it.
const AT_RUN_TIME: &[&str] = &[
    "libayatana-appindicator3-1",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-libav",
];
const CONTENT: &[&str] = &[
    "./usr/bin/homereel ->",
    "./usr/bin/homereel-desktop ->",
    "./usr/lib/homereel/homereel-worker",
    "./usr/share/applications/homereel.desktop",
    "./usr/share/icons/hicolor/256x256/apps/homereel.png",
    "./usr/lib/systemd/user/homereel.service",
    "./usr/share/doc/homereel/copyright",
];

#[test]
fn the_package_installs_with_what_debian_has() -> Result<()> {
    if find("dpkg-shlibdeps").is_none() {
        say_aloud("not verified: the package is made on Debian");
        return Ok(());
    }
    let _turn = stage::shared();
    let build = repository().join("packaging/deb/build");
    let said = text_of(command(build).arg(build_folder()?))?;
    let package = said.lines().last().unwrap_or_default();

    let content = text_of(command("dpkg-deb").args(["--contents", package]))?;
    for file in CONTENT {
        ensure!(content.contains(file), "{file} is not in:\n{content}");
    }
    let depends = text_of(command("dpkg-deb").args(["--field", package, "Depends"]))?;
    for library in AT_RUN_TIME {
        ensure!(depends.contains(library), "{library} is not in {depends}");
    }
    let mut install = command("apt-get");
    install.args(["install", "--simulate", "--no-install-recommends", package]);
    let planned = run(&mut install)?.stdout;
    let planned = String::from_utf8_lossy(&planned);
    ensure!(planned.contains("Inst homereel "), "apt plans: {planned}");
    Ok(())
}

#[test]
fn a_desktop_opens_films_with_the_app_and_folders_as_before() -> Result<()> {
    let entry = repository().join("packaging/deb/homereel.desktop");
    let entry = fs::read_to_string(entry)?;
    let line = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name));
    let kinds = line("MimeType=").unwrap_or_default();
    ensure!(kinds.split(';').any(|kind| kind == "video/mp4"), "{kinds}");
    ensure!(!kinds.contains("inode/"), "folders have their own program");
    ensure!(line("Exec=") == Some("homereel-desktop %F"), "{entry}");
    Ok(())
}
