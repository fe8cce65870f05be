//! What pictures and sound are written in: M12, M20 and M21 of the catalogue. What does not belong
//! here: real recordings in these formats (`corpus`).

use anyhow::{Context, Result, ensure};

use super::ordeal::{Fate, Ordeal};
use crate::pictures::picture_at;
use tests::media_maker::Recipe;
use tests::stage;

/// Formats whose decoders a file must not reach: encoder, container and further options. The first
/// had a hole (CVE-2026-8461).
const UNWANTED: [(&str, &str, &str); 14] = [
    ("magicyuv", "avi", "-pix_fmt gbrp"),
    ("png", "mov", ""),
    ("tiff", "mkv", ""),
    ("targa", "avi", "-pix_fmt bgr24"),
    ("jpeg2000", "mov", ""),
    ("jpegls", "avi", "-pix_fmt bgr24"),
    ("qtrle", "mov", ""),
    ("utvideo", "avi", ""),
    ("zmbv", "avi", "-pix_fmt bgr0"),
    ("flashsv", "flv", ""),
    ("snow", "avi", "-strict -2"),
    ("asv1", "avi", ""),
    ("cljr", "avi", "-strict -2"),
    ("msvideo1", "avi", "-pix_fmt rgb555"),
];

/// The same for sound.
const UNWANTED_SOUND: [(&str, &str, &str); 3] = [
    ("tta", "mkv", ""),
    ("adpcm_yamaha", "wav", ""),
    ("g726", "wav", "-ar 8000 -ac 1"),
];

/// What people have, and more: the pixels of each become one colour that can be measured.
const WANTED: [(&str, &str, &str); 17] = [
    ("libx264", "mp4", "-pix_fmt yuv420p"),
    ("libx264", "mkv", "-pix_fmt yuv420p10le"),
    ("libx264", "mkv", "-pix_fmt yuv422p"),
    ("libx264", "mkv", "-pix_fmt yuv444p"),
    ("libx264", "mkv", "-pix_fmt yuv444p10le"),
    ("libx264", "mp4", "-pix_fmt yuvj420p -color_range pc"),
    (
        "libx265",
        "mp4",
        "-x265-params log-level=error -pix_fmt yuv420p10le",
    ),
    (
        "libx265",
        "mkv",
        "-x265-params log-level=error -pix_fmt yuv444p12le",
    ),
    ("mpeg2video", "ts", "-flags +ilme+ildct -b:v 3M"),
    ("mpeg4", "avi", "-b:v 3M"),
    ("prores_ks", "mov", "-pix_fmt yuv422p10le"),
    ("dnxhd", "mov", "-profile:v dnxhr_sq -pix_fmt yuv422p"),
    ("mjpeg", "avi", "-pix_fmt yuvj422p -q:v 2"),
    ("libtheora", "ogv", "-q:v 8"),
    (
        "libvpx-vp9",
        "webm",
        "-cpu-used 8 -deadline realtime -pix_fmt yuv420p",
    ),
    ("ffv1", "mkv", "-pix_fmt yuv420p16le"),
    ("wmv2", "wmv", "-b:v 3M"),
];

/// A colour that shows swapped channels, wrong matrices and wrong ranges.
const COLOUR: (&str, [f64; 3]) = ("0x4090C0", [64.0, 144.0, 192.0]);
/// Codecs differ by a few levels; BT.601 taken for BT.709 by ten and more.
const LEVELS: f64 = 7.0;

#[test]
fn m12_decoders_that_nobody_needs_are_out_of_reach() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let refused = Fate::Fails(&["decode", "cannot play", "cannot be played", "support"]);
    for (encoder, container, options) in UNWANTED {
        let clip = format!("-f lavfi -i testsrc2=s=160x128:r=25:d=1 {options} -c:v {encoder}");
        ordeal.give_clip(
            &Recipe::new(&format!("rare-{encoder}"), container, &clip),
            refused,
        )?;
    }
    for (encoder, container, options) in UNWANTED_SOUND {
        let clip = format!("-f lavfi -i sine=d=1 {options} -strict -2 -c:a {encoder}");
        ordeal.give_clip(
            &Recipe::new(&format!("rare-{encoder}"), container, &clip),
            refused,
        )?;
    }
    ordeal.conclude()
}

#[test]
fn m20_every_usual_format_keeps_its_colours() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let mut names = Vec::new();
    for (number, (encoder, container, options)) in WANTED.iter().enumerate() {
        let (colour, _) = COLOUR;
        // Tagged as what its size suggests, and converted so.
        let clip = format!(
            "-f lavfi -i color={colour}:s=320x240:r=25:d=2,format=gbrp,\
             scale=out_color_matrix=bt601 -colorspace smpte170m -color_primaries smpte170m \
             -color_trc smpte170m {options} -c:v {encoder}"
        );
        let recipe = Recipe::new(&format!("colour-{number}-{encoder}"), container, &clip);
        names.push(ordeal.give_clip(&recipe, Fate::Plays)?);
    }
    for name in names {
        let kept = keeps_its_colour(&ordeal, &name);
        ordeal.note(&format!("the colour of {name}"), kept);
    }
    ordeal.conclude()
}

fn keeps_its_colour(ordeal: &Ordeal, name: &str) -> Result<()> {
    let video = ordeal.end_of(name)?;
    let shown = picture_at(&ordeal.server, &video, 1.0)?.mean(0.2, 0.8);
    let (_, wanted) = COLOUR;
    let near = shown
        .iter()
        .zip(wanted)
        .all(|(is, should)| (is - should).abs() < LEVELS);
    ensure!(near, "it shows {shown:?}, not {wanted:?}");
    Ok(())
}

#[test]
fn m21_encrypted_films_are_called_so() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let secret = Recipe::new(
        "encrypted",
        "mp4",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f lavfi -i sine=d=2 -c:v libx264 \
         -pix_fmt yuv420p -c:a aac -encryption_scheme cenc-aes-ctr \
         -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
         -encryption_kid a7e61c373e219033c21091fa607bf3b8",
    );
    let name = ordeal.give_clip(&secret, Fate::Fails(&["encrypted"]))?;
    let words = ordeal.end_of(&name)?.reason.context("no reason")?;
    ensure!(
        words.contains("key"),
        "it must say what is missing: {words}"
    );
    ordeal.conclude()
}
