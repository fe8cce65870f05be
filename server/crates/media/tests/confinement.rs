//! What a worker process can and cannot do, seen from inside of one.
//!
//! The test program plays three parts: the test itself; the worker, when the guard variable is
//! set; and a server that starts a worker and is then killed, when called with `--play-server`. What does
//! not belong here: the protocol, which is tested in memory.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use media::launch::{Errand, Launch, Launched};
use media::limits::Duty;
use media::spawn::ProcessLauncher;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

/// How long anything in here may take.
const DEADLINE: Duration = Duration::from_secs(20);

fn main() {
    if std::env::var_os(media_proto::GUARD_VARIABLE).is_some() {
        play_worker();
    } else if std::env::args().nth(1).as_deref() == Some("--play-server") {
        play_server();
    } else {
        check(
            "a worker has its two descriptors and nothing else of ours",
            descriptors,
        );
        check(
            "a worker's limits are lowered, its environment is empty",
            limits,
        );
        check(
            "a worker dies with a server that is killed",
            death_of_the_server,
        );
    }
}

fn check(name: &str, test: fn()) {
    test();
    report(&format!("test {name} ... ok\n"));
}

fn report(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

/// Says what it finds and then waits for its end.
fn play_worker() {
    let descriptors: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            Some(format!(
                "{} {}",
                path.display(),
                std::fs::read_link(&path).ok()?.display()
            ))
        })
        .collect();
    report(&format!("pid {}\n", std::process::id()));
    report(&format!("descriptors {}\n", descriptors.join("|")));
    report(&format!("environment {}\n", std::env::vars_os().count()));
    report(&format!(
        "folder {}\n",
        std::env::current_dir().unwrap().display()
    ));
    report(&std::fs::read_to_string("/proc/self/limits").unwrap());
    report(&std::fs::read_to_string("/proc/self/status").unwrap());
    report("that is all\n");
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}

/// Starts a worker, passes on what it says, and waits to be killed.
fn play_server() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_launched, words) = listen(folder.path()).await;
        report(&words);
        std::future::pending::<()>().await;
    });
}

async fn listen(folder: &Path) -> (Launched, String) {
    let launcher = ProcessLauncher::new(std::env::current_exe().unwrap()).unwrap();
    let errand = Errand {
        input: File::open("/dev/zero").unwrap(),
        scratch: folder.to_owned(),
        duty: Duty::Encode,
        encoders: 0,
    };
    let mut launched = launcher.launch(errand).await.unwrap();
    let mut words = String::new();
    let mut buffer = [0; 1024];
    while !words.contains("that is all") {
        let read = tokio::time::timeout(DEADLINE, launched.events.read(&mut buffer));
        let count = read.await.unwrap().unwrap();
        assert_ne!(count, 0, "the worker ended too early after: {words}");
        words.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    (launched, words)
}

fn words_of_a_worker(folder: &Path) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { listen(folder).await.1 })
}

fn line<'a>(words: &'a str, name: &str) -> &'a str {
    let mut lines = words.lines();
    lines
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_else(|| panic!("no line {name:?} in {words}"))
        .trim()
}

fn descriptors() {
    let folder = tempfile::tempdir().unwrap();
    // An inheritable descriptor, as a careless library would leave it.
    let careless = File::open("/etc/hostname").unwrap();
    let mut flags = rustix_flags(&careless);
    flags.remove(rustix::io::FdFlags::CLOEXEC);
    rustix::io::fcntl_setfd(&careless, flags).unwrap();
    let words = words_of_a_worker(folder.path());
    let found: Vec<&str> = line(&words, "descriptors").split('|').collect();
    let has = |wanted: &str| found.iter().any(|found| found.ends_with(wanted));
    assert!(has("/fd/3 /dev/zero"), "the input is 3: {found:?}");
    let output = format!("/fd/4 {}", folder.path().display());
    assert!(has(&output), "the folder is 4: {found:?}");
    // 0 to 4, and the one with which the child reads its own list.
    assert_eq!(found.len(), 6, "nothing else may be inherited: {found:?}");
    assert!(
        !has("/etc/hostname"),
        "not even from a careless library: {found:?}"
    );
}

fn rustix_flags(file: &File) -> rustix::io::FdFlags {
    rustix::io::fcntl_getfd(file).unwrap()
}

fn limits() {
    let folder = tempfile::tempdir().unwrap();
    let words = words_of_a_worker(folder.path());
    assert_eq!(line(&words, "environment"), "1", "only the guard variable");
    assert_eq!(
        line(&words, "folder"),
        "/",
        "no folder of the server is held"
    );
    assert_eq!(line(&words, "NoNewPrivs:"), "1", "no program raises rights");
    let expected = Duty::Encode.limits();
    let limits = [
        ("Max core file size", 0, 0),
        ("Max open files", expected.descriptors, expected.descriptors),
        (
            "Max address space",
            expected.address_space_bytes,
            expected.address_space_bytes,
        ),
        // The soft one tells why a worker died, the hard one would not.
        (
            "Max cpu time",
            expected.cpu_seconds,
            expected.cpu_seconds + 10,
        ),
        ("Max file size", expected.file_bytes, expected.file_bytes),
    ];
    for (name, soft, hard) in limits {
        let mut numbers = line(&words, name).split_whitespace();
        let found = (numbers.next(), numbers.next());
        let (soft, hard) = (soft.to_string(), hard.to_string());
        assert_eq!(
            found,
            (Some(soft.as_str()), Some(hard.as_str())),
            "{name}, soft and hard"
        );
    }
}

fn death_of_the_server() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test needs a server that it can kill"
    )]
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("--play-server")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let worker = worker_of(&mut server);
    assert!(worker.exists(), "the worker lives while its server lives");
    // SIGKILL: no destructor of the server runs.
    server.kill().unwrap();
    server.wait().unwrap();
    let since = Instant::now();
    while worker.exists() {
        assert!(since.elapsed() < DEADLINE, "the worker survived its server");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The `/proc` entry of the worker that a played server has started.
fn worker_of(server: &mut std::process::Child) -> PathBuf {
    let mut output = server.stdout.take().unwrap();
    let mut words = String::new();
    let mut buffer = [0; 1024];
    while !words.contains("that is all") {
        let count = output.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the played server ended too early");
        words.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    Path::new("/proc").join(line(&words, "pid"))
}
