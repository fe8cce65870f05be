//! Others in the home network find the server by name, as they do: with Avahi, in a network
//! namespace of the test's own.

use anyhow::{Context, Result, ensure};
use tests::program::{command, repository, say_aloud};
use tests::server::{Home, server_program};
use tests::stage;

#[test]
fn the_house_finds_the_server_by_name_until_it_stops() -> Result<()> {
    if !may_have_a_network_of_its_own() {
        say_aloud("not verified: a network of its own needs root and `unshare`");
        return Ok(());
    }
    let _turn = stage::shared();
    let home = Home::new()?;
    let seen = command("timeout")
        .args(["120", "unshare", "--net", "--mount", "sh"])
        .arg(repository().join("tests/e2e/discovery.sh"))
        .arg(server_program()?)
        .arg(home.folder())
        .output()
        .context("starting the network")?;
    let said = String::from_utf8_lossy(&seen.stdout);
    let complaints = String::from_utf8_lossy(&seen.stderr);
    ensure!(
        seen.status.success(),
        "the network saw:\n{said}\n{complaints}"
    );
    for expected in [
        "Homereel;_homereel._tcp;local;homereel.local;192.168.77.5;8096;\"path=/\"",
        "Homereel;",
        "homereel.local\t192.168.77.5",
        "gone",
    ] {
        ensure!(
            said.contains(expected),
            "nobody saw {expected:?} in:\n{said}"
        );
    }
    Ok(())
}

fn may_have_a_network_of_its_own() -> bool {
    command("unshare")
        .args(["--net", "--mount", "true"])
        .output()
        .is_ok_and(|output| output.status.success())
}
