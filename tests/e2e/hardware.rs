//! Encoders in graphics hardware, without any: x264 stands in for one (`hardware` in the
//! configuration), so everything but the driver itself is real. What does not belong here: the
//! ladder as such (`corpus`).

use anyhow::{Result, ensure};
use serde_json::Value;
use std::time::Duration;

use tests::api::wait_until;
use tests::server::{Home, Server};
use tests::stage;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that tries these encoders.
fn trying(encoders: &[&str]) -> Result<(Home, Server)> {
    let home = Home::configured(&format!("[encoding]\nhardware = {encoders:?}\n"))?;
    let server = home.serve()?;
    Ok((home, server))
}

fn health(server: &Server) -> Result<Value> {
    let answer = server.api.get("/healthz")?;
    Ok(serde_json::from_slice(&answer.bytes)?)
}

/// What the trials at the start found, once they are through.
fn found(server: &Server) -> Result<Value> {
    wait_until("tried", PATIENCE, || {
        let hardware = health(server)?["hardware"].clone();
        Ok((!hardware.is_null()).then_some(hardware))
    })
}

#[test]
fn what_the_graphics_hardware_can_do_is_found_out_and_told() -> Result<()> {
    let _turn = stage::shared();
    let (_home, server) = trying(&["h264_nvenc", "no_such_encoder", "libx264"])?;
    let hardware = found(&server)?;
    ensure!(hardware["encoder"] == "libx264", "it passed: {hardware}");
    let log = server.log();
    ensure!(
        log.contains("Hardware encoder: libx264"),
        "one line says so"
    );
    server.stop()?;
    Ok(())
}

#[test]
fn a_computer_without_such_hardware_says_so_in_a_line() -> Result<()> {
    let _turn = stage::shared();
    let (_home, server) = trying(&["no_such_encoder"])?;
    let hardware = found(&server)?;
    ensure!(hardware["encoder"].is_null(), "nothing works: {hardware}");
    let sentence = hardware["sentence"].as_str().unwrap_or_default();
    ensure!(sentence.starts_with("No hardware encoder"), "{sentence}");
    ensure!(
        health(&server)?["status"] == "ok",
        "that there is none is no trouble"
    );
    server.stop()?;
    Ok(())
}
