//! The files of the repository as git sees them, those not yet committed too.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use tests::program::{command, repository, text_of};

/// A text file of the repository.
pub(crate) struct TextFile {
    /// Relative to the repository.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl TextFile {
    /// The ending of its name, without the dot.
    pub(crate) fn ending(&self) -> &str {
        Path::new(&self.path)
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default()
    }

    /// The folder it lies in, relative to the repository.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new(&self.path)
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default()
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// Every text file that is or may be committed.
pub(crate) fn text_files() -> Result<Vec<TextFile>> {
    let mut git = command("git");
    git.current_dir(repository()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let names = text_of(&mut git).context("asking git for the files")?;
    let files = names.split('\0').filter(|name| !name.is_empty());
    // A file that is deleted but not committed yet is still listed.
    let present = files.filter(|name| repository().join(name).is_file());
    present.filter_map(|name| read(name).transpose()).collect()
}

/// `None` for a file that is no text.
fn read(name: &str) -> Result<Option<TextFile>> {
    let bytes = fs::read(repository().join(name)).with_context(|| format!("reading {name}"))?;
    Ok(String::from_utf8(bytes).ok().map(|text| TextFile {
        path: name.to_owned(),
        text,
    }))
}

/// The Rust files.
pub(crate) fn rust_files() -> Result<Vec<TextFile>> {
    let mut files = text_files()?;
    files.retain(|file| file.ending() == "rs");
    Ok(files)
}
