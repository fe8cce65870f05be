//! Thumbnails: each shows its ten seconds, whatever the file's keyframes and container are like,
//! and players find them. A real browser (`tests/browser/thumbs.mjs`) shows them. What does not
//! belong here: large pictures (`pictures`).

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

use tests::api::Video;
use tests::media_maker::Recipe;
use tests::program::{command, report_folder, run, text_of};
use tests::server::{Home, Server};
use tests::{browser, stage};

const PATIENCE: Duration = Duration::from_secs(150);

/// Thirty-five seconds in four shades of grey, each ten seconds of it brighter.
const SHADES: &str = "-f lavfi -i color=black:s=320x240:r=10:d=35,format=yuv420p,\
                      geq=lum='40+50*floor(T/10)':cb=128:cr=128";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    pointed: Vec<String>,
    by_key: String,
    played: Vec<String>,
    still: usize,
    failures: Vec<String>,
}

#[test]
fn every_ten_seconds_of_a_film_have_a_small_picture() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let clips = [
        (
            "mp4",
            "-c:v libx264 -preset ultrafast -g 20 -vf setsar=1/2",
            (160, 240),
        ),
        (
            "ts",
            "-c:v mpeg2video -b:v 1M -g 15 -bf 2 -output_ts_offset 7",
            (320, 240),
        ),
        (
            "mkv",
            "-c:v libx264 -preset ultrafast -g 9999 -sc_threshold 0",
            (320, 240),
        ),
    ];
    let mut ids = Vec::new();
    for (extension, codec, tile) in clips {
        let recipe = Recipe::new("shades", extension, &format!("{SHADES} {codec}"));
        let name = home.drop_file(&recipe.make()?)?;
        let video = server.api.wait_until_ready(&name, PATIENCE)?;
        the_tiles_are_right(&server, &video, tile).context(extension)?;
        players_find_them(&server, &video.id, tile).context(extension)?;
        ids.push(video.id);
    }
    let seen: Seen = browser::run_scenario(
        "thumbs.mjs",
        &serde_json::json!({
            "url": server.url,
            "id": ids.get(1),
            "screenshots": report_folder()?,
        }),
    )?;
    a_browser_shows_them(&seen)?;
    server.stop()?;
    home.check()?;
    Ok(())
}

fn the_tiles_are_right(server: &Server, video: &Video, tile: (u32, u32)) -> Result<()> {
    let told: Value =
        serde_json::from_slice(&server.api.bytes(&format!("/api/v1/videos/{}", video.id))?)?;
    let thumbs = &told["thumbs"];
    ensure!(
        (&thumbs["width"], &thumbs["height"], &thumbs["count"])
            == (&tile.0.into(), &tile.1.into(), &4.into()),
        "{thumbs}"
    );
    let url = thumbs["sheets"][0].as_str().context("the sheet is made")?;
    let sheet = report_folder()?.join(format!("thumbs-{}.jpg", video.file));
    std::fs::write(&sheet, server.api.bytes(url)?)?;
    let decoded = run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&sheet)
        .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"]))?;
    let width = usize::try_from(tile.0 * 10)?;
    ensure!(
        decoded.stdout.len() == width * usize::try_from(tile.1 * 10)?,
        "ten by ten"
    );
    let middle = |column: usize| {
        let (left, top) = (
            usize::try_from(tile.0).unwrap_or(0),
            usize::try_from(tile.1).unwrap_or(0),
        );
        f64::from(decoded.stdout[top / 2 * width + left * column + left / 2])
    };
    for column in 0..4 {
        // From television's range of brightness to that of JPEG.
        let shade = (24.0 + 50.0 * column as f64) * 255.0 / 219.0;
        let seen = middle(column);
        ensure!(
            (seen - shade).abs() < 5.0,
            "picture {column} is {seen}, not {shade}"
        );
    }
    ensure!(middle(4) < 3.0, "behind the end it is black");
    Ok(())
}

fn players_find_them(server: &Server, id: &str, tile: (u32, u32)) -> Result<()> {
    let cues = server.api.get(&format!("/media/{id}/thumbs.vtt"))?;
    ensure!(
        cues.content_type.starts_with("text/vtt"),
        "{}",
        cues.content_type
    );
    let cues = String::from_utf8(cues.bytes)?;
    let second = format!(
        "00:00:10.000 --> 00:00:20.000\nthumbs-1.jpg#xywh={},0,{},{}\n",
        tile.0, tile.0, tile.1
    );
    ensure!(cues.contains(&second), "{cues}");
    let streams = text_of(
        command("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "stream=codec_type",
                "-of",
                "csv=p=0",
            ])
            .arg(server.api.url(&format!("/media/{id}/manifest.mpd"))),
    )?;
    ensure!(
        streams.contains("video"),
        "ffmpeg reads the manifest: {streams}"
    );
    let beyond = server.api.get(&format!("/media/{id}/thumbs-2.jpg"))?;
    ensure!(
        beyond.status == 404,
        "there is one sheet: {}",
        beyond.status
    );
    Ok(())
}

fn a_browser_shows_them(seen: &Seen) -> Result<()> {
    ensure!(seen.failures.is_empty(), "{:?}", seen.failures);
    ensure!(
        seen.pointed == ["0% 0%", "11.1111% 0%", "33.3333% 0%"],
        "at 5, 15 and 33 s the bar shows {:?}",
        seen.pointed
    );
    ensure!(
        seen.by_key == "22.2222% 0%",
        "at 25 s by key: {}",
        seen.by_key
    );
    ensure!(seen.played.len() > 1, "a card plays {:?}", seen.played);
    ensure!(seen.still == 0, "who wants less motion gets none");
    Ok(())
}
