//! The watched folder: what is dropped plays, once, whatever happens to the file on the way.
//! What does not belong here: files that cannot play (`withstand`), kills (`crash`).

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::proof::{is_complete, prove_title};
use tests::api::wait_until;
use tests::download::Download;
use tests::media_maker;
use tests::program::{command, text_of};
use tests::server::{Home, Server};
use tests::verifier::{Report, sync};
use tests::{stage, store};

/// Generous: a loaded machine, several titles in one queue.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn a_clip_in_any_usual_container_becomes_playable_and_then_ready() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let mut clips = Vec::new();
    for extension in ["mp4", "mkv", "ts", "avi", "webm"] {
        let clip = media_maker::plain(extension, 12).make()?;
        home.drop_file(&clip)?;
        clips.push(clip);
    }
    for clip in &clips {
        let name = file_name(clip);
        let playable = server
            .api
            .wait_for_video(&name, "playable", PATIENCE, |video| video.plays())?;
        ensure!(
            playable.manifest_dash.is_some(),
            "{name} is playable without a manifest"
        );
        ready_and_proved(&server, clip)?;
    }
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn events_tell_a_client_what_to_look_at_again() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let clip = media_maker::tiny(42).make()?;
    let server = home.serve()?;
    // Opened before the drop, and ended by the client's own deadline if nothing comes.
    let mut lines = server.api.event_lines()?;
    let name = home.drop_file(&clip)?;
    let told = lines.find(|line| {
        line.as_ref()
            .is_ok_and(|line| line.trim() == "event: title")
    });
    told.context("the stream ended without an event about a title")??;
    let data = lines.next().context("an event without data")??;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    ensure!(
        data.contains(&video.id),
        "the event about a title must name {}: {data}",
        video.id
    );
    drop(lines);
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn unusual_timelines_lose_no_picture_and_keep_their_sound() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let recipes = [
        media_maker::open_gop(),
        media_maker::long_gop(),
        media_maker::variable_frame_rate(),
        media_maker::late_video(),
        media_maker::video_only(),
        media_maker::audio_only(),
    ];
    let clips = make_all(&recipes)?;
    for clip in &clips {
        home.drop_file(clip)?;
    }
    let mut report = Report::default();
    for clip in &clips {
        report.note(&file_name(clip), ready_and_proved(&server, clip));
    }
    report.conclude()?;
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn a_flash_and_its_beep_stay_together() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    // Not AVI: ffmpeg's writer puts the picture a frame late there, so the source is off already.
    let recipes = ["mp4", "mkv", "ts", "webm"].map(media_maker::flash_and_beep);
    let clips = make_all(&recipes)?;
    for clip in &clips {
        home.drop_file(clip)?;
    }
    let mut report = Report::default();
    for clip in &clips {
        let name = file_name(clip);
        let video = server.api.wait_until_ready(&name, PATIENCE)?;
        let download = prove_title(&server, &video, clip)?;
        let count = media_maker::FLASHES_S.len();
        report.note(&name, sync::flashes_come_with_beeps(&download, count));
    }
    report.conclude()?;
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn sound_before_the_first_picture_can_be_heard() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let clip = media_maker::late_picture().make()?;
    let name = home.drop_file(&clip)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    ensure!(
        video.duration_s.unwrap_or(0.0) > 7.9,
        "the sound is all there"
    );
    let download = prove_title(&server, &video, &clip)?;
    for stream in download.pictures() {
        let shown = stream.presentation_times();
        ensure!(
            shown.first() == Some(&0) && shown.get(1) > Some(&0),
            "{} shows its first picture at {:?}: players wait for it",
            stream.label(),
            shown.first()
        );
    }
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn pictures_of_an_avi_are_shown_in_their_order() -> Result<()> {
    const FRAMES: u32 = 100;
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let clip = media_maker::brighter_avi(FRAMES).make()?;
    let name = home.drop_file(&clip)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let download = Download::of_title(&server.api, &video.id)?;
    for stream in download.pictures() {
        let film = download.joined(stream, &stream.segments)?;
        let brightness = brightness(&film)?;
        ensure!(
            brightness.len() == FRAMES as usize && brightness.is_sorted(),
            "{}: {brightness:?}",
            stream.label()
        );
    }
    ensure_checked_and_stopped(&home, server)
}

/// The mean luma of each picture, in the order in which they are shown.
fn brightness(film: &Path) -> Result<Vec<u32>> {
    let frames = text_of(command("ffprobe").args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-show_entries",
        "frame_tags=lavfi.signalstats.YAVG",
        "-of",
        "csv=p=0",
        &format!("movie={},signalstats", film.display()),
    ]))?;
    let means = frames
        .lines()
        .map(|line| Ok(line.parse::<f64>()?.round() as u32));
    means.collect()
}

#[test]
fn a_rename_and_a_copy_are_not_encoded_twice() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let clip = media_maker::plain("mp4", 12).make()?;
    let server = home.serve()?;
    let first = home.drop_file_as(&clip, "first.mp4")?;
    let video = server.api.wait_until_ready("first.mp4", PATIENCE)?;
    let made = store::segments(&home.data())?;

    fs::rename(&first, home.drop_folder().join("second.mp4"))?;
    let renamed =
        server
            .api
            .wait_for_video("second.mp4", "known by its new name", PATIENCE, |video| {
                video.state == "ready"
            })?;
    ensure!(
        renamed.id == video.id,
        "a renamed file must keep its title {}, not become {}",
        video.id,
        renamed.id
    );

    home.drop_file_as(&clip, "copy.mp4")?;
    wait_for_arrival(&server, "copy.mp4", "duplicate")?;
    expect_one_title_made_once(&home, &server, &made)?;
    server.stop()?;

    // A restart reconciles the folder with the catalog; that must not make work either.
    let server = home.serve()?;
    home.drop_file_as(&clip, "late-copy.mp4")?;
    wait_for_arrival(&server, "late-copy.mp4", "duplicate")?;
    expect_one_title_made_once(&home, &server, &made)?;
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn a_file_replaced_in_the_middle_of_its_job_is_made_anew() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let long = media_maker::sized(1280, 720, 90).make()?;
    let short = media_maker::plain("mp4", 12).make()?;
    let target = home.drop_file_as(&long, "film.mp4")?;
    server
        .api
        .wait_for_video("film.mp4", "being encoded", PATIENCE, |video| video.plays())?;

    let beside = home.folder().join("beside.mp4");
    fs::copy(&short, &beside)?;
    fs::rename(&beside, &target)?;
    let replaced =
        server
            .api
            .wait_for_video("film.mp4", "made from its new content", PATIENCE, |video| {
                video.state == "ready" && video.duration_s.is_some_and(|length| length < 20.0)
            })?;
    prove_title(&server, &replaced, &short)?;
    ensure!(
        server.api.videos_of("film.mp4")?.len() == 1,
        "the abandoned content must not stay behind as a title"
    );
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn a_file_overwritten_in_place_in_the_middle_of_its_job_is_made_anew() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let long = media_maker::sized(1280, 720, 90).make()?;
    let short = media_maker::plain("mp4", 12).make()?;
    let target = home.drop_file_as(&long, "film.mp4")?;
    server
        .api
        .wait_for_video("film.mp4", "being encoded", PATIENCE, |video| video.plays())?;

    // The same inode: the worker reads on in a file whose bytes change under it.
    fs::copy(&short, &target)?;
    let replaced = wait_until("made from its new content", PATIENCE, || {
        let videos = server.api.videos_of("film.mp4")?;
        Ok(videos.into_iter().find(|video| {
            video.state == "ready" && video.duration_s.is_some_and(|length| length < 20.0)
        }))
    })?;
    prove_title(&server, &replaced, &short)?;
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn a_file_deleted_in_the_middle_of_its_job_harms_nothing_else() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let long = media_maker::sized(1280, 720, 90).make()?;
    let target = home.drop_file_as(&long, "gone.mp4")?;
    server
        .api
        .wait_for_video("gone.mp4", "being encoded", PATIENCE, |video| video.plays())?;
    fs::remove_file(&target)?;

    let end = wait_until("settled after its file went away", PATIENCE, || {
        let video = server.api.videos_of("gone.mp4")?.into_iter().next();
        let video = video.context("a title must not vanish with its file")?;
        let settled = video.is_final() || video.reason.is_some();
        Ok(settled.then_some(video))
    })?;
    // A worker that holds the file open may finish; otherwise the owner must read why not.
    ensure!(
        end.state == "ready" || names_the_missing_file(&end.words()),
        "the owner reads {:?} (state {}), which does not say that the file is gone",
        end.words(),
        end.state
    );
    let other = media_maker::plain("mp4", 12).make()?;
    home.drop_file(&other)?;
    ready_and_proved(&server, &other)?;
    ensure_checked_and_stopped(&home, server)
}

#[test]
fn thirty_files_at_once_become_thirty_titles() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    for number in 0..30 {
        let clip = media_maker::tiny(number).make()?;
        home.drop_file_as(&clip, &format!("clip-{number:02}.mp4"))?;
    }
    let videos = wait_until("thirty titles ready", PATIENCE, || {
        let videos = server.api.videos()?;
        let done = videos.iter().filter(|video| video.is_final()).count();
        Ok((done == 30).then_some(videos))
    })?;
    for video in &videos {
        ensure!(
            video.state == "ready",
            "{} is {}: {}",
            video.file,
            video.state,
            video.words()
        );
    }
    let files: BTreeSet<&str> = videos.iter().map(|video| video.file.as_str()).collect();
    ensure!(files.len() == 30, "each file has its own title: {files:?}");
    ensure_checked_and_stopped(&home, server)
}

fn make_all(recipes: &[media_maker::Recipe]) -> Result<Vec<PathBuf>> {
    recipes.iter().map(media_maker::Recipe::make).collect()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn ready_and_proved(server: &Server, clip: &Path) -> Result<()> {
    let video = server.api.wait_until_ready(&file_name(clip), PATIENCE)?;
    is_complete(server, &video)?;
    prove_title(server, &video, clip)?;
    Ok(())
}

fn wait_for_arrival(server: &Server, file: &str, state: &str) -> Result<()> {
    let mut last_seen = String::from("it is not in the inbox");
    wait_until(state, PATIENCE, || {
        let inbox = server.api.inbox()?;
        let arrival = inbox.into_iter().find(|arrival| arrival.file == file);
        last_seen = format!("{arrival:?}");
        Ok(arrival.filter(|found| found.state == state))
    })
    .with_context(|| format!("waiting for {file} in the inbox; {last_seen}"))?;
    Ok(())
}

fn expect_one_title_made_once(
    home: &Home,
    server: &Server,
    made: &std::collections::BTreeMap<PathBuf, store::StoredFile>,
) -> Result<()> {
    let videos = server.api.videos()?;
    ensure!(
        videos.len() == 1,
        "one film under several names is one title, not {}",
        videos.len()
    );
    ensure!(
        store::segments(&home.data())? == *made,
        "segments were written although nothing new came"
    );
    Ok(())
}

fn names_the_missing_file(words: &str) -> bool {
    let words = words.to_lowercase();
    let hints = [
        "gone",
        "missing",
        "no longer",
        "deleted",
        "removed",
        "not there",
    ];
    hints.iter().any(|hint| words.contains(hint))
}

fn ensure_checked_and_stopped(home: &Home, server: Server) -> Result<()> {
    server.stop()?;
    home.check()?;
    Ok(())
}
