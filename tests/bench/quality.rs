//! Bytes and likeness of the ladder over real films, beside a ladder of the same rungs that is
//! encoded at a fixed rate, as the design budgets it: at most 75 % of the bytes at equal quality or
//! better. What does not belong here: speed (`ladder`).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

use crate::meter::{Likeness, Meter, mean};
use tests::download::{Download, Stream};
use tests::media_maker;
use tests::program::{command, corpus, run};
use tests::server::Home;
use tests::verifier::timeline;

const DEADLINE: Duration = Duration::from_secs(600);

/// Films of the corpus that ffmpeg shows as we do: progressive, SDR, opaque, with their picture in
/// the first track; films, telephones, broadcasts and animation, from 234 to 1440 lines.
const FILMS: [&str; 13] = [
    "camera-bikes-video-only.mp4",
    "film-chaplin-mp3-single-gop.mp4",
    "avi-mpeg4-mp3-dropped-frames.avi",
    "avi-msmpeg4v2-16s.avi",
    "phone-two-video-tracks-vfr-rot270.mp4",
    "phone-vfr-10fps-rot180.mp4",
    "start-10s-sar-1137x800.mp4",
    "ts-hevc-main10-sdr.ts",
    "ts-33bit-wrap-negative-start.ts",
    "ts-mpeg2-1080p-mp2-gap.ts",
    "ts-start-41748s-sar-64x45-ac3.ts",
    "vp8-720p-30s-vorbis.webm",
    "vp9-540p60-vorbis51.webm",
];

/// Short side of each step of the ladder with its average and peak in kbit/s, as the design has
/// them.
const STEPS: [(u32, u32, u32); 4] = [
    (360, 800, 1_400),
    (480, 1_200, 2_100),
    (720, 2_400, 4_000),
    (1080, 4_800, 8_000),
];

/// Frames on each side of a join that are looked at, and the join's own.
const AROUND_JOIN: usize = 2;

/// One rung of one film, made in two ways.
#[derive(Debug)]
struct Pair {
    label: String,
    ours: Made,
    fixed: Made,
    /// SSIM of ours around its joins.
    at_joins: Vec<f64>,
}

#[derive(Debug)]
struct Made {
    size_bytes: u64,
    likeness: Likeness,
}

/// A table of all rungs and the sums below it.
pub(crate) fn measure() -> Result<String> {
    let meter = Meter::find()?;
    let films = films()?;
    let home = Home::new()?;
    let server = home.serve()?;
    let mut pairs = Vec::new();
    for film in &films {
        let name = home.drop_file(film)?;
        let video = server.api.wait_until_ready(&name, DEADLINE)?;
        let download = Download::of_title(&server.api, &video.id)?;
        let original = video.rungs.iter().find(|rung| rung.original);
        let original = original.map(|rung| rung.stream.to_string());
        let encoded = download.pictures();
        let encoded = encoded.filter(|stream| Some(&stream.representation.id) != original.as_ref());
        for rung in encoded {
            let pair = compare(&meter, film, &download, rung);
            pairs.push(pair.with_context(|| format!("{name}, {}", rung.label()))?);
        }
    }
    server.stop()?;
    Ok(report(&pairs, films.len()))
}

fn films() -> Result<Vec<PathBuf>> {
    match corpus() {
        Some(folder) => Ok(FILMS.iter().map(|name| folder.join(name)).collect()),
        None => Ok(vec![
            media_maker::grainy_1080p().make()?,
            media_maker::sized(1280, 720, 60).make()?,
            media_maker::plain("webm", 30).make()?,
        ]),
    }
}

fn compare(meter: &Meter, film: &Path, download: &Download, rung: &Stream) -> Result<Pair> {
    let size = (rung.representation.width, rung.representation.height);
    let size = size.0.zip(size.1).context("a rung without a size")?;
    let joined = download.joined(rung, &rung.segments)?;
    let ours = Made {
        size_bytes: rung
            .segments
            .iter()
            .map(|segment| segment.bytes.len() as u64)
            .sum(),
        likeness: meter.compare(&joined, film, size)?,
    };
    ensure!(
        ours.likeness.ssim.len() == rung.sample_count(),
        "{} of {} pictures could be compared",
        ours.likeness.ssim.len(),
        rung.sample_count()
    );
    let folder = TempDir::with_prefix("homereel-bench-")?;
    let other = folder.path().join("fixed.mp4");
    encode_at_fixed_rate(film, rung, size, &other)?;
    let fixed = Made {
        size_bytes: fs::metadata(&other)?.len(),
        likeness: meter.compare(&other, film, size)?,
    };
    let name = film.file_name().unwrap_or_default().to_string_lossy();
    Ok(Pair {
        label: format!("{name:.28} {}", size.0.min(size.1)),
        at_joins: around_joins(&ours.likeness.ssim, rung),
        ours,
        fixed,
    })
}

/// The same size, preset and cuts by the ffmpeg program, at the rate that the ladder expects.
fn encode_at_fixed_rate(film: &Path, rung: &Stream, size: (u32, u32), to: &Path) -> Result<()> {
    let (average, peak) = rates(size.0.min(size.1));
    let starts = rung.segments.iter();
    let starts = starts.map(|part| timeline::seconds(part.fragment.decode_time, rung.timescale()));
    let cuts: Vec<String> = starts.map(|start| format!("{start:.6}")).collect();
    run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(film)
        .arg("-vf")
        .arg(format!(
            "scale={}:{}:flags=lanczos,format=yuv420p,setsar=1,setpts=PTS-STARTPTS",
            size.0, size.1
        ))
        .args(["-map", "0:v:0", "-fps_mode", "passthrough"])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-profile:v",
            "high",
        ])
        .args(["-sc_threshold", "0", "-g", "100000", "-force_key_frames"])
        .arg(cuts.join(","))
        .arg("-b:v")
        .arg(format!("{average}k"))
        .arg("-maxrate")
        .arg(format!("{peak}k"))
        .arg("-bufsize")
        .arg(format!("{peak}k"))
        .arg(to))?;
    Ok(())
}

/// Average and peak in kbit/s: of the step, or the lowest one's share for what is below it.
fn rates(short_side: u32) -> (u32, u32) {
    let step = STEPS.iter().rev().find(|step| step.0 <= short_side);
    let (lowest, average, peak) = STEPS[0];
    step.map_or(
        (average * short_side / lowest, peak * short_side / lowest),
        |(_, average, peak)| (*average, *peak),
    )
}

/// The frames around the beginning of every segment but the first. At every other one or so
/// another encoder begins.
fn around_joins(ssim: &[f64], rung: &Stream) -> Vec<f64> {
    let mut joins = Vec::new();
    let mut first = 0_usize;
    for segment in &rung.segments {
        let around = first.saturating_sub(AROUND_JOIN)..(first + AROUND_JOIN + 1).min(ssim.len());
        if first > 0 {
            joins.extend_from_slice(&ssim[around]);
        }
        first += segment.fragment.samples.len();
    }
    joins
}

fn report(pairs: &[Pair], films: usize) -> String {
    let header = format!(
        "quality of {} rungs of {films} films, against ffmpeg at each rung's average rate\n\
         {:<34} {:>9} {:>9} {:>6}  {:>13}  {:>11}  {:>11}",
        pairs.len(),
        "",
        "bytes",
        "fixed",
        "ratio",
        "SSIM",
        "XPSNR",
        "VMAF"
    );
    let rows = pairs.iter().map(row).collect::<Vec<_>>().join("\n");
    let bytes = |made: fn(&Pair) -> &Made| pairs.iter().map(|pair| made(pair).size_bytes).sum();
    let (ours, fixed): (u64, u64) = (bytes(|pair| &pair.ours), bytes(|pair| &pair.fixed));
    let means = [
        both("SSIM", pairs, 4, |made| Some(made.likeness.mean_ssim())),
        both("XPSNR", pairs, 1, |made| made.likeness.xpsnr),
        both("VMAF", pairs, 1, |made| made.likeness.vmaf),
    ];
    let ratios: Vec<f64> = pairs.iter().filter_map(join_ratio).collect();
    let worst = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    format!(
        "{header}\n{rows}\nall bytes: {ours} of {fixed}, {:.0} % (budget 75 %)\nmeans (and the worst \
         rung), ours and fixed: {}\nSSIM around joins as a share of all: {:.4} in the mean of {} rungs, {worst:.4} \
         in the worst",
        100.0 * as_number(ours) / as_number(fixed),
        means.join(", "),
        mean(&ratios),
        ratios.len()
    )
}

fn row(pair: &Pair) -> String {
    let Pair { ours, fixed, .. } = pair;
    let two = |value: fn(&Likeness) -> Option<f64>, digits: usize| {
        let shown = |made: &Made| match value(&made.likeness) {
            Some(value) => format!("{value:.digits$}"),
            None => "–".to_owned(),
        };
        format!("{}/{}", shown(ours), shown(fixed))
    };
    format!(
        "{:<34} {:>9} {:>9} {:>6.2}  {:>13}  {:>11}  {:>11}",
        pair.label,
        ours.size_bytes,
        fixed.size_bytes,
        as_number(ours.size_bytes) / as_number(fixed.size_bytes),
        two(|likeness| Some(likeness.mean_ssim()), 4),
        two(|likeness| likeness.xpsnr, 1),
        two(|likeness| likeness.vmaf, 1),
    )
}

/// The means over all rungs and the worst rung, if the program that compares could tell.
fn both(name: &str, pairs: &[Pair], digits: usize, value: fn(&Made) -> Option<f64>) -> String {
    let of = |made: fn(&Pair) -> &Made| {
        let values = pairs.iter().map(|pair| value(made(pair)));
        // Identical pictures are infinitely alike.
        let values: Option<Vec<f64>> = values.map(|value| Some(value?.min(100.0))).collect();
        values.map(|values| {
            (
                mean(&values),
                values.into_iter().fold(f64::INFINITY, f64::min),
            )
        })
    };
    match of(|pair| &pair.ours).zip(of(|pair| &pair.fixed)) {
        Some(((ours, our_worst), (fixed, their_worst))) => format!(
            "{name} {ours:.digits$} ({our_worst:.digits$}) and {fixed:.digits$} ({their_worst:.digits$})"
        ),
        None => format!("{name} not at hand"),
    }
}

fn join_ratio(pair: &Pair) -> Option<f64> {
    let is_joined = !pair.at_joins.is_empty();
    is_joined.then(|| mean(&pair.at_joins) / pair.ours.likeness.mean_ssim())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of sizes needs no more digits than a float has"
)]
fn as_number(bytes: u64) -> f64 {
    bytes as f64
}
