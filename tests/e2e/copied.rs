//! Films whose picture fits is offered as it is: the same pictures, cut at the times of all other
//! qualities or, where keyframes are far apart, at some of them, and there long before them. What does not belong here: playing (`playback`, whose
//! film is copied, too), picture and sound together (`watch`).

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::crash::expect_untouched;
use crate::proof::{is_complete, prove_title};
use tests::api::{Video, wait_until};
use tests::browser;
use tests::download::Download;
use tests::first_picture::first_picture;
use tests::media_maker::{self, Fate, Recipe};
use tests::program::{command, run_silently};
use tests::server::{Home, Server};
use tests::stage;
use tests::store::{self, StoredFile};

/// Generous: a loaded machine, several titles in one queue.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn what_fits_is_shown_bit_by_bit() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let mut clips = Vec::new();
    let short = ["mp4", "mkv", "ts"].map(media_maker::flash_and_beep);
    for recipe in short.into_iter().chain([media_maker::heavy()]) {
        let clip = recipe.make()?;
        clips.push((home.drop_file(&clip)?, clip));
    }
    for (name, clip) in &clips {
        let video = server.api.wait_until_ready(name, PATIENCE)?;
        is_complete(&server, &video)?;
        let download = prove_title(&server, &video, clip)?;
        is_the_source(&download, &video, clip).with_context(|| name.clone())?;
    }
    server.stop()?;
    home.check()?;
    Ok(())
}

#[test]
fn what_does_not_fit_gets_the_ladder() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let recipes = media_maker::not_to_be_copied()?;
    let names = recipes.iter().map(|recipe| drop_made(&home, recipe));
    for name in names.collect::<Result<Vec<String>>>()? {
        let video = server.api.wait_until_ready(&name, PATIENCE)?;
        is_complete(&server, &video)?;
        ensure!(
            original(&video).is_none(),
            "{name} is offered as it is, which players cannot show: {:?}",
            video.rungs
        );
        ensure!(!video.rungs.is_empty(), "{name} has no quality at all");
    }
    server.stop()?;
    home.check()?;
    Ok(())
}

/// Where keyframes are far apart, the copy has segments of its own, and the ladder is whole.
#[test]
fn what_has_far_keyframes_is_shown_bit_by_bit_beside_the_ladder() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let mut clips = Vec::new();
    for (recipe, segments, rungs) in [
        (media_maker::far_keyframes(), 4, 2),
        (media_maker::long_gop(), 1, 1),
        (media_maker::open_gop(), 1, 1),
    ] {
        let clip = recipe.make()?;
        clips.push((home.drop_file(&clip)?, clip, segments, rungs));
    }
    for (name, clip, segments, rungs) in &clips {
        let video = server.api.wait_until_ready(name, PATIENCE)?;
        is_complete(&server, &video)?;
        let download = prove_title(&server, &video, clip)?;
        is_the_source(&download, &video, clip).with_context(|| name.clone())?;
        let apart = download.pictures();
        let apart = apart.filter(|stream| stream.representation.is_alternate);
        let found: Vec<usize> = apart.map(|stream| stream.segments.len()).collect();
        ensure!(
            found == [*segments] && video.rungs.len() == rungs + 1,
            "{name} stands apart with {found:?} segments: {:?}",
            video.rungs
        );
    }
    server.stop()?;
    home.check()?;
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    looks: Vec<Look>,
    at_first: Vec<u32>,
    after_jump: Vec<u32>,
    over_cut: Vec<u32>,
    failures: Vec<String>,
}

/// When a picture was shown, and when it should be.
#[derive(Debug, Deserialize)]
struct Look {
    what: String,
    at: f64,
    shows: f64,
}

#[test]
fn an_original_that_stands_apart_plays_from_anywhere() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let name = home.drop_file(&media_maker::far_keyframes().make()?)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let original = original(&video).context("it was not copied")?.stream;
    let lowest = video.rungs.first().context("it has no rung")?;
    let watched: Watched = browser::run_scenario(
        "apart.mjs",
        &serde_json::json!({
            "url": server.url,
            "id": video.id,
            "original": original,
            "rung": { "height": lowest.height, "label": format!("{}p", lowest.height) },
            "brightens": media_maker::BRIGHTENS_S,
        }),
    )?;
    ensure!(watched.failures.is_empty(), "{:?}", watched.failures);
    for Look { what, at, shows } in &watched.looks {
        ensure!(
            (at - shows).abs() < 1.5,
            "{what}: at {at:.2} s the picture is that of {shows:.2} s"
        );
    }
    for (what, streams) in [
        ("from the beginning", &watched.at_first),
        ("after a jump", &watched.after_jump),
        ("over a cut", &watched.over_cut),
    ] {
        ensure!(*streams == [original], "{what} it played {streams:?}");
    }
    server.stop()?;
    Ok(())
}

/// The copy is there in a moment, a rung must be encoded first: whoever opens a film that was just
/// put in is not kept waiting for one, nor given one that is smaller and asks for more.
#[test]
fn a_new_film_begins_with_its_original() -> Result<()> {
    begins_with_its_original(Fate::Copied)
}

#[test]
fn a_new_film_begins_with_its_original_that_stands_apart() -> Result<()> {
    begins_with_its_original(Fate::CopiedApart)
}

fn begins_with_its_original(fate: Fate) -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let clip = media_maker::scenes_1080p(3, fate)?.make()?;
    let begun = first_picture(&home, &server, &clip)?;
    let videos = server.api.videos_of("film.mp4")?;
    let video = videos.first().context("the film is not there")?;
    let original = original(video).context("it was not copied")?;
    let rungs = begun.streams.iter().filter(|stream| {
        let of_picture = |rung: &tests::api::Rung| rung.stream == **stream;
        video.rungs.iter().any(of_picture)
    });
    let rungs: Vec<u32> = rungs.copied().collect();
    ensure!(
        rungs == [original.stream],
        "it began with {rungs:?}, the original is {}",
        original.stream
    );
    server.stop()?;
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Played {
    original: usize,
    encoded: usize,
    failures: Vec<String>,
}

/// Browsers stop at damage that decoders get over: the player goes on with what was encoded.
#[test]
fn a_film_whose_original_is_damaged_plays_by_what_was_encoded() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let mut film = fs::read(media_maker::plain("mp4", 30).make()?)?;
    let data = film.windows(4).position(|kind| kind == b"mdat");
    let data = data.context("the clip has no mdat")?;
    // A start code in the middle of a unit, and behind it a header that no unit has.
    for part in 1..40 {
        let place = data + (film.len() - data) * part / 50;
        film[place..place + 5].copy_from_slice(&[0, 0, 1, 0xff, 0xff]);
    }
    fs::write(home.drop_folder().join("damaged.mp4"), film)?;
    let video = server.api.wait_until_ready("damaged.mp4", PATIENCE)?;
    let original = original(&video).context("it was not copied")?;
    let played: Played = browser::run_scenario(
        "damaged.mjs",
        &serde_json::json!({ "url": server.url, "id": video.id, "original": original.stream }),
    )?;
    ensure!(played.failures.is_empty(), "{:?}", played.failures);
    ensure!(
        played.original > 0 && played.encoded > 0,
        "the original is tried, then an encoded quality plays: {played:?}"
    );
    server.stop()?;
    Ok(())
}

/// Of a long film a few pictures are looked at before it plays. What is wrong with another is found
/// by copying, and the film is made without its original.
#[test]
fn a_long_film_that_turns_out_damaged_is_encoded() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let mut film = fs::read(media_maker::heavy().make()?)?;
    ensure!(
        film.len() > 40_000_000,
        "the film is too short to be skimmed"
    );
    // No keyframe's beginning lies there, but that of several other pictures.
    let from = film.len() * 63 / 100;
    film[from..from + 400_000].fill(0xff);
    fs::write(home.drop_folder().join("damaged.mp4"), film)?;
    let video = server.api.wait_until_ready("damaged.mp4", PATIENCE)?;
    is_complete(&server, &video)?;
    ensure!(original(&video).is_none(), "damage is offered as it is");
    ensure!(
        server.log().contains("not offered as it is after all"),
        "it was to be copied at first"
    );
    server.stop()?;
    home.check()?;
    Ok(())
}

#[test]
fn killed_while_copying_nothing_finished_is_copied_again() -> Result<()> {
    let _turn = stage::alone();
    let home = Home::new()?;
    let clip = media_maker::ten_minutes()?.make()?;
    let mut server = home.serve()?;
    let name = home.drop_file(&clip)?;
    for (round, count) in [8, 40, 80].into_iter().enumerate() {
        let before = wait_for_copies(&server, &home, &name, count)?;
        if round % 2 == 0 {
            server.kill()?;
            server = home.serve()?;
        } else {
            for worker in server.workers()? {
                worker.kill()?;
            }
        }
        expect_untouched(&before, &store::segments(&home.data())?)?;
    }
    let copied = |video: &Video| original(video).is_some_and(|rung| rung.ready >= 1.0);
    let video = server
        .api
        .wait_for_video(&name, "copied to its end", PATIENCE, copied)?;
    ensure!(
        video.rungs.iter().any(|rung| rung.ready < 1.0),
        "copying took as long as encoding: {:?}",
        video.rungs
    );
    server.stop()?;
    home.check()?;
    Ok(())
}

fn drop_made(home: &Home, recipe: &Recipe) -> Result<String> {
    home.drop_file(&recipe.make()?)
}

fn original(video: &Video) -> Option<&tests::api::Rung> {
    video.rungs.iter().find(|rung| rung.original)
}

/// The copied stream decodes to the very pixels of the source.
fn is_the_source(download: &Download, video: &Video, source: &Path) -> Result<()> {
    let rung = original(video).context("it is not offered as it is")?;
    let id = rung.stream.to_string();
    let mut streams = download.pictures();
    let stream = streams
        .find(|stream| stream.representation.id == id)
        .context("the original is not in the manifest")?;
    let joined = download.joined(stream, &stream.segments)?;
    ensure!(
        digest_of_pictures(&joined)? == digest_of_pictures(source)?,
        "its pictures differ from the source's"
    );
    Ok(())
}

/// A digest of every decoded picture of the first video track.
fn digest_of_pictures(file: &Path) -> Result<Vec<u8>> {
    run_silently(
        command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(file)
            .args("-map 0:v:0 -fps_mode passthrough -f md5 -".split(' ')),
    )
}

/// Waits until at least `count` copied segments are stored, and returns all that are.
fn wait_for_copies(
    server: &Server,
    home: &Home,
    name: &str,
    count: usize,
) -> Result<BTreeMap<PathBuf, StoredFile>> {
    let mut stream = None;
    wait_until("enough copied segments", PATIENCE, || {
        if stream.is_none() {
            let videos = server.api.videos_of(name)?;
            stream = videos.first().and_then(original).map(|rung| rung.stream);
        }
        let Some(stream) = stream else {
            return Ok(None);
        };
        let stored = store::segments(&home.data())?;
        let prefix = format!("chunk-stream{stream}-");
        let copies = stored.keys().filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix)
        });
        Ok((copies.count() >= count).then_some(stored))
    })
}
