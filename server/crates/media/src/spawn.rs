//! Starts worker processes: the one place of this crate with `unsafe`, because limits, the death
//! signal and the two descriptors must be set between fork and exec.
//!
//! A child gets an empty environment, its own process group, `/` as its folder, descriptors 0 to 4
//! and nothing else. What does not belong here: what is said over the pipes (`connection`).

use async_trait::async_trait;
use media_proto::{GUARD_VARIABLE, INPUT_DESCRIPTOR, OUTPUT_DESCRIPTOR};
use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::launch::{Ending, Errand, Launch, Launched, Life};
use crate::limits::Limits;
use crate::stderr::StderrTail;

/// Starts that may wait for the spawning thread.
const QUEUED_STARTS: usize = 16;
/// How long a start may take before it is given up; forking takes milliseconds.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How long a killed process may take to disappear; one in uninterruptible sleep takes longer.
const REAP_DEADLINE: Duration = Duration::from_secs(2);
/// Copies of our descriptors are moved up here, so that mapping one onto 3 cannot overwrite the
/// other that happens to be 3 already.
const FIRST_COPY: RawFd = 10;
/// From the signal that says which limit was reached to the one that does not.
const SECONDS_TO_DIE: u64 = 10;
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
        Ok(Self { program, starts })
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
        self.launch_with(errand, &[]).await
    }
}

impl ProcessLauncher {
    /// Starts the worker with arguments, confined like any other.
    pub(crate) async fn launch_with(&self, errand: Errand, arguments: &[&str]) -> Result<Launched> {
        self.check()?;
        let mut command = prepare(&self.program, errand)?;
        command.args(arguments);
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
        let child = tokio::time::timeout(START_DEADLINE, started)
            .await
            .context(
                ErrorKind::Unavailable,
                "starting homereel-worker took too long",
            )?
            .context(
                ErrorKind::Internal,
                "the thread that starts workers is gone",
            )?
            .context(ErrorKind::Unavailable, "starting homereel-worker")?;
        launched(child, self.starts.clone())
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

/// Everything about the child that can be said before the fork.
fn prepare(program: &Path, errand: Errand) -> Result<Command> {
    let output = File::open(&errand.scratch).map_err(|error| {
        let message = format!("opening the scratch folder {}", errand.scratch.display());
        Error::caused_by(kind_of_io(&error), message, error)
    })?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .env(GUARD_VARIABLE, "1")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    confine(&mut command, errand.input, output, errand.duty.limits());
    Ok(command)
}

/// Hands the pipes of a started child over.
fn launched(mut child: Child, starts: mpsc::SyncSender<Start>) -> Result<Launched> {
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

/// Sets what can only be set by the child itself, between fork and exec.
#[expect(
    unsafe_code,
    reason = "limits, death signal and descriptors are set between fork and exec"
)]
fn confine(command: &mut Command, input: File, output: File, limits: Limits) {
    let parent = std::process::id();
    let child_setup = move || {
        map_descriptors(input.as_raw_fd(), output.as_raw_fd())?;
        set_limits(&limits)?;
        gain_no_privileges()?;
        die_with(parent)
    };
    // SAFETY: between fork and exec of a program with threads only async-signal-safe functions
    // may run, and nothing may allocate or lock. The closure owns all it uses, and the four
    // functions it calls contain nothing but system calls through libc; an `io::Error` from
    // `last_os_error` is a number and does not allocate.
    unsafe {
        command.pre_exec(child_setup);
    }
}

/// Puts the input on 3 and the folder on 4 and marks everything above to be closed by exec.
///
/// If the standard library's own pipe for reporting a failed exec happens to be 3 or 4, a failed
/// exec looks like a child that ended at once, which the greeting's deadline reports.
#[expect(
    unsafe_code,
    reason = "descriptors have no safe owner between fork and exec"
)]
fn map_descriptors(input: RawFd, output: RawFd) -> io::Result<()> {
    // SAFETY: plain system calls on numbers. `input` and `output` are open, because the closure
    // that calls us owns their files; the copies are made above both targets, so the first `dup2`
    // cannot close what the second one needs. The child has one thread, so nobody else uses 3, 4.
    unsafe {
        let input = checked(libc::fcntl(input, libc::F_DUPFD_CLOEXEC, FIRST_COPY))?;
        let output = checked(libc::fcntl(output, libc::F_DUPFD_CLOEXEC, FIRST_COPY))?;
        checked(libc::dup2(input, INPUT_DESCRIPTOR))?;
        checked(libc::dup2(output, OUTPUT_DESCRIPTOR))?;
        close_above_on_exec(OUTPUT_DESCRIPTOR)
    }
}

/// Marks every descriptor above `last` as closing on exec. Ours are marked already when they are
/// opened; this is for those that a library opened carelessly.
#[expect(unsafe_code, reason = "a system call without a safe wrapper")]
fn close_above_on_exec(last: RawFd) -> io::Result<()> {
    let Ok(first) = libc::c_uint::try_from(last + 1) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // The flag is an `int` in libc and an `unsigned int` in the kernel.
    let flag = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
    // SAFETY: the call takes numbers only, and marking descriptors closes nothing before exec.
    let outcome = checked(unsafe { libc::close_range(first, libc::c_uint::MAX, flag) });
    match outcome {
        // Kernels before 5.11 lack the flag; there the marks from opening must do.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => Ok(()),
        other => other.map(|_| ()),
    }
}

fn set_limits(limits: &Limits) -> io::Result<()> {
    limit(libc::RLIMIT_CORE, 0)?;
    limit(libc::RLIMIT_NOFILE, limits.descriptors)?;
    limit(libc::RLIMIT_AS, limits.address_space_bytes)?;
    let last_second = limits.cpu_seconds.saturating_add(SECONDS_TO_DIE);
    limit_between(libc::RLIMIT_CPU, limits.cpu_seconds, last_second)?;
    limit(libc::RLIMIT_FSIZE, limits.file_bytes)?;
    be_nice(limits.niceness)
}

/// Lowers one limit, both soft and hard.
fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    limit_between(resource, value, value)
}

/// Lowers one limit; where the inherited hard limit is lower, that one stays.
#[expect(unsafe_code, reason = "a system call between fork and exec")]
fn limit_between(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let mut current = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls get a pointer to a whole `rlimit` that lives on this stack.
    unsafe {
        checked(libc::getrlimit(resource, &raw mut current))?;
        let hard = hard.min(current.rlim_max);
        current = libc::rlimit {
            rlim_cur: soft.min(hard),
            rlim_max: hard,
        };
        checked(libc::setrlimit(resource, &raw const current)).map(|_| ())
    }
}

/// Adds to the niceness. Its failure is not worth failing the start.
#[expect(unsafe_code, reason = "a system call between fork and exec")]
fn be_nice(niceness: i32) -> io::Result<()> {
    // SAFETY: takes a number and returns a number.
    let _ = unsafe { libc::nice(niceness) };
    Ok(())
}

/// Whatever this child starts or becomes, it never has more rights than now: no `setuid` program
/// works for it.
#[expect(unsafe_code, reason = "a system call between fork and exec")]
fn gain_no_privileges() -> io::Result<()> {
    // SAFETY: takes and returns numbers.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map(|_| ())
}

/// Lets the kernel kill this child when the thread that forked it ends, also by `kill -9`.
#[expect(unsafe_code, reason = "a system call between fork and exec")]
fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: both calls take and return numbers.
    let alive = unsafe {
        checked(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        libc::getppid()
    };
    // The parent may have died before the signal was set; then nobody is left to send it.
    if u32::try_from(alive).ok() == Some(parent) {
        Ok(())
    } else {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

fn checked(outcome: libc::c_int) -> io::Result<libc::c_int> {
    if outcome < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(outcome)
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
        }
    }

    async fn start_worker(program: &str) -> model::error::Error {
        let folder = tempfile::tempdir().unwrap();
        let input = File::open("/dev/null").unwrap();
        let patience = Patience {
            hello: Duration::from_millis(300),
            ..Patience::default()
        };
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
        let error = start_worker("/nowhere/homereel-worker").await;
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.message().contains("/nowhere/homereel-worker"),
            "the owner must learn where it was looked for: {error}"
        );
    }

    #[tokio::test]
    async fn a_worker_that_ends_at_once_is_told_with_its_code() {
        let error = start_worker("/bin/false").await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("ended with code 1"), "{error}");
    }

    #[tokio::test]
    async fn last_words_on_standard_error_reach_the_message() {
        // `cp` without operands complains and ends with code 1.
        let error = start_worker("/bin/cp").await;
        assert!(error.message().contains("last words"), "{error}");
        assert!(error.message().contains("missing file operand"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_no_worker_and_stays_silent_is_given_up() {
        // `cat` waits for input and says nothing.
        let error = start_worker("/bin/cat").await;
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
