//! The proof that picture and sound stay together, by a clip that flashes and beeps at once.
//! What does not belong here: making that clip (`media_maker::flash_and_beep`).

use anyhow::{Result, ensure};

use crate::download::{Download, Stream};
use crate::program::{command, run_silently};
use crate::verifier::timeline::seconds;

/// A listener does not notice less, and AAC smears an onset by a few milliseconds.
const TOLERANCE_S: f64 = 0.010;
/// Sound after this much silence is another beep.
const SILENCE_S: f64 = 0.5;

/// In every combination of quality and audio track, `count` flashes come with their beeps.
pub fn flashes_come_with_beeps(download: &Download, count: usize) -> Result<()> {
    ensure!(download.sounds().next().is_some(), "there is no sound");
    for sound in download.sounds() {
        flashes_come_with(download, sound, count)?;
    }
    Ok(())
}

fn flashes_come_with(download: &Download, sound: &Stream, count: usize) -> Result<()> {
    let beeps = beeps_s(download, sound)?;
    ensure!(
        beeps.len() == count,
        "{}: heard {} beeps: {beeps:?}",
        sound.label(),
        beeps.len()
    );
    for stream in download.pictures() {
        let flashes = flashes_s(download, stream)?;
        ensure!(
            flashes.len() == count,
            "{}: saw {} flashes: {flashes:?}",
            stream.label(),
            flashes.len()
        );
        for (flash, beep) in flashes.iter().zip(&beeps) {
            ensure!(
                (flash - beep).abs() < TOLERANCE_S,
                "{}: the flash at {flash:.4} s has its beep at {beep:.4} s",
                stream.label()
            );
        }
    }
    Ok(())
}

/// When the picture turns white, in seconds on the title's timeline.
pub fn flashes_s(download: &Download, stream: &Stream) -> Result<Vec<f64>> {
    const SIDE: usize = 16;
    let pixels = run_silently(
        command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(download.joined(stream, &stream.segments)?)
            .args(["-vf", "scale=16:16,format=gray", "-fps_mode", "passthrough"])
            .args(["-f", "rawvideo", "-"]),
    )?;
    let bright = pixels.chunks_exact(SIDE * SIDE).map(|frame| {
        let sum: u32 = frame.iter().map(|pixel| u32::from(*pixel)).sum();
        sum > 128 * 256
    });
    let times = stream.presentation_times();
    let shown = times
        .iter()
        .map(|ticks| seconds(*ticks, stream.timescale()));
    let mut flashes = Vec::new();
    let mut was_bright = false;
    for (time_s, is_bright) in shown.zip(bright) {
        if is_bright && !was_bright {
            flashes.push(time_s);
        }
        was_bright = is_bright;
    }
    Ok(flashes)
}

/// When a beep begins, in seconds on the title's timeline.
fn beeps_s(download: &Download, stream: &Stream) -> Result<Vec<f64>> {
    let bytes = run_silently(
        command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(download.joined(stream, &stream.segments)?)
            .args(["-ac", "1", "-f", "s16le", "-"]),
    )?;
    let samples: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs())
        .collect();
    let loud = samples.iter().max().copied().unwrap_or(0) / 4;
    let begin = stream
        .segments
        .first()
        .map_or(0, |s| s.fragment.decode_time);
    let mut beeps = Vec::new();
    let mut last_loud_s = f64::NEG_INFINITY;
    for (index, sample) in samples.iter().enumerate() {
        let now_s = seconds(begin + i64::try_from(index)?, stream.timescale());
        if *sample <= loud.max(1_000) {
            continue;
        }
        if now_s - last_loud_s > SILENCE_S {
            beeps.push(now_s);
        }
        last_loud_s = now_s;
    }
    Ok(beeps)
}
