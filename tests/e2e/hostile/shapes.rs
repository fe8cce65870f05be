//! Pictures and sounds of unusual shapes, and films that lack one or the other: M17, M18 and M19 of
//! the catalogue. What does not belong here: how they are written (`codecs`).

use anyhow::{Context, Result, ensure};
use std::fs;

use super::boxes::{boxed, element, find, patched};
use super::ordeal::{Fate, Ordeal, ingredient};
use crate::withstand::xorshift;
use tests::media_maker::{self, Recipe};
use tests::stage;

/// Two seconds of a test picture of that size.
fn sized(name: &str, size: &str, options: &str) -> Recipe {
    Recipe::new(
        name,
        "mkv",
        &format!("-f lavfi -i testsrc2=s={size}:r=5:d=2 {options}"),
    )
}

/// Where width and height stand in the description of a picture's samples.
const SIZE_IN_ENTRY: usize = 32;

/// What a size becomes: width and height as they are shown.
type Shape = (Recipe, (u32, u32));

fn shapes() -> Vec<Shape> {
    let lossless = "-vf scale=2:2 -c:v ffv1";
    let h264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let squeezed =
        |name: &str, aspect: &str| sized(name, "320x240", &format!("-vf setsar={aspect} {h264}"));
    vec![
        (
            sized("one-by-one", "16x16", "-vf scale=1:1 -c:v ffv1"),
            (1, 1),
        ),
        (sized("two-by-two", "16x16", lossless), (2, 2)),
        (sized("sixteen", "16x16", h264), (16, 16)),
        (
            sized("odd", "321x241", "-c:v libx264 -pix_fmt yuv444p"),
            (320, 240),
        ),
        (
            sized(
                "huge",
                "8192x8192",
                "-frames:v 2 -c:v mjpeg -pix_fmt yuvj420p",
            ),
            (8192, 8192),
        ),
        (squeezed("aspect-of-nothing", "0/1"), (320, 240)),
        (squeezed("wide-pixels", "2/1"), (640, 240)),
    ]
}

#[test]
fn m17_odd_sizes_and_shapes_are_shown_upright_or_refused() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    for (recipe, size) in shapes() {
        let name = ordeal.give_clip(&recipe, Fate::Plays)?;
        let shown = is_shown_as(&ordeal, &name, size);
        ordeal.note(&format!("the size of {name}"), shown);
    }
    let refused = Fate::Fails(&["decode", "large", "pixels"]);
    let enormous = sized(
        "enormous",
        "12000x12000",
        "-frames:v 1 -c:v mjpeg -pix_fmt yuvj420p",
    );
    ordeal.give_clip(&enormous, refused)?;
    ordeal.give_clip(
        &sized("line", "65500x2", "-frames:v 2 -c:v ffv1"),
        Fate::Either,
    )?;
    ordeal.give_clip(
        &sized("needles", "320x240", "-vf setsar=1/1000 -c:v ffv1"),
        Fate::Either,
    )?;
    let upright = fs::read(media_maker::video_only().make()?)?;
    let entry = "moov/trak/mdia/minf/stbl/stsd/avc1";
    let claim = patched(&upright, entry, SIZE_IN_ENTRY, &[0x40, 0, 0x40, 0])?;
    ordeal.give("claims-to-be-enormous.mp4", claim, Fate::Either)?;
    for (name, matrix, size) in turns() {
        let at = find(&upright, "moov/trak/tkhd")?;
        let bytes: Vec<u8> = matrix
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        let turned = patched(
            &upright,
            "moov/trak/tkhd",
            at.len() - 8 - bytes.len(),
            &bytes,
        )?;
        let name = format!("{name}.mp4");
        ordeal.give(&name, turned, Fate::Plays)?;
        let shown = is_shown_as(&ordeal, &name, size);
        ordeal.note(&format!("the size of {name}"), shown);
    }
    ordeal.conclude()
}

/// Display matrices: a quarter turn either way, and half of one, which nobody can show.
fn turns() -> [(&'static str, [i32; 9], (u32, u32)); 3] {
    const ONE: i32 = 1 << 16;
    const HALF_TURN: i32 = 46_341;
    const LAST: i32 = 1 << 30;
    [
        ("turned-90", [0, ONE, 0, -ONE, 0, 0, 0, 0, LAST], (360, 640)),
        (
            "turned-270",
            [0, -ONE, 0, ONE, 0, 0, 0, 0, LAST],
            (360, 640),
        ),
        (
            "turned-45",
            [
                HALF_TURN, HALF_TURN, 0, -HALF_TURN, HALF_TURN, 0, 0, 0, LAST,
            ],
            (640, 360),
        ),
    ]
}

fn is_shown_as(ordeal: &Ordeal, name: &str, (width, height): (u32, u32)) -> Result<()> {
    let video = ordeal.server.api.video(&ordeal.end_of(name)?.id)?;
    let source = video.source.as_ref().context("nothing was found")?;
    let is = (source.display_width, source.display_height);
    ensure!(is == (Some(width), Some(height)), "it is {is:?}");
    let taller = video
        .rungs
        .iter()
        .find(|rung| rung.width.min(rung.height) > width.min(height).max(2));
    ensure!(
        taller.is_none(),
        "a quality is larger than the film: {taller:?}"
    );
    Ok(())
}

#[test]
fn m18_films_that_lack_something_have_a_documented_end() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    ordeal.give_clip(&media_maker::audio_only(), Fate::Plays)?;
    ordeal.give_clip(&media_maker::video_only(), Fate::Plays)?;
    let one = |name: &str, extension: &str| {
        let arguments = "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -frames:v 1 -c:v libx264 \
                         -pix_fmt yuv420p";
        Recipe::new(name, extension, arguments)
    };
    ordeal.give_clip(&one("one-picture", "mkv"), Fate::Plays)?;
    ordeal.give_clip(&one("one-picture", "mp4"), Fate::Plays)?;
    let nothing = Fate::Fails(&["neither", "not a video", "no picture", "decode"]);
    let only_a_header = element(&[0x1a, 0x45, 0xdf, 0xa3], b"\x42\x82\x84webm");
    ordeal.give(
        "no-tracks.mkv",
        only_a_header,
        Fate::Fails(&["not a video", "neither", "ends"]),
    )?;
    let film = fs::read(media_maker::tiny(79).make()?)?;
    let header = boxed(b"moov", &film[find(&film, "moov/mvhd")?]);
    let start = find(&film, "moov")?.start;
    ordeal.give("no-tracks.mp4", [&film[..start], &header].concat(), nothing)?;
    let timed = Recipe::new(
        "with-timecode",
        "mov",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libx264 -pix_fmt yuv420p \
         -timecode 00:00:00:00",
    );
    let only_data = format!("-i {} -map 0:d -c copy", timed.make()?.display());
    ordeal.give_clip(&Recipe::new("only-data", "mov", &only_data), nothing)?;
    let words = ingredient("m18.srt", "1\n00:00:00,000 --> 00:00:01,000\nHello\n")?;
    let words = format!("-i {} -c:s srt", words.display());
    ordeal.give_clip(&Recipe::new("only-words", "mkv", &words), nothing)?;
    let cover = Recipe::new(
        "only-a-cover",
        "mkv",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -frames:v 1 -c:v mjpeg -pix_fmt yuvj420p \
         -disposition:v attached_pic",
    );
    ordeal.give_clip(&cover, Fate::Either)?;
    let still = Recipe::new(
        "still",
        "bmp",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -frames:v 1",
    );
    ordeal.give_clip(&still, Fate::Fails(&["not a video", "picture"]))?;
    ordeal.conclude()
}

#[test]
fn m19_sounds_of_every_rate_and_number_of_channels_play_or_are_refused() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    for (rate, channels, fate) in [
        (
            0,
            2,
            Fate::Fails(&["decode", "not a video", "cannot", "timestamps", "ends"]),
        ),
        (1, 2, Fate::Either),
        (768_000, 2, Fate::Plays),
        (
            48_000,
            0,
            Fate::Fails(&["decode", "not a video", "cannot", "timestamps", "ends"]),
        ),
        (48_000, 1, Fate::Plays),
        (48_000, 3, Fate::Plays),
        (48_000, 6, Fate::Plays),
        (48_000, 8, Fate::Plays),
        (48_000, 16, Fate::Plays),
        (48_000, 64, Fate::Either),
    ] {
        let name = format!("rate-{rate}-channels-{channels}.wav");
        ordeal.give(&name, garbage(rate, channels), fate)?;
    }
    let part = |name: &str, sound: &str| {
        let recipe = Recipe::new(name, "ts", &format!("-f lavfi -i {sound} -t 2 -c:a ac3"));
        Ok::<_, anyhow::Error>(fs::read(recipe.make()?)?)
    };
    let parts = [
        part(
            "mono",
            "anoisesrc=r=48000:a=0.2,aformat=channel_layouts=mono",
        )?,
        part(
            "stereo",
            "anoisesrc=r=44100:a=0.2,aformat=channel_layouts=stereo",
        )?,
        part(
            "all-around",
            "anoisesrc=r=48000:a=0.2,aformat=channel_layouts=5.1",
        )?,
    ];
    ordeal.give("changing.ts", parts.concat(), Fate::Plays)?;
    ordeal.conclude()
}

/// A second or so of noise that calls itself sound of that kind.
fn garbage(rate: u32, channels: u16) -> Vec<u8> {
    let noise = xorshift(u64::from(rate) * 64 + u64::from(channels) + 1).take(25_000);
    let noise: Vec<u8> = noise.flat_map(u64::to_le_bytes).collect();
    let frame = channels * 2;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((u32::try_from(noise.len()).unwrap_or(0) + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.saturating_mul(u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(b"\x10\0data");
    file.extend(u32::try_from(noise.len()).unwrap_or(0).to_le_bytes());
    file.extend(noise);
    file
}
