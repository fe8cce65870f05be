//! The worker processes of a server, found through `/proc`. What does not belong here: any
//! knowledge of what they do.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// The first 15 characters of the program's name, which is all the kernel keeps.
const NAME: &str = "homereel-worker";

/// A process, told apart from a later one with the same number by the time it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its number.
    pub pid: i32,
    started: String,
}

/// One line of `/proc/{pid}/stat`, as far as it matters.
#[derive(Debug)]
struct Status {
    name: String,
    state: String,
    parent: u32,
    started: String,
}

/// The workers whose parent is the process `server`.
pub fn of(server: u32) -> Result<Vec<Worker>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let Some(status) = status(pid) else {
            continue;
        };
        if status.parent == server && status.name == NAME && status.state != "Z" {
            found.push(Worker {
                pid,
                started: status.started,
            });
        }
    }
    Ok(found)
}

impl Worker {
    /// It has ended, whether or not its parent has taken note.
    pub fn is_gone(&self) -> bool {
        status(self.pid).is_none_or(|now| now.started != self.started || now.state == "Z")
    }

    /// Kills it with SIGKILL; fine if it is gone already.
    pub fn kill(&self) -> Result<()> {
        if self.is_gone() {
            return Ok(());
        }
        let pid = Pid::from_raw(self.pid).context("process 0 cannot be a worker")?;
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context("killing a worker"),
        }
    }
}

/// What the kernel says of a process; `None` once it is gone.
fn status(pid: i32) -> Option<Status> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may itself contain any character.
    let (before, after) = line.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some(Status {
        name: before.split_once('(')?.1.to_owned(),
        state: (*fields.first()?).to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        started: (*fields.get(19)?).to_owned(),
    })
}
