//! What a server must withstand: files that are no films, a full disk, a second server, a taken
//! port. Each time the owner reads why, and everything else goes on.
//! What does not belong here: kills (`crash`), the public bad files (`corpus`), damaged and hostile
//! ones (`hostile`).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::full::{disks_can_be_made, on_a_disk_of, seen_by};
use crate::proof::prove_title;
use tests::api::{Video, wait_until};
use tests::download::Download;
use tests::program::command;
use tests::server::{Home, Server};
use tests::verifier::{self, Effort, Report};
use tests::{media_maker, stage};

/// Generous: a loaded machine, several titles in one queue.
const PATIENCE: Duration = Duration::from_secs(150);
/// Words that a person should never have to read.
pub(crate) const MACHINERY: [&str; 6] = [
    "panicked",
    "unwrap",
    "os error",
    "error code",
    "Err(",
    "Some(",
];

/// A bad file, and words of which its reason must contain at least one.
type BadFile = (&'static str, Vec<u8>, &'static [&'static str]);

#[test]
fn what_is_no_film_is_refused_with_a_reason_and_the_server_stays_up() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::configured("[arrival]\npatience_seconds = 10\n")?;
    let server = home.serve()?;
    let bad_files = bad_files()?;
    for (name, bytes, _) in &bad_files {
        fs::write(home.drop_folder().join(name), bytes)?;
    }
    let mut report = Report::default();
    for (name, _, hints) in &bad_files {
        report.note(name, expect_refusal(&server, name, hints));
    }
    report.conclude()?;
    let good = media_maker::plain("mp4", 12).make()?;
    let name = home.drop_file(&good)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    prove_title(&server, &video, &good)?;
    server.stop()?;
    home.check()?;
    Ok(())
}

fn bad_files() -> Result<Vec<BadFile>> {
    let film = fs::read(media_maker::plain("mp4", 12).make()?)?;
    let webm = fs::read(media_maker::plain("webm", 12).make()?)?;
    let text = "Dear diary,\nthis is not a film.\n"
        .repeat(100)
        .into_bytes();
    let noise = xorshift(0x2545_f491_4f6c_dd1d).take(300_000);
    let noise = noise.map(|number| number.to_le_bytes()[0]).collect();
    let cut = |bytes: &[u8], percent: usize| bytes[..bytes.len() * percent / 100].to_vec();
    Ok(vec![
        (
            "text.mp4",
            text,
            &["text", "not a video", "not a film", "no film"],
        ),
        ("empty.mp4", Vec::new(), &["empty"]),
        ("truncated.mp4", cut(&film, 60), TRUNCATED),
        (
            "random.mkv",
            noise,
            &[
                "recogni",
                "not a video",
                "no video",
                "not a film",
                "no film",
            ],
        ),
        ("header-only.webm", cut(&webm, 0), &["empty"]),
    ])
}

/// What may be said of a file that ends too early.
const TRUNCATED: &[&str] = &["ends", "incomplete", "cut off", "end of the file", "half"];

fn expect_refusal(server: &Server, name: &str, hints: &[&str]) -> Result<()> {
    let video = server
        .api
        .wait_for_video(name, "refused", PATIENCE, Video::is_final)?;
    ensure!(video.state == "failed", "{name} is {}", video.state);
    let reason = video.reason.context("it failed without a reason")?;
    let lower = reason.to_lowercase();
    ensure!(
        hints.iter().any(|hint| lower.contains(hint)),
        "the reason {reason:?} says none of {hints:?}"
    );
    ensure!(
        !MACHINERY.iter().any(|word| reason.contains(word)),
        "the reason {reason:?} speaks of our machinery"
    );
    let page = server.api.get(&format!("/watch/{}", video.id))?;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    let first_words: String = reason
        .split(['\'', '"', '&', '<'])
        .next()
        .unwrap_or("")
        .to_owned();
    ensure!(
        page.contains(&first_words),
        "the page of the title does not say {first_words:?}"
    );
    Ok(())
}

/// Numbers that look like chance and are the same in every run.
pub(crate) fn xorshift(mut state: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}

#[test]
fn one_pixel_and_sound_alone_are_films_too() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let mut report = Report::default();
    for recipe in [media_maker::one_pixel(), media_maker::audio_only()] {
        let clip = recipe.make()?;
        let name = home.drop_file(&clip)?;
        let video = server.api.wait_until_ready(&name, PATIENCE)?;
        report.note(&name, prove_title(&server, &video, &clip).map(drop));
    }
    report.conclude()?;
    server.stop()?;
    home.check()?;
    Ok(())
}

#[test]
fn folders_and_links_in_the_drop_folder_are_left_alone() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let outside = home.folder().join("outside.mp4");
    fs::copy(media_maker::tiny(40).make()?, &outside)?;
    fs::create_dir(home.drop_folder().join("folder.mp4"))?;
    symlink(&outside, home.drop_folder().join("link.mp4"))?;
    let below = home.drop_folder().join("folder.mp4").join("inside.mp4");
    fs::copy(media_maker::tiny(41).make()?, below)?;
    let server = home.serve()?;
    server.api.wait_until_ready("inside.mp4", PATIENCE)?;
    let files: Vec<String> = server.api.videos()?.into_iter().map(|v| v.file).collect();
    ensure!(
        files == ["inside.mp4"],
        "only the file below the folder is a film, not {files:?}"
    );
    server.stop()?;
    Ok(())
}

#[test]
fn work_stops_before_the_disk_is_full_and_goes_on_when_there_is_room() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    // Less free than the 200 MB that are kept in reserve, and more once the ballast is gone.
    full_disk(&home, 450, 360)
}

#[test]
fn without_a_reserve_the_work_meets_the_end_of_the_disk_and_goes_on_when_there_is_room()
-> Result<()> {
    let _turn = stage::shared();
    let home = Home::configured("[encoding]\nreserve_megabytes = 0\n")?;
    full_disk(&home, 250, 246)
}

/// Serves from a disk of `size_mb` with `ballast_mb` taken; the film needs more than is left.
fn full_disk(home: &Home, size_mb: u32, ballast_mb: u32) -> Result<()> {
    if !disks_can_be_made() {
        return Ok(());
    }
    let clip = media_maker::sized(1280, 720, 90).make()?;
    let server = home.start(on_a_disk_of(home, &home.data(), size_mb, ballast_mb)?)?;
    let name = home.drop_file(&clip)?;
    let video = wait_until_told_of_the_full_disk(&server, &name)?;
    ensure!(
        video.state != "failed",
        "a full disk is no fault of the film, but it failed: {}",
        video.words()
    );
    fs::remove_file(seen_by(&server, &home.data()).join("ballast"))?;
    let video = server.api.wait_until_ready(&name, PATIENCE * 2)?;
    let download = Download::of_title(&server.api, &video.id)?;
    verifier::prove(&download, None, Effort::Cheap)?;
    server.stop()?;
    Ok(())
}

/// The owner reads it at the title, or on top of the library.
fn wait_until_told_of_the_full_disk(server: &Server, name: &str) -> Result<Video> {
    let mut read = String::new();
    let told = wait_until("told of the full disk", PATIENCE, || {
        let Some(video) = server.api.videos_of(name)?.into_iter().next() else {
            return Ok(None);
        };
        ensure!(video.state != "ready", "the disk did not get full at all");
        let page = String::from_utf8_lossy(&server.api.bytes("/")?).into_owned();
        let notices = page.split("data-part=\"notice\"").skip(1);
        let notices: String = notices.flat_map(|rest| rest.chars().take(400)).collect();
        read = format!("{} {notices}", video.words());
        let words = read.to_lowercase();
        let hints = ["space", "full", "room"];
        Ok(hints
            .iter()
            .any(|hint| words.contains(hint))
            .then_some(video))
    });
    told.with_context(|| format!("the owner of {name} reads only {read:?}"))
}

#[test]
fn a_second_server_on_the_same_data_folder_steps_back() -> Result<()> {
    let home = Home::new()?;
    let mut first = home.serve()?;
    let words = refused_start(home.serve_command()?)?;
    ensure!(
        words.contains(&home.data().display().to_string()),
        "the message must name the folder: {words}"
    );
    ensure!(first.is_up()?, "the first server must not mind");
    ensure!(
        first.api.get("/healthz")?.status == 200,
        "the first server must still answer"
    );
    first.stop()?;
    Ok(())
}

#[test]
fn a_port_in_use_is_named() -> Result<()> {
    let home = Home::new()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let mut serve = home.serve_command()?;
    serve.args(["--listen", &address]);
    let serve = last_listen_wins(serve);
    let words = refused_start(serve)?;
    ensure!(
        words.contains(&address),
        "the message must name {address}: {words}"
    );
    // The data folder must not stay locked by the attempt.
    home.serve()?.stop()?;
    Ok(())
}

/// The harness asks for port 0; this drops that first `--listen` again.
fn last_listen_wins(serve: std::process::Command) -> std::process::Command {
    let mut arguments: Vec<_> = serve.get_args().map(ToOwned::to_owned).collect();
    if let Some(first) = arguments.iter().position(|argument| argument == "--listen") {
        arguments.drain(first..first + 2);
    }
    let mut cleaned = command(serve.get_program());
    cleaned.args(arguments);
    cleaned
}

/// Runs a server that must end by itself with an error, and returns what it said.
fn refused_start(mut serve: std::process::Command) -> Result<String> {
    use std::process::Stdio;
    let mut child = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let ended = wait_until("ended by itself", Duration::from_secs(20), || {
        Ok(child.try_wait()?)
    });
    if ended.is_err() {
        child.kill()?;
    }
    let status = ended?;
    let output = child.wait_with_output()?;
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words).into_owned();
    ensure!(!status.success(), "it claims success: {words}");
    ensure!(!words.contains("panicked"), "it panicked: {words}");
    Ok(words)
}
