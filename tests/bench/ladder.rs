//! The full ladder of a 1080p film by Homereel, by one tuned ffmpeg command (one decode, the same
//! rungs, preset, rates and cuts), and by CuteTube's commands. Speed counts only at like quality, so
//! size and SSIM of the top rung are shown beside it. CuteTube's films look worse, so Homereel is
//! measured beside them at the speed `fast`, too. What does not belong here: what Homereel encodes
//! with.

use anyhow::{Context, Result};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::median;
use crate::meter::Meter;
use tests::api::Job;
use tests::download::Download;
use tests::media_maker;
use tests::owner::Owner;
use tests::program::{command, run};
use tests::server::Home;

const FILM_S: f64 = 40.0;
const DEADLINE: Duration = Duration::from_secs(900);
/// Width, height and peak in kbit/s of each rung, as the design has them.
const RUNGS: [(u32, u32, u32); 4] = [
    (640, 360, 1_400),
    (854, 480, 2_100),
    (1280, 720, 4_000),
    (1920, 1080, 8_000),
];

/// Of the highest of them.
const TOP: (u32, u32) = (1920, 1080);
/// Its width is a slip of CuteTube's.
const CUTETUBE_TOP: (u32, u32) = (1980, 1080);

/// One run of one of them.
#[derive(Debug)]
struct Run {
    /// From the dropped file (or the started command) to the end, in seconds.
    whole_s: f64,
    /// Without waiting for the file to settle, in seconds.
    work_s: f64,
    /// Of all segments.
    size_bytes: u64,
    /// SSIM of the top rung against the source.
    ssim: f64,
}

/// A table of medians and the ratios between them.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    let film = media_maker::grainy_1080p().make()?;
    let (mut ours, mut ours_fast, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (run, cuts) = by_homereel(&film, "balanced")?;
        ours.push(run);
        theirs.push(by_ffmpeg(&film, &cuts)?);
        ours_fast.push(by_homereel(&film, "fast")?.0);
    }
    // Seven times as long, so that one run tells enough.
    let cutetubes = [by_cutetube(&film)?];
    let rows = [
        row("Homereel", &ours),
        row("ffmpeg", &theirs),
        row("Homereel, fast", &ours_fast),
        row("CuteTube", &cutetubes),
    ];
    let work_s = |runs: &[Run]| of(runs, |run| run.work_s);
    Ok(format!(
        "ladder of a 1080p film of {FILM_S} s, four rungs, median of {rounds} (CuteTube once)\n\
         {:<14} {:>10} {:>12} {:>12} {:>10} {:>8}\n{}\n\
         Homereel's speed as a multiple of ffmpeg's: {:.2} encoding, {:.2} from drop to ready \
         (budget 1.15)\n\
         Homereel's speed as a multiple of CuteTube's: {:.2} encoding, {:.2} at the speed fast \
         (budget 7)",
        "",
        "whole",
        "encoding",
        "× real time",
        "bytes",
        "SSIM",
        rows.join("\n"),
        work_s(&theirs) / work_s(&ours),
        of(&theirs, |run| run.whole_s) / of(&ours, |run| run.whole_s),
        work_s(&cutetubes) / work_s(&ours),
        work_s(&cutetubes) / work_s(&ours_fast),
    ))
}

fn of(runs: &[Run], value: fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(value).collect())
}

fn row(name: &str, runs: &[Run]) -> String {
    let size = runs.last().map_or(0, |run| run.size_bytes);
    let work_s = of(runs, |run| run.work_s);
    format!(
        "{name:<14} {:>8.1} s {work_s:>10.1} s {:>12.2} {size:>10} {:>8.4}",
        of(runs, |run| run.whole_s),
        FILM_S / work_s,
        of(runs, |run| run.ssim)
    )
}

/// Drops the film into a fresh server that encodes at that `speed`; also returns where it cut, in
/// seconds.
fn by_homereel(film: &Path, speed: &str) -> Result<(Run, Vec<f64>)> {
    let home = Home::new()?;
    let server = home.serve()?;
    let owner = Owner::claim(&home, &server)?;
    owner.patch("/api/v1/settings", &json!({ "speed": speed }))?;
    let name = home.drop_file(film)?;
    let began = Instant::now();
    let video = server.api.wait_until_ready(&name, DEADLINE)?;
    let whole_s = began.elapsed().as_secs_f64();
    let job: Job = serde_json::from_value(owner.get("/api/v1/jobs")?["jobs"][0].take())?;
    let work_s = job.worked_s().context("the job does not say when it ran")?;
    let download = Download::of_title(&server.api, &video.id)?;
    let top = download.pictures().last().context("no picture")?;
    let run = Run {
        whole_s,
        work_s,
        size_bytes: size_of(&download),
        ssim: ssim(&download.joined(top, &top.segments)?, film, TOP)?,
    };
    let timescale = top.timescale();
    let cuts = top
        .segments
        .iter()
        .map(|segment| tests::verifier::timeline::seconds(segment.fragment.decode_time, timescale));
    let cuts = cuts.collect();
    server.stop()?;
    Ok((run, cuts))
}

/// One command: decode once, scale four times, encode with the same preset and rates, cut at the
/// same places, write DASH.
fn by_ffmpeg(film: &Path, cuts: &[f64]) -> Result<Run> {
    let folder = TempDir::with_prefix("homereel-bench-")?;
    let began = Instant::now();
    run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(film)
        .args(ladder_arguments(cuts))
        .arg(folder.path().join("manifest.mpd")))?;
    let work_s = began.elapsed().as_secs_f64();
    let download = Download::of_folder(folder.path())?;
    let top = download.pictures().last().context("no picture")?;
    Ok(Run {
        whole_s: work_s,
        work_s,
        size_bytes: size_of(&download),
        ssim: ssim(&download.joined(top, &top.segments)?, film, TOP)?,
    })
}

/// What CuteTube runs for an upload: the other container first, then a ladder for each of the two,
/// with x264's usual preset and no cuts of its own. The second ladder is what is measured for
/// quality, of the file that was uploaded.
fn by_cutetube(film: &Path) -> Result<Run> {
    let folder = TempDir::with_prefix("homereel-bench-")?;
    let other = folder.path().join("film.mov");
    let output = folder.path().join("ladder");
    let began = Instant::now();
    run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(film)
        .args(words(
            "-map 0 -b:v 4800k -s:v 1920x1080 -c:v libx264 -c:a aac",
        ))
        .arg(&other))?;
    let mut size_bytes = 0;
    for source in [other.as_path(), film] {
        // The second one takes the place of the first.
        let _ = fs::remove_dir_all(&output);
        fs::create_dir(&output)?;
        cutetube_ladder(source, &output)?;
        for piece in pieces(&output)? {
            size_bytes += fs::metadata(piece)?.len();
        }
    }
    let work_s = began.elapsed().as_secs_f64();
    Ok(Run {
        whole_s: work_s,
        work_s,
        size_bytes,
        ssim: ssim(&cutetube_top(&output)?, film, CUTETUBE_TOP)?,
    })
}

fn cutetube_ladder(source: &Path, output: &Path) -> Result<()> {
    const LADDER: &str = "[0:v]split=4[v1][v2][v3][v4];[v1]scale=w=1980:h=1080[1080p];\
        [v2]scale=w=1280:h=720[720p];[v3]scale=w=854:h=480[480p];[v4]scale=w=640:h=360[360p]";
    run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(source)
        .args(["-filter_complex", LADDER])
        .args(words(
            "-map [1080p] -c:v:0 libx264 -b:v:0 4800k -map [720p] -c:v:1 libx264 -b:v:1 2400k \
             -map [480p] -c:v:2 libx264 -b:v:2 1200k -map [360p] -c:v:3 libx264 -b:v:3 800k \
             -map 0:a? -init_seg_name init-stream$RepresentationID$.m4s \
             -media_seg_name chunk-stream$RepresentationID$-$Number%05d$.m4s \
             -use_template 1 -seg_duration 4 -f dash -adaptation_sets",
        ))
        .arg("id=0,streams=v id=1,streams=a")
        .arg(output.join("manifest.mpd")))?;
    Ok(())
}

/// The init and media segments of a folder, in the order of their names.
fn pieces(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "m4s"));
    paths.sort();
    Ok(paths)
}

/// CuteTube's largest rung as one file.
fn cutetube_top(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("top.mp4");
    let mut bytes = fs::read(folder.join("init-stream0.m4s"))?;
    for piece in pieces(folder)? {
        let name = piece.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("chunk-stream0-") {
            bytes.extend(fs::read(&piece)?);
        }
    }
    fs::write(&path, bytes)?;
    Ok(path)
}

fn ladder_arguments(cuts: &[f64]) -> Vec<String> {
    let split: String = (0..RUNGS.len()).map(|n| format!("[in{n}]")).collect();
    let mut graph = format!("[0:v]split={}{split}", RUNGS.len());
    let mut outputs = Vec::new();
    for (index, (width, height, peak)) in RUNGS.iter().enumerate() {
        graph += &format!(";[in{index}]scale={width}:{height}:flags=bicubic[out{index}]");
        outputs.extend(words(&format!(
            "-map [out{index}] -maxrate:v:{index} {peak}k -bufsize:v:{index} {peak}k"
        )));
    }
    let times: Vec<String> = cuts.iter().map(|cut| format!("{cut:.6}")).collect();
    let mut arguments = vec!["-filter_complex".to_owned(), graph];
    arguments.extend(outputs);
    arguments.extend(words(&format!(
        "-map 0:a -c:v libx264 -preset veryfast -crf 23 -aq-mode 2 -profile:v high -sc_threshold 0 -g 250 \
         -force_key_frames {} -c:a aac -b:a 128k -ac 2 -ar 48000 \
         -f dash -seg_duration 1 -use_timeline 1 -hls_playlist 1 \
         -init_seg_name init-stream$RepresentationID$.m4s \
         -media_seg_name chunk-stream$RepresentationID$-$Number%05d$.m4s",
        times.join(",")
    )));
    arguments
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn size_of(download: &Download) -> u64 {
    let segments = download.streams.iter().flat_map(|stream| &stream.segments);
    segments.map(|segment| segment.bytes.len() as u64).sum()
}

/// Structural similarity of `encoded`, which has that `size`, to `source`, of which it has every
/// picture.
fn ssim(encoded: &Path, source: &Path, size: (u32, u32)) -> Result<f64> {
    Ok(Meter::find()?.compare(encoded, source, size)?.mean_ssim())
}
