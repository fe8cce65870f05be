//! Segments over HTTP by Homereel and by nginx: the same files at the same addresses, asked for by
//! wrk in turns. Also how much memory a thousand players at once cost. What does not belong here:
//! segments that do not exist yet (`first_frame`).

use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::machine::{most_resident_mib, resident_mib};
use crate::median;
use tests::media_maker;
use tests::nginx::{Nginx, find_daemon};
use tests::program::{command, text_of};
use tests::server::Home;
use tests::store;

const DEADLINE: Duration = Duration::from_secs(900);
/// Connections of a busy house, and of the budget's thousand players.
const BUSY: u32 = 32;
const CROWD: u32 = 1_000;
/// Seconds of each run.
const RUN_S: u32 = 6;

/// What wrk saw in one run.
#[derive(Debug)]
struct Run {
    requests_per_s: f64,
    mib_per_s: f64,
}

/// A table of medians, the ratio between them, and the growth by a crowd.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    for program in ["nginx", "wrk"] {
        if find_daemon(program).is_none() {
            return Ok(format!(
                "segments over HTTP: NOT measured, {program} is missing (packaging/setup bench)"
            ));
        }
    }
    let home = Home::new()?;
    let server = home.serve()?;
    let name = home.drop_file(&media_maker::grainy_1080p().make()?)?;
    let video = server.api.wait_until_ready(&name, DEADLINE)?;
    let files: Vec<PathBuf> = store::segments(&home.data())?.into_keys().collect();
    let generation = files.first().and_then(|file| file.parent());
    let generation = generation.context("nothing is stored")?;
    let nginx = over(generation, &video.id)?;
    let script = home.folder().join("segments.lua");
    fs::write(&script, requests(&files, &video.id)?)?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(run(&server.url, &script, BUSY)?);
        theirs.push(run(&nginx.url, &script, BUSY)?);
    }
    let idle_mib = resident_mib(&server)?;
    let (mut ours_crowd, mut theirs_crowd) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours_crowd.push(run(&server.url, &script, CROWD)?);
        theirs_crowd.push(run(&nginx.url, &script, CROWD)?);
    }
    let crowd_mib = most_resident_mib(&server)?;
    server.stop()?;
    Ok(format!(
        "segments over HTTP, {} files, wrk with 2 threads for {RUN_S} s, median of {rounds}\n\
         {:<26} {:>12} {:>12}\n{}\n{}\n{}\n{}\n\
         Homereel's speed as a multiple of nginx's: {:.2} at {BUSY}, {:.2} at {CROWD} (budget 0.90)\n\
         memory: {idle_mib:.1} MiB before the {CROWD}, {crowd_mib:.1} MiB at most, \
         {:.1} MiB more (budget 64)",
        files.len(),
        "",
        "requests/s",
        "MiB/s",
        row(&format!("Homereel, {BUSY} connections"), &ours),
        row(&format!("nginx, {BUSY} connections"), &theirs),
        row(&format!("Homereel, {CROWD} at once"), &ours_crowd),
        row(&format!("nginx, {CROWD} at once"), &theirs_crowd),
        speed(&ours) / speed(&theirs),
        speed(&ours_crowd) / speed(&theirs_crowd),
        crowd_mib - idle_mib,
    ))
}

fn speed(runs: &[Run]) -> f64 {
    median(runs.iter().map(|run| run.requests_per_s).collect())
}

fn row(name: &str, runs: &[Run]) -> String {
    let mib = median(runs.iter().map(|run| run.mib_per_s).collect());
    format!("{name:<26} {:>12.0} {mib:>12.0}", speed(runs))
}

/// wrk's script: every segment in turn, each thread from the beginning.
fn requests(files: &[PathBuf], id: &str) -> Result<String> {
    let mut script = String::from("local paths = {\n");
    for file in files {
        let name = file.file_name().context("a segment has no name")?;
        writeln!(script, "  \"/media/{id}/{}\",", name.to_string_lossy())?;
    }
    script += "}\nlocal at = 0\n\
        request = function()\n  at = at % #paths + 1\n  return wrk.format(\"GET\", paths[at])\nend\n";
    Ok(script)
}

/// One run of wrk; an answer that is not a segment fails it.
fn run(url: &str, script: &Path, connections: u32) -> Result<Run> {
    let said = text_of(
        command("wrk")
            .args(["--threads", "2", "--timeout", "20s"])
            .args(["--connections", &connections.to_string()])
            .args(["--duration", &format!("{RUN_S}s")])
            .arg("--script")
            .arg(script)
            .arg(url),
    )?;
    ensure!(
        !said.contains("Non-2xx"),
        "{url} answered something else than segments:\n{said}"
    );
    let after = |label: &str| -> Result<&str> {
        let line = said.lines().find_map(|line| line.strip_prefix(label));
        Ok(line.with_context(|| format!("wrk said no {label}"))?.trim())
    };
    Ok(Run {
        requests_per_s: after("Requests/sec:")?.parse()?,
        mib_per_s: mebibytes(after("Transfer/sec:")?)?,
    })
}

/// `1.23GB`, as wrk writes it, counts in powers of 1024.
fn mebibytes(text: &str) -> Result<f64> {
    let units = [("GB", 1024.0), ("MB", 1.0), ("KB", 1.0 / 1024.0)];
    let found = units
        .iter()
        .find_map(|(unit, mib)| Some((text.strip_suffix(unit)?, mib)));
    let (number, mib) = found.with_context(|| format!("wrk said {text:?} per second"))?;
    Ok(number.parse::<f64>()? * mib)
}

/// Serves the folder of a generation as `/media/{id}/`, tuned as for static files.
fn over(generation: &Path, id: &str) -> Result<Nginx> {
    Nginx::start(|folder, port| {
        fs::create_dir_all(folder.join("root/media"))?;
        symlink(generation, folder.join("root/media").join(id))?;
        Ok(format!(
            "access_log off;\n  sendfile on;\n  tcp_nopush on;\n  tcp_nodelay on;\n\
             keepalive_requests 1000000;\n  open_file_cache max=4096 inactive=60s;\n\
             types {{ video/iso.segment m4s; }}\n\
             server {{ listen 127.0.0.1:{port} backlog=4096; root {}/root; }}",
            folder.display()
        ))
    })
}
