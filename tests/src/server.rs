//! A real server with a data folder and a drop folder of its own. What does not belong here:
//! what it says over HTTP (`api`), what it stores (`store`).

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::api::{Api, wait_until};
use crate::program::{build_folder, command, last_words, report_folder, say_aloud};
use crate::server::workers::Worker;

pub mod workers;

/// Long enough for a loaded machine; a healthy server needs a fraction of a second.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// What the design promises, and a second for the measuring.
const STOP_DEADLINE: Duration = Duration::from_secs(6);

/// The folders of one installation. They go away with it.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

/// A running server. One that is dropped without [`Server::stop`] or [`Server::kill`] belongs to
/// a test that failed: it is killed and its log is shown.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
    /// What it says over HTTP.
    pub api: Api,
    /// Where it listens.
    pub url: String,
    over: bool,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    url: String,
    pid: u32,
}

/// Where the server's program lies; says how to build it when it is not there.
pub fn server_program() -> Result<PathBuf> {
    let folder = build_folder()?;
    for name in ["homereel", "homereel-worker"] {
        ensure!(
            folder.join(name).is_file(),
            "{} is missing: build it with `cargo build{} -p homereel -p media-worker`",
            folder.join(name).display(),
            if folder.ends_with("release") {
                " --release"
            } else {
                ""
            }
        );
    }
    Ok(folder.join("homereel"))
}

impl Home {
    /// Fresh folders.
    pub fn new() -> Result<Self> {
        Self::called("homereel-test-")
    }

    /// Fresh folders in one whose name begins with `name`.
    pub fn called(name: &str) -> Result<Self> {
        let folder = TempDir::with_prefix(name)?;
        fs::create_dir(folder.path().join("drop"))?;
        Ok(Self { folder })
    }

    /// Fresh folders with a configuration file of the test's own (`homereel.example.toml`).
    pub fn configured(configuration: &str) -> Result<Self> {
        let home = Self::new()?;
        fs::write(home.configuration(), configuration)?;
        Ok(home)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("homereel.toml")
    }

    /// The folder that holds everything else.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The watched folder.
    pub fn drop_folder(&self) -> PathBuf {
        self.folder.path().join("drop")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Copies `file` into the watched folder under its own name, which is returned.
    pub fn drop_file(&self, file: &Path) -> Result<String> {
        let name = file.file_name().context("the file has no name")?;
        let name = name.to_string_lossy().into_owned();
        self.drop_file_as(file, &name)?;
        Ok(name)
    }

    /// Copies `file` into the watched folder under another name.
    pub fn drop_file_as(&self, file: &Path, name: &str) -> Result<PathBuf> {
        let target = self.drop_folder().join(name);
        fs::copy(file, &target)
            .with_context(|| format!("copying {} into the drop folder", file.display()))?;
        Ok(target)
    }

    /// `homereel serve` for these folders, not started yet.
    pub fn serve_command(&self) -> Result<Command> {
        let mut serve = command(server_program()?);
        serve
            .env("NO_COLOR", "1")
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.data())
            .arg("--watch")
            .arg(self.drop_folder());
        if self.configuration().exists() {
            serve.arg("--config").arg(self.configuration());
        }
        Ok(serve)
    }

    /// Starts the server and waits until it listens.
    pub fn serve(&self) -> Result<Server> {
        self.start(self.serve_command()?)
    }

    /// Starts the server by a command of the caller's and waits until it listens.
    pub fn start(&self, mut serve: Command) -> Result<Server> {
        let log = self.folder.path().join("server.log");
        let output = File::options().create(true).append(true).open(&log)?;
        let child = serve
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {serve:?}"))?;
        let mut server = Server {
            child,
            log,
            api: Api::new(""),
            url: String::new(),
            over: false,
        };
        server.url = server.wait_until_listening(&self.data().join("endpoint.json"))?;
        server.api = Api::new(&server.url);
        Ok(server)
    }

    /// Runs `homereel check --deep`, which fails with what it found wrong, and returns what it said.
    pub fn check(&self) -> Result<String> {
        let mut check = command(server_program()?);
        check
            .args(["check", "--deep", "--data-dir"])
            .arg(self.data());
        let output = check.output().context("starting homereel check")?;
        let said = last_words(&[output.stdout, output.stderr].concat());
        ensure!(output.status.success(), "homereel check found: {said}");
        Ok(said)
    }
}

impl Server {
    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The worker processes it has at this moment.
    pub fn workers(&self) -> Result<Vec<Worker>> {
        workers::of(self.pid())
    }

    /// It is still running.
    pub fn is_up(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Kills it with SIGKILL. Its workers must follow it by themselves.
    pub fn kill(mut self) -> Result<()> {
        let workers = self.workers()?;
        self.child.kill()?;
        self.child.wait()?;
        self.over = true;
        expect_gone(&workers)
    }

    /// Asks it to stop by SIGTERM and returns how long that took. Fails if it takes longer than
    /// the design allows, ends with an error, or leaves a worker behind.
    pub fn stop(mut self) -> Result<Duration> {
        let workers = self.workers()?;
        let began = Instant::now();
        let pid = Pid::from_raw(i32::try_from(self.pid())?).context("process 0 cannot be ours")?;
        kill_process(pid, Signal::TERM)?;
        let status = self.wait_for_exit()?;
        let took = began.elapsed();
        ensure!(
            status.success(),
            "asked to stop, the server ended with {status}"
        );
        expect_gone(&workers)?;
        let log = self.log();
        ensure!(!log.contains("panicked at"), "something panicked");
        self.over = true;
        Ok(took)
    }

    fn wait_for_exit(&mut self) -> Result<ExitStatus> {
        wait_until("stopped after SIGTERM", STOP_DEADLINE, || {
            Ok(self.child.try_wait()?)
        })
    }

    /// Waits for an endpoint file of this very process; one of a killed predecessor may lie there.
    fn wait_until_listening(&mut self, endpoint_file: &Path) -> Result<String> {
        let pid = self.pid();
        wait_until("listening", START_DEADLINE, || {
            if let Some(status) = self.child.try_wait()? {
                self.over = true;
                bail!(
                    "the server ended with {status} instead of listening: {}",
                    last_words(self.log().as_bytes())
                );
            }
            // A server with a disk of its own has its file where only it can see it.
            let inside = format!("/proc/{pid}/root{}", endpoint_file.display());
            let Ok(text) = fs::read(endpoint_file).or_else(|_| fs::read(inside)) else {
                return Ok(None);
            };
            let endpoint: Option<Endpoint> = serde_json::from_slice(&text).ok();
            Ok(endpoint
                .filter(|found| found.pid == pid)
                .map(|found| found.url))
        })
    }
}

/// Fails if one of `workers` outlives its server by more than a moment.
fn expect_gone(workers: &[Worker]) -> Result<()> {
    wait_until("free of left-over workers", Duration::from_secs(5), || {
        Ok(workers.iter().all(Worker::is_gone).then_some(()))
    })
    .with_context(|| format!("worker processes outlived their server: {workers:?}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // The test has failed already; nothing that goes wrong here is of interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let kept = keep_log(&self.log).unwrap_or_else(|error| format!("not kept: {error:#}"));
        say_aloud(&format!(
            "the server's last words (its whole log: {kept}):\n{}",
            last_words(self.log().as_bytes())
        ));
    }
}

/// Copies the log of a failed test to where people find it after the test's folders are gone.
fn keep_log(log: &Path) -> Result<String> {
    let folder = report_folder()?.join("logs");
    fs::create_dir_all(&folder)?;
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    let kept = folder.join(format!("{}.log", test.replace("::", "-")));
    fs::copy(log, &kept)?;
    Ok(kept.display().to_string())
}
