//! Disks that fill up while a film arrives: the sender is told, nothing that was there is lost, and
//! once there is room it goes on where it stopped. Also how a small disk is made for a test. What
//! does not belong here: encoding on a full disk (`withstand`).

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::api::wait_until;
use tests::owner::{self, Owner};
use tests::program::{command, run, say_aloud};
use tests::server::{Home, Server};
use tests::stage;

const MIB: usize = 1024 * 1024;
const FILM_BYTES: usize = 24 * MIB;
const PATIENCE: Duration = Duration::from_secs(60);

/// Says aloud if not.
pub(crate) fn disks_can_be_made() -> bool {
    let can = run(command("unshare").args(["-rm", "true"])).is_ok();
    if !can {
        say_aloud("SKIPPED: the full disk, because `unshare -rm` is not permitted here");
    }
    can
}

/// A folder on such a disk: it is visible from outside through the server's own root.
pub(crate) fn seen_by(server: &Server, folder: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", server.pid(), folder.display()))
}

/// `homereel serve` with `folder` on a disk of its own, of which `ballast_mb` are taken.
pub(crate) fn on_a_disk_of(
    home: &Home,
    folder: &Path,
    size_mb: u32,
    ballast_mb: u32,
) -> Result<Command> {
    fs::create_dir_all(folder)?;
    let plain = home.serve_command()?;
    let mut unshared = command("unshare");
    unshared
        .args(["-rm", "sh", "-c"])
        .arg(
            "set -e; disk=$1; size=$2; ballast=$3; shift 3; \
             mount -t tmpfs -o size=${size}m,mode=700 none \"$disk\"; \
             head -c ${ballast}M /dev/zero > \"$disk/ballast\"; exec \"$@\"",
        )
        .arg("sh")
        .arg(folder)
        .args([size_mb.to_string(), ballast_mb.to_string()])
        .arg(plain.get_program())
        .args(plain.get_args());
    Ok(unshared)
}

/// No film, but bytes that differ from block to block.
fn noise() -> Vec<u8> {
    let words = (0..FILM_BYTES as u64 / 8).flat_map(|number| {
        let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word.to_le_bytes()
    });
    words.collect()
}

/// One request on a connection of its own; the status and the headers of its answer.
fn ask(server: &Server, head: &str, body: &[u8]) -> Result<(u16, String)> {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!("{head}Host: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut sending = stream.try_clone()?;
    std::thread::scope(|scope| {
        // A server that refuses the rest closes the connection, and that is heard as an answer.
        scope.spawn(move || sending.write_all(body));
        let mut answer = Vec::new();
        let mut block = [0; 4096];
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut block).context("waiting for an answer")? {
                0 => bail!("no answer to {head}"),
                length => answer.extend_from_slice(&block[..length]),
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        let status = answer
            .split(' ')
            .nth(1)
            .context("an answer without a status")?;
        Ok((status.parse()?, answer))
    })
}

fn header<'a>(answer: &'a str, name: &str) -> Result<&'a str> {
    let mut lines = answer.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.with_context(|| format!("{name} is not in {answer}"))
}

#[test]
fn an_upload_that_filled_the_disk_goes_on_when_there_is_room() -> Result<()> {
    let _turn = stage::shared();
    if !disks_can_be_made() {
        return Ok(());
    }
    let home = Home::configured("[encoding]\nreserve_megabytes = 0\n")?;
    let server = home.start(on_a_disk_of(&home, &home.data(), 64, 8)?)?;
    let owner = Owner::claim_at(&seen_by(&server, &home.data()), &server.url)?;
    let token = owner.token("upload")?;
    let tus = format!("Authorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n");
    let film = noise();
    let create = format!(
        "POST /api/v1/uploads HTTP/1.1\r\n{tus}Upload-Length: {FILM_BYTES}\r\n\
         Upload-Metadata: filename ZmlsbS5tcDQ=\r\nContent-Length: 0\r\n"
    );
    let (status, answer) = ask(&server, &create, &[])?;
    ensure!(status == 201, "{answer}");
    let upload = header(&answer, "location")?.to_owned();
    // Something else takes the room that there was.
    let disk = seen_by(&server, &home.data());
    fs::write(disk.join("more"), vec![1; 40 * MIB])?;
    let send = |from: usize, until: usize| {
        let length = until - from;
        let patch = format!(
            "PATCH {upload} HTTP/1.1\r\n{tus}Upload-Offset: {from}\r\nContent-Length: {length}\r\n\
             Content-Type: application/offset+octet-stream\r\n"
        );
        ask(&server, &patch, &film[from..until])
    };
    let offset = || -> Result<usize> {
        let (_, answer) = ask(&server, &format!("HEAD {upload} HTTP/1.1\r\n{tus}"), &[])?;
        Ok(header(&answer, "upload-offset")?.parse()?)
    };
    // In pieces, so that each answer comes when all its bytes went.
    let mut sent = 0;
    let refused = loop {
        ensure!(sent < FILM_BYTES, "the disk did not get full");
        let (status, answer) = send(sent, (sent + MIB).min(FILM_BYTES))?;
        if status != 204 {
            break (status, answer);
        }
        sent += MIB;
    };
    ensure!(refused.0 == 507, "{}", refused.1);
    let kept = offset()?;
    ensure!(
        kept >= sent && kept < FILM_BYTES,
        "{kept} bytes of {sent} are kept"
    );
    fs::remove_file(disk.join("more"))?;
    let (status, answer) = send(kept, FILM_BYTES)?;
    ensure!(status == 204, "{answer}");
    let id = upload
        .rsplit('/')
        .next()
        .context("an address without a name")?;
    let original = disk.join("originals").join(id).join("film.mp4");
    wait_until("among the originals", PATIENCE, || {
        Ok(original.exists().then_some(()))
    })?;
    ensure!(fs::read(&original)? == film, "the film has other bytes");
    server.stop()?;
    Ok(())
}

#[test]
fn a_film_sent_over_webdav_onto_a_full_disk_leaves_the_old_one() -> Result<()> {
    let _turn = stage::shared();
    if !disks_can_be_made() {
        return Ok(());
    }
    let home = Home::configured("[encoding]\nreserve_megabytes = 0\n")?;
    let server = home.start(on_a_disk_of(&home, &home.drop_folder(), 32, 16)?)?;
    let password = Owner::claim(&home, &server)?.token("webdav")?;
    let disk = seen_by(&server, &home.drop_folder());
    fs::write(disk.join("film.mp4"), "the old film")?;
    let basic = STANDARD.encode(format!("{}:{password}", owner::NAME));
    let put = format!("PUT /dav/film.mp4 HTTP/1.1\r\nAuthorization: Basic {basic}\r\n");
    let film = noise();
    let told = format!("{put}Content-Length: {FILM_BYTES}\r\n");
    let (status, answer) = ask(&server, &told, &film)?;
    ensure!(
        status == 507,
        "as long as it says it does not fit: {answer}"
    );
    // Without its length it is only found out on the way.
    let mut chunks = Vec::with_capacity(FILM_BYTES + MIB);
    for chunk in film.chunks(64 * 1024) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let untold = format!("{put}Transfer-Encoding: chunked\r\n");
    let (status, answer) = ask(&server, &untold, &chunks)?;
    ensure!(status == 507, "{answer}");
    ensure!(
        fs::read(disk.join("film.mp4"))? == b"the old film",
        "it is gone"
    );
    let names = || -> Result<usize> { Ok(fs::read_dir(&disk)?.count()) };
    wait_until("tidy", PATIENCE, || Ok((names()? == 2).then_some(())))?;
    fs::remove_file(disk.join("ballast"))?;
    let (status, answer) = ask(&server, &told, &film)?;
    ensure!(status == 204, "{answer}");
    ensure!(
        fs::read(disk.join("film.mp4"))? == film,
        "the film has other bytes"
    );
    server.stop()?;
    Ok(())
}
