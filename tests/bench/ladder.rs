//! The full ladder of a 1080p film by Homereel, by one tuned ffmpeg command (one decode, the same
//! rungs, preset, rates and cuts), and by CuteTube's commands. Speed counts only at like quality, so size and SSIM of the
//! top rung are shown beside it. What does not belong here: what Homereel encodes with.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::median;
use crate::meter::Meter;
use tests::download::Download;
use tests::media_maker;
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

/// One run of one of the two.
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

/// A table of medians and the ratio between them.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    let film = media_maker::grainy_1080p().make()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (run, cuts) = by_homereel(&film)?;
        ours.push(run);
        theirs.push(by_ffmpeg(&film, &cuts)?);
    }
    let header = format!(
        "ladder of a 1080p film of {FILM_S} s, four rungs, median of {rounds}\n\
         {:<10} {:>10} {:>12} {:>12} {:>10} {:>8}",
        "", "whole", "encoding", "× real time", "bytes", "SSIM"
    );
    // Seven times as long, so that one run tells enough.
    let cutetube_s = by_cutetube(&film)?;
    let ratio = |value: fn(&Run) -> f64| of(&theirs, value) / of(&ours, value);
    Ok(format!(
        "{header}\n{}\n{}\nHomereel's speed as a multiple of ffmpeg's: {:.2} encoding, \
         {:.2} from drop to ready (budget 1.15)\n\
         CuteTube's commands: {cutetube_s:.1} s once; Homereel's speed as a multiple: {:.2} \
         encoding (budget 7)",
        row("Homereel", &ours),
        row("ffmpeg", &theirs),
        ratio(|run| run.work_s),
        ratio(|run| run.whole_s),
        cutetube_s / of(&ours, |run| run.work_s),
    ))
}

fn of(runs: &[Run], value: fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(value).collect())
}

fn row(name: &str, runs: &[Run]) -> String {
    let size = runs.last().map_or(0, |run| run.size_bytes);
    let work_s = of(runs, |run| run.work_s);
    format!(
        "{name:<10} {:>8.1} s {work_s:>10.1} s {:>12.2} {size:>10} {:>8.4}",
        of(runs, |run| run.whole_s),
        FILM_S / work_s,
        of(runs, |run| run.ssim)
    )
}

/// Drops the film into a fresh server; also returns where it cut, in seconds.
fn by_homereel(film: &Path) -> Result<(Run, Vec<f64>)> {
    let home = Home::new()?;
    let server = home.serve()?;
    let name = home.drop_file(film)?;
    let began = Instant::now();
    let video = server.api.wait_until_ready(&name, DEADLINE)?;
    let whole_s = began.elapsed().as_secs_f64();
    let jobs = server.api.jobs()?;
    let job = jobs.first().context("there is no job")?;
    let work_s = job.worked_s().context("the job does not say when it ran")?;
    let download = Download::of_title(&server.api, &video.id)?;
    let top = download.pictures().last().context("no picture")?;
    let run = Run {
        whole_s,
        work_s,
        size_bytes: size_of(&download),
        ssim: ssim(&download.joined(top, &top.segments)?, film)?,
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
        ssim: ssim(&download.joined(top, &top.segments)?, film)?,
    })
}

/// What CuteTube runs for an upload, in seconds: the other container first, then a ladder for each
/// of the two, with x264's usual preset and no cuts of its own.
fn by_cutetube(film: &Path) -> Result<f64> {
    const LADDER: &str = "[0:v]split=4[v1][v2][v3][v4];[v1]scale=w=1980:h=1080[1080p];\
        [v2]scale=w=1280:h=720[720p];[v3]scale=w=854:h=480[480p];[v4]scale=w=640:h=360[360p]";
    let folder = TempDir::with_prefix("homereel-bench-")?;
    let other = folder.path().join("film.mov");
    let began = Instant::now();
    run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(film)
        .args(words(
            "-map 0 -b:v 4800k -s:v 1920x1080 -c:v libx264 -c:a aac",
        ))
        .arg(&other))?;
    for (source, name) in [(film, "mp4"), (other.as_path(), "mov")] {
        let output = folder.path().join(name);
        fs::create_dir(&output)?;
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
    }
    Ok(began.elapsed().as_secs_f64())
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

/// Structural similarity of `encoded` to `source`, of which it has every picture.
fn ssim(encoded: &Path, source: &Path) -> Result<f64> {
    let [.., (width, height, _)] = RUNGS;
    let likeness = Meter::find()?.compare(encoded, source, (width, height))?;
    Ok(likeness.mean_ssim())
}
