//! Locks the worker in before it reads the first byte of its input. Decoders have holes, and a
//! file that finds one shall find nothing behind it: no file but its own, no network, no program.
//!
//! [`files`] is Landlock, by which the kernel guards every path; [`calls`] is seccomp, which leaves
//! no system call but those that work needs. They overlap on purpose: where a kernel is without
//! Landlock, or has an early one, what it does not guard is mostly refused as a call already.
//! [`selftest`] tries to get out. What does not belong here: limits of memory and time, which
//! the server sets before it starts the worker.

pub mod attempt;
pub mod calls;
pub mod files;
pub mod selftest;

use std::os::fd::BorrowedFd;

use crate::failure::Failure;

/// Allows the process nothing but to write into `folder` and to go on with what is open, for
/// ever. Must come before any thread is started: each is held by what its parent was held by.
///
/// Returns the version of Landlock that holds, 0 where the kernel has none. Fails where even
/// seccomp is missing, and then nothing may be read.
pub fn enter(folder: BorrowedFd<'_>, newest_landlock: u32) -> Result<u32, Failure> {
    let version = files::confine(folder, newest_landlock)?;
    calls::confine()?;
    Ok(version)
}
