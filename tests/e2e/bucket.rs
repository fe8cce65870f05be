//! A bucket as the place of all titles, on real S3 servers: the main job, servers that die while
//! segments go up, and lines that break in every way. What does not belong here: the local disk
//! (`crash`, `withstand`).

pub(crate) mod s3;

use anyhow::{Context, Result, ensure};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::bucket::s3::{Kind, S3, minio};
use crate::proof::{is_complete, prove_title};
use tests::api::{Video, wait_until};
use tests::program::say_aloud;
use tests::proxy::{Proxy, Weather, refusal};
use tests::server::{Home, Server};
use tests::{media_maker, stage, store};

/// A loaded machine encodes at a tenth of its speed.
const PATIENCE: Duration = Duration::from_secs(900);
const ROUNDS: usize = 20;
/// Names of segments end like this.
const SEGMENT: &str = ".m4s";

/// The servers that can be had here; says aloud if MinIO is not among them.
fn kinds() -> Vec<Kind> {
    if minio().is_some() {
        return vec![Kind::Minio, Kind::Folder];
    }
    say_aloud("MinIO is not built (packaging/setup says why); only s3s-fs stands for S3");
    vec![Kind::Folder]
}

#[test]
fn a_film_in_a_bucket_plays_and_leaves_nothing_on_this_computer() -> Result<()> {
    let _turn = stage::shared();
    for kind in kinds() {
        let s3 = S3::start(kind)?;
        let home = Home::configured(&S3::configuration(&format!("http://{}", s3.address)))?;
        let server = home.serve()?;
        let clip = media_maker::sized(854, 480, 20).make()?;
        let name = home.drop_file(&clip)?;
        let video = server.api.wait_until_ready(&name, PATIENCE)?;
        is_complete(&server, &video)?;
        prove_title(&server, &video, &clip).with_context(|| format!("from {kind:?}"))?;
        ensure!(s3.count(SEGMENT) > 10, "the segments lie in the bucket");
        ensure!(store::count(&home.data()) == 0, "and not on this computer");
        server.stop()?;
        home.check()?;
    }
    Ok(())
}

#[test]
fn a_bucket_that_is_away_makes_the_film_wait_and_go_on_by_itself() -> Result<()> {
    let _turn = stage::shared();
    let s3 = S3::start(Kind::Folder)?;
    let line = Proxy::to(s3.address)?;
    let home = Home::configured(&S3::configuration(&line.url()))?;
    // Long enough that something is left to be stored in every storm.
    let clip = media_maker::sized(854, 480, 100).make()?;
    let mut server = Some(home.serve()?);
    let name = home.drop_file(&clip)?;
    let storms = [
        (Weather::Refusing, "broke off"),
        (
            Weather::Answering(refusal("503 Service Unavailable", "SlowDown")),
            "too much to do",
        ),
        (
            Weather::Answering(refusal("403 Forbidden", "InvalidAccessKeyId")),
            "access key",
        ),
        (Weather::CutAfter(60_000), "broke off"),
        (Weather::Silent, "does not answer"),
    ];
    let count = storms.len();
    for (round, (weather, words)) in storms.into_iter().enumerate() {
        let running = server.as_ref().context("a server runs")?;
        let stored = s3.count(SEGMENT);
        wait_until("storing", PATIENCE, || {
            Ok((s3.count(SEGMENT) > stored + 2).then_some(()))
        })
        .with_context(|| format!("before {weather:?}: {:?}", running.api.videos()))?;
        line.set(weather.clone());
        let waiting = |video: &Video| video.words().contains(words);
        let video = running
            .api
            .wait_for_video(&name, "waiting for its bucket", PATIENCE, waiting)
            .with_context(|| format!("in {weather:?}"))?;
        ensure!(
            video.words().contains("wait on this computer"),
            "what is encoded is not lost: {}",
            video.words()
        );
        expect_calm(&line)?;
        // One of the storms is sat out by a server that is killed in the middle of it.
        if round + 2 == count {
            server.take().context("a server runs")?.kill()?;
            server = Some(home.serve()?);
        }
        line.set(Weather::Fair);
    }
    let server = server.context("a server runs")?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    prove_title(&server, &video, &clip)?;
    let shelf = std::fs::read_dir(home.data().join("shelf"))?.count();
    ensure!(shelf == 0, "nothing waits any more");
    server.stop()?;
    home.check()?;
    Ok(())
}

/// What may be under way when a bucket goes: eight pieces of each of three lanes, tried five times.
const LAST_TRIES: u64 = 3 * 8 * 5;

/// A bucket that is away is not asked again and again.
fn expect_calm(line: &Proxy) -> Result<()> {
    let (before, began) = (line.connections(), Instant::now());
    std::thread::sleep(Duration::from_secs(3));
    let asked = line.connections() - before;
    ensure!(
        asked <= LAST_TRIES,
        "{asked} connections in {:?} are a storm of our own",
        began.elapsed()
    );
    Ok(())
}

/// Draws where the kills fall. The same seed draws the same.
struct Dice(u64);

impl Dice {
    /// From `HOMEREEL_SEED`, or anew.
    fn thrown() -> Result<Self> {
        let seed = match std::env::var("HOMEREEL_SEED") {
            Ok(seed) => seed.parse().context("reading HOMEREEL_SEED")?,
            // The standard library draws one for every hash map.
            Err(_) => RandomState::new().hash_one("kills"),
        };
        say_aloud(&format!(
            "the kills fall as HOMEREEL_SEED={seed} draws them"
        ));
        Ok(Self(seed | 1))
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
fn killed_again_and_again_while_storing_the_films_play_and_every_object_has_its_row() -> Result<()>
{
    let _turn = stage::alone();
    let kind = kinds().into_iter().next().context("there is a server")?;
    let mut dice = Dice::thrown()?;
    let mut s3 = S3::start(kind)?;
    let home = Home::configured(&S3::configuration(&format!("http://{}", s3.address)))?;
    let clips = [
        media_maker::sized(854, 480, 60).make()?,
        media_maker::sized(640, 360, 60).make()?,
    ];
    let mut server = home.serve()?;
    let mut names = Vec::new();
    for clip in &clips {
        names.push(home.drop_file(clip)?);
    }
    let mut stored = Vec::new();
    for round in 0..ROUNDS {
        wait_for_objects(&server, &s3, round * 70 / ROUNDS)?;
        std::thread::sleep(Duration::from_millis(dice.below(400)));
        stored.push(s3.count(SEGMENT));
        // With MinIO now one, now the other, now both at once.
        let fates = if kind == Kind::Minio { 3 } else { 1 };
        let fate = dice.below(fates);
        if fate > 0 {
            s3.kill()?;
        }
        if fate != 1 {
            server.kill()?;
            server = home.serve()?;
        }
        if fate > 0 {
            std::thread::sleep(Duration::from_millis(dice.below(700)));
            s3.run()?;
        }
    }
    for (clip, name) in clips.iter().zip(&names) {
        let video = server.api.wait_until_ready(name, PATIENCE)?;
        is_complete(&server, &video)?;
        prove_title(&server, &video, clip)?;
    }
    server.stop()?;
    let server = home.serve()?;
    wait_until("free of orphans", PATIENCE, || Ok(home.check().ok()))?;
    server.stop()?;
    home.check()?;
    say_aloud(&format!(
        "killed Homereel and {kind:?} with this many objects stored: {stored:?}"
    ));
    Ok(())
}

fn wait_for_objects(server: &Server, s3: &S3, wanted: usize) -> Result<()> {
    let began = Instant::now();
    while s3.count(SEGMENT) < wanted {
        ensure!(
            began.elapsed() < PATIENCE,
            "only {} objects, videos: {:?}",
            s3.count(SEGMENT),
            server.api.videos()?
        );
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(())
}
