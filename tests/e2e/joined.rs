//! Recordings that were joined end to end, each with a clock of its own: one film in the order of
//! the file, without a frame lost, picture and sound together. What does not belong here: clocks
//! that lie (`hostile`).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tests::api::Video;
use tests::download::Download;
use tests::media_maker;
use tests::program::report_folder;
use tests::server::{Home, Server};
use tests::stage;
use tests::verifier::{self, Effort, Report, sync};

/// Generous: a loaded machine, several titles in one queue.
const PATIENCE: Duration = Duration::from_secs(240);
/// At each join, sound is a little longer than its picture.
const TOLERANCE_S: f64 = 0.15;
const FRAMES_A_SECOND: u32 = 25;

/// Recordings in one file.
struct Joined {
    name: &'static str,
    /// How many seconds each is long, and where its clock begins.
    tapes: &'static [(u32, u32)],
    /// Of nothing, between the first and the second.
    gap_s: u32,
}

/// Odd lengths come first, so that flashes tell in which order the recordings are shown.
const FILES: [Joined; 7] = [
    Joined {
        name: "same-clock.ts",
        tapes: &[(5, 0), (10, 0)],
        gap_s: 0,
    },
    Joined {
        name: "same-clock.vob",
        tapes: &[(5, 0), (10, 0)],
        gap_s: 0,
    },
    Joined {
        name: "overlap.ts",
        tapes: &[(5, 100), (10, 103)],
        gap_s: 0,
    },
    Joined {
        name: "back.ts",
        tapes: &[(5, 100), (10, 50), (5, 20)],
        gap_s: 0,
    },
    Joined {
        name: "an-hour-later.ts",
        tapes: &[(5, 100), (10, 3_700)],
        gap_s: 0,
    },
    Joined {
        name: "a-pause.ts",
        tapes: &[(5, 100), (10, 135)],
        gap_s: 30,
    },
    // Long enough for pictures and sound to be looked for behind the step.
    Joined {
        name: "long.ts",
        tapes: &[(75, 1_000), (70, 10)],
        gap_s: 0,
    },
];

impl Joined {
    fn make(&self) -> Result<PathBuf> {
        let extension = self.name.rsplit('.').next().context("no extension")?;
        let mut bytes = Vec::new();
        for (seconds, offset_s) in self.tapes {
            let tape = media_maker::tape(extension, *seconds, *offset_s).make()?;
            bytes.extend(fs::read(tape)?);
        }
        let path = report_folder()?.join("media").join(self.name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn seconds(&self) -> u32 {
        self.tapes.iter().map(|tape| tape.0).sum()
    }

    fn end_s(&self) -> f64 {
        f64::from(self.seconds() + self.gap_s)
    }

    /// When the picture is to turn white.
    fn flashes_s(&self) -> Vec<f64> {
        let mut begin = 0;
        let mut flashes = Vec::new();
        for (number, (seconds, _)) in self.tapes.iter().enumerate() {
            let odd = (1..*seconds).step_by(2);
            flashes.extend(odd.map(|second| f64::from(begin + second)));
            begin += seconds + if number == 0 { self.gap_s } else { 0 };
        }
        flashes
    }

    fn judge(&self, server: &Server, video: &Video) -> Result<()> {
        let download = Download::of_title(&server.api, &video.id)?;
        let mut report = Report::default();
        report.note("length", self.is_as_long(video));
        report.note("bytes", verifier::prove(&download, None, Effort::Full));
        report.note("frames", self.are_all_shown(&download));
        report.note("order", self.are_in_order(&download));
        let count = self.flashes_s().len();
        report.note("sync", sync::flashes_come_with_beeps(&download, count));
        report.conclude()
    }

    fn is_as_long(&self, video: &Video) -> Result<()> {
        let is_s = video.duration_s.context("no length")?;
        ensure!(
            (is_s - self.end_s()).abs() < TOLERANCE_S,
            "it is {is_s} s long"
        );
        ensure!(
            video.notes.is_empty(),
            "nothing is left out: {:?}",
            video.notes
        );
        Ok(())
    }

    fn are_all_shown(&self, download: &Download) -> Result<()> {
        let expected = (self.seconds() * FRAMES_A_SECOND) as usize;
        for stream in download.pictures() {
            let count = stream.sample_count();
            ensure!(count == expected, "{}: {count} frames", stream.label());
        }
        Ok(())
    }

    fn are_in_order(&self, download: &Download) -> Result<()> {
        let expected = self.flashes_s();
        for stream in download.pictures() {
            let flashes = sync::flashes_s(download, stream)?;
            let near = |pair: (&f64, &f64)| (pair.0 - pair.1).abs() < TOLERANCE_S;
            ensure!(
                flashes.len() == expected.len() && flashes.iter().zip(&expected).all(near),
                "{}: flashes at {flashes:?}",
                stream.label()
            );
        }
        Ok(())
    }
}

#[test]
fn recordings_that_were_joined_are_one_film() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    for file in &FILES {
        home.drop_file(&file.make()?)?;
    }
    let mut report = Report::default();
    for file in &FILES {
        let video = server.api.wait_until_ready(file.name, PATIENCE)?;
        report.note(file.name, file.judge(&server, &video));
    }
    report.conclude()?;
    server.stop()?;
    home.check()?;
    Ok(())
}
