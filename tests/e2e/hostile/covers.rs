//! What lies in a film beside picture and sound: covers and attachments. M07, M10 and M11 of the
//! catalogue. What does not belong here: tracks (`structure`).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::boxes::{element, element_claiming};
use super::ordeal::{Fate, Ordeal, kilobytes};
use tests::api::watch_until;
use tests::media_maker::{self, Recipe};
use tests::stage;

/// A worker that only looks at a file needs less, a bomb that goes off a gigabyte.
const LOOKING_KB: u64 = 400 * 1024;

const ATTACHMENTS: [u8; 4] = [0x19, 0x41, 0xa4, 0x69];
const ATTACHED_FILE: [u8; 2] = [0x61, 0xa7];
const FILE_NAME: [u8; 2] = [0x46, 0x6e];
const FILE_TYPE: [u8; 2] = [0x46, 0x60];
const FILE_DATA: [u8; 2] = [0x46, 0x5c];
const FILE_NUMBER: [u8; 2] = [0x46, 0xae];

#[test]
fn m07_drawings_are_not_drawn_as_films_or_as_covers() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let places = [
        format!("file://{}", ordeal.secret().display()),
        "http://127.0.0.1:9/x.png".into(),
    ];
    for (number, place) in places.iter().enumerate() {
        let drawing = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \
             xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"64\" height=\"64\">\n\
             <image xlink:href=\"{place}\" width=\"64\" height=\"64\"/></svg>"
        );
        let refused = Fate::Fails(&["text", "not a video"]);
        ordeal.give(&format!("drawing-{number}.mp4"), &drawing, refused)?;
        let disguised = format!("{drawing}\u{1}");
        ordeal.give(&format!("disguised-{number}.mp4"), disguised, refused)?;
        let song = with_flac_picture(b"image/svg+xml", drawing.as_bytes())?;
        ordeal.give(&format!("song-{number}.flac"), song, Fate::Plays)?;
        let film = with_attachment(&["cover.svg"], "image/svg+xml", drawing.as_bytes())?;
        ordeal.give(&format!("film-{number}.mkv"), film, Fate::Plays)?;
    }
    ordeal.conclude()
}

/// A song with that picture as its cover, right behind the description of its stream.
fn with_flac_picture(kind: &[u8], picture: &[u8]) -> Result<Vec<u8>> {
    const DESCRIPTION_BYTES: usize = 4 + 4 + 34;
    let song = Recipe::new("song", "flac", "-f lavfi -i sine=d=3 -c:a flac");
    let song = fs::read(song.make()?)?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes();
    let front = 3_u32.to_be_bytes();
    let parts: [&[u8]; 7] = [
        &front,
        &length(kind),
        kind,
        &length(b""),
        &[0; 16],
        &length(picture),
        picture,
    ];
    let body = parts.concat();
    let size = length(&body);
    let (before, after) = song.split_at(DESCRIPTION_BYTES);
    Ok([before, &[6, size[1], size[2], size[3]], &body, after].concat())
}

/// A film with attachments of these names. Matroska lets a part of unknown length go on for ever,
/// so more can follow.
fn with_attachment(names: &[&str], kind: &str, data: &[u8]) -> Result<Vec<u8>> {
    let files = names.iter().zip(1_u64..).map(|(name, number)| {
        let parts = [
            element(&FILE_NAME, name.as_bytes()),
            element(&FILE_TYPE, kind.as_bytes()),
            element(&FILE_DATA, data),
            element(&FILE_NUMBER, &number.to_be_bytes()),
        ];
        element(&ATTACHED_FILE, &parts.concat())
    });
    let files: Vec<u8> = files.flatten().collect();
    Ok([open_ended_film()?, element(&ATTACHMENTS, &files)].concat())
}

fn open_ended_film() -> Result<Vec<u8>> {
    let film = Recipe::new(
        "open-ended",
        "mkv",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f lavfi -i sine=d=2 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -f matroska -live 1",
    );
    Ok(fs::read(film.make()?)?)
}

#[test]
fn m10_attachments_are_neither_unpacked_nor_believed() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let kind = "application/x-truetype-font";
    let climbing = [
        "../../../evil.so",
        "/evil.so",
        "..\\evil.so",
        "evil.so",
        "evil.so",
    ];
    ordeal.give(
        "climbing.mkv",
        with_attachment(&climbing, kind, b"\x7fELF")?,
        Fate::Plays,
    )?;
    let many = vec!["font.ttf"; 1_000];
    ordeal.give(
        "many.mkv",
        with_attachment(&many, kind, b"\0\x01\0\0")?,
        Fate::Plays,
    )?;
    let large = element_claiming(&FILE_DATA, 1 << 31, b"only this");
    let large = element_claiming(&ATTACHED_FILE, (1 << 31) + 100, &large);
    let large = element_claiming(&ATTACHMENTS, (1 << 31) + 200, &large);
    ordeal.give(
        "large.mkv",
        [open_ended_film()?, large].concat(),
        Fate::Plays,
    )?;
    ordeal.give(
        "font-bomb.mkv",
        with_attachment(&["f.ttf"], kind, &[0; 5_000_000])?,
        Fate::Plays,
    )?;
    for name in ["climbing.mkv", "many.mkv", "large.mkv", "font-bomb.mkv"] {
        ordeal.end_of(name)?;
    }
    let unpacked = holds_file(ordeal.home.folder(), "evil.so")? || Path::new("/evil.so").exists();
    ensure!(!unpacked, "an attachment was written into a file");
    ordeal.conclude()
}

fn holds_file(folder: &Path, name: &str) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with(name) || path.is_dir() && holds_file(&path, name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn m11_covers_that_are_bombs_do_not_go_off() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let cover = Recipe::new(
        "cover",
        "png",
        "-f lavfi -i color=black:s=16000x16000,format=gray -frames:v 1",
    );
    let cover = cover.make()?;
    let codecs = [("flac", "flac"), ("mp3", "libmp3lame"), ("m4a", "aac")];
    for (extension, codec) in codecs {
        let song = format!(
            "-f lavfi -i sine=d=3 -i {} -map 0 -map 1 -c:a {codec} -c:v copy \
             -disposition:v attached_pic",
            cover.display()
        );
        let name = ordeal.give_clip(&Recipe::new("cover-bomb", extension, &song), Fate::Plays)?;
        stays_small(&ordeal, &name)?;
    }
    let film = with_attachment(&["cover.png"], "image/png", &fs::read(&cover)?)?;
    ordeal.give("cover-bomb.mkv", film, Fate::Plays)?;
    stays_small(&ordeal, "cover-bomb.mkv")?;
    let small = media_maker::tiny(74).make()?;
    ordeal.note("afterwards", ordeal.home.drop_file(&small).map(drop));
    ordeal.conclude()
}

/// Watches the workers' memory until the title has its end.
fn stays_small(ordeal: &Ordeal, name: &str) -> Result<()> {
    let mut largest_kb = 0;
    let interval = Duration::from_millis(10);
    watch_until(
        "in a final state",
        interval,
        super::ordeal::PATIENCE,
        || {
            for worker in ordeal.server.workers()? {
                // It may end while we look.
                let status = fs::read_to_string(format!("/proc/{}/status", worker.pid));
                let held = status.ok().and_then(|status| kilobytes(&status, "VmHWM:"));
                largest_kb = largest_kb.max(held.unwrap_or(0));
            }
            let videos = ordeal.server.api.videos_of(name)?;
            Ok(videos
                .first()
                .is_some_and(|video| video.is_final())
                .then_some(()))
        },
    )
    .with_context(|| name.to_owned())?;
    ensure!(largest_kb > 0, "no worker was seen at {name}");
    ensure!(
        largest_kb < LOOKING_KB,
        "a worker held {largest_kb} kB for {name}"
    );
    Ok(())
}
