//! Sound with more than two channels: offered as it is, and in stereo for everybody else.
//! What does not belong here: sound and picture together (`watch`, `corpus`).

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::Duration;

use crate::proof::prove_title;
use tests::download::{Download, Stream};
use tests::media_maker::Recipe;
use tests::program::{command, run_silently};
use tests::server::Home;
use tests::stage;

const PATIENCE: Duration = Duration::from_secs(120);
/// A tone for each channel, in the order left, right, centre, bass, and the two behind.
const TONES_HZ: [f64; 6] = [300.0, 500.0, 700.0, 60.0, 1_100.0, 1_300.0];
const SECONDS: f64 = 8.0;

#[test]
fn every_speaker_gets_its_own_sound_and_stereo_is_there_beside_it() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let clip = six_tones().make()?;
    let name = home.drop_file(&clip)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let download = prove_title(&server, &video, &clip)?;
    let groups: Vec<&str> = download
        .master
        .renditions
        .iter()
        .map(|rendition| &*rendition.group)
        .collect();
    ensure!(groups == ["sound", "surround"], "groups are {groups:?}");
    let sounds: Vec<&Stream> = download.sounds().collect();
    ensure!(sounds.len() == 2, "{} sounds", sounds.len());
    let channels: Vec<&Value> = video.audio.iter().map(|audio| &audio["channels"]).collect();
    ensure!(channels == [2, 6], "it offers {channels:?} channels");
    for (channel, tone_hz) in TONES_HZ.into_iter().enumerate() {
        let heard_hz = tone_of(&download, sounds[1], channel)?;
        ensure!(
            (heard_hz - tone_hz).abs() < tone_hz * 0.02,
            "channel {channel} sounds at {heard_hz} Hz, not at {tone_hz}"
        );
    }
    server.stop()?;
    home.check()?;
    Ok(())
}

/// All speakers at once, as AC-3, whose last two channels are at the sides.
fn six_tones() -> Recipe {
    let tone = |hz: f64| format!("0.5*sin(2*PI*{hz}*t)");
    let tones: Vec<String> = TONES_HZ.into_iter().map(tone).collect();
    Recipe::new(
        "six-tones",
        "mkv",
        &format!(
            "-f lavfi -i testsrc2=s=640x360:r=25:d={SECONDS} \
             -f lavfi -i aevalsrc={}:c=5.1(side):s=48000:d={SECONDS} \
             -c:v libx264 -preset veryfast -g 50 -pix_fmt yuv420p -c:a ac3 -b:a 448k",
            tones.join("|")
        ),
    )
}

/// How often a channel's wave rises through zero in a second.
fn tone_of(download: &Download, sound: &Stream, channel: usize) -> Result<f64> {
    let bytes = run_silently(
        command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(download.joined(sound, &sound.segments)?)
            .args([
                "-af",
                &format!("pan=mono|c0=c{channel}"),
                "-f",
                "f32le",
                "-",
            ]),
    )?;
    let samples = bytes.chunks_exact(4);
    let all: Vec<f32> = samples
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    // What lies at the two ends is not steady.
    let rate = usize::try_from(sound.timescale())?;
    let steady = all
        .get(rate..all.len().saturating_sub(rate))
        .filter(|steady| steady.len() > rate)
        .context("the sound is too short")?;
    let rises = steady
        .windows(2)
        .filter(|pair| pair[0] <= 0.0 && pair[1] > 0.0)
        .count();
    Ok(rises as f64 * rate as f64 / steady.len() as f64)
}
