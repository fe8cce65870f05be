//! What lies in an open folder. Blocks. Links, devices and files on their way are not shown, and
//! what a crash left of the latter is removed.

use rustix::fs::{AtFlags, Dir, statat, unlinkat};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use webdav_handler::fs::FsError;

use crate::webdav::beneath::{kind, refusal};
use crate::webdav::metadata::{Entry, Metadata};
use crate::webdav::staged::HIDDEN;

/// Everything in it that clients may see.
pub(crate) fn list(folder: BorrowedFd<'_>) -> Result<Vec<Entry>, FsError> {
    let mut entries = Vec::new();
    for found in Dir::read_from(folder).map_err(refusal)? {
        let found = found.map_err(refusal)?;
        let name = found.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if name.starts_with(HIDDEN.as_bytes()) {
            if !is_of_this_run(name) {
                // Failing that, the next listing tries again.
                let _ = unlinkat(folder, found.file_name(), AtFlags::empty());
            }
            continue;
        }
        // What went away since is not there; what is no text cannot be asked for.
        let stat = statat(folder, found.file_name(), AtFlags::SYMLINK_NOFOLLOW);
        let seen = stat.ok().and_then(kind);
        if let (Some(kind), Ok(_)) = (seen, std::str::from_utf8(name)) {
            entries.push(Entry {
                name: std::ffi::OsStr::from_bytes(name).as_bytes().to_owned(),
                metadata: Metadata::of(&kind),
            });
        }
    }
    Ok(entries)
}

fn is_of_this_run(name: &[u8]) -> bool {
    let own = format!("{HIDDEN}{}-", std::process::id());
    name.starts_with(own.as_bytes())
}
