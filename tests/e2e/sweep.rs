//! kill -9 at random instants, over server and workers, while one film after the other is made:
//! none is lost, none is there twice, nothing finished is made again, and where the encoders are
//! the same in every run, so are the bytes. `HOMEREEL_KILLS` says how often (100 takes minutes),
//! `HOMEREEL_SEED` repeats a run. What does not belong here: kills at chosen points (`crash`).

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::time::Duration;

use crate::crash::{Victim, expect_untouched, strike};
use crate::proof::is_complete;
use crate::withstand::xorshift;
use tests::api::Video;
use tests::program::say_aloud;
use tests::server::{Home, Server};
use tests::{media_maker, stage, store};

/// Unless `HOMEREEL_KILLS` says otherwise.
const KILLS: u64 = 12;
/// A kill comes at most so long after the one before: time for a few chunks.
const LONGEST_PAUSE_MS: u64 = 4_000;
const PATIENCE: Duration = Duration::from_secs(240);

/// Digests of a title's segments by their names.
type Digests = BTreeMap<String, String>;

#[test]
fn killed_at_random_instants_no_film_is_lost_doubled_or_made_twice() -> Result<()> {
    let _turn = stage::alone();
    let kills = number_of("HOMEREEL_KILLS").unwrap_or(KILLS);
    let seed = number_of("HOMEREEL_SEED").unwrap_or_else(any_seed);
    say_aloud(&format!(
        "a kill sweep of {kills}; HOMEREEL_KILLS={kills} HOMEREEL_SEED={seed} repeats it"
    ));
    let reference = Reference::measured()?;
    let mut sweep = Sweep::begin()?;
    let mut chance = xorshift(seed | 1);
    for kill in 0..kills {
        let numbers = (chance.next().unwrap_or(0), chance.next().unwrap_or(0));
        sweep = sweep
            .one_more(numbers)
            .with_context(|| format!("kill {kill} of seed {seed}"))?;
    }
    sweep
        .conclude(&reference)
        .with_context(|| format!("seed {seed}"))
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Another one in every run.
fn any_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The clip under that number: the same pictures and sounds, but another file.
fn drop_copy(home: &Home, number: usize) -> Result<String> {
    let mut bytes = fs::read(media_maker::sized(854, 480, 40).make()?)?;
    // A box that says nothing.
    bytes.extend([0, 0, 0, 16]);
    bytes.extend(b"free");
    bytes.extend((number as u64).to_be_bytes());
    let name = format!("film-{number}.mp4");
    fs::write(home.drop_folder().join(&name), bytes)?;
    Ok(name)
}

fn digests(home: &Home, video: &Video) -> Result<Digests> {
    let of_this = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str() == video.id.as_str())
    };
    let segments = store::segments(&home.data())?.into_iter();
    let segments = segments
        .filter(|(path, _)| of_this(path))
        .map(|(path, file)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), file.sha256)
        });
    let segments: Digests = segments.collect();
    ensure!(
        !segments.is_empty(),
        "{} has no segments in the store",
        video.file
    );
    Ok(segments)
}

/// What the clip becomes when nobody disturbs it.
struct Reference {
    digests: Digests,
    /// Streams that came out the same twice: of the others, no two runs are the same.
    steady: BTreeSet<String>,
}

impl Reference {
    fn measured() -> Result<Self> {
        let home = Home::new()?;
        let server = home.serve()?;
        let mut runs = Vec::new();
        for number in 0..2 {
            let name = drop_copy(&home, number)?;
            let video = server.api.wait_until_ready(&name, PATIENCE)?;
            runs.push(digests(&home, &video)?);
        }
        server.stop()?;
        let streams: BTreeSet<String> = runs[0].keys().map(|name| stream_of(name)).collect();
        let is_steady = |stream: &String| {
            let mut names = runs[0].keys().filter(|name| stream_of(name) == *stream);
            names.all(|name| runs[0].get(name) == runs[1].get(name))
        };
        let steady: BTreeSet<String> = streams.iter().filter(|s| is_steady(s)).cloned().collect();
        say_aloud(&format!(
            "of the streams {streams:?}, {steady:?} are the same in two runs"
        ));
        ensure!(
            steady.contains("chunk-stream0") && steady.contains("chunk-stream2"),
            "the lower quality, which has one thread, and the sound must be the same in every run"
        );
        let digests = runs.swap_remove(0);
        Ok(Self { digests, steady })
    }

    /// The same names, and where that can be, the same bytes.
    fn is_met_by(&self, made: &Digests) -> Result<()> {
        let names = |digests: &Digests| digests.keys().cloned().collect::<Vec<_>>();
        ensure!(
            names(made) == names(&self.digests),
            "its segments are {:?}",
            names(made)
        );
        let differing: Vec<&String> = made
            .iter()
            .filter(|(name, _)| self.steady.contains(&stream_of(name)))
            .filter(|(name, digest)| self.digests.get(*name) != Some(digest))
            .map(|(name, _)| name)
            .collect();
        ensure!(
            differing.is_empty(),
            "other bytes than undisturbed: {differing:?}"
        );
        Ok(())
    }
}

/// `chunk-stream2` of `chunk-stream2-00001.m4s`.
fn stream_of(name: &str) -> String {
    name.rsplit_once('-')
        .map_or(name, |(stream, _)| stream)
        .to_owned()
}

struct Sweep {
    home: Home,
    server: Server,
    films: Vec<String>,
    struck: BTreeMap<&'static str, u32>,
}

impl Sweep {
    fn begin() -> Result<Self> {
        let home = Home::new()?;
        Ok(Self {
            server: home.serve()?,
            home,
            films: Vec::new(),
            struck: BTreeMap::new(),
        })
    }

    /// Sees that there is work, waits, kills, and looks whether what was finished is untouched.
    fn one_more(mut self, (pause, victim): (u64, u64)) -> Result<Self> {
        let videos = self.server.api.videos()?;
        let finished = videos.iter().filter(|video| video.state == "ready").count();
        if finished == self.films.len() {
            self.films.push(drop_copy(&self.home, self.films.len())?);
        }
        // The instant is the point: there is nothing to wait for.
        std::thread::sleep(Duration::from_millis(pause % LONGEST_PAUSE_MS));
        let (victim, name) = if victim.is_multiple_of(2) {
            (Victim::Server, "server")
        } else {
            (Victim::Worker, "worker")
        };
        *self.struck.entry(name).or_default() += 1;
        let before = store::segments(&self.home.data())?;
        self.server = strike(self.server, &self.home, victim)?;
        expect_untouched(&before, &store::segments(&self.home.data())?)?;
        Ok(self)
    }

    fn conclude(self, reference: &Reference) -> Result<()> {
        for name in &self.films {
            let video = self.server.api.wait_until_ready(name, PATIENCE)?;
            is_complete(&self.server, &video)?;
            let videos = self.server.api.videos_of(name)?;
            ensure!(videos.len() == 1, "{name} has {} titles", videos.len());
            let met = reference.is_met_by(&digests(&self.home, &video)?);
            met.with_context(|| name.clone())?;
        }
        let videos = self.server.api.videos()?;
        ensure!(videos.len() == self.films.len(), "{} titles", videos.len());
        self.server.stop()?;
        self.home.check()?;
        say_aloud(&format!(
            "{} films, killed: {:?}",
            self.films.len(),
            self.struck
        ));
        Ok(())
    }
}
