//! Taking over what the server prepared before it started this process: open descriptors and a
//! signal. One of the three places with `unsafe` in the worker.

#![expect(
    unsafe_code,
    reason = "inherited descriptors and signals have no safe interface"
)]

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

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
