//! Starts worker processes.
//!
//! A child gets an empty environment, its own process group, `/` as its folder, descriptors 0 to 4,
//! those of its encoders if it has some, and nothing else. What does not belong here: what happens between fork and exec (`confine`),
//! and what is said over the pipes (`connection`).

use async_trait::async_trait;
use media_proto::GUARD_VARIABLE;
use media_proto::hardware::{ENCODE_ARGUMENT, ENCODERS_ARGUMENT};
use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::confine::{MOST_ENCODERS, confine};
use crate::hardware::Choice;
use crate::launch::{Ending, Errand, Launch, Launched, Life};
use crate::limits::Duty;
use crate::stderr::StderrTail;

/// Starts that may wait for the spawning thread.
const QUEUED_STARTS: usize = 16;
/// How long a start may take before it is given up; forking takes milliseconds.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How long a killed process may take to disappear; one in uninterruptible sleep takes longer.
const REAP_DEADLINE: Duration = Duration::from_secs(2);
/// Makes the kernel end a worker before the server when memory runs out (-1000 to 1000).
const OOM_SCORE_ADJUSTMENT: &str = "800";

/// Starts `homereel-worker` processes.
///
/// All forking is done by one thread that lives as long as any copy of the launcher and any of
/// its workers: `PR_SET_PDEATHSIG` fires when the *thread* that forked ends, not the process.
#[derive(Clone, Debug)]
pub struct ProcessLauncher {
    program: PathBuf,
    starts: mpsc::SyncSender<Start>,
    pub(crate) choice: Arc<Choice>,
}

/// An encoder in graphics hardware that was just started, with the worker's ends of its pipes.
pub(crate) struct Encoder {
    child: Child,
    orders: OwnedFd,
    answers: OwnedFd,
}

/// A start that waits for the spawning thread.
struct Start {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

impl ProcessLauncher {
    /// A launcher of `program`, which is looked for again at every start, so that a worker that
    /// is installed later is found without a restart.
    pub fn new(program: PathBuf) -> Result<Self> {
        let (starts, queue) = mpsc::sync_channel::<Start>(QUEUED_STARTS);
        std::thread::Builder::new()
            .name("worker-spawner".into())
            .spawn(move || queue.into_iter().for_each(start))
            .context(
                ErrorKind::Unavailable,
                "starting the thread that starts workers",
            )?;
        Ok(Self {
            program,
            starts,
            choice: Arc::default(),
        })
    }

    /// Where the worker is expected.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// `NotFound` with a sentence for the owner if there is no worker to start.
    pub fn check(&self) -> Result<()> {
        let found = std::fs::metadata(&self.program).is_ok_and(|metadata| metadata.is_file());
        if found {
            return Ok(());
        }
        let message = format!(
            "The encoding program homereel-worker is not installed at {}, so nothing can be \
             encoded.",
            self.program.display()
        );
        Err(Error::new(ErrorKind::NotFound, message))
    }
}

#[async_trait]
impl Launch for ProcessLauncher {
    async fn launch(&self, errand: Errand) -> Result<Launched> {
        let encoders = self.start_encoders(errand.encoders).await;
        let count = encoders.len().to_string();
        let arguments = [ENCODERS_ARGUMENT, &count];
        let arguments = if encoders.is_empty() {
            &[]
        } else {
            arguments.as_slice()
        };
        self.launch_with(errand, arguments, encoders).await
    }

    fn hardware(&self) -> Option<String> {
        self.choice.encoder()
    }

    fn hardware_did(&self, well: bool) {
        self.choice.count(well);
    }
}

impl ProcessLauncher {
    /// Starts the worker with arguments, confined like any other.
    pub(crate) async fn launch_with(
        &self,
        errand: Errand,
        arguments: &[&str],
        encoders: Vec<Encoder>,
    ) -> Result<Launched> {
        self.check()?;
        let folder = File::open(&errand.scratch).map_err(|error| {
            let message = format!("opening the scratch folder {}", errand.scratch.display());
            Error::caused_by(kind_of_io(&error), message, error)
        })?;
        let mut inherited = vec![errand.input.into(), folder.into()];
        let mut kept = Vec::new();
        for encoder in encoders {
            inherited.extend([encoder.orders, encoder.answers]);
            kept.push(encoder.child);
        }
        let mut command = self.command(errand.duty, inherited);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = self.spawn(command).await?;
        launched(child, kept, self.starts.clone())
    }

    /// As many encoders as are wanted, or none: half a ladder is of no use.
    async fn start_encoders(&self, count: u32) -> Vec<Encoder> {
        let mut encoders = Vec::new();
        let Some(name) = self.hardware() else {
            return encoders;
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > MOST_ENCODERS {
            return encoders;
        }
        for _ in 0..count {
            match self.start_encoder(&name).await {
                Ok(encoder) => encoders.push(encoder),
                Err(error) => {
                    tracing::warn!(%error, "An encoder could not be started; software does its work.");
                    return Vec::new();
                }
            }
        }
        encoders
    }

    async fn start_encoder(&self, name: &str) -> Result<Encoder> {
        let pipe = || io::pipe().context(ErrorKind::Unavailable, "making a pipe to an encoder");
        let ((orders_out, orders), (answers, answers_in)) = (pipe()?, pipe()?);
        let mut command = self.command(Duty::Hardware, Vec::new());
        command
            .args([ENCODE_ARGUMENT, name])
            .stdin(orders_out)
            .stdout(answers_in)
            .stderr(Stdio::null());
        Ok(Encoder {
            child: self.spawn(command).await?,
            orders: orders.into(),
            answers: answers.into(),
        })
    }

    /// Everything about a child that can be said before the fork, but for its three streams.
    fn command(&self, duty: Duty, inherited: Vec<OwnedFd>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env(GUARD_VARIABLE, "1")
            .current_dir("/")
            .process_group(0)
            .kill_on_drop(true);
        confine(&mut command, inherited, duty.limits());
        command
    }

    async fn spawn(&self, command: Command) -> Result<Child> {
        let (answer, started) = oneshot::channel();
        let start = Start {
            command,
            runtime: Handle::current(),
            answer,
        };
        self.starts.try_send(start).context(
            ErrorKind::Unavailable,
            "starting homereel-worker: too many starts at once",
        )?;
        tokio::time::timeout(START_DEADLINE, started)
            .await
            .context(
                ErrorKind::Unavailable,
                "starting homereel-worker took too long",
            )?
            .context(
                ErrorKind::Internal,
                "the thread that starts workers is gone",
            )?
            .context(ErrorKind::Unavailable, "starting homereel-worker")
    }
}

/// Forks; runs on the spawning thread.
fn start(mut start: Start) {
    // tokio registers the child with the runtime of whoever asked.
    let _runtime = start.runtime.enter();
    let child = start.command.spawn();
    if let Ok(child) = &child
        && let Some(id) = child.id()
    {
        prefer_for_oom(id);
    }
    // Nobody waits any more: the child is dropped, and `kill_on_drop` ends it.
    let _ = start.answer.send(child);
}

/// Best effort: a container may forbid it.
fn prefer_for_oom(process: u32) {
    let path = format!("/proc/{process}/oom_score_adj");
    if let Err(error) = std::fs::write(&path, OOM_SCORE_ADJUSTMENT) {
        tracing::debug!(%error, "The worker's rank for the out-of-memory killer stays as it is.");
    }
}

/// Hands the pipes of a started child over.
fn launched(
    mut child: Child,
    encoders: Vec<Child>,
    starts: mpsc::SyncSender<Start>,
) -> Result<Launched> {
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(requests), Some(events), Some(words)) = pipes else {
        return Err(Error::new(
            ErrorKind::Internal,
            "homereel-worker was started without its pipes",
        ));
    };
    Ok(Launched {
        requests: Box::new(requests),
        events: Box::new(events),
        life: Box::new(Process {
            child,
            words: StderrTail::follow(words),
            ending: None,
            _encoders: encoders,
            _spawner: starts,
        }),
    })
}

/// A worker process; killed when dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    words: StderrTail,
    ending: Option<Ending>,
    /// They end with it.
    _encoders: Vec<Child>,
    /// Keeps the spawning thread alive, whose end would kill the child.
    _spawner: mpsc::SyncSender<Start>,
}

#[async_trait]
impl Life for Process {
    async fn end(&mut self, grace: Duration) -> Ending {
        if let Some(ending) = &self.ending {
            return ending.clone();
        }
        let ending = Ending {
            how: self.reap(grace).await,
            last_words: self.words.last_words(REAP_DEADLINE).await,
        };
        self.ending.insert(ending).clone()
    }
}

impl Process {
    async fn reap(&mut self, grace: Duration) -> String {
        if let Ok(Ok(status)) = tokio::time::timeout(grace, self.child.wait()).await {
            return describe(status);
        }
        // Fails only if it ended in the meantime.
        let _ = self.child.start_kill();
        match tokio::time::timeout(REAP_DEADLINE, self.child.wait()).await {
            Ok(Ok(_)) => "was stopped".into(),
            _ => "did not react to being killed".into(),
        }
    }
}

/// "was killed by signal 11 (SIGSEGV)" or "ended with code 3".
fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was killed by signal {signal}{}", name_of(signal)),
        (None, Some(code)) => format!("ended with code {code}"),
        (None, None) => "ended".into(),
    }
}

/// What the signals that end workers usually mean.
fn name_of(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV | libc::SIGBUS => " (it crashed)",
        libc::SIGABRT | libc::SIGILL => " (it gave up on an inner contradiction or lack of memory)",
        libc::SIGKILL => " (killed from outside, or memory ran out)",
        libc::SIGXCPU => " (it used up its processor time)",
        libc::SIGXFSZ => " (it wrote more than it may)",
        libc::SIGSYS => " (it tried something that it may not do)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessLauncher;
    use crate::launch::{Errand, Launch, Launched};
    use crate::limits::{Duty, Patience};
    use crate::worker::Worker;
    use model::error::ErrorKind;
    use std::fs::File;
    use std::path::Path;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;

    fn launcher(program: &str) -> ProcessLauncher {
        ProcessLauncher::new(program.into()).unwrap()
    }

    fn errand(folder: &Path, input: &Path) -> Errand {
        Errand {
            input: File::open(input).unwrap(),
            scratch: folder.to_owned(),
            duty: Duty::Inspect,
            encoders: 0,
        }
    }

    async fn start_worker(program: &str, patience: Patience) -> model::error::Error {
        let folder = tempfile::tempdir().unwrap();
        let input = File::open("/dev/null").unwrap();
        Worker::start(
            &launcher(program),
            input,
            folder.path(),
            Duty::Inspect,
            patience,
        )
        .await
        .unwrap_err()
    }

    #[tokio::test]
    async fn a_missing_worker_is_named_with_its_path() {
        let error = start_worker("/nowhere/homereel-worker", Patience::default()).await;
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.message().contains("/nowhere/homereel-worker"),
            "the owner must learn where it was looked for: {error}"
        );
    }

    #[tokio::test]
    async fn a_worker_that_ends_at_once_is_told_with_its_code() {
        let error = start_worker("/bin/false", Patience::default()).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("ended with code 1"), "{error}");
    }

    #[tokio::test]
    async fn last_words_on_standard_error_reach_the_message() {
        // `cp` without operands complains and ends with code 1.
        let error = start_worker("/bin/cp", Patience::default()).await;
        assert!(error.message().contains("last words"), "{error}");
        assert!(error.message().contains("missing file operand"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_no_worker_and_stays_silent_is_given_up() {
        // `cat` waits for input and says nothing.
        let patience = Patience {
            hello: Duration::from_millis(300),
            ..Patience::default()
        };
        let error = start_worker("/bin/cat", patience).await;
        assert!(error.message().contains("no sign of life"), "{error}");
    }

    #[tokio::test]
    async fn the_child_sees_its_guard_variable_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let words = output_of("/usr/bin/env", folder.path(), Path::new("/dev/null")).await;
        assert_eq!(
            words, "HOMEREEL_WORKER=1\n",
            "the environment must be cleared"
        );
    }

    #[tokio::test]
    async fn a_worker_that_is_dropped_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let launched = launcher("/bin/cat")
            .launch(errand(folder.path(), Path::new("/dev/null")))
            .await
            .unwrap();
        let Launched {
            mut events,
            life,
            requests,
        } = launched;
        drop(life);
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), events.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "the pipe of a killed process ends");
        drop(requests);
    }

    /// What a program writes that was started like a worker.
    async fn output_of(program: &str, folder: &Path, input: &Path) -> String {
        let launched = launcher(program)
            .launch(errand(folder, input))
            .await
            .unwrap();
        let Launched {
            mut events,
            mut life,
            requests,
        } = launched;
        drop(requests);
        let mut text = String::new();
        tokio::time::timeout(Duration::from_secs(10), events.read_to_string(&mut text))
            .await
            .unwrap()
            .unwrap();
        life.end(Duration::from_secs(5)).await;
        text
    }
}
