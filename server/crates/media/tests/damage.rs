//! Damaged films by the hundred, given to real workers in their sandbox (cases M15 and M27 of the
//! catalogue): each is played or refused with a sentence, and no worker crashes or hangs. What does
//! not belong here: what the server makes of it (the end-to-end tests).

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its story must stop"
)]

use media::demand::Demand;
use media::limits::{Duty, Patience};
use media::output::Output;
use media::spawn::ProcessLauncher;
use media::worker::Worker;
use model::error::{Error, ErrorKind};
use model::plan::Plan;
use model::settings::Speed;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Single bits, each in a copy of its own.
const FLIPS: usize = 1_000;
/// Of how many copies one is also made into segments; reading is where most goes wrong.
const MADE: usize = 4;
/// Copies of every container with damage of all kinds.
const COPIES: usize = 8;
/// Workers at once.
const LANES: usize = 2;
/// A worker that is silent for longer hangs.
const SILENCE: Duration = Duration::from_secs(30);
/// So that a failure can be had again; the number of the copy is added.
const SEED: u64 = 0x5eed_0000;

/// Containers and how ffmpeg fills them.
const CONTAINERS: [(&str, &str); 12] = [
    ("mp4", "-c:v libx264 -bf 2 -g 12 -c:a aac"),
    ("mov", "-c:v prores_ks -c:a pcm_s16be"),
    ("mkv", "-c:v libx264 -bf 2 -g 12 -c:a ac3"),
    ("webm", "-c:v libvpx -deadline realtime -c:a libvorbis"),
    ("ts", "-c:v mpeg2video -bf 2 -c:a mp2"),
    ("mpg", "-c:v mpeg1video -c:a mp2"),
    ("avi", "-c:v mpeg4 -c:a libmp3lame"),
    ("flv", "-c:v flv -ar 22050 -c:a libmp3lame"),
    ("wmv", "-c:v wmv2 -c:a wmav2"),
    ("ogv", "-c:v libtheora -c:a libvorbis"),
    ("flac", "-vn -c:a flac"),
    ("mp3", "-vn -c:a libmp3lame"),
];

#[test]
fn m15_a_thousand_flipped_bits_crash_no_worker() {
    let films: Vec<(&str, Vec<u8>)> = ["mp4", "mkv", "ts", "avi"]
        .iter()
        .map(|extension| (*extension, film(extension)))
        .collect();
    try_all(FLIPS, MADE, |number| {
        let (extension, film) = &films[number % films.len()];
        let mut film = film.clone();
        let place = random(number).next().unwrap() as usize % (film.len() * 8);
        film[place / 8] ^= 1 << (place % 8);
        (format!("bit {place} of {extension}"), film)
    });
}

#[test]
fn m27_damage_of_every_kind_in_every_container_crashes_no_worker() {
    let films = CONTAINERS.map(|(extension, _)| (extension, film(extension)));
    try_all(COPIES * films.len(), 1, |number| {
        let (extension, film) = &films[number % films.len()];
        let (kind, damaged) = damaged(film, number / films.len(), number);
        (format!("{kind} in {extension}"), damaged)
    });
}

/// Two seconds in that container.
fn film(extension: &str) -> Vec<u8> {
    let (_, codecs) = CONTAINERS
        .iter()
        .find(|(name, _)| *name == extension)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film").with_extension(extension);
    #[expect(
        clippy::disallowed_methods,
        reason = "the test needs films of all kinds"
    )]
    let status = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args("-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f lavfi -i sine=r=44100:d=2".split(' '))
        .args(codecs.split(' '))
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg makes a film as {extension}");
    fs::read(path).unwrap()
}

/// Numbers that look like chance and are the same in every run.
fn random(number: usize) -> impl Iterator<Item = u64> {
    let mut state = (SEED + number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}

fn damaged(film: &[u8], kind: usize, number: usize) -> (&'static str, Vec<u8>) {
    let mut chance = random(number);
    let mut below = |limit: usize| chance.next().unwrap() as usize % limit.max(1);
    let mut bytes = film.to_vec();
    match kind % 8 {
        0 | 1 => {
            for _ in 0..bytes.len() / 500 {
                let place = below(bytes.len());
                bytes[place] = below(256) as u8;
            }
            ("bytes changed all over", bytes)
        }
        2 => {
            // Headers lie in front.
            for _ in 0..20 {
                let place = below(bytes.len().min(2_000));
                bytes[place] ^= 1 << below(8);
            }
            ("a damaged header", bytes)
        }
        3 => {
            let (from, length) = (below(bytes.len()), below(4_000));
            let to = (from + length).min(bytes.len());
            bytes.drain(from..to);
            ("a piece lost", bytes)
        }
        4 => {
            let (from, to) = (below(bytes.len()), below(bytes.len()));
            let piece = bytes[from..(from + 3_000).min(bytes.len())].to_vec();
            bytes.splice(to..to, piece);
            ("a piece twice", bytes)
        }
        5 => {
            let from = below(bytes.len());
            let to = (from + 2_000).min(bytes.len());
            bytes[from..to].fill(if below(2) == 0 { 0 } else { 0xff });
            ("a hole", bytes)
        }
        6 => {
            bytes.truncate(below(bytes.len()));
            ("an early end", bytes)
        }
        _ => {
            // Sizes and counts are four bytes with many zeros.
            for _ in 0..30 {
                let place = below(bytes.len().saturating_sub(4));
                let number = [0, 1, 0x7fff_ffff, u32::MAX][below(4)];
                if bytes[place] == 0 {
                    bytes[place..place + 4].copy_from_slice(&number.to_be_bytes());
                }
            }
            ("numbers that are too large", bytes)
        }
    }
}

/// Gives copy number 0 to `count` to workers, and lets them make every `made`-th; fails with all
/// of those that ended one.
fn try_all(count: usize, made: usize, copy: impl Fn(usize) -> (String, Vec<u8>) + Sync) {
    let next = AtomicUsize::new(0);
    let (next, copy) = (&next, &copy);
    let lane = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut failures = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return failures;
            }
            let (what, bytes) = copy(number);
            if let Err(why) = runtime.block_on(withstands(&bytes, number.is_multiple_of(made))) {
                let kept = keep(number, &bytes);
                failures.push(format!("copy {number} ({what}, kept as {kept}): {why}"));
            }
        }
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let ends = lanes.into_iter().map(|lane| lane.join().unwrap());
        ends.flatten().collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {count} copies ended their worker, seed {SEED:#x}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// For whoever looks into it.
fn keep(number: usize, film: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("damaged-{number}"));
    fs::write(&path, film).unwrap();
    path.display().to_string()
}

/// The worker lives through looking at a film, and through making it if that is wanted, or refuses
/// it with a sentence.
async fn withstands(film: &[u8], is_made: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    fs::write(&path, film).unwrap();
    let mut looking = start(&path, folder.path(), Duty::Inspect).await?;
    let demand = Demand {
        speed: Speed::Fast,
        top_rung: 360,
        may_copy: true,
    };
    let plan = looking.inspect(demand).await;
    looking.stop().await;
    let plan = match plan {
        Ok(plan) if is_made => plan,
        Ok(_) => return Ok(()),
        Err(error) => return is_refusal(&error),
    };
    let mut making = start(&path, folder.path(), Duty::Encode).await?;
    let made = make(&mut making, &plan).await;
    making.stop().await;
    made
}

async fn start(film: &Path, folder: &Path, duty: Duty) -> Result<Worker, String> {
    let scratch = folder.join(format!("{duty:?}"));
    fs::create_dir(&scratch).unwrap();
    let launcher = ProcessLauncher::new(worker_program()).unwrap();
    let patience = Patience {
        hello: SILENCE,
        inspect: SILENCE,
        encode: SILENCE,
    };
    let started = Worker::start(
        &launcher,
        File::open(film).unwrap(),
        &scratch,
        duty,
        patience,
    );
    started.await.map_err(|error| error.message().to_owned())
}

fn worker_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let worker = test.ancestors().nth(2).unwrap().join("homereel-worker");
    assert!(worker.is_file(), "run `cargo build --bins` first");
    worker
}

/// The first chunk, the first span of sound, and the poster.
async fn make(worker: &mut Worker, plan: &Plan) -> Result<(), String> {
    let mut begun = Vec::new();
    if plan.video.is_some() {
        begun.push(worker.begin_chunk(plan, 0));
        finish(worker).await?;
        begun.push(worker.begin_poster(plan));
        finish(worker).await?;
    }
    if !plan.audio.is_empty() {
        begun.push(worker.begin_audio(plan, 0));
        finish(worker).await?;
    }
    match begun.into_iter().find_map(Result::err) {
        Some(error) => Err(error.message().to_owned()),
        None => Ok(()),
    }
}

async fn finish(worker: &mut Worker) -> Result<(), String> {
    while worker.outstanding() > 0 {
        match worker.next_output().await {
            Ok((_, Output::Failed(error))) => is_refusal(&error)?,
            Ok(_) => {}
            Err(error) => return Err(error.message().to_owned()),
        }
    }
    Ok(())
}

/// The worker lives and says why it will not; a broken connection or a defect is no such thing.
fn is_refusal(error: &Error) -> Result<(), String> {
    let message = error.message();
    let is_sentence = message.len() > 15 && !message.contains("panicked");
    match error.kind() {
        ErrorKind::Unsupported if is_sentence => Ok(()),
        kind => Err(format!("{kind:?}: {message}")),
    }
}
