//! Containers that claim too much, contradict themselves, end early or are damaged: M13, M14, M15
//! and M22 of the catalogue. What does not belong here: a thousand flipped bits, which are tried on
//! the worker alone (`media/tests/damage.rs`).

use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::boxes::{boxed, element, find, patched, with_box};
use super::ordeal::{Fate, Ordeal, ingredient};
use crate::withstand::xorshift;
use tests::media_maker::{self, Recipe};
use tests::stage;

/// Audio tracks, subtitles and chapters that a title has at most.
const MOST: (usize, usize, usize) = (16, 32, 500);

#[test]
fn m13_too_many_tracks_and_chapters_are_capped() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let film = media_maker::tiny(75).make()?;
    let words = ingredient("m13.srt", "1\n00:00:00,000 --> 00:00:01,000\nHello\n")?;
    let many = |name: &str, sounds: usize, texts: usize| {
        let maps = "-map 0:a ".repeat(sounds) + &"-map 1:s ".repeat(texts);
        let inputs = format!("-i {} -i {}", film.display(), words.display());
        Recipe::new(name, "mkv", &format!("{inputs} -map 0:v {maps} -c copy"))
    };
    let mut names = Vec::new();
    for (name, sounds, texts) in [
        ("sixty-sounds", 60, 0),
        ("many-words", 1, 500),
        ("a-thousand-tracks", 1, 998),
    ] {
        names.push(ordeal.give_clip(&many(name, sounds, texts), Fate::Plays)?);
    }
    names.push(ordeal.give_clip(&with_chapters(10_000)?, Fate::Plays)?);
    for name in names {
        let capped = is_capped(&ordeal, &name);
        ordeal.note(&format!("numbers of {name}"), capped);
    }
    let too_many = Fate::Fails(&["more than a thousand"]);
    ordeal.give("too-many-tracks.mkv", with_tracks(1_001), too_many)?;
    let film = fs::read(&film)?;
    let again = Fate::Fails(&["again and again"]);
    ordeal.give("edits.mp4", with_edits(&film, 1_000_000)?, again)?;
    ordeal.conclude()
}

/// Nothing but descriptions of subtitles.
fn with_tracks(count: u64) -> Vec<u8> {
    let entries = (1..=count).map(|number| {
        let parts = [
            element(&[0xd7], &number.to_be_bytes()),
            element(&[0x73, 0xc5], &number.to_be_bytes()),
            element(&[0x83], &[0x11]),
            element(&[0x86], b"S_TEXT/UTF8"),
        ];
        element(&[0xae], &parts.concat())
    });
    let entries: Vec<u8> = entries.flatten().collect();
    let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &entries);
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], b"\x42\x82\x88matroska");
    let cluster = element(&[0x1f, 0x43, 0xb6, 0x75], &element(&[0xe7], &[0]));
    let segment = [tracks, cluster].concat();
    [header, element(&[0x18, 0x53, 0x80, 0x67], &segment)].concat()
}

fn with_chapters(count: usize) -> Result<Recipe> {
    let mut text = String::from(";FFMETADATA1\n");
    for chapter in 0..count {
        let start = chapter * 4;
        writeln!(
            text,
            "[CHAPTER]\nTIMEBASE=1/10000\nSTART={start}\nEND={}\ntitle=C{chapter}",
            start + 4
        )?;
    }
    let arguments = format!(
        "-i {} -f ffmetadata -i {} -map 0 -map_chapters 1 -c copy",
        media_maker::plain("mkv", 5).make()?.display(),
        ingredient("m13.txt", &text)?.display()
    );
    Ok(Recipe::new("many-chapters", "mkv", &arguments))
}

fn is_capped(ordeal: &Ordeal, name: &str) -> Result<()> {
    let video = ordeal.end_of(name)?;
    let video = ordeal.server.api.video(&video.id)?;
    let (sounds, texts, chapters) = MOST;
    ensure!(
        !video.audio.is_empty()
            && video.audio.len() <= sounds
            && video.subtitles.len() <= texts
            && video.chapters.len() <= chapters,
        "{} sounds, {} subtitles, {} chapters",
        video.audio.len(),
        video.subtitles.len(),
        video.chapters.len()
    );
    Ok(())
}

/// An edit list that plays the film in so many pieces of one tick.
fn with_edits(film: &[u8], count: u32) -> Result<Vec<u8>> {
    let mut body = vec![0; 4];
    body.extend(count.to_be_bytes());
    for edit in 0..count {
        body.extend(1_u32.to_be_bytes());
        body.extend((edit % 1000).to_be_bytes());
        body.extend([0, 1, 0, 0]);
    }
    with_box(film, "moov/trak/edts/elst", &boxed(b"elst", &body))
}

#[test]
fn m14_boxes_that_lie_about_their_size_are_not_believed() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let film = fs::read(media_maker::plain("mp4", 5).make()?)?;
    let table = "moov/trak/mdia/minf/stbl";
    let moov = find(&film, "moov")?;
    let huge = u64::MAX.to_be_bytes();
    let long = |path: &str| -> Result<Vec<u8>> {
        // The size 1 says that a longer one follows.
        let bytes = patched(&film, path, 0, &1_u32.to_be_bytes())?;
        patched(&bytes, path, 8, &huge)
    };
    let nested = (0..10_000_u32).rev().flat_map(|within| {
        let size = ((within + 1) * 8).to_be_bytes();
        size.into_iter().chain(*b"moov")
    });
    let nested: Vec<u8> = nested.collect();
    let start = find(&film, "mdat")?.start;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (
            "moov-of-a-gigabyte",
            patched(&film, "moov", 0, &(1_u32 << 30).to_be_bytes())?,
        ),
        ("moov-of-nothing", patched(&film, "moov", 0, &[0; 4])?),
        (
            "moov-of-a-byte",
            patched(&film, "moov", 0, &1_u32.to_be_bytes())?,
        ),
        ("moov-without-end", long("moov")?),
        ("mdat-without-end", long("mdat")?),
        ("track-of-nothing", patched(&film, "moov/trak", 0, &[0; 4])?),
        (
            "track-of-a-gigabyte",
            patched(&film, "moov/trak", 0, &(1_u32 << 30).to_be_bytes())?,
        ),
        ("nested", [&film[..start], &nested].concat()),
        (
            "times-without-end",
            patched(&film, &format!("{table}/stts"), 12, &[0xff; 8])?,
        ),
        (
            "samples-without-end",
            patched(&film, &format!("{table}/stsz"), 16, &[0xff; 4])?,
        ),
        (
            "chunks-without-end",
            patched(&film, &format!("{table}/stco"), 12, &[0xff; 4])?,
        ),
        (
            "runs-without-end",
            patched(&film, &format!("{table}/stsc"), 12, &[0xff; 4])?,
        ),
        (
            "times-before-zero",
            patched(&film, &format!("{table}/ctts"), 20, &[0x80, 0, 0, 0])?,
        ),
        ("two-headers", [&film[..], &film[moov.clone()]].concat()),
        ("two-films", [&film[..], &film[..]].concat()),
        ("no-data", [&film[..start], &film[moov]].concat()),
        ("no-header", film[..find(&film, "moov")?.start].to_vec()),
    ];
    for (name, bytes) in cases {
        let fate = match name {
            "no-header" | "nested" | "no-data" => {
                Fate::Fails(&["header", "ends", "decode", "index"])
            }
            _ => Fate::Either,
        };
        ordeal.give(&format!("{name}.mp4"), bytes, fate)?;
    }
    ordeal.conclude()
}

#[test]
fn m15_damaged_copies_play_or_say_why_not() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    for extension in ["mp4", "mkv", "ts", "avi", "webm"] {
        let film = fs::read(media_maker::plain(extension, 5).make()?)?;
        for (damage, bytes) in damaged(&film) {
            ordeal.give(&format!("{damage}.{extension}"), bytes, Fate::Either)?;
        }
    }
    ordeal.conclude()
}

/// The film cut at six places, and three times with bits flipped all over.
fn damaged(film: &[u8]) -> Vec<(String, Vec<u8>)> {
    let cuts = [1, 10, 50, 90, 99].map(|percent| {
        let kept = film[..film.len() * percent / 100].to_vec();
        (format!("cut-at-{percent}"), kept)
    });
    let last = (
        "without-its-last-byte".to_owned(),
        film[..film.len() - 1].to_vec(),
    );
    let flips = [3, 30, 300].map(|bits| (format!("{bits}-bits-flipped"), flipped(film, bits)));
    cuts.into_iter().chain([last]).chain(flips).collect()
}

fn flipped(film: &[u8], bits: usize) -> Vec<u8> {
    let mut film = film.to_vec();
    for number in xorshift(0x9e37_79b9_7f4a_7c15 ^ bits as u64).take(bits) {
        let position = (number >> 3) as usize % film.len();
        film[position] ^= 1 << (number & 7);
    }
    film
}

#[test]
fn m22_size_alone_costs_no_time() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let folder = ordeal.home.drop_folder();
    let film = fs::read(media_maker::tiny(77).make()?)?;
    let moov = find(&film, "moov")?;
    header_behind(
        &folder.join("five-gigabytes.mp4"),
        &film[..moov.start],
        &film[moov],
    )?;
    ordeal.expect("five-gigabytes.mp4", Fate::Plays);
    let hollow = File::create(folder.join("hollow.mkv"))?;
    // Some file systems have no place for eight terabytes, not even of nothing.
    let size = [8_u64 << 40, 1 << 40, 1 << 33].into_iter();
    let mut made = size.filter(|size| hollow.set_len(*size).is_ok());
    made.next().context("no hollow file can be made here")?;
    ordeal.expect("hollow.mkv", Fate::Fails(&["not a video", "empty", "zero"]));
    let fragments = Recipe::new(
        "fragments",
        "mp4",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=5 -f lavfi -i sine=d=5 -c:v libx264 -g 25 \
         -pix_fmt yuv420p -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof",
    );
    let name = ordeal.give_clip(&fragments, Fate::Plays)?;
    let length = ordeal.end_of(&name)?.duration_s.unwrap_or(0.0);
    ensure!((length - 5.0).abs() < 0.1, "fragments are {length} s long");
    grow(&folder.join("growing.ts"))?;
    ordeal.expect("growing.ts", Fate::Plays);
    let length = ordeal.end_of("growing.ts")?.duration_s.unwrap_or(0.0);
    ensure!((length - 5.0).abs() < 0.1, "what grew is {length} s long");
    ordeal.conclude()
}

/// A film whose header comes after five gigabytes of nothing.
fn header_behind(path: &Path, data: &[u8], header: &[u8]) -> Result<()> {
    const NOTHING_BYTES: u64 = 5 << 30;
    let mut file = File::create(path)?;
    file.write_all(data)?;
    file.write_all(&[0, 0, 0, 1])?;
    file.write_all(b"free")?;
    file.write_all(&NOTHING_BYTES.to_be_bytes())?;
    file.seek(SeekFrom::Current(i64::try_from(NOTHING_BYTES)? - 16))?;
    file.write_all(header)?;
    Ok(())
}

/// Writes a film as a recorder does.
fn grow(path: &Path) -> Result<()> {
    let film = fs::read(media_maker::plain("ts", 5).make()?)?;
    let mut file = File::create(path)?;
    for part in film.chunks(film.len() / 8) {
        file.write_all(part)?;
        // The point is that time passes while it grows.
        std::thread::sleep(Duration::from_millis(400));
    }
    Ok(())
}
