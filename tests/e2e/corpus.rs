//! Real recordings and real-world oddities: every file of `../shared/media` (or of the folder that
//! `HOMEREEL_MEDIA` names) is dropped into one server, and what becomes of it is compared with
//! `expected.json` beside the files. Where the folder is missing, that is said aloud.
//!
//! What does not belong here: clips we make (`watch`).

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::api::{Video, wait_until};
use tests::download::Download;
use tests::program::{corpus, say_aloud};
use tests::server::{Home, Server};
use tests::source::Presented;
use tests::stage;
use tests::verifier::{self, Effort, Report, frames};

/// For all files together; most of it is one film of six minutes.
const PATIENCE: Duration = Duration::from_secs(900);

#[derive(Debug, Deserialize)]
struct Expectations {
    tolerance: Tolerance,
    files: BTreeMap<String, Expected>,
}

#[derive(Debug, Deserialize)]
struct Tolerance {
    duration_s: f64,
    display_px: u32,
}

#[derive(Debug, Deserialize)]
struct Expected {
    sha256: String,
    should_ingest: Outcome,
    #[serde(default)]
    also_acceptable: Vec<Outcome>,
    decodable_video: bool,
    video_tracks: u32,
    audio_tracks: u32,
    audio_tracks_decodable: usize,
    subtitle_tracks: u32,
    display_width: Option<u32>,
    display_height: Option<u32>,
    duration_s: Option<f64>,
    duration_tolerance_s: Option<f64>,
    interlaced: bool,
    hdr: bool,
    detail: Detail,
}

#[derive(Debug, Deserialize)]
struct Detail {
    video: Option<VideoDetail>,
    #[serde(default)]
    subtitles: Vec<SubtitleDetail>,
    #[serde(default)]
    chapters: usize,
}

#[derive(Debug, Deserialize)]
struct SubtitleDetail {
    kind: SubtitleKind,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum SubtitleKind {
    Text,
    Picture,
}

#[derive(Debug, Deserialize)]
struct VideoDetail {
    stream: u32,
    frames_decoded: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Playable,
    Partial,
    RejectWithReason,
}

#[test]
fn every_file_of_the_corpus_becomes_what_it_should() -> Result<()> {
    let Some(folder) = corpus() else {
        say_aloud("SKIPPED: the corpus of real files; set HOMEREEL_MEDIA to its folder");
        return Ok(());
    };
    let _turn = stage::shared();
    let expectations = read_expectations(&folder)?;
    let home = Home::new()?;
    let server = home.serve()?;
    for name in expectations.files.keys() {
        home.drop_file(&folder.join(name))?;
    }
    let videos = wait_for_all(&server, &expectations)?;
    let mut outcomes = BTreeMap::new();
    for (name, expected) in &expectations.files {
        let video = videos.get(name).context("a file without a title")?;
        let outcome = judge(
            &server,
            video,
            expected,
            &expectations.tolerance,
            &folder.join(name),
        );
        outcomes.insert(name.as_str(), outcome);
    }
    expect_no_failures(outcomes)?;
    expect_nothing_left_in(&home.data().join("scratch"))?;
    server.stop()?;
    home.check()?;
    Ok(())
}

/// Reads `expected.json` and makes sure that it speaks of these very files.
fn read_expectations(folder: &Path) -> Result<Expectations> {
    let text = fs::read(folder.join("expected.json"))?;
    let expectations: Expectations = serde_json::from_slice(&text).context("expected.json")?;
    for (name, expected) in &expectations.files {
        let digest = Sha256::digest(fs::read(folder.join(name)).with_context(|| name.clone())?);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(
            digest == expected.sha256,
            "{name} was changed; it proves nothing"
        );
    }
    Ok(expectations)
}

/// Waits until nothing more will happen to any title, and returns them by file name.
fn wait_for_all(server: &Server, expectations: &Expectations) -> Result<BTreeMap<String, Video>> {
    let mut open = String::new();
    wait_until(
        "every file of the corpus in a final state",
        PATIENCE,
        || {
            let videos = server.api.videos()?;
            let by_name: BTreeMap<String, Video> = videos
                .into_iter()
                .map(|video| (video.file.clone(), video))
                .collect();
            let unfinished = expectations
                .files
                .keys()
                .filter(|name| by_name.get(*name).is_none_or(|video| !video.is_final()));
            open = unfinished.cloned().collect::<Vec<_>>().join(", ");
            Ok(open.is_empty().then_some(by_name))
        },
    )
    .with_context(|| format!("still open: {open}; inbox: {:?}", server.api.inbox()))
}

fn judge(
    server: &Server,
    video: &Video,
    expected: &Expected,
    tolerance: &Tolerance,
    file: &Path,
) -> Result<()> {
    // The list is of cards; what is known of the source stands with the title alone.
    let video = &server.api.video(&video.id)?;
    let mut report = Report::default();
    report.note("outcome", outcome_is_acceptable(video, expected));
    if video.state == "ready" {
        report.note("size", size_is_right(video, expected, tolerance));
        report.note("length", length_is_right(video, expected, tolerance));
        report.note("facts", facts_are_right(video, expected));
        report.note("media", media_is_sound(server, video, expected, file));
    }
    report.conclude()
}

fn outcome_is_acceptable(video: &Video, expected: &Expected) -> Result<()> {
    let has_words = !video.words().trim().is_empty();
    let fits = |outcome: &Outcome| match outcome {
        Outcome::Playable => video.state == "ready",
        Outcome::Partial => video.state == "ready" && has_words,
        Outcome::RejectWithReason => video.state == "failed" && has_words,
    };
    let mut acceptable = std::iter::once(&expected.should_ingest).chain(&expected.also_acceptable);
    ensure!(
        acceptable.any(fits),
        "expected {:?} or {:?}, got {} with the words {:?}",
        expected.should_ingest,
        expected.also_acceptable,
        video.state,
        video.words()
    );
    Ok(())
}

fn size_is_right(video: &Video, expected: &Expected, tolerance: &Tolerance) -> Result<()> {
    let source = video
        .source
        .as_ref()
        .context("nothing is said of the source")?;
    let near = |is: Option<u32>, should: Option<u32>| match (is, should) {
        (Some(is), Some(should)) => is.abs_diff(should) <= tolerance.display_px,
        (is, should) => is == should,
    };
    ensure!(
        !expected.decodable_video
            || near(source.display_width, expected.display_width)
                && near(source.display_height, expected.display_height),
        "shown as {:?}x{:?}, expected {:?}x{:?}",
        source.display_width,
        source.display_height,
        expected.display_width,
        expected.display_height
    );
    Ok(())
}

fn length_is_right(video: &Video, expected: &Expected, tolerance: &Tolerance) -> Result<()> {
    let should = expected.duration_s.context("no expected length")?;
    let is = video.duration_s.context("the title has no length")?;
    let tolerance_s = expected
        .duration_tolerance_s
        .unwrap_or(tolerance.duration_s);
    ensure!(
        (is - should).abs() <= tolerance_s + 1e-9,
        "{is:.3} s long, expected {should:.3} s ± {tolerance_s}"
    );
    Ok(())
}

fn facts_are_right(video: &Video, expected: &Expected) -> Result<()> {
    let source = video
        .source
        .as_ref()
        .context("nothing is said of the source")?;
    let is = (
        source.interlaced,
        source.hdr,
        source.video_tracks,
        source.audio_tracks,
        source.subtitle_tracks,
    );
    let should = (
        expected.interlaced,
        expected.hdr,
        expected.video_tracks,
        expected.audio_tracks,
        expected.subtitle_tracks,
    );
    ensure!(
        is == should,
        "(interlaced, HDR, video, audio, subtitle tracks) are {is:?}, expected {should:?}"
    );
    // A track with 5.1 is offered in stereo, too.
    let in_stereo = video.audio.iter().filter(|audio| {
        let channels = audio.get("channels").and_then(serde_json::Value::as_u64);
        channels.is_some_and(|channels| channels <= 2)
    });
    let kept = in_stereo.count();
    ensure!(
        kept == expected.audio_tracks_decodable,
        "{kept} audio tracks were kept, {} can be decoded",
        expected.audio_tracks_decodable
    );
    words_are_right(video, &expected.detail)
}

/// Words are shown, pictures of words are told of.
fn words_are_right(video: &Video, detail: &Detail) -> Result<()> {
    let count = |kind| {
        detail
            .subtitles
            .iter()
            .filter(|text| text.kind == kind)
            .count()
    };
    ensure!(
        video.subtitles.len() == count(SubtitleKind::Text),
        "{} subtitles are shown, {} are text",
        video.subtitles.len(),
        count(SubtitleKind::Text)
    );
    let told = video
        .notes
        .iter()
        .filter(|note| note.contains("picture subtitle"));
    ensure!(
        told.count() == count(SubtitleKind::Picture),
        "picture subtitles are told of: {:?}",
        video.notes
    );
    ensure!(
        video.chapters.len() == detail.chapters,
        "{} chapters, expected {}",
        video.chapters.len(),
        detail.chapters
    );
    Ok(())
}

fn media_is_sound(server: &Server, video: &Video, expected: &Expected, file: &Path) -> Result<()> {
    let download = Download::of_title(&server.api, &video.id)?;
    let detail = expected
        .detail
        .video
        .as_ref()
        .filter(|_| expected.decodable_video);
    let Some(detail) = detail else {
        return verifier::prove(&download, None, Effort::Cheap);
    };
    let mut report = Report::default();
    let presented = Presented::of(file, Some(detail.stream))?;
    // Where some pictures of the source have no time of their own, only their number is known.
    let timed = presented.pictures_s.len() == detail.frames_decoded;
    let presented = timed.then_some(&presented);
    report.note(
        "bytes",
        verifier::prove(&download, presented, Effort::Cheap),
    );
    let count = frames::every_rung_has(&download, detail.frames_decoded);
    report.note("pictures", count);
    report.conclude()
}

fn expect_no_failures(outcomes: BTreeMap<&str, Result<()>>) -> Result<()> {
    let faults: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(name, outcome)| Some(format!("{name}: {:#}", outcome.err()?)))
        .collect();
    if !faults.is_empty() {
        bail!(
            "{} files of the corpus:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
    Ok(())
}

fn expect_nothing_left_in(scratch: &Path) -> Result<()> {
    let left = fs::read_dir(scratch).map_or(0, Iterator::count);
    ensure!(
        left == 0,
        "{left} things were left in {}",
        scratch.display()
    );
    Ok(())
}
