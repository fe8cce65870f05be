//! What files call themselves: tags, contents that are no film, and names that do not fit the
//! contents. M24, M25 and M26 of the catalogue. What does not belong here: subtitles (`words`).

use anyhow::{Context, Result, ensure};
use std::fs;

use super::boxes::replaced;
use super::ordeal::{Fate, Ordeal, ingredient};
use crate::withstand::xorshift;
use tests::media_maker::{self, Recipe};
use tests::stage;

/// Characters of a tag that are kept.
const KEPT_CHARACTERS: usize = 200;
/// Stands where a tag of the same length goes.
const PLACE: &str = "PLACE-FOR-A-TAG-OF-FORTY-EIGHT-CHARACTERS-AT-ALL";

#[test]
fn m24_tags_are_shortened_and_stay_text() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let tagged = fs::read(with_title("tagged", PLACE)?.make()?)?;
    let tags: [(&str, &[u8]); 7] = [
        (
            "script",
            b"<script>alert('x')</script><img src=x onerror=1>",
        ),
        ("invalid", b"Broken \xff\xfe\xc0\xaf\xed\xa0\x80 bytes"),
        ("zero", b"Before\0behind\0<b>"),
        (
            "terminal",
            b"\x1b[31mred\x1b[0m\x1b]0;title\x07 and \x9b31m",
        ),
        ("around", "x\u{202e}4pm.exe\u{2066}\u{2069}".as_bytes()),
        ("lines", b"first\r\nSet-Cookie: a=b\r\n\r\nsecond"),
        ("template", b"{{ 7*7 }}${7*7}{% include '/etc/passwd' %}"),
    ];
    for (name, tag) in tags {
        let mut padded = tag.to_vec();
        padded.resize(PLACE.len(), b' ');
        let name = format!("{name}.mkv");
        ordeal.give(
            &name,
            replaced(&tagged, PLACE.as_bytes(), &padded)?,
            Fate::Plays,
        )?;
    }
    let long = ordeal.give_clip(
        &with_title("long-title", &"long ".repeat(2_000_000))?,
        Fate::Plays,
    )?;
    let names = tags
        .iter()
        .map(|(name, _)| format!("{name}.mkv"))
        .chain([long]);
    for name in names {
        let harmless = is_harmless(&ordeal, &name);
        ordeal.note(&format!("the words of {name}"), harmless);
    }
    ordeal.conclude()
}

/// A film of that title, which may be longer than an argument can be.
fn with_title(name: &str, title: &str) -> Result<Recipe> {
    let tags = format!(";FFMETADATA1\ntitle={title}\nartist={title}\ncomment={title}\n");
    let tags = ingredient(&format!("m24-{name}.txt"), &tags)?;
    let arguments = format!(
        "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f ffmetadata -i {} -map 0 -map_metadata 1 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
        tags.display()
    );
    Ok(Recipe::new(name, "mkv", &arguments))
}

fn is_harmless(ordeal: &Ordeal, name: &str) -> Result<()> {
    let video = ordeal.end_of(name)?;
    let title = &video.name;
    ensure!(
        title.chars().count() <= KEPT_CHARACTERS,
        "its name has {} bytes",
        title.len()
    );
    let strange = |char: &char| {
        char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    ensure!(
        !title.chars().any(|char| strange(&char)),
        "its name is {title:?}"
    );
    for page in [format!("/watch/{}", video.id), "/".to_owned()] {
        let page = ordeal.server.api.bytes(&page)?;
        let page = String::from_utf8(page).context("a page that is no text")?;
        ensure!(
            !page.contains("<script>alert"),
            "a page runs the film's words"
        );
        ensure!(
            !page.contains("<img src=x"),
            "a page shows the film's words as its own"
        );
        ensure!(!page.contains('\u{1b}'), "a page speaks to terminals");
    }
    ensure!(
        !ordeal.server.log().contains("\u{1b}[31m"),
        "the log speaks to terminals"
    );
    Ok(())
}

#[test]
fn m25_what_is_no_film_is_refused_under_any_name() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let noise = xorshift(0x0123_4567_89ab_cdef).take(10_000_000 / 8);
    let noise: Vec<u8> = noise.flat_map(u64::to_le_bytes).collect();
    let no_film: &'static [&'static str] = &["not a video", "ends before", "neither", "decode"];
    let files: [(&str, Vec<u8>, &'static [&'static str]); 9] = [
        (
            "text.mp4",
            b"Dear diary, this is not a film.\n".repeat(50),
            &["text"],
        ),
        (
            "archive.mp4",
            [b"PK\x03\x04".as_slice(), &noise[..5000]].concat(),
            &["zip"],
        ),
        (
            "program.mp4",
            [b"\x7fELF\x02\x01\x01".as_slice(), &noise[..5000]].concat(),
            &["program"],
        ),
        ("document.mp4", b"%PDF-1.7\n1 0 obj\n".to_vec(), &["pdf"]),
        ("empty.mp4", Vec::new(), &["empty"]),
        ("noise.mp4", noise, no_film),
        ("only-sync-bytes.mp4", vec![0x47; 1_000_000], no_film),
        ("only-start-codes.mp4", [0, 0, 1].repeat(300_000), no_film),
        (
            "zeros.mp4",
            vec![0; 1_000_000],
            &["not a video", "empty", "zero", "header"],
        ),
    ];
    for (name, bytes, hints) in files {
        ordeal.give(name, bytes, Fate::Fails(hints))?;
    }
    ordeal.conclude()
}

#[test]
fn m26_contents_count_and_not_names() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    for extension in ["mkv", "ts", "avi", "webm", "flv"] {
        let clip = media_maker::plain(extension, 5).make()?;
        let name = format!("really-{extension}.mp4");
        ordeal.home.drop_file_as(&clip, &name)?;
        ordeal.expect(&name, Fate::Plays);
    }
    let ogg = Recipe::new(
        "ogg",
        "ogv",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f lavfi -i sine=d=2 -c:v libtheora -c:a libvorbis",
    );
    for (clip, name) in [
        (ogg, "really-ogg.mp4"),
        (media_maker::plain("mp4", 5), "really-mp4.avi"),
    ] {
        ordeal.home.drop_file_as(&clip.make()?, name)?;
        ordeal.expect(name, Fate::Plays);
    }
    ordeal.conclude()
}
