//! Files that try to make libav open others: M01 to M06, M08 and M09 of the catalogue. Texts are
//! given twice: as they are, which the door recognises, and with a control character, so that the
//! worker sees them. What does not belong here: the proof by strace that nothing is opened
//! (`sandbox`, with the same lists).

use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;

use super::boxes::{boxed, with_box};
use super::ordeal::{Fate, Ordeal};
use tests::media_maker;
use tests::stage;

const NO_FILM: Fate = Fate::Fails(&["text", "not a video", "web page", "cannot read"]);

/// Name and text.
type Lure = (&'static str, String);

#[test]
fn m01_playlists_that_name_other_films_open_none() -> Result<()> {
    tempt(|secret| playlists(secret)[..3].to_vec())
}

#[test]
fn m02_playlists_with_maps_keys_and_renditions_open_none() -> Result<()> {
    tempt(|secret| playlists(secret)[3..].to_vec())
}

#[test]
fn m03_lists_for_joining_open_nothing() -> Result<()> {
    tempt(joins)
}

#[test]
fn m04_presentations_and_their_entities_open_nothing() -> Result<()> {
    tempt(presentations)
}

#[test]
fn m05_descriptions_of_sessions_open_nothing() -> Result<()> {
    tempt(|_| sessions())
}

/// Every text of this module for films of a sandbox under observation.
pub(crate) fn disguised_lures(secret: &Path) -> Vec<(String, String)> {
    let lists = [
        playlists(secret),
        joins(secret),
        presentations(secret),
        sessions(),
    ];
    let lures = lists.into_iter().flatten();
    lures
        .map(|(name, text)| (name.to_owned(), disguised(&text)))
        .collect()
}

fn tempt(lures: impl Fn(&Path) -> Vec<Lure>) -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    for (name, text) in lures(&ordeal.secret()) {
        ordeal.give(name, &text, NO_FILM)?;
        ordeal.give(&format!("disguised-{name}"), disguised(&text), NO_FILM)?;
    }
    ordeal.conclude()
}

/// No text any more, but libav's probes take it for what it was: they look for a few words.
fn disguised(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, rest)) => format!("{first}\n#\u{1}\n{rest}"),
        None => format!("{text}\n\u{1}"),
    }
}

fn playlists(secret: &Path) -> Vec<Lure> {
    let path = secret.with_extension("ts").display().to_string();
    let playlist =
        |lines: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}\n#EXT-X-ENDLIST\n");
    let absolute = playlist(&format!("#EXTINF:1,\nfile://{path}"));
    vec![
        ("absolute.mp4", format!("{absolute}# 1\n")),
        ("absolute.ts", format!("{absolute}# 2\n")),
        ("absolute.mkv", format!("{absolute}# 3\n")),
        ("relative.ts", playlist("#EXTINF:1,\n../secret.ts")),
        (
            "map.mp4",
            playlist("#EXT-X-MAP:URI=\"../secret.mp4\"\n#EXTINF:1,\n../secret.mp4"),
        ),
        (
            "key.mkv",
            playlist(&format!(
                "#EXT-X-KEY:METHOD=AES-128,URI=\"file:///etc/passwd\"\n#EXTINF:1,\nfile://{path}"
            )),
        ),
        (
            "rendition.mp4",
            format!(
                "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"{path}\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\n{path}\n"
            ),
        ),
    ]
}

fn joins(secret: &Path) -> Vec<Lure> {
    let join = |file: &str| format!("ffconcat version 1.0\nfile {file}\n");
    vec![
        ("join-beside.mkv", join("secret.mp4")),
        ("join-above.mp4", join("../secret.mp4")),
        (
            "join-absolute.avi",
            join(&format!("'{}'", secret.display())),
        ),
    ]
}

fn presentations(secret: &Path) -> Vec<Lure> {
    let path = secret.display();
    let mpd = |head: &str, url: &str| {
        format!(
            "<?xml version=\"1.0\"?>{head}\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
             type=\"static\" mediaPresentationDuration=\"PT1S\"><Period>\
             <AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\">\
             <BaseURL>{url}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>"
        )
    };
    let laughs: String = (1..10)
        .map(|level| {
            format!(
                "<!ENTITY l{level} \"{}\">",
                format!("&l{};", level - 1).repeat(10)
            )
        })
        .collect();
    vec![
        ("presentation.mp4", mpd("", &format!("file://{path}"))),
        (
            "entity.mp4",
            mpd(
                &format!("<!DOCTYPE MPD [<!ENTITY x SYSTEM \"file://{path}\">]>"),
                "&x;",
            ),
        ),
        (
            "laughs.mp4",
            mpd(
                &format!("<!DOCTYPE MPD [<!ENTITY l0 \"ha\">{laughs}]>"),
                "&l9;",
            ),
        ),
    ]
}

fn sessions() -> Vec<Lure> {
    let session = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n\
                   m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    vec![
        ("session.mp4", session.into()),
        (
            "redirector.mov",
            "RTSPtext\nrtsp://127.0.0.1:554/secret.mp4\n".into(),
        ),
        (
            "announcement.mp4",
            format!(" \u{0}\u{0}\u{0}\u{7f}\u{0}\u{0}\u{1}application/sdp\u{0}{session}"),
        ),
        ("packets.ts", "#!rtpplay1.0 127.0.0.1/5004\n".into()),
    ]
}

#[test]
fn m06_names_that_are_patterns_are_taken_literally() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    // What the patterns would find: another film, of another length.
    let sibling = media_maker::plain("mp4", 5).make()?;
    for name in ["1.mp4", "priv001.mp4"] {
        fs::copy(&sibling, ordeal.home.folder().join(name))?;
    }
    let film = fs::read(media_maker::tiny(72).make()?)?;
    for (number, name) in ["%d.mp4", "priv%03d.mp4", "[0-9].mp4", "*.mp4"]
        .iter()
        .enumerate()
    {
        // Each is another film: bytes behind the last box make it one.
        let bytes = [&film[..], &boxed(b"free", &[u8::try_from(number)?])].concat();
        ordeal.give(name, bytes, Fate::Plays)?;
        let length = ordeal.end_of(name)?.duration_s.unwrap_or(0.0);
        ensure!((length - 2.0).abs() < 0.2, "{name} is {length} s long");
    }
    for name in ["priv%03d.png", "*.jpg", "[a-z].png"] {
        fs::write(ordeal.home.drop_folder().join(name), b"\x89PNG\r\n\x1a\n")?;
    }
    let picture = b"\x89PNG\r\n\x1a\n".repeat(20);
    ordeal.give("pic%03d.mp4", picture, Fate::Fails(&["picture"]))?;
    ordeal.end_of("pic%03d.mp4")?;
    let videos = ordeal.server.api.videos()?;
    ensure!(videos.len() == 5, "pictures are no films: {}", videos.len());
    ordeal.conclude()
}

#[test]
fn m08_names_that_are_protocols_are_only_names() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let film = fs::read(media_maker::tiny(73).make()?)?;
    let protocols = [
        "concat:",
        "subfile,,start,0,end,0,,:",
        "crypto:",
        "async:",
        "cache:",
        "pipe:",
    ];
    for (number, protocol) in protocols.iter().enumerate() {
        let bytes = [&film[..], &boxed(b"free", &[u8::try_from(number)?])].concat();
        ordeal.give(&format!("{protocol}secret.mp4"), bytes, Fate::Plays)?;
        let other = format!("{protocol}secret.ts");
        ordeal.give(&other, "a name that is a protocol\n", NO_FILM)?;
    }
    ordeal.give(
        "data:video;base64,AAAA",
        [1; 4000],
        Fate::Fails(&["not a video"]),
    )?;
    ordeal.conclude()
}

#[test]
fn m09_films_whose_data_lies_elsewhere_open_nothing() -> Result<()> {
    let _turn = stage::shared();
    let mut ordeal = Ordeal::begin()?;
    let film = fs::read(media_maker::video_only().make()?)?;
    let secret = ordeal.secret().display().to_string();
    let places = [
        ("absolute.mov", secret.as_str()),
        ("above.mov", "/../secret.mp4"),
        ("share.mov", "//server/share/secret.mp4"),
    ];
    for (name, place) in places {
        let path = "moov/trak/mdia/minf/dinf/dref/url ";
        let bytes = with_box(&film, path, &alias(place))?;
        ordeal.give(name, bytes, Fate::Fails(&["other files"]))?;
    }
    let index = b"# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n\x01";
    let no_film = Fate::Fails(&["not a video"]);
    ordeal.give("vobsub.mp4", index, no_film)?;
    let mixed = [b"FORM\0\0\x10\0MOVE_PC_", [0_u8; 4000].as_slice()].concat();
    ordeal.give("wing-commander.mp4", mixed, no_film)?;
    let lantern = [b"MLVI\x34\0\0\0v2.0\0\0\0\0", [0_u8; 4000].as_slice()].concat();
    ordeal.give("lantern.mp4", lantern, no_film)?;
    ordeal.conclude()
}

/// An alias to a file, as old QuickTime films have it: the samples lie there.
fn alias(path: &str) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend([0; 10]);
    body.push(4);
    body.extend(b"disk");
    body.extend([0; 23]);
    body.extend([0; 12]);
    body.push(10);
    body.extend(b"secret.mp4");
    body.extend([0; 53]);
    body.extend([0; 16]);
    // One level up from here, one level down to it.
    body.extend([0, 1, 0, 1]);
    body.extend([0; 16]);
    let path = path.as_bytes();
    body.extend([0, 2]);
    body.extend(u16::try_from(path.len()).unwrap_or(0).to_be_bytes());
    body.extend(path);
    body.extend([0].repeat(path.len() % 2));
    body.extend([0xff, 0xff, 0, 0]);
    boxed(b"alis", &body)
}
