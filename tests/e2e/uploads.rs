//! Uploads by a client that others wrote, over a wire that is cut and to a server that is killed.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::api::wait_until;
use tests::browser::{outcome_of, scenario_command};
use tests::owner::Owner;
use tests::program::{last_words, say_aloud};
use tests::server::{Home, Server};
use tests::stage;
use tests::wire::Wire;

const UPLOAD_BYTES: u64 = 1024 * 1024 * 1024;
/// Memory may grow by this much beside what an idle server has, whatever the size of the upload.
const GROWTH_BYTES: u64 = 48 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(240);

#[derive(Debug, Deserialize)]
struct Outcome {
    sha256: String,
    retries: u32,
}

#[test]
fn a_gigabyte_by_tus_js_client_survives_three_cuts_and_a_kill() -> Result<()> {
    let _turn = stage::alone();
    let home = Home::new()?;
    let mut server = home.serve()?;
    let token = Owner::claim(&home, &server)?.token("upload")?;
    let wire = Wire::to(address_of(&server)?)?;
    let idle_bytes = resident_bytes(&server)?;
    let input = json!({
        "endpoint": format!("http://{}/api/v1/uploads", wire.address),
        "token": token,
        "bytes": UPLOAD_BYTES,
        "seed": 7,
        "title": "Noise",
    });
    let mut client = scenario_command("upload.mjs", &input)?;
    let client = std::thread::spawn(move || client.output());
    let mut most_bytes = idle_bytes;
    for tenths in [2, 4, 6, 8] {
        wait_until("far enough with the upload", PATIENCE, || {
            ensure!(
                !client.is_finished(),
                "the client ended before all was sent"
            );
            most_bytes = most_bytes.max(resident_bytes(&server)?);
            let is_there = arrived_bytes(&home) >= UPLOAD_BYTES / 10 * tenths;
            Ok(is_there.then_some(()))
        })?;
        if tenths == 6 {
            server.kill()?;
            server = home.serve()?;
            wire.lead_to(address_of(&server)?);
        }
        wire.cut();
    }
    wait_until("done with the upload", PATIENCE, || {
        most_bytes = most_bytes.max(resident_bytes(&server)?);
        Ok(client.is_finished().then_some(()))
    })?;
    let output = client
        .join()
        .ok()
        .context("the client's thread panicked")??;
    ensure!(output.status.success(), "{}", last_words(&output.stderr));
    let outcome: Outcome = outcome_of(&output.stdout)?;
    let original = only_file_in(&home.data().join("originals"))?;
    ensure!(
        sha256_of(&original)? == outcome.sha256,
        "the file is not what was sent"
    );
    ensure!(outcome.retries >= 3, "the client noticed nothing");
    ensure!(
        most_bytes < idle_bytes + GROWTH_BYTES,
        "the server grew from {idle_bytes} to {most_bytes} bytes"
    );
    say_aloud(&format!(
        "1 GiB by tus-js-client: 3 cuts, 1 kill -9, {} retries, SHA-256 equal; {} MB sent for \
         1074; resident {} kB idle, {} kB at most",
        outcome.retries,
        wire.carried_bytes() / 1_000_000,
        idle_bytes / 1024,
        most_bytes / 1024
    ));
    server.stop()?;
    home.check()?;
    Ok(())
}

fn address_of(server: &Server) -> Result<SocketAddr> {
    let address = server.url.strip_prefix("http://").context("no http")?;
    Ok(address.parse()?)
}

/// Of the one upload there is.
fn arrived_bytes(home: &Home) -> u64 {
    let uploads = fs::read_dir(home.data().join("uploads"));
    let uploads = uploads.into_iter().flatten().flatten();
    let parts = uploads.filter_map(|upload| fs::metadata(upload.path().join("bytes.part")).ok());
    parts.map(|part| part.len()).max().unwrap_or_default()
}

fn resident_bytes(server: &Server) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.context("the kernel does not tell")?.trim();
    let kilobytes: u64 = words.trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

fn only_file_in(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for upload in fs::read_dir(folder)? {
        for file in fs::read_dir(upload?.path())? {
            found.push(file?.path());
        }
    }
    ensure!(found.len() == 1, "there is one film, not {found:?}");
    found.pop().context("there is none")
}

fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1024 * 1024];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        hasher.update(&block[..read]);
    }
    let digest = hasher.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
