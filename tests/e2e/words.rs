//! Everything that can be read of a film: subtitles in its file and beside it, chapters, and what
//! the file calls itself. ffmpeg and a real browser (`tests/browser/words.mjs`) show them.
//! What does not belong here: the formats (`media-worker`).

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::proof::prove_title;
use tests::program::{command, report_folder, run, text_of};
use tests::server::{Home, Server};
use tests::{browser, stage};

const PATIENCE: Duration = Duration::from_secs(120);

const SUBRIP: &str = "1\n00:00:01,000 --> 00:00:02,500\n<i>Good morning</i> & welcome\n\n\
                      2\n00:00:05,000 --> 00:00:07,000\nBack <b>again</b>\n";

const ASS: &str = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n\
    Format: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n[Events]\n\
    Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n\
    Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\an8\\i1}Am Tor{\\i0}\\NEingang\n\
    Dialogue: 1,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}\n";

const CHAPTERS: &str = ";FFMETADATA1\ntitle=The Long Morning\ndate=1936\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=3600000\nEND=3604000\ntitle=Opening\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=3604000\nEND=3609000\ntitle=The gate\n";

/// Windows-1250, as Czech subtitles have been for decades.
const CZECH: &[u8] =
    b"1\r\n00:00:01,000 --> 00:00:03,000\r\nP\xf8\xedli\x9a \x9elu\x9dou\xe8k\xfd k\xf9\xf2\r\n";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    offered: Vec<String>,
    shown: Vec<String>,
    hidden: usize,
    ticks: usize,
    bubble: String,
    failures: Vec<String>,
}

#[test]
fn subtitles_and_chapters_are_where_players_look_for_them() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let film = film_with_words(home.folder())?;
    let server = home.serve()?;
    let beside = |name: &str| home.drop_folder().join(name);
    fs::write(beside("film.cs.srt"), CZECH)?;
    fs::write(
        beside("film.fr.forced.vtt"),
        "WEBVTT\n\n00:04.000 --> 00:05.000\nSortie\n",
    )?;
    fs::write(beside("film.xx.srt"), [0_u8, 1, 2, 3].repeat(500))?;
    let file = home.drop_file(&film)?;
    let video = server.api.wait_until_ready(&file, PATIENCE)?;
    prove_title(&server, &video, &film)?;
    let told: Value =
        serde_json::from_slice(&server.api.bytes(&format!("/api/v1/videos/{}", video.id))?)?;
    the_api_tells_of_them(&told)?;
    the_words_are_right(&server, &video.id)?;
    ffmpeg_finds_them(&server, &video.id)?;
    let read: Read = browser::run_scenario(
        "words.mjs",
        &serde_json::json!({
            "url": server.url,
            "id": video.id,
            "screenshots": report_folder()?,
        }),
    )?;
    a_browser_shows_them(&read)?;
    server.stop()?;
    home.check()?;
    Ok(())
}

/// Ten seconds whose clock starts at one hour, as recordings of television do. FLAC begins exactly
/// there; AAC would begin a frame earlier, and all times would count from there.
fn film_with_words(folder: &Path) -> Result<PathBuf> {
    let at = |name: &str| folder.join(name);
    fs::write(at("en.srt"), SUBRIP)?;
    fs::write(at("de.ass"), ASS)?;
    fs::write(at("about.txt"), CHAPTERS)?;
    run(command("ffmpeg")
        .current_dir(folder)
        .args("-nostdin -v error -y -f lavfi -i testsrc2=s=320x180:r=25:d=10".split(' '))
        .args("-f lavfi -i sine=f=440:r=48000:d=10 -i en.srt -i de.ass -i about.txt".split(' '))
        .args("-map 0:v -map 1:a -map 2:s -map 3:s -map_metadata 4 -map_chapters 4".split(' '))
        .args("-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a flac".split(' '))
        .args("-c:s:0 srt -c:s:1 ass -metadata:s:s:0 language=eng".split(' '))
        .args("-metadata:s:s:1 language=ger -metadata:s:s:1 title=Zeichen".split(' '))
        .args("-output_ts_offset 3600 film.mkv".split(' ')))?;
    Ok(at("film.mkv"))
}

fn the_api_tells_of_them(video: &Value) -> Result<()> {
    ensure!(video["name"] == "The Long Morning", "{}", video["name"]);
    ensure!(
        video["source"]["tags"]["date"] == "1936",
        "{}",
        video["source"]["tags"]
    );
    let subtitles = video["subtitles"].as_array().context("no subtitles")?;
    let told: Vec<String> = subtitles
        .iter()
        .map(|text| {
            let name = text["name"].as_str().unwrap_or("-");
            format!(
                "{} {name} {} {}",
                text["language"], text["forced"], text["beside"]
            )
        })
        .collect();
    ensure!(
        told == [
            "\"eng\" - false false",
            "\"ger\" Zeichen false false",
            "\"cs\" - false true",
            "\"fr\" - true true",
        ],
        "{told:?}"
    );
    let chapters = video["chapters"].as_array().context("no chapters")?;
    let names: Vec<&str> = chapters
        .iter()
        .filter_map(|chapter| chapter["name"].as_str())
        .collect();
    ensure!(names == ["Opening", "The gate"], "{names:?}");
    let second = chapters
        .get(1)
        .and_then(|chapter| chapter["start_s"].as_f64());
    ensure!(
        second.is_some_and(|start| (start - 4.0).abs() < 0.05),
        "{second:?}"
    );
    let notes = video["notes"].to_string();
    ensure!(
        notes.contains("film.xx.srt"),
        "what cannot be read is told by its name: {notes}"
    );
    Ok(())
}

fn the_words_are_right(server: &Server, id: &str) -> Result<()> {
    for (index, expected) in [
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<i>Good morning</i> &amp; welcome\n\n\
         00:00:05.000 --> 00:00:07.000\nBack <b>again</b>\n",
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.000 line:0\n<i>Am Tor</i>\nEingang\n",
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nPříliš žluťoučký kůň\n",
        "WEBVTT\n\n00:00:04.000 --> 00:00:05.000\nSortie\n",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = server
            .api
            .get(&format!("/media/{id}/subtitle-{index}.vtt"))?;
        ensure!(
            answer.content_type.starts_with("text/vtt"),
            "{}",
            answer.content_type
        );
        let text = String::from_utf8(answer.bytes)?;
        ensure!(
            text == expected,
            "subtitle {index} is {text:?}, expected {expected:?}"
        );
    }
    let none = server.api.get(&format!("/media/{id}/subtitle-4.vtt"))?;
    ensure!(none.status == 404, "there are four: {}", none.status);
    Ok(())
}

/// Its HLS reader knows no subtitles, but its DASH reader does.
fn ffmpeg_finds_them(server: &Server, id: &str) -> Result<()> {
    let manifest = server.api.url(&format!("/media/{id}/manifest.mpd"));
    let text = text_of(
        command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(manifest)
            .args(["-map", "0:s:0", "-c", "copy", "-f", "webvtt", "-"]),
    )?;
    ensure!(
        text.contains("<i>Good morning</i> &amp; welcome"),
        "ffmpeg reads {text:?}"
    );
    let master = server.api.bytes(&format!("/media/{id}/master.m3u8"))?;
    let master = String::from_utf8(master)?;
    ensure!(master.matches("TYPE=SUBTITLES").count() == 4, "{master}");
    let playlist = server.api.bytes(&format!("/media/{id}/subtitle-3.m3u8"))?;
    let playlist = String::from_utf8(playlist)?;
    ensure!(playlist.contains("\nsubtitle-3.vtt\n"), "{playlist}");
    Ok(())
}

fn a_browser_shows_them(read: &Read) -> Result<()> {
    ensure!(read.failures.is_empty(), "{:?}", read.failures);
    ensure!(
        read.offered == ["Off", "English", "Zeichen", "Czech", "French (forced)"],
        "{:?}",
        read.offered
    );
    ensure!(
        read.shown == ["Good morning & welcome"],
        "at 1.5 s the page shows {:?}",
        read.shown
    );
    ensure!(read.hidden == 0, "switched off, {} cues stay", read.hidden);
    ensure!(
        read.ticks == 1,
        "the second chapter begins inside: {}",
        read.ticks
    );
    ensure!(read.bubble.starts_with("The gate"), "{}", read.bubble);
    Ok(())
}
