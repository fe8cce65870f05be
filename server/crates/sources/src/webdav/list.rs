//! What lies in an open folder. Blocks. Links, devices and files on their way are not shown, and
//! what a crash left of the latter is removed after a day.

use rustix::fs::{AtFlags, Dir, Stat, statat};
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};
use webdav_handler::fs::FsError;

use crate::webdav::beneath::{kind, refusal, remove_all};
use crate::webdav::metadata::{Entry, Metadata};
use crate::webdav::staged::{HIDDEN, is_of_another_run};

/// Another server may write into the same share; what grew within this time is not left over.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything in it that clients may see.
pub(crate) fn list(folder: BorrowedFd<'_>) -> Result<Vec<Entry>, FsError> {
    let mut entries = Vec::new();
    for found in Dir::read_from(folder).map_err(refusal)? {
        let found = found.map_err(refusal)?;
        let name = found.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let stat = statat(folder, found.file_name(), AtFlags::SYMLINK_NOFOLLOW);
        if name.starts_with(HIDDEN.as_bytes()) {
            if is_of_another_run(name) && stat.is_ok_and(|stat| is_left_over(&stat)) {
                // Failing that, the next listing tries again.
                let _ = remove_all(folder, OsStr::from_bytes(name));
            }
            continue;
        }
        // What went away since is not there; what is no text cannot be asked for.
        let seen = stat.ok().and_then(kind);
        if let (Some(kind), Ok(_)) = (seen, std::str::from_utf8(name)) {
            entries.push(Entry {
                name: name.to_owned(),
                metadata: Metadata::of(&kind),
            });
        }
    }
    Ok(entries)
}

fn is_left_over(stat: &Stat) -> bool {
    let modified = u64::try_from(stat.st_mtime).map(Duration::from_secs);
    let modified = modified.map(|since| SystemTime::UNIX_EPOCH + since);
    let age = modified.ok().and_then(|then| then.elapsed().ok());
    age.is_some_and(|age| age >= LEFT_OVER_AFTER)
}
