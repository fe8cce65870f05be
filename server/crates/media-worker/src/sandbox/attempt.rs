//! Attempts to get out of the sandbox, as raw system calls: most of them have no safe interface,
//! and the libraries that have one would do more than the one call.
//!
//! Every call here is harmless even where nothing refuses it: it gets no pointers, no open
//! descriptor, signal 0, or makes what vanishes with the process. That is what makes it sound to
//! offer them as a safe function, and it is all that belongs here.

#![expect(
    unsafe_code,
    reason = "the calls that must be refused are not offered by any safe interface"
)]

use libc::c_long;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::ffi::CStr;
use std::marker::PhantomData;

use crate::output::NEW_FILE;

/// An attempt: what it would mean if it worked, and the call.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Completes a sentence that begins with "a worker can".
    pub what: &'static str,
    call: c_long,
    arguments: [usize; 4],
    /// Some arguments are the addresses of such texts.
    _texts: PhantomData<&'a CStr>,
}

/// No descriptor, no process, no key: refused by the kernel as well, but with another answer.
const NONE: usize = usize::MAX;

/// What an attempt means, its call, and the call's arguments.
type Call = (&'static str, c_long, [usize; 4]);

/// Everything that a file which found a hole in a decoder must not find behind it. `beside` is
/// the path of a file outside of the folder as seen from there, `absolute` the same as seen from
/// the root.
pub fn attempts<'a>(beside: &'a CStr, absolute: &'a CStr) -> Vec<Attempt<'a>> {
    let (beside, absolute) = (beside.as_ptr() as usize, absolute.as_ptr() as usize);
    let calls = network()
        .into_iter()
        .chain(processes())
        .chain(kernel())
        .chain(files(beside, absolute))
        .chain(other_places(beside, absolute));
    let attempt = |(what, call, arguments)| Attempt {
        what,
        call,
        arguments,
        _texts: PhantomData,
    };
    calls.map(attempt).collect()
}

fn network() -> [Call; 6] {
    [
        ("open a socket", libc::SYS_socket, [2, 1, 0, 0]),
        ("open a pair of sockets", libc::SYS_socketpair, [1, 1, 0, 0]),
        ("connect a socket", libc::SYS_connect, [NONE, 0, 0, 0]),
        ("name a socket", libc::SYS_bind, [NONE, 0, 0, 0]),
        ("listen to a socket", libc::SYS_listen, [NONE, 0, 0, 0]),
        ("send to a socket", libc::SYS_sendto, [NONE, 0, 0, 0]),
    ]
}

fn processes() -> [Call; 11] {
    let parent = rustix::process::getppid().map_or(1, |parent| parent.as_raw_pid()) as usize;
    let fork = libc::SIGCHLD as usize;
    let attach = libc::PTRACE_ATTACH as usize;
    let read = libc::SYS_process_vm_readv;
    let write = libc::SYS_process_vm_writev;
    [
        ("start a process", libc::SYS_clone, [fork, 0, 0, 0]),
        ("become another program", libc::SYS_execve, [0, 0, 0, 0]),
        (
            "become an open program",
            libc::SYS_execveat,
            [NONE, 0, 0, 0],
        ),
        ("follow a process", libc::SYS_ptrace, [attach, NONE, 0, 0]),
        ("read its server's memory", read, [parent, 0, 0, 0]),
        ("write its server's memory", write, [parent, 0, 0, 0]),
        ("signal its server", libc::SYS_kill, [parent, 0, 0, 0]),
        ("signal a thread", libc::SYS_tgkill, [parent, parent, 0, 0]),
        ("hold its server", libc::SYS_pidfd_open, [parent, 0, 0, 0]),
        ("become another user", libc::SYS_setuid, [NONE, 0, 0, 0]),
        ("raise its limits", libc::SYS_prlimit64, [0, NONE, 1, 0]),
    ]
}

fn kernel() -> [Call; 14] {
    let dumpable = libc::PR_SET_DUMPABLE as usize;
    let executable = (libc::PROT_READ | libc::PROT_EXEC) as usize;
    let anonymous = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    let code = [0, 4096, executable, anonymous];
    [
        ("mount", libc::SYS_mount, [0, 0, 0, 0]),
        ("leave its namespaces", libc::SYS_unshare, [0, 0, 0, 0]),
        ("enter other namespaces", libc::SYS_setns, [NONE, 0, 0, 0]),
        ("change its root", libc::SYS_chroot, [0, 0, 0, 0]),
        ("load programs into the kernel", libc::SYS_bpf, [0, 0, 0, 0]),
        ("use the kernel's keys", libc::SYS_keyctl, [NONE, 0, 0, 0]),
        (
            "measure the system",
            libc::SYS_perf_event_open,
            [0, 0, 0, 0],
        ),
        ("handle page faults", libc::SYS_userfaultfd, [NONE, 0, 0, 0]),
        ("queue calls", libc::SYS_io_uring_setup, [0, 0, 0, 0]),
        ("be debugged", libc::SYS_prctl, [dumpable, 1, 0, 0]),
        ("control a device", libc::SYS_ioctl, [NONE, 0, 0, 0]),
        ("make memory executable", libc::SYS_mmap, code),
        (
            "make a file of memory",
            libc::SYS_memfd_create,
            [0, 0, 0, 0],
        ),
        ("use a handle", libc::SYS_open_by_handle_at, [NONE, 0, 0, 0]),
    ]
}

fn files(beside: usize, absolute: usize) -> [Call; 8] {
    let folder = media_proto::OUTPUT_DESCRIPTOR as usize;
    let here = libc::AT_FDCWD as usize;
    let known = c"/etc/hostname".as_ptr() as usize;
    let open = libc::SYS_openat;
    [
        ("read a file of the system", open, [here, known, 0, 0]),
        ("read a file by its full path", open, [folder, known, 0, 0]),
        ("list its folder", libc::SYS_getdents64, [folder, 0, 0, 0]),
        ("shorten a file", libc::SYS_truncate, [absolute, 0, 0, 0]),
        (
            "change a file's mode",
            libc::SYS_fchmodat,
            [folder, beside, 0, 0],
        ),
        ("make a folder", libc::SYS_mkdirat, [folder, beside, 0, 0]),
        (
            "make a link",
            libc::SYS_symlinkat,
            [known, folder, beside, 0],
        ),
        (
            "name a file again",
            libc::SYS_linkat,
            [here, known, folder, beside],
        ),
    ]
}

/// By these the rights in the one folder would be used for other places.
fn other_places(beside: usize, absolute: usize) -> [Call; 3] {
    let folder = media_proto::OUTPUT_DESCRIPTOR as usize;
    let new = (NEW_FILE | OFlags::LARGEFILE).bits() as usize;
    let (open, remove) = (libc::SYS_openat, libc::SYS_unlinkat);
    [
        (
            "write beside its folder",
            open,
            [folder, beside, new, 0o600],
        ),
        (
            "write a file by its full path",
            open,
            [folder, absolute, new, 0o600],
        ),
        (
            "remove a file by its full path",
            remove,
            [folder, absolute, 0, 0],
        ),
    ]
}

impl Attempt<'_> {
    /// Makes the call. A child of a fork that was not refused ends at once.
    pub fn make(&self) -> Result<c_long, Errno> {
        let [first, second, third, fourth] = self.arguments;
        // SAFETY: the arguments come from the table above, whose calls are harmless; pointers in
        // it are null or lead to strings that outlive the attempt.
        let answer =
            unsafe { libc::syscall(self.call, first, second, third, fourth, NONE, 0_usize) };
        let is_child = self.call == libc::SYS_clone && answer == 0;
        if is_child {
            // SAFETY: ends this process, which is a copy that nobody waits for.
            unsafe { libc::_exit(0) }
        }
        if answer < 0 {
            // SAFETY: the C library keeps one error number for each thread.
            return Err(Errno::from_raw_os_error(unsafe {
                *libc::__errno_location()
            }));
        }
        Ok(answer)
    }
}
