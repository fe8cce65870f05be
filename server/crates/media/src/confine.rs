//! What a child sets for itself between fork and exec, because nobody else can: limits, the death
//! signal, its descriptors. The one place of this crate with `unsafe`. What does not belong here:
//! which program it is, and what it is for (`spawn`).

use media_proto::INPUT_DESCRIPTOR;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use tokio::process::Command;

use crate::limits::Limits;

/// Encoders that a worker may have: more than there are rungs in a ladder.
pub(crate) const MOST_ENCODERS: usize = 8;
/// Copies of our descriptors are moved up here, so that mapping one onto 3 cannot overwrite the
/// other that happens to be 3 already.
const FIRST_COPY: RawFd = 64;
/// Descriptors that a worker inherits at most: its input, its folder, two pipes to each encoder.
const MOST_INHERITED: usize = 2 + 2 * MOST_ENCODERS;
/// From the signal that says which limit was reached to the one that does not.
const SECONDS_TO_DIE: u64 = 10;

/// Sets what can only be set by the child itself, between fork and exec.
#[expect(
    unsafe_code,
    reason = "limits, death signal and descriptors are set between fork and exec"
)]
pub(crate) fn confine(command: &mut Command, inherited: Vec<OwnedFd>, limits: Limits) {
    let parent = std::process::id();
    let child_setup = move || {
        map_descriptors(&inherited)?;
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

/// Puts the input on 3, the folder on 4 and what else there is behind them, and marks everything
/// above to be closed by exec.
///
/// If the standard library's own pipe for reporting a failed exec happens to be one of these, a
/// failed exec looks like a child that ended at once, which the greeting's deadline reports.
#[expect(
    unsafe_code,
    reason = "descriptors have no safe owner between fork and exec"
)]
fn map_descriptors(inherited: &[OwnedFd]) -> io::Result<()> {
    let mut copies = [0; MOST_INHERITED];
    for (copy, descriptor) in copies.iter_mut().zip(inherited) {
        // SAFETY: a plain system call on numbers. The descriptors are open, because the closure
        // that calls us owns them; the copies are made above all targets, so no `dup2` below can
        // close what a later one needs.
        *copy = checked(unsafe {
            libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_COPY)
        })?;
    }
    let mut target = INPUT_DESCRIPTOR;
    for copy in copies.iter().take(inherited.len()) {
        // SAFETY: plain system calls on numbers; the child has one thread, so nobody else uses
        // the target.
        checked(unsafe { libc::dup2(*copy, target) })?;
        target += 1;
    }
    close_above_on_exec(target - 1)
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
