//! A film of two hours beside one of a minute: how long until the first segments, how long after a
//! jump into what nobody has encoded yet, and how much memory everything together takes. The
//! budgets are 8 s, 8 s, and 600 MB that do not grow with the length.
//! What does not belong here: when a browser shows the first picture (`first_frame`).

use anyhow::{Context, Result, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::share_mib;
use crate::median;
use tests::api::Api;
use tests::media_maker::{self, Fate};
use tests::server::{Home, Server};

const DEADLINE: Duration = Duration::from_secs(300);
/// Where the jump goes, in seconds.
const JUMP_S: f64 = 90.0 * 60.0;
/// How long each film's work is watched: a minute of film is done by then.
const WATCHED: Duration = Duration::from_secs(60);
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(200);

/// One film, dropped into a fresh server.
#[derive(Debug)]
struct Run {
    first_s: f64,
    /// Only for a film that is long enough.
    jump_s: Option<f64>,
    most_mib: f64,
}

/// A table of medians for both films.
pub(crate) fn measure(rounds: usize) -> Result<String> {
    let films = [
        (
            "1 min",
            media_maker::looped_1080p(3, Fate::Encoded)?.make()?,
        ),
        (
            "2 h",
            media_maker::looped_1080p(352, Fate::Encoded)?.make()?,
        ),
    ];
    let mut table = format!(
        "a long film beside a short one, 1080p, encoded, median of {rounds}\n\
         {:<8} {:>22} {:>22} {:>18}",
        "film", "drop to first segments", "jump to minute 90", "memory at most"
    );
    for (name, film) in &films {
        let runs = (0..rounds).map(|_| measure_once(film));
        let runs = runs.collect::<Result<Vec<_>>>()?;
        let middle = |value: fn(&Run) -> f64| median(runs.iter().map(value).collect());
        let jump = match middle(|run| run.jump_s.unwrap_or(f64::NAN)) {
            jump if jump.is_nan() => "–".to_owned(),
            jump => format!("{jump:.2} s"),
        };
        table += &format!(
            "\n{name:<8} {:>20.2} s {jump:>22} {:>14.0} MiB",
            middle(|run| run.first_s),
            middle(|run| run.most_mib)
        );
    }
    Ok(table)
}

fn measure_once(film: &std::path::Path) -> Result<Run> {
    let home = Home::new()?;
    let server = home.serve()?;
    let began = Instant::now();
    let name = home.drop_file(film)?;
    let over = AtomicBool::new(false);
    let run = thread::scope(|scope| {
        let memory = scope.spawn(|| watch_memory(&server, &over));
        let played = play(&server.api, &name, began);
        thread::sleep(WATCHED.saturating_sub(began.elapsed()));
        over.store(true, Ordering::SeqCst);
        let most_mib = memory.join().ok().context("the watch of memory failed")??;
        let (first_s, jump_s) = played?;
        Ok::<_, anyhow::Error>(Run {
            first_s,
            jump_s,
            most_mib,
        })
    })?;
    server.stop()?;
    Ok(run)
}

/// Asks for what a player asks for: at the beginning, then at the place of the jump.
fn play(api: &Api, name: &str, began: Instant) -> Result<(f64, Option<f64>)> {
    let planned = |video: &tests::api::Video| video.manifest_dash.is_some();
    let video = api.wait_for_video(name, "planned", DEADLINE, planned)?;
    let sound = u32::try_from(video.rungs.len())?;
    fetch_both(api, &video.id, sound, 1)?;
    let first_s = began.elapsed().as_secs_f64();
    let Some(number) = segment_at(api, &video.id, JUMP_S)? else {
        return Ok((first_s, None));
    };
    let jumped = Instant::now();
    fetch_both(api, &video.id, sound, number)?;
    Ok((first_s, Some(jumped.elapsed().as_secs_f64())))
}

/// The picture of the lowest rung and the sound at one place, asked for at the same time.
fn fetch_both(api: &Api, id: &str, sound: u32, number: usize) -> Result<()> {
    thread::scope(|scope| {
        let fetches = [0, sound].map(|stream| scope.spawn(move || fetch(api, id, stream, number)));
        for fetch in fetches {
            fetch.join().ok().context("a request panicked")??;
        }
        Ok(())
    })
}

/// As players do: a 503 says to come again.
fn fetch(api: &Api, id: &str, stream: u32, number: usize) -> Result<()> {
    let path = format!("/media/{id}/chunk-stream{stream}-{number:05}.m4s");
    let began = Instant::now();
    loop {
        let answer = api.get(&path)?;
        if answer.status == 200 {
            return Ok(());
        }
        ensure!(
            answer.status == 503 && began.elapsed() < DEADLINE,
            "{path} answered {}",
            answer.summary()
        );
    }
}

/// The number of the segment shown at `seconds`, by the playlist; `None` beyond the end.
fn segment_at(api: &Api, id: &str, seconds: f64) -> Result<Option<usize>> {
    let playlist = api.bytes(&format!("/media/{id}/media-0.m3u8"))?;
    let playlist = String::from_utf8(playlist)?;
    let lengths = playlist.lines().filter_map(|line| {
        line.strip_prefix("#EXTINF:")?
            .trim_end_matches(',')
            .parse::<f64>()
            .ok()
    });
    let mut end_s = 0.0;
    for (index, length) in lengths.enumerate() {
        end_s += length;
        if end_s > seconds {
            return Ok(Some(index + 1));
        }
    }
    Ok(None)
}

/// The most that the server and its workers held together at any look.
fn watch_memory(server: &Server, over: &AtomicBool) -> Result<f64> {
    let mut most_mib = 0.0_f64;
    while !over.load(Ordering::SeqCst) {
        let mut mib = share_mib(server.pid())?;
        for worker in server.workers()? {
            // It may have ended since.
            mib += share_mib(worker.pid.cast_unsigned()).unwrap_or(0.0);
        }
        most_mib = most_mib.max(mib);
        thread::sleep(LOOK);
    }
    Ok(most_mib)
}
