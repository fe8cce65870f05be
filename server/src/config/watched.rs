//! Which folders may be watched: none that would make a loop, each only once.

use delivery::folders::refusal;
use model::error::Result;
use std::path::{Path, PathBuf};

use crate::config::invalid;

/// Refuses folders that would make a loop, and drops those that another one contains.
pub(super) fn without_nested(data_dir: &Path, folders: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let folders: Vec<PathBuf> = folders.iter().map(|folder| resolved(folder)).collect();
    let data_dir = resolved(data_dir);
    for folder in &folders {
        if let Some(reason) = refusal(folder, &data_dir) {
            return Err(invalid(reason));
        }
    }
    let mut kept: Vec<PathBuf> = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        let inside = |(other_index, other): (usize, &PathBuf)| {
            // Of two equal folders the first one stays.
            folder.starts_with(other) && (folder != other || other_index < index)
        };
        if !folders
            .iter()
            .enumerate()
            .any(|(place, other)| place != index && inside((place, other)))
        {
            kept.push(folder.clone());
        }
    }
    Ok(kept)
}

/// Through links, as far as the path exists.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
