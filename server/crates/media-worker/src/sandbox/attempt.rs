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

/// Everything that a file which found a hole in a decoder must not find behind it. `beside` is
/// the path of a file outside of the folder as seen from there, `absolute` the same as seen from
/// the root.
pub fn attempts<'a>(beside: &'a CStr, absolute: &'a CStr) -> Vec<Attempt<'a>> {
    let folder = media_proto::OUTPUT_DESCRIPTOR as usize;
    let here = libc::AT_FDCWD as usize;
    let known = c"/etc/hostname".as_ptr() as usize;
    let new = (NEW_FILE | OFlags::LARGEFILE).bits() as usize;
    let parent = rustix::process::getppid().map_or(1, |parent| parent.as_raw_pid()) as usize;
    let exec = (libc::PROT_READ | libc::PROT_EXEC) as usize;
    let (beside, absolute) = (beside.as_ptr() as usize, absolute.as_ptr() as usize);
    let attempt = |what, call, arguments| Attempt {
        what,
        call,
        arguments,
        _texts: PhantomData,
    };
    let mut attempts = vec![
        attempt("open a socket", libc::SYS_socket, [2, 1, 0, 0]),
        attempt("open a pair of sockets", libc::SYS_socketpair, [1, 1, 0, 0]),
        attempt("connect a socket", libc::SYS_connect, [NONE, 0, 0, 0]),
        attempt("name a socket", libc::SYS_bind, [NONE, 0, 0, 0]),
        attempt("listen to a socket", libc::SYS_listen, [NONE, 0, 0, 0]),
        attempt("send to a socket", libc::SYS_sendto, [NONE, 0, 0, 0]),
        attempt(
            "start a process",
            libc::SYS_clone,
            [libc::SIGCHLD as usize, 0, 0, 0],
        ),
        attempt("become another program", libc::SYS_execve, [0, 0, 0, 0]),
        attempt(
            "become an open program",
            libc::SYS_execveat,
            [NONE, 0, 0, 0],
        ),
        attempt(
            "follow another process",
            libc::SYS_ptrace,
            [libc::PTRACE_ATTACH as usize, NONE, 0, 0],
        ),
        attempt(
            "read the memory of its server",
            libc::SYS_process_vm_readv,
            [parent, 0, 0, 0],
        ),
        attempt(
            "write the memory of its server",
            libc::SYS_process_vm_writev,
            [parent, 0, 0, 0],
        ),
        attempt("signal its server", libc::SYS_kill, [parent, 0, 0, 0]),
        attempt("hold its server", libc::SYS_pidfd_open, [parent, 0, 0, 0]),
        attempt(
            "signal a thread of its server",
            libc::SYS_tgkill,
            [parent, parent, 0, 0],
        ),
        attempt("mount", libc::SYS_mount, [0, 0, 0, 0]),
        attempt("leave its namespaces", libc::SYS_unshare, [0, 0, 0, 0]),
        attempt("enter other namespaces", libc::SYS_setns, [NONE, 0, 0, 0]),
        attempt("change its root", libc::SYS_chroot, [0, 0, 0, 0]),
        attempt("load programs into the kernel", libc::SYS_bpf, [0, 0, 0, 0]),
        attempt("use the kernel's keys", libc::SYS_keyctl, [NONE, 0, 0, 0]),
        attempt(
            "measure the system",
            libc::SYS_perf_event_open,
            [0, 0, 0, 0],
        ),
        attempt("handle page faults", libc::SYS_userfaultfd, [NONE, 0, 0, 0]),
        attempt(
            "queue calls past the filter",
            libc::SYS_io_uring_setup,
            [0, 0, 0, 0],
        ),
        attempt(
            "open a file by its handle",
            libc::SYS_open_by_handle_at,
            [NONE, 0, 0, 0],
        ),
        attempt(
            "be debugged",
            libc::SYS_prctl,
            [libc::PR_SET_DUMPABLE as usize, 1, 0, 0],
        ),
        attempt("become another user", libc::SYS_setuid, [NONE, 0, 0, 0]),
        attempt("control a device", libc::SYS_ioctl, [NONE, 0, 0, 0]),
        attempt(
            "make memory executable",
            libc::SYS_mmap,
            [
                0,
                4096,
                exec,
                (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize,
            ],
        ),
        attempt(
            "make a program in memory",
            libc::SYS_memfd_create,
            [0, 0, 0, 0],
        ),
        attempt("raise its limits", libc::SYS_prlimit64, [0, NONE, 1, 0]),
        attempt(
            "read a file of the system",
            libc::SYS_openat,
            [here, known, 0, 0],
        ),
        attempt(
            "read a file by its full path",
            libc::SYS_openat,
            [folder, known, 0, 0],
        ),
        attempt("list its folder", libc::SYS_getdents64, [folder, 0, 0, 0]),
        attempt("shorten a file", libc::SYS_truncate, [absolute, 0, 0, 0]),
        attempt(
            "change a file's mode",
            libc::SYS_fchmodat,
            [folder, beside, 0, 0],
        ),
        attempt("make a folder", libc::SYS_mkdirat, [folder, beside, 0, 0]),
        attempt(
            "make a link",
            libc::SYS_symlinkat,
            [known, folder, beside, 0],
        ),
        attempt(
            "make another name for a file",
            libc::SYS_linkat,
            [here, known, folder, beside],
        ),
    ];
    // By these the one folder's own rights would be used for other places.
    attempts.extend([
        attempt(
            "write beside its folder",
            libc::SYS_openat,
            [folder, beside, new, 0o600],
        ),
        attempt(
            "write a file by its full path",
            libc::SYS_openat,
            [folder, absolute, new, 0o600],
        ),
        attempt(
            "remove a file by its full path",
            libc::SYS_unlinkat,
            [folder, absolute, 0, 0],
        ),
    ]);
    attempts
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
