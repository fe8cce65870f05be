//! seccomp: the system calls that work needs, and no other. Everything else is answered "not
//! permitted", so that a library which merely tries something goes on without it.
//!
//! A list of what is allowed, because the kernel grows. What does not belong here: paths, which
//! seccomp cannot read; a file's place is held by the descriptor it is opened through.

use libc::c_long;
use media_proto::OUTPUT_DESCRIPTOR;
use media_proto::message::Cause;
use rustix::fs::OFlags;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::output::NEW_FILE;

/// What a call is answered that is not allowed.
const REFUSAL: SeccompAction = SeccompAction::Errno(libc::EPERM.cast_unsigned());

/// Calls that are harmless whatever their arguments are: on what is open already, on memory that
/// is not executable, on threads of our own, on clocks.
const HARMLESS: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    // Waiting for the pipes to an encoder.
    libc::SYS_ppoll,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// A condition on an argument, counted from 0.
type Argument = (u8, Length, Compare, u64);

/// Confines the calling thread and all it starts.
pub fn confine() -> Result<(), Failure> {
    for filter in [unknown(), allowed()] {
        let program: BpfProgram = filter
            .and_then(|filter| filter.try_into().map_err(Into::into))
            .map_err(|error| failure(&error))?;
        seccompiler::apply_filter(&program).map_err(|error| failure(&error))?;
    }
    Ok(())
}

fn failure(error: &seccompiler::Error) -> Failure {
    let message = format!(
        "This system does not let homereel-worker lock itself in ({error}), so it reads no film. \
         A kernel with seccomp is needed; some containers take it away."
    );
    Failure::new(Cause::Internal, message)
}

/// `clone3` keeps its flags in memory, which no filter can read. Told that the kernel does not
/// know it, the C library falls back to `clone`. Of two filters' answers the kernel takes the
/// stricter one, so this one holds although the other allows the call.
fn unknown() -> seccompiler::Result<SeccompFilter> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let answer = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    filter(rules, SeccompAction::Allow, answer)
}

fn allowed() -> seccompiler::Result<SeccompFilter> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        HARMLESS.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone3, Vec::new());
    for (call, ways) in conditional() {
        let ways = ways.iter().map(|arguments| rule(arguments));
        rules.insert(call, ways.collect::<seccompiler::Result<_>>()?);
    }
    filter(rules, REFUSAL, SeccompAction::Allow)
}

/// Calls that are allowed in some ways only; each way is a list of what must hold at once.
fn conditional() -> Vec<(c_long, Vec<Vec<Argument>>)> {
    let folder = OUTPUT_DESCRIPTOR.cast_unsigned();
    let new_file = (NEW_FILE | OFlags::LARGEFILE).bits();
    let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
    let executable = u64::from(libc::PROT_EXEC.cast_unsigned());
    let without_code: Argument = (2, Length::Dword, Compare::MaskedEq(executable), 0);
    vec![
        // Threads, no processes.
        (
            libc::SYS_clone,
            vec![vec![(0, Length::Qword, Compare::MaskedEq(thread), thread)]],
        ),
        // Memory, no code.
        (libc::SYS_mmap, vec![vec![without_code.clone()]]),
        (libc::SYS_mprotect, vec![vec![without_code]]),
        // Files of the one folder: made, renamed, removed; never opened for reading.
        (libc::SYS_openat, vec![vec![is(0, folder), is(2, new_file)]]),
        (libc::SYS_renameat, vec![vec![is(0, folder), is(2, folder)]]),
        (libc::SYS_unlinkat, vec![vec![is(0, folder), is(2, 0)]]),
        // The input is demuxed more than once at a time.
        (
            libc::SYS_fcntl,
            [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_GETFL]
                .map(|command| vec![is(1, command.cast_unsigned())])
                .into(),
        ),
        // Names for threads and for memory.
        (
            libc::SYS_prctl,
            [libc::PR_SET_NAME, libc::PR_SET_VMA]
                .map(|option| vec![is(0, option.cast_unsigned())])
                .into(),
        ),
        // Limits may be looked at.
        (
            libc::SYS_prlimit64,
            vec![vec![is(0, 0), (2, Length::Qword, Compare::Eq, 0)]],
        ),
        // A panic aborts.
        (libc::SYS_tgkill, vec![vec![is(0, std::process::id())]]),
        // x264 lowers the priority of one of its threads; no priority above the usual one.
        (
            libc::SYS_setpriority,
            vec![vec![
                is(0, 0),
                is(1, 0),
                (2, Length::Dword, Compare::Le, 19),
            ]],
        ),
        (libc::SYS_getpriority, vec![vec![is(0, 0), is(1, 0)]]),
    ]
}

/// Argument `index`, 32 bits wide, is `value`.
fn is(index: u8, value: u32) -> Argument {
    (index, Length::Dword, Compare::Eq, u64::from(value))
}

fn rule(arguments: &[Argument]) -> seccompiler::Result<SeccompRule> {
    let conditions = arguments
        .iter()
        .cloned()
        .map(|(index, length, compare, value)| SeccompCondition::new(index, length, compare, value))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

fn filter(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> seccompiler::Result<SeccompFilter> {
    let machine = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(rules, otherwise, listed, machine)?)
}
