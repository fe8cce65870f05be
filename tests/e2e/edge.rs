//! Films from a public address: nginx with the very configuration that `packaging/container` has,
//! in front of a bucket that anyone may read. What does not belong here: buckets as such
//! (`bucket`).

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::bucket::s3::{BUCKET, Kind, S3};
use tests::nginx::{Nginx, find_daemon};
use tests::owner::Owner;
use tests::program::{repository, say_aloud};
use tests::server::{Home, Server};
use tests::{browser, media_maker, stage};

const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Played {
    first_picture_ms: u64,
    failures: Vec<String>,
}

/// The edge of the container's compose file, on this machine.
fn edge(s3: &S3) -> Result<Nginx> {
    let door = s3.in_public()?.to_string();
    let shipped = repository().join("packaging/container/edge.conf");
    let shipped = fs::read_to_string(&shipped).context("reading the edge's configuration")?;
    Nginx::start(|folder: &Path, port| {
        let own = shipped
            .replace("listen 8080", &format!("listen 127.0.0.1:{port}"))
            .replace("minio:9000", &door)
            .replace("/var/cache/nginx", &folder.display().to_string());
        Ok(format!(
            "access_log {}/access.log;\n{own}",
            folder.display()
        ))
    })
}

#[test]
fn a_film_for_everyone_plays_from_the_public_address_and_no_other_does() -> Result<()> {
    let _turn = stage::shared();
    if find_daemon("nginx").is_none() {
        say_aloud("nginx is not installed; playing from a public address was NOT verified");
        return Ok(());
    }
    let s3 = S3::start(Kind::Folder)?;
    let edge = edge(&s3)?;
    let bucket = S3::configuration(&format!("http://{}", s3.address));
    let public = format!("public_base_url = \"{}/{BUCKET}\"\n", edge.url);
    let home = Home::configured(&format!("{bucket}{public}"))?;
    let server = home.serve()?;
    let owner = Owner::claim(&home, &server)?;
    let clip = media_maker::sized(640, 360, 20).make()?;
    let played: Played = browser::run_scenario(
        "first_frame.mjs",
        &json!({
            "url": server.url,
            "source": clip,
            "target": home.drop_folder().join("film.mp4"),
        }),
    )?;
    ensure!(played.failures.is_empty(), "{:?}", played.failures);
    let video = server.api.wait_until_ready("film.mp4", PATIENCE)?;
    let log = edge.written("access.log")?;
    let segments = log
        .lines()
        .filter(|line| line.contains(".m4s") && line.contains("\" 20"));
    ensure!(
        segments.count() > 1,
        "the browser fetched none there:\n{log}"
    );
    say_aloud(&format!(
        "the first picture from a public address after {} ms",
        played.first_picture_ms
    ));
    for_everyone_else_it_is_ours(&server, &owner, &video.id)?;
    nothing_but_segments(&edge, &format!("{}/1/init-stream0.m4s", video.id))?;
    server.stop()?;
    home.check()?;
    Ok(())
}

/// A piece is sent elsewhere only while anyone may watch its title; its picture never.
fn for_everyone_else_it_is_ours(server: &Server, owner: &Owner, id: &str) -> Result<()> {
    let segment = format!("/media/{id}/init-stream0.m4s");
    let poster = format!("/media/{id}/poster.jpg");
    ensure!(
        owner.status(&segment)? == 307,
        "for everyone it is elsewhere"
    );
    ensure!(owner.status(&poster)? == 200, "pages show pictures of ours");
    for visibility in ["members", "only_me"] {
        owner.patch(
            &format!("/api/v1/videos/{id}"),
            &json!({ "visibility": visibility }),
        )?;
        ensure!(
            owner.status(&segment)? == 200,
            "{visibility}: it is ours to send"
        );
        let guest = server.api.get(&segment)?.status;
        ensure!(
            guest == 404 || guest == 401,
            "{visibility}: a guest got {guest}"
        );
    }
    Ok(())
}

/// What the edge must not tell anyone.
fn nothing_but_segments(edge: &Nginx, key: &str) -> Result<()> {
    let public = tests::api::Api::new(&edge.url);
    let there = public.get(&format!("/{BUCKET}/{key}"))?;
    ensure!(
        there.status == 200,
        "the segment is there: {}",
        there.status
    );
    for path in [
        format!("/{BUCKET}/"),
        format!("/{BUCKET}?list-type=2"),
        format!("/{BUCKET}/?list-type=2&prefix=x.m4s"),
        format!("/{BUCKET}/{key}?acl"),
        format!("/{BUCKET}/homereel-instance"),
        "/".to_owned(),
    ] {
        let status = public.get(&path)?.status;
        ensure!(status == 403, "{path} was answered with {status}");
    }
    Ok(())
}
