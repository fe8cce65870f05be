//! The document of the API taken at its word: schemathesis (PyPI) makes requests of every kind
//! from it, as a guest, a viewer and an admin. Nothing it invents may break the server, and every
//! answer is one that the document has.

use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tests::program::{command, last_words, report_folder, tool};
use tests::server::{Home, Server, server_program};
use tests::stage;

/// Requests that are made up for each operation. With a limit of time instead, a seed would not
/// say which ones.
const EXAMPLES: &str = "100";
const PASSWORD: &str = "correct horse battery staple";
/// What never ends, what connects to wherever it is told, and what takes bytes of a type that
/// schemathesis does not write.
const LEFT_OUT: &str = "/api/v1/(events|storage|storage/test|uploads/[{]id[}])$";

#[test]
fn no_request_from_the_document_breaks_the_server() -> Result<()> {
    let Some(program) = tool("schemathesis/bin/schemathesis") else {
        // As with Chromium: `packaging/setup` brings it, and `make test` runs that first.
        anyhow::bail!("schemathesis is missing; run packaging/setup");
    };
    let _turn = stage::shared();
    let home = Home::new()?;
    for role in ["admin", "viewer"] {
        add_user(&home, role)?;
    }
    let server = home.serve()?;
    // Before the attack, which uses up the patience that sign-ins from here meet with.
    let viewer = token(&server, "viewer")?;
    let admin = token(&server, "admin")?;
    attack(&program, &server, "guest", None)?;
    attack(&program, &server, "viewer", Some(&viewer))?;
    attack(&program, &server, "admin", Some(&admin))?;
    server.stop()?;
    Ok(())
}

/// People are named after their role.
fn add_user(home: &Home, role: &str) -> Result<()> {
    let mut add = command(server_program()?)
        .args(["user", "--data-dir"])
        .arg(home.data())
        .args(["add", role, "--role", role])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting `homereel user add`")?;
    let mut input = add.stdin.take().context("it has no input")?;
    writeln!(input, "{PASSWORD}")?;
    drop(input);
    let output = add.wait_with_output()?;
    ensure!(
        output.status.success(),
        "`homereel user add` said {}",
        last_words(&output.stderr)
    );
    Ok(())
}

/// Signs in and makes a token for everything the person may do.
fn token(server: &Server, role: &str) -> Result<String> {
    let body = serde_json::json!({"credential": role, "password": PASSWORD});
    let signed_in = ureq::post(format!(
        "{}/api/v1/session",
        server.url.trim_end_matches('/')
    ))
    .header("Origin", server.url.trim_end_matches('/'))
    .header("Content-Type", "application/json")
    .send(body.to_string())?;
    let cookie = signed_in
        .headers()
        .get("set-cookie")
        .and_then(|cookie| cookie.to_str().ok())
        .and_then(|cookie| cookie.split(';').next())
        .context("no cookie")?
        .to_owned();
    let wanted = serde_json::json!({"label": "schemathesis", "scope": "full"});
    let mut made = ureq::post(server.api.url("/api/v1/account/tokens"))
        .header("Origin", server.url.trim_end_matches('/'))
        .header("Cookie", &cookie)
        .header("Content-Type", "application/json")
        .send(wanted.to_string())?;
    let made: serde_json::Value = serde_json::from_str(&made.body_mut().read_to_string()?)?;
    let secret = made["secret"].as_str().context("no secret")?;
    Ok(secret.to_owned())
}

fn attack(program: &Path, server: &Server, who: &str, token: Option<&str>) -> Result<()> {
    let mut run = command(program);
    run.arg("run")
        .arg(server.api.url("/openapi.json"))
        .args(["--checks", "not_a_server_error,status_code_conformance"])
        .args(["--max-examples", EXAMPLES])
        .args(["--exclude-path-regex", LEFT_OUT])
        .args(["--seed", "1", "--request-timeout", "20", "--no-color"]);
    if let Some(token) = token {
        run.arg("--header")
            .arg(format!("Authorization: Bearer {token}"));
    }
    let output = run.current_dir(report_folder()?).output()?;
    std::fs::write(
        report_folder()?.join(format!("schemathesis-{who}.txt")),
        &output.stdout,
    )?;
    ensure!(
        output.status.success(),
        "schemathesis as {who} found:\n{}\n{}",
        last_words(&output.stdout),
        last_words(&output.stderr)
    );
    Ok(())
}
