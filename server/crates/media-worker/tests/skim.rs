//! A long film is inspected by its tables and a few packets. What comes out must be what reading
//! every byte brings, or else the film must be doubted. What does not belong here: which films are
//! long, and what becomes of a doubt (`inspect`).

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its story must stop"
)]

#[path = "pipes/grid.rs"]
mod grid;

use grid::{SECOND, grid};
use media_proto::message::{GridPolicy, Inspection};
use media_proto::rates::PictureRates;
use media_worker::events::EventSink;
use media_worker::failure::Failure;
use media_worker::inspect::{Reading, look};
use media_worker::isobmff::read::outline;
use media_worker::output::Output;
use media_worker::pulse::Pulse;
use media_worker::source_file::SourceFile;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the server has films cut.
const GRID: GridPolicy = grid(60 * SECOND);

/// What ffmpeg is told beside the test picture and tone, and whether the tables can be believed.
const FILMS: [(&str, &str, bool); 8] = [
    ("mp4", "-c:v libx264 -bf 2 -g 24 -c:a aac", true),
    (
        "mp4",
        "-c:v libx264 -bf 2 -g 24 -c:a aac -movflags faststart",
        true,
    ),
    (
        "mp4",
        "-c:v libx264 -g 24 -c:a aac -output_ts_offset 2",
        true,
    ),
    ("mov", "-c:v prores_ks -c:a pcm_s16be", true),
    ("mov", "-c:v libx264 -bf 3 -g 12 -c:a alac", true),
    ("mp4", "-c:v libx264 -flags +ildct+ilme -c:a aac", true),
    ("mp4", "-c:v libx264 -g 24 -c:a mp3", false),
    (
        "mp4",
        "-c:v libx264 -x264-params open-gop=1:keyint=24:bframes=3 -c:a aac",
        false,
    ),
];

#[test]
fn tables_tell_what_every_byte_tells() {
    for (number, (extension, arguments, is_believed)) in FILMS.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join(format!("{number}.{extension}"));
        make(&film, arguments);
        let (skimmed, whole) = both(&film);
        if *is_believed {
            assert_eq!(skimmed, whole, "{arguments}");
        } else {
            assert_eq!(skimmed, Ok(None), "{arguments}: it must be doubted");
        }
    }
}

#[test]
fn so_they_do_in_real_films() {
    let Some(films) = corpus() else {
        let _ = writeln!(
            std::io::stderr(),
            "[homereel tests] SKIPPED: the corpus of real films is not here"
        );
        return;
    };
    let is_indexed = |film: &PathBuf| {
        let outline = File::open(film).and_then(|file| outline(&file));
        outline.is_ok_and(|outline| outline.is_indexed)
    };
    for film in films.iter().filter(|film| is_indexed(film)) {
        if let (Ok(Some(skimmed)), Ok(Some(whole))) = both(film) {
            let (skimmed, whole) = without_late_refusals(skimmed, whole);
            assert_eq!(skimmed, whole, "{}", film.display());
        }
    }
}

/// Damage within pictures that were not fetched is found when they are copied: then the film is
/// inspected once more and cut in another way. All the rest must be the same.
fn without_late_refusals(
    mut skimmed: Inspection,
    mut whole: Inspection,
) -> (Inspection, Inspection) {
    let offers = |inspection: &Inspection| {
        inspection
            .video
            .as_ref()
            .is_some_and(|video| video.copy.is_some())
    };
    if offers(&skimmed) && !offers(&whole) {
        for inspection in [&mut skimmed, &mut whole] {
            inspection.cuts.clear();
            inspection.sound_spans.clear();
            if let Some(video) = &mut inspection.video {
                video.copy = None;
                video.chunks.clear();
                // Of segments that are others.
                video.rates = PictureRates {
                    average_bps: 0,
                    peak_bps: 0,
                };
            }
        }
    }
    (skimmed, whole)
}

/// Real films, where they are at hand; see CONTRIBUTING.md.
fn corpus() -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/media");
    let folder = std::env::var_os("HOMEREEL_MEDIA").map_or(beside, PathBuf::from);
    let entries = fs::read_dir(folder).ok()?;
    Some(entries.map(|entry| entry.unwrap().path()).collect())
}

type Found = Result<Option<Inspection>, Failure>;

/// What skimming and reading the whole bring.
fn both(film: &Path) -> (Found, Found) {
    (
        inspect(film, Reading::Skimming),
        inspect(film, Reading::Whole),
    )
}

fn inspect(film: &Path, reading: Reading) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::new(File::open(folder.path()).unwrap().into());
    let pulse = Pulse::new(EventSink::new(std::io::sink()));
    let file = SourceFile::new(File::open(film).unwrap(), pulse);
    look(&file, reading, &GRID, &output)
}

fn make(film: &Path, arguments: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test needs films as people have them"
    )]
    let made = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi"])
        .args([
            "-i",
            "testsrc2=size=192x108:rate=24:duration=6",
            "-f",
            "lavfi",
        ])
        .args(["-i", "sine=frequency=440:duration=6", "-pix_fmt", "yuv420p"])
        .args(arguments.split(' '))
        .arg(film)
        .status();
    assert!(made.unwrap().success(), "ffmpeg {arguments}");
}
