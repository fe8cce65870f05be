//! How much room is left where bytes go, beside what is kept free for everything else. Blocks.

use model::error::{Error, ErrorKind};
use std::io;
use std::path::Path;

/// Bytes that may still be written under `path` without touching the reserve.
pub(crate) fn room_bytes(path: &Path, reserve_bytes: u64) -> io::Result<u64> {
    let volume = rustix::fs::statvfs(path)?;
    let free_bytes = volume.f_bavail.saturating_mul(volume.f_frsize);
    Ok(free_bytes.saturating_sub(reserve_bytes))
}

/// The disk is full, or would be.
pub(crate) fn out_of_space(what: &str) -> Error {
    Error::new(
        ErrorKind::OutOfSpace,
        format!("There is not enough free space on the disk for {what}. Make room and try again"),
    )
}

/// Whether an error says that the disk is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
