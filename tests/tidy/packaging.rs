//! The files of the packages, as the programs that read them see them.

use anyhow::{Context, Result};
use std::fs;
use tests::program::{command, find, repository, say_aloud};

use crate::none;

/// systemd reads a unit and says what it does not understand.
fn verified(unit: &str, is_for_one_person: bool) -> Result<Vec<String>> {
    let text = fs::read_to_string(repository().join(unit)).context("reading a unit")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("homereel.service");
    // The program is not installed here.
    fs::write(&file, text.replace("/usr/bin/homereel serve", "/bin/true"))?;
    let mut verify = command("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]);
    if is_for_one_person {
        verify.arg("--user").env("XDG_RUNTIME_DIR", folder.path());
    }
    let output = verify
        .arg(&file)
        .output()
        .context("starting systemd-analyze")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let about_ours = said
        .lines()
        .filter(|line| line.contains("homereel.service"));
    Ok(about_ours.map(|line| format!("{unit}: {line}")).collect())
}

#[test]
fn systemd_understands_every_line_of_our_units() {
    if find("systemd-analyze").is_none() {
        say_aloud("systemd-analyze is not installed; the units were NOT verified");
        return;
    }
    let mut problems = verified("packaging/homereel.service", false).unwrap();
    problems.extend(verified("packaging/deb/homereel.service", true).unwrap());
    none(problems);
}
