//! Clocks and lengths that lie: M16 and M23 of the catalogue. What does not belong here: boxes that
//! lie about bytes (`structure`).

use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::path::Path;

use super::boxes::patched;
use super::ordeal::{Fate, Ordeal};
use tests::media_maker::{self, Recipe};
use tests::stage;

/// A small picture that runs so many frames a second for so long, and what the file is.
fn clip(name: &str, extension: &str, rate: &str, seconds: &str, more: &str) -> Recipe {
    Recipe::new(
        name,
        extension,
        &format!(
            "-f lavfi -i color=black:s=160x120:r={rate}:d={seconds} {more} -c:v libx264 \
             -preset ultrafast -pix_fmt yuv420p"
        ),
    )
}

#[test]
fn m16_clocks_that_lie_lead_to_true_lengths_or_to_a_reason() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let film = fs::read(media_maker::tiny(78).make()?)?;
    let track = "moov/trak/mdia/mdhd";
    let header = "moov/mvhd";
    let lies = [
        ("no-duration", patched(&film, header, 24, &[0; 4])?),
        ("negative-duration", patched(&film, header, 24, &[0xff; 4])?),
        (
            "track-without-duration",
            patched(&film, track, 24, &[0; 4])?,
        ),
        (
            "track-with-every-duration",
            patched(&film, track, 24, &[0x7f, 0xff, 0xff, 0xff])?,
        ),
    ];
    for (name, bytes) in lies {
        ordeal.give(&format!("{name}.mp4"), bytes, Fate::Plays)?;
    }
    for (name, bytes) in [
        ("no-timescale", patched(&film, track, 20, &[0; 4])?),
        ("no-timescale-at-all", patched(&film, header, 20, &[0; 4])?),
        ("every-timescale", patched(&film, track, 20, &[0xff; 4])?),
    ] {
        ordeal.give(&format!("{name}.mp4"), bytes, Fate::Either)?;
    }
    let late = ordeal.give_clip(
        &clip(
            "ten-hours-late",
            "mkv",
            "25",
            "2",
            "-output_ts_offset 36000",
        ),
        Fate::Plays,
    )?;
    let rare = ordeal.give_clip(
        &clip("a-frame-an-hour", "mkv", "1/3600", "10800", ""),
        Fate::Plays,
    )?;
    ordeal.give_clip(
        &clip("a-million-a-second", "mkv", "1000000", "0.0002", ""),
        Fate::Either,
    )?;
    let part = |name: &str, offset_s: u32| {
        clip(
            name,
            "ts",
            "25",
            "2",
            &format!("-output_ts_offset {offset_s}"),
        )
        .make()
    };
    let (first, day) = (
        fs::read(part("at-once", 10)?)?,
        fs::read(part("a-day-later", 86_000)?)?,
    );
    ordeal.give("back-in-time.ts", [&day[..], &first].concat(), Fate::Either)?;
    ordeal.give("a-day-later.ts", [&first[..], &day].concat(), Fate::Either)?;
    let avi = fs::read(media_maker::plain("avi", 5).make()?)?;
    ordeal.give("no-rate.avi", with_rate(&avi, 0, 0)?, Fate::Either)?;
    ordeal.give("rate-by-zero.avi", with_rate(&avi, 0, 1)?, Fate::Either)?;
    for (name, length_s) in [
        (late, 2.0),
        (rare, 10_800.0),
        ("no-duration.mp4".into(), 2.0),
    ] {
        let is = ordeal.end_of(&name)?.duration_s.unwrap_or(0.0);
        ensure!((is - length_s).abs() < 0.1, "{name} is {is} s long");
    }
    ordeal.conclude()
}

/// The film with scale and rate of its first stream header changed.
fn with_rate(film: &[u8], scale: u32, rate: u32) -> Result<Vec<u8>> {
    let at = film.windows(8).position(|window| window == b"strh8\0\0\0");
    let at = at.context("no stream header")? + 8 + 20;
    let mut changed = film.to_vec();
    changed[at..at + 4].copy_from_slice(&scale.to_le_bytes());
    changed[at + 4..at + 8].copy_from_slice(&rate.to_le_bytes());
    Ok(changed)
}

#[test]
fn m23_hours_in_a_few_kilobytes_stay_small_or_are_refused() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let day = clip("a-day-of-black", "mkv", "1/600", "86400", "");
    let lone = clip("one-picture-for-hours", "mkv", "1/14400", "14400", "");
    for recipe in [day, lone] {
        let clip = recipe.make()?;
        ensure!(fs::metadata(&clip)?.len() < 100_000, "a bomb is small");
        ordeal.give_clip(&recipe, Fate::Plays)?;
    }
    let four_days = clip("four-days-of-black", "mkv", "1/3600", "360000", "");
    ordeal.give_clip(&four_days, Fate::Fails(&["absurd", "long"]))?;
    silence(&ordeal.home.drop_folder().join("silence.wav"))?;
    ordeal.expect("silence.wav", Fate::Fails(&["absurd", "long"]));
    ordeal.conclude()
}

/// A hundred hours of one sample, which take no room on the disk.
fn silence(path: &Path) -> Result<()> {
    const SECONDS: u32 = 360_000;
    const RATE: u32 = 8_000;
    let data_bytes = SECONDS * RATE;
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((data_bytes + 36).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend(RATE.to_le_bytes());
    header.extend(RATE.to_le_bytes());
    header.extend(b"\x01\0\x08\0data");
    header.extend(data_bytes.to_le_bytes());
    fs::write(path, &header)?;
    let file = File::options().write(true).open(path)?;
    file.set_len(u64::from(data_bytes) + header.len() as u64)?;
    Ok(())
}
