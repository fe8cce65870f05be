//! The files of the local store, seen from outside: which there are, and whether they were written
//! again. What does not belong here: what they contain.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A stored file as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Another number means another file under the same name.
    pub inode: u64,
    /// Nanoseconds since 1970; another time means it was written again.
    pub modified_ns: i64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// Every segment in the store below `data`, by its path. One that is swept away meanwhile, because
/// no row knows it, is not there.
pub fn segments(data: &Path) -> Result<BTreeMap<PathBuf, StoredFile>> {
    let mut found = BTreeMap::new();
    for path in paths(data)? {
        let read = fs::metadata(&path).and_then(|metadata| Ok((metadata, fs::read(&path)?)));
        let (metadata, bytes) = match read {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            read => read.with_context(|| path.display().to_string())?,
        };
        let sha256 = Sha256::digest(&bytes);
        found.insert(
            path,
            StoredFile {
                inode: metadata.ino(),
                modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
                sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        );
    }
    Ok(found)
}

/// How many segments the store below `data` has; cheap enough to ask all the time.
pub fn count(data: &Path) -> usize {
    paths(data).map_or(0, |paths| paths.len())
}

/// Paths of everything in the store that is named like a segment.
fn paths(data: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![data.join("store")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_segment(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn is_segment(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("chunk-stream") && name.ends_with(".m4s")
}
