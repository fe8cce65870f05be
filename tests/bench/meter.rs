//! How close an encoded picture comes to its source, by ffmpeg's filters: SSIM of every frame, and
//! XPSNR and VMAF where the program has them. Debian's ffmpeg has neither; `HOMEREEL_METER` names
//! another one. What does not belong here: what is compared (`ladder`, `quality`).

use anyhow::{Result, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

use tests::program::{command, run, text_of};

/// A program that compares.
#[derive(Debug)]
pub(crate) struct Meter {
    program: OsString,
    has_xpsnr: bool,
    has_vmaf: bool,
}

/// How close a picture came.
#[derive(Clone, Debug)]
pub(crate) struct Likeness {
    /// Of every frame, over all planes.
    pub(crate) ssim: Vec<f64>,
    /// Of luma, in decibels.
    pub(crate) xpsnr: Option<f64>,
    /// 0 to 100.
    pub(crate) vmaf: Option<f64>,
}

impl Meter {
    /// The program that the environment names, or Debian's.
    pub(crate) fn find() -> Result<Self> {
        let program = std::env::var_os("HOMEREEL_METER").unwrap_or_else(|| "ffmpeg".into());
        let filters = text_of(command(&program).args(["-hide_banner", "-filters"]))?;
        let has = |name: &str| filters.split_whitespace().any(|word| word == name);
        Ok(Self {
            has_xpsnr: has("xpsnr"),
            has_vmaf: has("libvmaf"),
            program,
        })
    }

    /// Compares every picture of `encoded` with the first video track of `source`, which has as
    /// many, scaled to the same size.
    pub(crate) fn compare(
        &self,
        encoded: &Path,
        source: &Path,
        (width, height): (u32, u32),
    ) -> Result<Likeness> {
        let folder = TempDir::with_prefix("homereel-bench-")?;
        let log = folder.path().join("ssim.txt");
        let mut filters = vec![format!("ssim=stats_file={}", log.display())];
        filters.extend(self.has_xpsnr.then(|| "xpsnr".to_owned()));
        filters.extend(self.has_vmaf.then(|| "libvmaf=n_threads=2".to_owned()));
        let output = run(command(&self.program)
            .args(["-nostdin", "-nostats", "-i"])
            .arg(source)
            .arg("-i")
            .arg(encoded)
            .arg("-lavfi")
            .arg(graph(&filters, width, height))
            .args(["-f", "null", "-"]))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let ssim = fs::read_to_string(&log)?
            .lines()
            .filter_map(|line| number_after(line, "All:"))
            .collect::<Vec<_>>();
        ensure!(!ssim.is_empty(), "nothing was compared: {said}");
        Ok(Likeness {
            ssim,
            xpsnr: said
                .lines()
                .find_map(|line| number_after(line.split_once("XPSNR")?.1, "y:")),
            vmaf: number_after(&said, "VMAF score:"),
        })
    }
}

impl Likeness {
    /// Over all frames.
    pub(crate) fn mean_ssim(&self) -> f64 {
        mean(&self.ssim)
    }
}

/// The mean; not a number for nothing at all.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let count = u32::try_from(values.len()).map_or(f64::NAN, f64::from);
    values.iter().sum::<f64>() / count
}

/// Frames are paired by their number. XPSNR wants the original first, the others last.
fn graph(filters: &[String], width: u32, height: u32) -> String {
    let count = filters.len();
    let labels = |name: &str| -> String { (0..count).map(|n| format!("[{name}{n}]")).collect() };
    let mut graph = format!(
        "[0:v]scale={width}:{height}:flags=lanczos,format=yuv420p,settb=AVTB,setpts=N,\
         split={count}{};[1:v]settb=AVTB,setpts=N,split={count}{}",
        labels("source"),
        labels("encoded"),
    );
    for (n, filter) in filters.iter().enumerate() {
        let pair = if filter == "xpsnr" {
            format!("[source{n}][encoded{n}]")
        } else {
            format!("[encoded{n}][source{n}]")
        };
        graph += &format!(";{pair}{filter}");
    }
    graph
}

fn number_after(text: &str, label: &str) -> Option<f64> {
    let word = text.split_once(label)?.1.split_whitespace().next()?;
    word.parse().ok()
}
