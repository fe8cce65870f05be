//! Landlock: no path leads anywhere but into the one folder. Best effort, because kernels differ
//! and seccomp holds by itself; the self-test tells what is left open.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};
use media_proto::message::Cause;
use std::os::fd::BorrowedFd;

use crate::failure::Failure;

/// A version beyond all there are.
pub const NEWEST: u32 = 1_000;

/// Lets the process only make, write, rename and remove files in `folder`. Uses at most version
/// `newest` of Landlock, so that a test can be on an older kernel; returns the version that holds.
pub fn confine(folder: BorrowedFd<'_>, newest: u32) -> Result<u32, Failure> {
    let version = ABI::from(i32::try_from(newest).unwrap_or(i32::MAX));
    if version == ABI::Unsupported {
        return Ok(0);
    }
    let status = restrict(folder, version).map_err(|error| {
        let message = format!("Guarding the files of this system failed: {error}.");
        Failure::new(Cause::Internal, message)
    })?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi.min(version) as u32,
        _ => 0,
    })
}

/// Rights that the kernel does not know are left out by the library.
fn restrict(folder: BorrowedFd<'_>, version: ABI) -> Result<RestrictionStatus, RulesetError> {
    let guarded = AccessFs::from_all(version);
    let needed =
        AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate;
    let mut rules = Ruleset::default().handle_access(guarded)?;
    if version >= ABI::V4 {
        rules = rules.handle_access(AccessNet::from_all(version))?;
    }
    if version >= ABI::V6 {
        rules = rules.scope(Scope::from_all(version))?;
    }
    rules
        .create()?
        .add_rule(PathBeneath::new(folder, needed & guarded))?
        .restrict_self()
}
