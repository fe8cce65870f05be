//! What the real program reports of its own sandbox, on this kernel and on older ones that it is
//! made to believe in. What does not belong here: films; the end-to-end tests read them inside.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use media_proto::sandbox::SelfTest;
use media_worker::sandbox::attempt::attempts;
use std::path::Path;
use std::process::Output;

/// Runs the self-test with at most that version of Landlock, as the server would start it.
fn self_test(newest_landlock: u32) -> SelfTest {
    let outer = tempfile::tempdir().unwrap();
    let output = run(outer.path(), &["--landlock", &newest_landlock.to_string()]);
    assert!(
        output.status.success(),
        "the self-test must end well: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    SelfTest::from_json(&output.stdout).unwrap()
}

fn run(outer: &Path, arguments: &[&str]) -> Output {
    let folder = outer.join("folder");
    std::fs::create_dir(&folder).unwrap();
    let script =
        r#"worker=$1; folder=$2; shift 2; exec "$worker" self-test "$@" 3<"$worker" 4<"$folder""#;
    #[expect(
        clippy::disallowed_methods,
        reason = "the test starts the program it is about"
    )]
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_homereel-worker")])
        .arg(&folder)
        .args(arguments);
    command.output().unwrap()
}

fn gaps(test: &SelfTest) -> Vec<&str> {
    test.gaps().map(|trial| trial.what.as_str()).collect()
}

fn obstacles(test: &SelfTest) -> Vec<&str> {
    test.obstacles().map(|trial| trial.what.as_str()).collect()
}

#[test]
fn nothing_leads_out_and_work_is_possible_with_any_landlock() {
    // 2 is Debian 12's own kernel, 1 the first with Landlock at all.
    for version in [1, 2, 3, 4, 6, 1_000] {
        let test = self_test(version);
        if test.landlock == 0 {
            // A kernel without Landlock proves nothing here; the next test is about it.
            continue;
        }
        assert!(test.landlock <= version, "no newer Landlock than allowed");
        assert_eq!(gaps(&test), [""; 0], "with Landlock {version}: {test:?}");
        assert_eq!(obstacles(&test), [""; 0], "with Landlock {version}");
        assert!(test.trials.len() > 40, "everything was tried");
    }
}

#[test]
fn without_landlock_only_writing_by_path_is_open_and_said_to_be() {
    let test = self_test(0);
    assert_eq!(test.landlock, 0);
    let open = [
        "write beside its folder",
        "write a file by its full path",
        "remove a file by its full path",
    ];
    assert_eq!(gaps(&test), open, "seccomp cannot read paths");
    assert_eq!(obstacles(&test), [""; 0]);
}

#[test]
fn without_a_sandbox_the_same_attempts_are_not_refused() {
    // In this process nothing is confined; a few attempts that need no privilege show that the
    // self-test can tell the difference.
    let known = [
        "open a socket",
        "start a process",
        "become another program",
        "make memory executable",
        "read a file of the system",
        "be debugged",
    ];
    let mut tried = 0;
    for attempt in attempts(c"../nothing", c"/nothing") {
        if known.contains(&attempt.what) {
            tried += 1;
            let outcome = attempt.make();
            assert!(
                !matches!(
                    outcome,
                    Err(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS)
                ),
                "{}: {outcome:?}",
                attempt.what
            );
        }
    }
    assert_eq!(tried, known.len(), "every one of them exists");
}
