//! The self-test: enters the sandbox as a worker does, tries to get out in every way we know, and
//! tries what work needs. What does not belong here: what to make of the answers.

use media_proto::message::Cause;
use media_proto::sandbox::{SelfTest, Trial};
use rustix::fs::{Mode, openat};
use rustix::io::Errno;
use std::ffi::CString;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use super::attempt::{Attempt, attempts};
use crate::failure::Failure;
use crate::output::{NEW_FILE, Output};

/// A file beside the folder, for the attempts to reach it.
const BESIDE: &str = "../elsewhere";
/// A file of the folder, which the worker may make.
const OWN: &str = "self-test.bin";

/// Locks this process in and reports what it can still do. Makes a file `elsewhere` beside
/// `folder` before that; whoever owns the folder removes both.
pub fn run(input: &File, folder: OwnedFd, newest_landlock: u32) -> Result<SelfTest, Failure> {
    let (beside, absolute) = make_elsewhere(&folder).map_err(|error| {
        let message = format!("Making a file beside the folder failed: {error}.");
        Failure::new(Cause::Io, message)
    })?;
    let forbidden = attempts(&beside, &absolute);
    let landlock = super::enter(folder.as_fd(), newest_landlock)?;
    let output = Output::new(folder);
    let trials = forbidden.iter().map(forbidden_trial);
    Ok(SelfTest {
        landlock,
        trials: trials.chain(needs(input, &output)).collect(),
    })
}

/// Makes the file that must not be reached. Returns its path from the folder, and from the root.
fn make_elsewhere(folder: &OwnedFd) -> io::Result<(CString, CString)> {
    openat(folder, BESIDE, NEW_FILE, Mode::RUSR | Mode::WUSR)?;
    let shown = std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
    let absolute = shown.with_file_name("elsewhere");
    let absolute = CString::new(absolute.as_os_str().as_bytes())?;
    Ok((CString::new(BESIDE)?, absolute))
}

fn forbidden_trial(attempt: &Attempt<'_>) -> Trial {
    let outcome = attempt.make();
    Trial {
        what: attempt.what.to_owned(),
        forbidden: true,
        refused: outcome.is_err_and(is_refusal),
        answer: answer(outcome),
    }
}

/// Any other error means that the call got as far as its arguments, which are no good.
fn is_refusal(error: Errno) -> bool {
    matches!(error, Errno::PERM | Errno::ACCESS)
}

/// What work is made of.
fn needs(input: &File, output: &Output) -> [Trial; 5] {
    let thread = std::thread::Builder::new().spawn(|| ());
    let mut byte = [0];
    [
        need("start a thread", thread.map(|thread| drop(thread.join()))),
        need("read its input", input.read_at(&mut byte, 0)),
        need("read its input twice", input.try_clone()),
        need("write a file of its folder", output.write(OWN, b"whole")),
        need("remove a file of its folder", output.remove(OWN)),
    ]
}

fn need<T>(what: &str, outcome: io::Result<T>) -> Trial {
    Trial {
        what: what.to_owned(),
        forbidden: false,
        refused: outcome.is_err(),
        answer: answer(outcome),
    }
}

fn answer<T>(outcome: Result<T, impl Display>) -> String {
    outcome.map_or_else(|error| error.to_string(), |_| "done".to_owned())
}
