//! What a film's owner is told of a file that is cut off or makes no sense: what is true, and in
//! words that need no knowledge of formats. What does not belong here: other refusals (the
//! end-to-end tests).

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its story must stop"
)]

#[path = "pipes/grid.rs"]
mod grid;

use grid::{SECOND, grid};
use media_proto::message::{GridPolicy, Inspection};
use media_worker::events::EventSink;
use media_worker::failure::Failure;
use media_worker::inspect;
use media_worker::output::Output;
use media_worker::pulse::Pulse;
use media_worker::source_file::SourceFile;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the server has films cut.
const GRID: GridPolicy = grid(60 * SECOND);
/// How a note of a cut-off file begins.
const CUT_OFF: &str = "This file is cut off: ";

/// Containers that say how long they are, and what ffmpeg is told to fill them.
const FILMS: [(&str, &str); 6] = [
    ("mkv", "-c:v libx264 -c:a aac"),
    ("avi", "-c:v mpeg4 -c:a mp3"),
    ("asf", "-c:v wmv2 -c:a wmav2"),
    ("flv", "-c:v libx264 -c:a aac"),
    ("wav", "-vn -c:a pcm_s16le"),
    ("flac", "-vn -c:a flac"),
];

#[test]
fn half_a_film_is_told_of_and_a_whole_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for (extension, arguments) in FILMS {
        let film = folder.path().join(format!("film.{extension}"));
        make(&film, arguments);
        assert_eq!(notes(&film), [""; 0], "of the whole {extension}");
        cut(&film, 50);
        let said = notes(&film);
        let is_told =
            |note: &String| note.starts_with(CUT_OFF) && note.ends_with(" of 6 s are there.");
        assert!(said.iter().any(is_told), "{extension}: {said:?}");
    }
}

#[test]
fn a_film_recorded_live_says_no_length_and_is_not_called_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    for (extension, arguments) in [
        ("mkv", "-c:v libx264 -c:a aac -live 1"),
        ("ts", "-c:v libx264 -c:a aac"),
    ] {
        let film = folder.path().join(format!("live.{extension}"));
        make(&film, arguments);
        cut(&film, 60);
        assert_eq!(notes(&film), [""; 0], "{extension}");
    }
}

#[test]
fn sound_that_a_cut_off_file_lacks_is_not_called_a_format_that_cannot_be_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("begun.ts");
    // The sound of a broadcast comes after the picture it belongs to.
    make(&film, "-c:v mpeg2video -b:v 3M -c:a aac");
    cut(&film, 4);
    let said = notes(&film);
    assert_eq!(
        said,
        ["The audio track 1 is left out: nothing of it is in the file, which may be cut off."]
    );
}

#[test]
fn what_makes_no_sense_is_refused_in_words_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let headers: [(&str, &[u8]); 4] = [
        ("matroska.mkv", b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01"),
        ("riff.avi", b"RIFF\x00\x10\x00\x00AVI LIST"),
        ("flash.flv", b"FLV\x01\x05\x00\x00\x00\x09"),
        ("free.flac", b"fLaC\x00\x00\x00\x22"),
    ];
    for (name, header) in headers {
        let film = folder.path().join(name);
        fs::write(&film, header).unwrap();
        let refusal = inspect(&film).unwrap_err().message;
        assert!(!refusal.contains('('), "{name}: {refusal}");
        assert!(
            refusal.contains("damaged") || refusal.contains("cut off") || refusal.contains("ends"),
            "{name}: {refusal}"
        );
    }
}

#[test]
fn no_real_film_that_is_whole_is_called_cut_off() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/media");
    let folder = std::env::var_os("HOMEREEL_MEDIA").map_or(beside, PathBuf::from);
    let Ok(films) = fs::read_dir(folder) else {
        let _ = writeln!(
            std::io::stderr(),
            "[homereel tests] SKIPPED: the corpus of real films is not here"
        );
        return;
    };
    for film in films.map(|entry| entry.unwrap().path()) {
        let said = inspect(&film).map_or_else(|_| Vec::new(), |found| found.notes);
        let alarm = said.iter().find(|note| note.starts_with(CUT_OFF));
        assert_eq!(alarm, None, "{}", film.display());
    }
}

fn notes(film: &Path) -> Vec<String> {
    let mut notes = inspect(film).unwrap().notes;
    // About the picture as it is, which is another story.
    notes.retain(|note| !note.contains("is not offered"));
    notes
}

fn inspect(film: &Path) -> Result<Inspection, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::new(File::open(folder.path()).unwrap().into());
    let pulse = Pulse::new(EventSink::new(std::io::sink()));
    let file = SourceFile::new(File::open(film).unwrap(), pulse);
    inspect::inspect(&file, &GRID, &output)
}

/// Leaves that many percent of a file.
fn cut(film: &Path, percent: u64) {
    let file = File::options().write(true).open(film).unwrap();
    let size = file.metadata().unwrap().len();
    file.set_len(size * percent / 100).unwrap();
}

fn make(film: &Path, arguments: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test needs films as people have them"
    )]
    let made = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi"])
        .args(["-i", "testsrc2=size=192x108:rate=24:duration=6"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:duration=6"])
        .args(["-pix_fmt", "yuv420p"])
        .args(arguments.split(' '))
        .arg(film)
        .status();
    assert!(made.unwrap().success(), "ffmpeg {arguments}");
}
