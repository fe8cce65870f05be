//! A client of CuteTube's, written from its README alone: signs up, logs in, uploads, polls and
//! plays the manifest. What does not belong here: single answers (`delivery`'s stories).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tests::api::wait_until;
use tests::program::{command, text_of};
use tests::server::{Home, Server, server_program};
use tests::{media_maker, stage};

const PATIENCE: Duration = Duration::from_secs(240);
const PASSWORD: &str = "long enough";

#[test]
fn a_client_of_cutetubes_uploads_polls_and_plays() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    open_to_everybody(&home, &server)?;
    let clip = media_maker::tiny(71).make()?;

    let sign_up = json!({"first_name": "Ada", "last_name": "L", "username": "ada",
        "email": "ada@home.test", "password": PASSWORD, "password2": PASSWORD});
    let made = post(&server, "/api/v3/auth/signup/", &sign_up)?;
    ensure!(made["user"]["status"] == "success", "signing up: {made}");
    let log_in = json!({"credential": "ada@home.test", "password": PASSWORD});
    let tokens = post(&server, "/api/v3/auth/login/", &log_in)?;
    let access = tokens["user"]["token"]["access"].as_str();
    let access = access.with_context(|| format!("logging in: {tokens}"))?;

    let started = upload(&server, access, &clip)?;
    ensure!(
        started["data"]["status"] == "Upload Started",
        "uploading: {started}"
    );
    let id = started["data"]["video_id"].as_str().context("a video id")?;
    let manifest = wait_until("playable", PATIENCE, || {
        let told = get(&server, &format!("/api/v3/vod/metadata/stream/{id}/"))?;
        ensure!(told["data"]["status"] == "success", "polling: {told}");
        let url = told["data"]["data"]["mp4_gcore_cdn_mpd_url"].as_str();
        Ok(url.map(str::to_owned))
    })?;
    let length = text_of(
        command("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "format=duration",
                "-of",
                "csv=p=0",
            ])
            .arg(&manifest),
    )?;
    let length_s: f64 = length.trim().parse().context("the length of what plays")?;
    ensure!(length_s > 0.0, "nothing plays at {manifest}");
    server.stop()?;
    let server = home.serve()?;
    let told = get(&server, &format!("/api/v3/vod/metadata/stream/{id}/"))?;
    ensure!(
        told["data"]["data"]["title"] == "Sunday",
        "after a restart the upload's id leads nowhere: {told}"
    );
    server.stop()?;
    home.check()?;
    Ok(())
}

/// The owner claims the house on the command line and opens sign-up.
fn open_to_everybody(home: &Home, server: &Server) -> Result<()> {
    let mut add = command(server_program()?)
        .args(["user", "add", "owner", "--role", "admin", "--data-dir"])
        .arg(home.data())
        .stdin(Stdio::piped())
        .spawn()?;
    let mut input = add.stdin.take().context("its standard input")?;
    writeln!(input, "{PASSWORD}")?;
    drop(input);
    ensure!(add.wait()?.success(), "the owner's account was not made");
    let jar = home.folder().join("cookies");
    let sign_in = json!({"credential": "owner", "password": PASSWORD});
    let signed = json_of(curl().arg("--cookie-jar").arg(&jar).args([
        "-H",
        "Content-Type: application/json",
        "-d",
        &sign_in.to_string(),
        &server.api.url("/api/v1/session"),
    ]))?;
    ensure!(signed["user"]["role"] == "admin", "signing in: {signed}");
    let settings = json_of(curl().arg("--cookie").arg(&jar).args([
        "-X",
        "PATCH",
        "-H",
        "X-Homereel: 1",
        "-H",
        "Content-Type: application/json",
        "-d",
        "{\"open_sign_up\": true}",
        &server.api.url("/api/v1/settings"),
    ]))?;
    ensure!(settings["open_sign_up"] == true, "opening: {settings}");
    Ok(())
}

fn upload(server: &Server, access: &str, clip: &Path) -> Result<Value> {
    json_of(curl().args([
        "-H",
        &format!("Authorization: Bearer {access}"),
        "-F",
        &format!("video=@{}", clip.display()),
        "-F",
        "title=Sunday",
        "-F",
        "description=At the lake",
        "-F",
        "duration=00:00:02",
        &server.api.url("/api/v3/vod/initiate-task/upload/"),
    ]))
}

fn post(server: &Server, path: &str, body: &Value) -> Result<Value> {
    json_of(curl().args([
        "-H",
        "Content-Type: application/json",
        "-d",
        &body.to_string(),
        &server.api.url(path),
    ]))
}

fn get(server: &Server, path: &str) -> Result<Value> {
    json_of(curl().arg(server.api.url(path)))
}

fn curl() -> std::process::Command {
    let mut curl = command("curl");
    curl.args(["--silent", "--show-error", "--max-time", "60"]);
    curl
}

fn json_of(curl: &mut std::process::Command) -> Result<Value> {
    let text = text_of(curl)?;
    serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
}
