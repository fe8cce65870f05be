//! Taking over what the server prepared before it started this process: open descriptors, among
//! them pipes that are waited for with patience, and a signal. One of the three places with
//! `unsafe` in the worker.

#![expect(
    unsafe_code,
    reason = "inherited descriptors and signals have no safe interface"
)]

use rustix::fs::OFlags;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// Owns an inherited descriptor, if it is open. Call once per descriptor, before anything else
/// opens files.
pub fn adopt(descriptor: RawFd) -> Option<OwnedFd> {
    // SAFETY: fcntl on any number is harmless; it fails if the descriptor is not open.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
    // SAFETY: the descriptor is open, was inherited for us, and nobody else in this process
    // knows of it.
    (flags >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Like [`adopt`], as a file.
pub fn adopt_file(descriptor: RawFd) -> Option<File> {
    adopt(descriptor).map(File::from)
}

/// A pipe whose other end may hang: no call waits for it longer than [`PATIENCE`].
#[derive(Debug)]
pub struct PatientPipe(File);

/// The first picture wakes a card up, which takes seconds; anything longer is a driver that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

impl PatientPipe {
    /// Takes over one end of a pipe.
    pub fn new(pipe: File) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&pipe)?;
        rustix::fs::fcntl_setfl(&pipe, flags | OFlags::NONBLOCK)?;
        Ok(Self(pipe))
    }

    fn wait(&self, events: libc::c_short) -> io::Result<()> {
        let mut pipe = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events,
            revents: 0,
        };
        let patience = libc::timespec {
            tv_sec: libc::time_t::try_from(PATIENCE.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: 0,
        };
        // SAFETY: one `pollfd` and a time that live on this stack; no signal mask.
        let ready = unsafe { libc::ppoll(&raw mut pipe, 1, &raw const patience, ptr::null()) };
        match ready {
            0 => Err(io::ErrorKind::TimedOut.into()),
            1.. => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Read for PatientPipe {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(libc::POLLIN)?;
                }
                other => return other,
            }
        }
    }
}

impl Write for PatientPipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(libc::POLLOUT)?;
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The length of an open file. Asked of the descriptor alone: the sandbox has no call that could
/// also take a path, as the standard library's does.
pub fn size_bytes(file: &File) -> io::Result<u64> {
    let state = rustix::fs::fstat(file)?;
    u64::try_from(state.st_size).map_err(io::Error::other)
}

/// Makes a write over the file size limit fail with `EFBIG` instead of ending the process.
pub fn ignore_file_size_signal() {
    // SAFETY: called before any other thread exists; SIG_IGN runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
