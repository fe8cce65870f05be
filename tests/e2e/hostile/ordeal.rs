//! One server that is given bad files, and what must hold after them: the same process, well within
//! two seconds, no secret told, the database whole, one honest end for each film, nothing left
//! over. What does not belong here: the files (the modules beside this one).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::withstand::MACHINERY;
use tests::api::{Video, wait_until};
use tests::download::Download;
use tests::media_maker::{self, Recipe};
use tests::program::report_folder;
use tests::server::{Home, Server};
use tests::verifier::{self, Effort, Report};

/// Other tests may keep the machine busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(420);
/// An answer that takes longer is no sign of health.
const WELL_WITHIN: Duration = Duration::from_secs(2);
/// Stands in files that must never be read, and nowhere else.
const CANARY: &[u8] = b"canary-7f3a9c51-that-must-not-sing";
/// Descriptors more than before are a leak.
const DESCRIPTORS_ALLOWED: usize = 16;
/// The same for memory, in kilobytes.
const MEMORY_ALLOWED_KB: u64 = 64 * 1024;

/// What must become of a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// It is played.
    Plays,
    /// It is not, and the reason holds one of these words.
    Fails(&'static [&'static str]),
    /// One of the two; what cannot be said beforehand.
    Either,
}

/// A server with a secret beside its folders.
pub(super) struct Ordeal {
    // Before the folders: a server that is dropped keeps its log.
    pub(super) server: Server,
    pub(super) home: Home,
    pub(super) report: Report,
    films: Vec<(String, Fate)>,
    before: Usage,
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Usage {
    descriptors: usize,
    memory_kb: u64,
}

impl Usage {
    fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        // What was served lately stays open on purpose, in a bounded number.
        let is_kept = |descriptor: &fs::DirEntry| {
            let place = fs::read_link(descriptor.path()).unwrap_or_default();
            place.components().any(|part| part.as_os_str() == "store")
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
        Ok(Self {
            descriptors: descriptors.filter(|one| !is_kept(one)).count(),
            memory_kb: kilobytes(&status, "VmRSS:").context("a process without memory")?,
        })
    }
}

/// A number of a `/proc/PID/status`.
pub(super) fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Ordeal {
    pub(super) fn begin() -> Result<Self> {
        Self::configured("")
    }

    pub(super) fn configured(more: &str) -> Result<Self> {
        let home = Home::configured(&format!("{more}[arrival]\npatience_seconds = 5\n"))?;
        let mut secret = fs::read(media_maker::tiny(71).make()?)?;
        secret.extend_from_slice(CANARY);
        for place in [
            home.folder().join("secret.mp4"),
            home.folder().join("secret.ts"),
        ] {
            fs::write(place, &secret)?;
        }
        let server = home.serve()?;
        Ok(Self {
            before: Usage::of(server.pid())?,
            home,
            server,
            report: Report::default(),
            films: Vec::new(),
        })
    }

    /// A film that nobody may read, outside of every folder.
    pub(super) fn secret(&self) -> PathBuf {
        self.home.folder().join("secret.mp4")
    }

    /// Puts a file into the watched folder.
    pub(super) fn give(&mut self, name: &str, bytes: impl AsRef<[u8]>, fate: Fate) -> Result<()> {
        fs::write(self.home.drop_folder().join(name), bytes)?;
        self.expect(name, fate);
        Ok(())
    }

    /// Puts a clip there under its own name, which is returned.
    pub(super) fn give_clip(&mut self, recipe: &Recipe, fate: Fate) -> Result<String> {
        let name = self.home.drop_file(&recipe.make()?)?;
        self.expect(&name, fate);
        Ok(name)
    }

    /// A file that lies there already.
    pub(super) fn expect(&mut self, name: &str, fate: Fate) {
        self.films.push((name.to_owned(), fate));
    }

    /// The title of `name` in its last state.
    pub(super) fn end_of(&self, name: &str) -> Result<Video> {
        let api = &self.server.api;
        api.wait_for_video(name, "in a final state", PATIENCE, Video::is_final)
    }

    pub(super) fn note(&mut self, what: &str, outcome: Result<()>) {
        self.report.note(what, outcome);
    }

    /// Waits for every end, and judges all of it.
    pub(super) fn conclude(mut self) -> Result<()> {
        for (name, fate) in &self.films {
            let outcome = self
                .end_of(name)
                .and_then(|video| self.judge(&video, *fate));
            self.report.note(name, outcome);
        }
        let names = self.names();
        let unharmed = is_unharmed(&mut self.server, &self.home, &names);
        self.report.note("oracle", unharmed);
        let took = self.took_little();
        self.report.note("leaks", took);
        self.report.conclude()?;
        self.server.stop()?;
        self.home.check()?;
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.films.iter().map(|(name, _)| name.clone()).collect()
    }

    fn judge(&self, video: &Video, fate: Fate) -> Result<()> {
        let words = video.words();
        match fate {
            Fate::Fails(hints) => {
                ensure!(video.state == "failed", "it is {}", video.state);
                let lower = words.to_lowercase();
                let hinted = hints.iter().any(|hint| lower.contains(hint));
                ensure!(hinted, "the reason {words:?} says none of {hints:?}");
            }
            Fate::Plays => ensure!(video.state == "ready", "it is {}: {words}", video.state),
            Fate::Either => {}
        }
        if video.state != "ready" {
            return Ok(());
        }
        // What its pictures should be only some tests know, but what was made must be sound. What
        // was copied has the damage of its source.
        let mut download = Download::of_title(&self.server.api, &video.id)?;
        if matches!(fate, Fate::Either) {
            let original = video.rungs.iter().find(|rung| rung.original);
            download.damaged = original.map(|rung| rung.stream.to_string());
        }
        verifier::prove(&download, None, Effort::Cheap)
    }

    fn took_little(&self) -> Result<()> {
        // Connections that were just closed are given back in a moment.
        let counted = wait_until("back to few descriptors", WELL_WITHIN * 5, || {
            let now = Usage::of(self.server.pid())?;
            let few = now.descriptors <= self.before.descriptors + DESCRIPTORS_ALLOWED;
            Ok(few.then_some(now))
        });
        let now = counted.with_context(|| format!("it began with {:?}", self.before))?;
        ensure!(
            now.memory_kb <= self.before.memory_kb + MEMORY_ALLOWED_KB,
            "it held {} kB and now holds {}",
            self.before.memory_kb,
            now.memory_kb
        );
        Ok(())
    }
}

/// What must hold after anything.
pub(super) fn is_unharmed(server: &mut Server, home: &Home, names: &[String]) -> Result<()> {
    ensure!(server.is_up()?, "the server has ended");
    let asked = Instant::now();
    let answer = server.api.get("/healthz")?;
    ensure!(answer.status == 200, "it is not well: {}", answer.summary());
    ensure!(
        asked.elapsed() < WELL_WITHIN,
        "it took {:?} to say so",
        asked.elapsed()
    );
    for name in names {
        let videos = server.api.videos_of(name)?;
        ensure!(videos.len() == 1, "{name} has {} titles", videos.len());
        says_why(&videos[0])?;
    }
    wait_until("free of left-over work", Duration::from_secs(10), || {
        let scratch = home.data().join("scratch");
        let mut left = fs::read_dir(&scratch).into_iter().flatten();
        Ok(left.next().is_none().then_some(()))
    })?;
    let sung = contains(&home.data(), CANARY)? || holds(server.log().as_bytes(), CANARY);
    ensure!(!sung, "a file that nobody may read leaked");
    Ok(())
}

/// Whoever failed has a reason that a person can do something with.
pub(super) fn says_why(video: &Video) -> Result<()> {
    let words = video.words();
    ensure!(
        video.state != "failed"
            || words.len() > 15 && !MACHINERY.iter().any(|word| words.contains(word)),
        "the owner of {} reads {words:?}",
        video.file
    );
    Ok(())
}

/// A file that recipes name, kept beside the clips: its path is part of their fingerprint.
pub(super) fn ingredient(name: &str, text: &str) -> Result<PathBuf> {
    let folder = report_folder()?.join("media");
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn contains(folder: &Path, needle: &[u8]) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What is being written goes away while we look.
        let found = if path.is_dir() {
            contains(&path, needle)?
        } else {
            holds(&fs::read(&path).unwrap_or_default(), needle)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
