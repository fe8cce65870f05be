//! Encoders in graphics hardware, without any: x264 stands in for one (`hardware` in the
//! configuration), so everything but the driver itself is real. What does not belong here: the
//! ladder as such (`corpus`).

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

use crate::proof::{is_complete, prove_title};
use tests::api::wait_until;
use tests::media_maker::Recipe;
use tests::owner::Owner;
use tests::server::workers::Worker;
use tests::server::{Home, Server};
use tests::{browser, stage, store};

const PATIENCE: Duration = Duration::from_secs(180);
/// The middle of the film's segments, so that some are made by hardware and some are not.
const SEGMENTS_BEFORE: usize = 24;

#[derive(Debug, Deserialize)]
struct Played {
    pictures: u32,
    failures: Vec<String>,
}

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
fn a_film_is_encoded_in_hardware_and_by_software_where_that_fails() -> Result<()> {
    let _turn = stage::shared();
    let (home, server) = trying(&["libx264"])?;
    found(&server)?;
    let owner = Owner::claim(&home, &server)?;
    let allowed = json!({ "hardware_encoding": true });
    let settings = owner.patch("/api/v1/settings", &allowed)?;
    ensure!(settings["hardware"]["encoder"] == "libx264", "{settings}");
    let clip = film(854, 480, 60).make()?;
    let name = home.drop_file(&clip)?;
    let killed = wait_until("encoding in hardware", PATIENCE, || {
        let stored = store::segments(&home.data())?.len();
        let encoders = encoders(&server)?;
        Ok((stored > SEGMENTS_BEFORE && !encoders.is_empty()).then_some(encoders))
    })?;
    for encoder in &killed {
        encoder.kill()?;
    }
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    is_complete(&server, &video)?;
    prove_title(&server, &video, &clip)?;
    let played: Played =
        browser::run_scenario("through.mjs", &json!({ "url": server.url, "id": video.id }))?;
    ensure!(played.failures.is_empty(), "{:?}", played.failures);
    ensure!(played.pictures > 0, "nothing was shown");
    let jobs = owner.get("/api/v1/jobs")?;
    let job = jobs["jobs"][0]["id"].as_str().context("there is a job")?;
    let log = owner.get(&format!("/api/v1/jobs/{job}/log"))?.to_string();
    let told = log
        .matches("What is missing is encoded by software")
        .count();
    ensure!(told == 1, "the log of the job tells it once: {log}");
    server.stop()?;
    home.check()?;
    Ok(())
}

#[test]
fn a_film_is_encoded_in_hardware_from_its_first_picture_to_its_last() -> Result<()> {
    let _turn = stage::shared();
    let (home, server) = trying(&["libx264"])?;
    found(&server)?;
    let owner = Owner::claim(&home, &server)?;
    owner.patch("/api/v1/settings", &json!({ "hardware_encoding": true }))?;
    let clip = film(640, 360, 20).make()?;
    let name = home.drop_file(&clip)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    is_complete(&server, &video)?;
    let download = prove_title(&server, &video, &clip)?;
    ensure!(
        !server.log().contains("The graphics hardware failed"),
        "nothing failed"
    );
    let pictures = download.pictures();
    let sets = pictures.map(|stream| Ok(stream.init.avc()?.sequence_sets.len()));
    let sets = sets.collect::<Result<Vec<usize>>>()?;
    ensure!(
        sets.iter().all(|count| *count == 2),
        "both encoders are described: {sets:?}"
    );
    server.stop()?;
    home.check()?;
    Ok(())
}

/// Of a level that not every player takes, so its picture is not offered as it is.
fn film(width: u32, height: u32, seconds: u32) -> Recipe {
    Recipe::new(
        &format!("level-5-2-{width}x{height}-{seconds}s"),
        "mp4",
        &format!(
            "-f lavfi -i testsrc2=s={width}x{height}:r=25:d={seconds} \
             -f lavfi -i sine=f=440:r=48000:d={seconds} \
             -c:v libx264 -preset ultrafast -level 5.2 -pix_fmt yuv420p -c:a aac"
        ),
    )
}

/// The processes in which encoders run.
fn encoders(server: &Server) -> Result<Vec<Worker>> {
    let is_encoder = |worker: &Worker| {
        let command = std::fs::read(format!("/proc/{}/cmdline", worker.pid)).unwrap_or_default();
        command.split(|byte| *byte == 0).nth(1) == Some(b"encode")
    };
    let workers = server.workers()?;
    Ok(workers.into_iter().filter(is_encoder).collect())
}

#[test]
fn a_computer_without_such_hardware_says_so_in_a_line() -> Result<()> {
    let _turn = stage::shared();
    let (_home, server) = trying(&["no_such_encoder"])?;
    let hardware = found(&server)?;
    ensure!(hardware["encoder"].is_null(), "nothing works: {hardware}");
    let sentence = hardware["sentence"].as_str().unwrap_or_default();
    ensure!(sentence.starts_with("No hardware encoder"), "{sentence}");
    let problems = health(&server)?["problems"].to_string();
    ensure!(
        !problems.contains("hardware"),
        "that there is none is no trouble: {problems}"
    );
    server.stop()?;
    Ok(())
}
