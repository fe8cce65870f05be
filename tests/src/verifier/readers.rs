//! The proof that players other than ours agree: ffmpeg reads both manifests over HTTP from start
//! to end without a warning, and the MPD follows the public schema where that is at hand.
//! What does not belong here: our own readers (`manifests`).

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Once;

use crate::download::{Download, Stream};
use crate::program::{command, find, run, say_aloud};

/// Warnings that say nothing about what we serve, each with its reason.
const UNAVOIDABLE: [(&str, &str); 1] = [(
    "Can't support the subtitle",
    "ffmpeg's HLS reader (5.1, libavformat/hls.c) knows none and says so",
)];

/// Names the folder that holds `DASH-MPD.xsd` and the schemas it imports
/// (<https://github.com/MPEGGroup/DASHSchema>).
const SCHEMA_VARIABLE: &str = "HOMEREEL_DASH_SCHEMA";

#[derive(Debug, Deserialize)]
struct Probe {
    streams: Vec<ProbedStream>,
}

#[derive(Debug, Deserialize)]
struct ProbedStream {
    codec_type: String,
    nb_read_frames: Option<String>,
}

/// ffmpeg and the schema have nothing to complain about.
pub fn prove(download: &Download) -> Result<()> {
    // ffmpeg's DASH reader (5.1, libavformat/dashdec.c) stops at the first stream that ends, which
    // hides the last frame of the others; asked for one stream alone, it reads that to its end.
    let each_alone = (0..download.streams.len()).map(|index| index.to_string());
    let own = counts_of(download.streams.iter());
    ffmpeg_decodes(download, "manifest.mpd", each_alone, own)?;
    // Its HLS reader takes every line for a stream, so a quality that stands in the playlist once
    // with stereo and once with 5.1 is two.
    let listed = download.master.playlist_urls();
    let listed = listed.filter_map(|url| download.streams.iter().find(|s| s.playlist_url == url));
    let (own, all) = (counts_of(listed), std::iter::once(String::new()));
    ffmpeg_decodes(download, "master.m3u8", all, own)?;
    presentation_follows_the_schema(download)
}

/// ffmpeg decodes all of `manifest` without a warning, and finds `own` kinds and frames.
/// It runs once for each of `selections`, of which an empty one means every stream.
fn ffmpeg_decodes(
    download: &Download,
    manifest: &str,
    selections: impl Iterator<Item = String>,
    own: Vec<(String, usize)>,
) -> Result<()> {
    let url = format!("{}{manifest}", download.base);
    let mut counts = Vec::new();
    for selection in selections {
        counts.extend(frame_counts(&url, &selection).with_context(|| url.clone())?);
    }
    counts.sort_unstable();
    ensure!(
        counts == own,
        "of {url}, ffmpeg decodes (kind, frames) {counts:?}, the segments hold {own:?}"
    );
    Ok(())
}

/// Kind and number of frames of the selected streams of picture and sound; fails if ffprobe says anything.
fn frame_counts(url: &str, selection: &str) -> Result<Vec<(String, usize)>> {
    let mut probe = command("ffprobe");
    probe.args(["-v", "warning", "-count_frames", "-of", "json"]);
    probe.args(["-show_entries", "stream=codec_type,nb_read_frames"]);
    if !selection.is_empty() {
        probe.args(["-select_streams", selection]);
    }
    let output = run(probe.arg(url))?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> = complaints
        .lines()
        .filter(|line| !UNAVOIDABLE.iter().any(|(known, _)| line.contains(known)))
        .collect();
    ensure!(
        complaints.is_empty(),
        "it warns: {}",
        complaints.join(" / ")
    );
    let probed: Probe = serde_json::from_slice(&output.stdout)?;
    let count = |stream: &ProbedStream| stream.nb_read_frames.as_ref()?.parse().ok();
    let streams = probed.streams.iter();
    let streams = streams.filter(|stream| ["video", "audio"].contains(&&*stream.codec_type));
    Ok(streams
        .map(|stream| (stream.codec_type.clone(), count(stream).unwrap_or(0)))
        .collect())
}

fn counts_of<'a>(streams: impl Iterator<Item = &'a Stream>) -> Vec<(String, usize)> {
    let kind = |is_video: bool| if is_video { "video" } else { "audio" }.to_owned();
    let mut counts: Vec<_> = streams
        .map(|stream| (kind(stream.is_video()), stream.sample_count()))
        .collect();
    counts.sort_unstable();
    counts
}

/// `xmllint` accepts the MPD. Without the schema this proof is skipped aloud, once.
fn presentation_follows_the_schema(download: &Download) -> Result<()> {
    static SKIPPED: Once = Once::new();
    let schema = std::env::var_os(SCHEMA_VARIABLE).map(|f| PathBuf::from(f).join("DASH-MPD.xsd"));
    let Some(schema) = schema.filter(|file| file.is_file() && find("xmllint").is_some()) else {
        SKIPPED.call_once(|| {
            say_aloud(&format!(
                "SKIPPED: the MPD is not checked against the DASH schema; set {SCHEMA_VARIABLE} \
                 to a folder with DASH-MPD.xsd and install xmllint"
            ));
        });
        return Ok(());
    };
    let file = download.path("manifest.mpd");
    std::fs::write(&file, &download.presentation_text)?;
    run(command("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .arg(file))?;
    Ok(())
}
