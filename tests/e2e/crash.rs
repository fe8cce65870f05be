//! kill -9 at twenty points of a job, the server and the worker in turn: the title completes,
//! nothing finished is written again, and the result is as good as an undisturbed one. Also the
//! opposite: a stop by SIGTERM, which may take its time but not more than five seconds.
//! What does not belong here: disks that fill up (`withstand`).

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::proof::{is_complete, prove_title};
use tests::program::say_aloud;
use tests::server::{Home, Server};
use tests::store::{self, StoredFile};
use tests::{media_maker, stage};

const ROUNDS: usize = 20;
/// Two qualities and one sound of 100 s make about this many segments.
const SEGMENTS_EXPECTED: usize = 80;
/// Segments whose row was not yet committed when the kill came. Sixteen of what is copied share a
/// transaction, and one for each of three other streams.
const IN_FLIGHT: usize = 19;
/// For one round, and for the end.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    Server,
    Worker,
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the server started (or the file was dropped).
    After(Duration),
    /// As soon as a worker is seen.
    WorkerSeen,
    /// So long after the store holds this many segments.
    Stored(usize, Duration),
}

#[test]
fn killed_at_twenty_points_the_title_completes_and_nothing_finished_is_made_again() -> Result<()> {
    let _turn = stage::alone();
    let home = Home::new()?;
    let clip = media_maker::sized(854, 480, 100).make()?;
    let mut server = home.serve()?;
    let name = home.drop_file(&clip)?;
    let mut stored_at_kills = Vec::new();
    for round in 0..ROUNDS {
        let (victim, moment) = plan_of(round);
        let context = || format!("round {round}, {victim:?} {moment:?}");
        wait_for(&server, &home, moment).with_context(context)?;
        let before = store::segments(&home.data())?;
        stored_at_kills.push(before.len());
        server = strike(server, &home, victim).with_context(context)?;
        let after = store::segments(&home.data())?;
        expect_untouched(&before, &after).with_context(context)?;
        if round + 1 == ROUNDS {
            finish(&server, &home, &name, &clip, &after)?;
        }
    }
    server.stop()?;
    home.check()?;
    say_aloud(&format!(
        "killed server and worker in turn with this many segments stored: {stored_at_kills:?}"
    ));
    Ok(())
}

#[test]
fn an_interlaced_film_is_the_same_bytes_however_often_its_worker_died() -> Result<()> {
    let _turn = stage::alone();
    let clip = media_maker::interlaced().make()?;
    let undisturbed = made(&clip, &[])?;
    let disturbed = made(&clip, &[2, 5, 9, 13])?;
    ensure!(undisturbed.len() > 14, "the film has several chunks");
    let differing: Vec<&String> = undisturbed
        .iter()
        // The best rung's encoder has two threads, and no two runs of it are the same.
        .filter(|(name, _)| name.contains("-stream0-"))
        .filter(|(name, digest)| disturbed.get(*name) != Some(digest))
        .map(|(name, _)| name)
        .collect();
    ensure!(
        differing.is_empty() && disturbed.len() == undisturbed.len(),
        "other bytes after the worker's deaths: {differing:?}"
    );
    Ok(())
}

/// Digests of all segments of `clip` by their names. Its workers are killed as soon as so many
/// segments are stored.
fn made(clip: &Path, kills: &[usize]) -> Result<BTreeMap<String, String>> {
    let home = Home::new()?;
    let server = home.serve()?;
    let name = home.drop_file(clip)?;
    for stored in kills {
        wait_for(&server, &home, Moment::Stored(*stored, Duration::ZERO))?;
        for worker in server.workers()? {
            worker.kill()?;
        }
    }
    server.api.wait_until_ready(&name, PATIENCE)?;
    let segments = store::segments(&home.data())?;
    server.stop()?;
    let named = segments.into_iter().map(|(path, file)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (name.into_owned(), file.sha256)
    });
    Ok(named.collect())
}

/// The first rounds fall before the first segment, the others are spread over the segments, with
/// delays that are no multiple of anything.
fn plan_of(round: usize) -> (Victim, Moment) {
    let victim = if round.is_multiple_of(2) {
        Victim::Server
    } else {
        Victim::Worker
    };
    let moment = match round {
        0 => Moment::After(Duration::from_millis(700)),
        1 | 2 => Moment::WorkerSeen,
        _ => {
            let stored = (round - 3) * SEGMENTS_EXPECTED / (ROUNDS - 2);
            let delay = Duration::from_millis((round as u64 * 37) % 190);
            Moment::Stored(stored.max(1), delay)
        }
    };
    (victim, moment)
}

fn wait_for(server: &Server, home: &Home, moment: Moment) -> Result<()> {
    let began = Instant::now();
    let reached = || -> Result<bool> {
        Ok(match moment {
            Moment::After(delay) => began.elapsed() >= delay,
            Moment::WorkerSeen => !server.workers()?.is_empty(),
            Moment::Stored(count, _) => store::count(&home.data()) >= count,
        })
    };
    while !reached()? {
        ensure!(
            began.elapsed() < PATIENCE,
            "the moment never came; {} segments are stored, videos: {:?}",
            store::count(&home.data()),
            server.api.videos()?
        );
        // Fine enough to fall between two writes; the kernel offers no event for all of them.
        std::thread::sleep(Duration::from_millis(3));
    }
    if let Moment::Stored(_, delay) = moment {
        std::thread::sleep(delay);
    }
    Ok(())
}

/// Kills, and makes sure that a server runs again.
pub(crate) fn strike(mut server: Server, home: &Home, victim: Victim) -> Result<Server> {
    if victim == Victim::Server {
        server.kill()?;
        return home.serve();
    }
    for worker in server.workers()? {
        worker.kill()?;
    }
    ensure!(
        server.is_up()?,
        "a killed worker must not take the server along"
    );
    Ok(server)
}

/// Waits for the end of the job and proves everything.
fn finish(
    server: &Server,
    home: &Home,
    name: &str,
    clip: &Path,
    stored: &BTreeMap<PathBuf, StoredFile>,
) -> Result<()> {
    let video = server.api.wait_until_ready(name, PATIENCE)?;
    is_complete(server, &video)?;
    expect_untouched(stored, &store::segments(&home.data())?)?;
    prove_title(server, &video, clip)?;
    Ok(())
}

/// At most the segments in flight were written again, or are swept away and not yet there again.
pub(crate) fn expect_untouched(
    before: &BTreeMap<PathBuf, StoredFile>,
    after: &BTreeMap<PathBuf, StoredFile>,
) -> Result<()> {
    let changed: Vec<&PathBuf> = before
        .iter()
        .filter(|(path, file)| after.get(*path) != Some(file))
        .map(|(path, _)| path)
        .collect();
    ensure!(
        changed.len() <= IN_FLIGHT,
        "{} finished segments are gone or were written again: {changed:?}",
        changed.len()
    );
    Ok(())
}

#[test]
fn asked_to_stop_in_the_middle_of_a_job_the_server_takes_less_than_five_seconds() -> Result<()> {
    let _turn = stage::alone();
    let home = Home::new()?;
    let clip = media_maker::sized(1280, 720, 60).make()?;
    let server = home.serve()?;
    let name = home.drop_file(&clip)?;
    wait_for(&server, &home, Moment::Stored(5, Duration::from_millis(50)))?;
    let took = server.stop()?;
    ensure!(took < Duration::from_secs(5), "stopping took {took:?}");
    home.check()?;

    let stored = store::segments(&home.data())?;
    let server = home.serve()?;
    finish(&server, &home, &name, &clip, &stored)?;
    server.stop()?;
    Ok(())
}
