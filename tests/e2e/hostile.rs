//! Files that are damaged or made to harm, and workers that misbehave. After each the same server
//! is well within two seconds, nothing leaked, the database is whole, the film has one honest end
//! with a reason, and the scratch folder is empty. What does not belong here: files that are
//! simply no films (`withstand`).

use anyhow::{Result, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::withstand::{MACHINERY, xorshift};
use tests::api::{Video, wait_until};
use tests::download::Download;
use tests::media_maker::{self, Recipe};
use tests::program::build_folder;
use tests::server::{Home, Server};
use tests::stage;
use tests::verifier::{self, Effort, Report};

/// A dozen servers at once, one of which waits two minutes for a worker that is silent.
const PATIENCE: Duration = Duration::from_secs(420);
/// An answer that takes longer is no sign of health.
const WELL_WITHIN: Duration = Duration::from_secs(2);
/// Stands in files that must never be read, and nowhere else.
const CANARY: &[u8] = b"canary-7f3a9c51-that-must-not-sing";
/// Misbehaves at every start.
const ALWAYS: u32 = 99;

/// What a worker does, when it is asked for what, how often, and what becomes of the film: `None`
/// if it is finished all the same, otherwise words of the reason.
type Case = (&'static str, &'static str, u32, Option<&'static str>);

const CASES: [Case; 14] = [
    ("hang", "inspect", 1, None),
    ("spin", "inspect", ALWAYS, Some("processor time")),
    ("leak", "inspect", ALWAYS, Some("lack of memory")),
    ("flood", "inspect", ALWAYS, Some("wrote more than it may")),
    ("babble", "inspect", ALWAYS, Some("makes no sense")),
    ("boast", "encode_chunk", ALWAYS, Some("makes no sense")),
    ("lie", "inspect", ALWAYS, Some("was not asked")),
    ("lie", "encode_chunk", ALWAYS, Some("without")),
    (
        "shorten",
        "encode_chunk",
        ALWAYS,
        Some("not what lies there"),
    ),
    ("invent", "encode_chunk", ALWAYS, Some("nobody made")),
    ("leave", "inspect", ALWAYS, Some("ended with code 0")),
    ("die", "encode_chunk", 2, None),
    ("die", "inspect", ALWAYS, Some("killed by signal 9")),
    ("crash", "encode_chunk", ALWAYS, Some("it crashed")),
];

#[test]
fn a_worker_that_misbehaves_harms_nothing_and_is_told_of() -> Result<()> {
    let _turn = stage::shared();
    let clip = &media_maker::tiny(70).make()?;
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let cases = CASES.map(|case| (case, scope.spawn(move || suffer(&case, clip))));
        for ((deed, request, ..), outcome) in cases {
            let outcome = outcome
                .join()
                .unwrap_or_else(|_| anyhow::bail!("the test panicked"));
            report.note(&format!("{deed} at {request}"), outcome);
        }
    });
    report.conclude()
}

/// One server with one such worker and one film.
fn suffer(case: &Case, clip: &Path) -> Result<()> {
    let (deed, request, times, reason) = *case;
    let folder = tempfile::TempDir::with_prefix("homereel-misbehaving-")?;
    let worker = misbehaving(folder.path(), deed, request, times)?;
    let home = Home::configured(&format!("worker = \"{worker}\"\n"))?;
    let mut server = home.serve()?;
    let name = home.drop_file(clip)?;
    let video = server
        .api
        .wait_for_video(&name, "in a final state", PATIENCE, Video::is_final)?;
    match reason {
        None => ensure!(
            video.state == "ready",
            "it is {}: {}",
            video.state,
            video.words()
        ),
        Some(words) => {
            ensure!(video.state == "failed", "it is {}", video.state);
            ensure!(video.words().contains(words), "it says {:?}", video.words());
        }
    }
    is_unharmed(&mut server, &home, &[name])?;
    server.stop()?;
    home.check()?;
    Ok(())
}

/// A script that is the worker which misbehaves so.
fn misbehaving(folder: &Path, deed: &str, request: &str, times: u32) -> Result<String> {
    let programs = build_folder()?;
    let script = folder.join("worker");
    let words = format!(
        "#!/bin/sh\nexec {} {deed} {request} {times} {} {} \"$@\"\n",
        programs.join("misbehaving-worker").display(),
        folder.join("counter").display(),
        programs.join("homereel-worker").display()
    );
    fs::write(&script, words)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script.display().to_string())
}

/// What must hold after anything.
fn is_unharmed(server: &mut Server, home: &Home, names: &[String]) -> Result<()> {
    ensure!(server.is_up()?, "the server has ended");
    let asked = Instant::now();
    let answer = server.api.get("/healthz")?;
    ensure!(answer.status == 200, "it is not well: {}", answer.summary());
    ensure!(
        asked.elapsed() < WELL_WITHIN,
        "it took {:?} to say so",
        asked.elapsed()
    );
    for name in names {
        let videos = server.api.videos_of(name)?;
        ensure!(videos.len() == 1, "{name} has {} titles", videos.len());
        says_why(&videos[0])?;
    }
    wait_until("free of left-over work", Duration::from_secs(10), || {
        let scratch = home.data().join("scratch");
        let mut left = fs::read_dir(&scratch).into_iter().flatten();
        Ok(left.next().is_none().then_some(()))
    })?;
    let sung = contains(&home.data(), CANARY)?;
    ensure!(!sung, "a file that nobody may read leaked");
    Ok(())
}

/// Whoever failed has a reason that a person can do something with.
fn says_why(video: &Video) -> Result<()> {
    let words = video.words();
    ensure!(
        video.state != "failed"
            || words.len() > 15 && !MACHINERY.iter().any(|word| words.contains(word)),
        "the owner of {} reads {words:?}",
        video.file
    );
    Ok(())
}

fn contains(folder: &Path, needle: &[u8]) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What is being written goes away while we look.
        let found = if path.is_dir() {
            contains(&path, needle)?
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            bytes.windows(needle.len()).any(|window| window == needle)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn lists_that_name_other_files_open_none_and_bombs_do_not_go_off() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::configured("[arrival]\npatience_seconds = 5\n")?;
    let secret = home.folder().join("secret.mp4");
    let mut bytes = fs::read(media_maker::tiny(71).make()?)?;
    bytes.extend_from_slice(CANARY);
    fs::write(&secret, bytes)?;
    let mut server = home.serve()?;
    let mut report = Report::default();
    let mut names = Vec::new();
    for (name, content) in lures(&secret) {
        fs::write(home.drop_folder().join(&name), content)?;
        names.push(name);
    }
    for name in &names {
        report.note(name, ends(&server, name, "failed").map(drop));
    }
    for (recipe, state) in [(cover_bomb()?, "ready"), (rare_codec(), "failed")] {
        let name = home.drop_file(&recipe.make()?)?;
        let outcome = ends(&server, &name, state);
        report.note(&name, outcome.map(drop));
        names.push(name);
    }
    report.note("oracle", is_unharmed(&mut server, &home, &names));
    report.conclude()?;
    server.stop()?;
    home.check()?;
    Ok(())
}

fn ends(server: &Server, name: &str, state: &str) -> Result<Video> {
    let video = server
        .api
        .wait_for_video(name, "in a final state", PATIENCE, Video::is_final)?;
    ensure!(
        video.state == state,
        "it is {}: {}",
        video.state,
        video.words()
    );
    Ok(video)
}

/// Texts that stock libav takes for lists of other files, and opens those.
fn lures(secret: &Path) -> Vec<(String, String)> {
    let path = secret.display();
    let lure = |name: &str, content: String| (name.to_owned(), content);
    vec![
        lure(
            "playlist-absolute.mp4",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n"),
        ),
        lure(
            "playlist-relative.ts",
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"../secret.mp4\"\n#EXTINF:1,\n../secret.mp4\n#EXT-X-ENDLIST\n".into(),
        ),
        lure(
            "playlist-key.mkv",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI=\"file:///etc/passwd\"\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n"),
        ),
        lure(
            "concat-relative.mkv",
            "ffconcat version 1.0\nfile ../secret.mp4\n".into(),
        ),
        lure(
            "concat-absolute.avi",
            format!("ffconcat version 1.0\nfile '{path}'\n"),
        ),
        lure(
            "presentation.mp4",
            format!("<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT1S\"><Period><AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>file://{path}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>"),
        ),
        lure(
            "entities.mp4",
            format!("<?xml version=\"1.0\"?><!DOCTYPE MPD [<!ENTITY x SYSTEM \"file://{path}\">]><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><BaseURL>&x;</BaseURL></Period></MPD>"),
        ),
        lure(
            "session.mp4",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n".into(),
        ),
        lure(
            "drawing.mp4",
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"64\" height=\"64\"><image xlink:href=\"file://{path}\" width=\"64\" height=\"64\"/></svg>"),
        ),
        lure("concat:secret.mp4", "a name that is a protocol\n".into()),
        lure("secret%03d.mp4", "a name that is a pattern\n".into()),
    ]
}

/// A song whose cover is 16000 pixels wide and high and fits into a megabyte.
fn cover_bomb() -> Result<Recipe> {
    let cover = Recipe::new(
        "cover",
        "png",
        "-f lavfi -i color=black:s=16000x16000,format=gray -frames:v 1",
    );
    let cover = cover.make()?;
    Ok(Recipe::new(
        "cover-bomb",
        "flac",
        &format!(
            "-f lavfi -i sine=d=3 -i {} -map 0 -map 1 -c:a flac -c:v copy \
             -disposition:v attached_pic",
            cover.display()
        ),
    ))
}

/// A picture in a format that no camera writes and whose decoder had a hole (CVE-2026-8461).
fn rare_codec() -> Recipe {
    Recipe::new(
        "rare-codec",
        "avi",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -c:v magicyuv -pix_fmt gbrp",
    )
}

#[test]
fn damaged_copies_play_or_say_why_not() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::configured("[arrival]\npatience_seconds = 5\n")?;
    let mut server = home.serve()?;
    let mut names = Vec::new();
    for extension in ["mp4", "mkv", "ts", "avi", "webm"] {
        let film = fs::read(media_maker::plain(extension, 5).make()?)?;
        for (damage, bytes) in damaged(&film) {
            let name = format!("{damage}.{extension}");
            fs::write(home.drop_folder().join(&name), bytes)?;
            names.push(name);
        }
    }
    let mut report = Report::default();
    for name in &names {
        report.note(name, plays_or_says_why_not(&server, name));
    }
    report.note("oracle", is_unharmed(&mut server, &home, &names));
    report.conclude()?;
    server.stop()?;
    home.check()?;
    Ok(())
}

/// The film cut at five places, and three times with bits flipped all over.
fn damaged(film: &[u8]) -> Vec<(String, Vec<u8>)> {
    let cuts = [1, 10, 50, 90, 99].map(|percent| {
        let kept = film[..film.len() * percent / 100].to_vec();
        (format!("cut-at-{percent}"), kept)
    });
    let flips = [3, 30, 300].map(|bits| (format!("{bits}-bits-flipped"), flipped(film, bits)));
    cuts.into_iter().chain(flips).collect()
}

fn flipped(film: &[u8], bits: usize) -> Vec<u8> {
    let mut film = film.to_vec();
    for number in xorshift(0x9e37_79b9_7f4a_7c15 ^ bits as u64).take(bits) {
        let position = (number >> 3) as usize % film.len();
        film[position] ^= 1 << (number & 7);
    }
    film
}

fn plays_or_says_why_not(server: &Server, name: &str) -> Result<()> {
    let video = server
        .api
        .wait_for_video(name, "in a final state", PATIENCE, Video::is_final)?;
    if video.state == "failed" {
        return says_why(&video);
    }
    // What its pictures should be nobody knows, but what was made must be sound.
    let download = Download::of_title(&server.api, &video.id)?;
    verifier::prove(&download, None, Effort::Cheap)
}
