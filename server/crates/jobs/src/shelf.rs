//! Pieces that were encoded while their bucket was away: `shelf/<title>/<generation>/<piece>`.
//! They survive a restart, and are stored before anything else of their title is encoded.
//!
//! A piece gets here only when it is complete, synced, and the place it belongs to failed. What
//! was still on its way when the server was killed is encoded again, as always. What does not
//! belong here: storing (`publish`).

use catalog::Catalog;
use model::error::{Error, Result, kind_of_io};
use model::id::TitleId;
use model::segment::Piece;
use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::work::Run;

/// The shelf of one life of one title.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The place for the pieces of `run`; it may not exist.
    pub(crate) fn of(root: &Path, run: Run) -> Self {
        let folder = root.join(run.title.to_string());
        Self {
            folder: folder.join(run.generation.to_string()),
        }
    }

    /// Where the pieces lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Moves `pieces` here from a worker's folder; those that are gone were stored after all.
    /// Blocks.
    pub(crate) fn keep(&self, from: &Path, pieces: &[(Piece, u64)]) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&self.folder)?;
        for (piece, size_bytes) in pieces {
            match self.keep_one(&from.join(piece.to_string()), *piece, *size_bytes) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome?,
            }
        }
        File::open(&self.folder)?.sync_all()
    }

    fn keep_one(&self, file: &Path, piece: Piece, size_bytes: u64) -> io::Result<()> {
        let metadata = std::fs::symlink_metadata(file)?;
        if !metadata.is_file() || metadata.len() != size_bytes {
            return Ok(());
        }
        // The name must never lead to bytes that are not on the disk yet.
        File::open(file)?.sync_all()?;
        std::fs::rename(file, self.folder.join(piece.to_string()))
    }

    /// What lies here. Blocks.
    pub(crate) fn pieces(&self) -> io::Result<Vec<(Piece, u64)>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut pieces = Vec::new();
        for entry in entries {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let name = entry.file_name();
            let piece = name.to_str().and_then(Piece::parse);
            pieces.extend(
                piece
                    .filter(|_| metadata.is_file())
                    .map(|piece| (piece, metadata.len())),
            );
        }
        Ok(pieces)
    }

    /// Removes the folders once they are empty. Blocks.
    pub(crate) fn tidy(&self) {
        // Both fail on purpose while something lies there.
        let _ = std::fs::remove_dir(&self.folder);
        if let Some(title) = self.folder.parent() {
            let _ = std::fs::remove_dir(title);
        }
    }
}

/// Removes what belongs to titles that are gone or began anew.
pub(crate) async fn sweep(root: &Path, catalog: &Catalog) -> Result<()> {
    let failed = |error: io::Error| {
        let what = format!("tidying up {}", root.display());
        Error::caused_by(kind_of_io(&error), what, error)
    };
    for (title, generation) in lives(root).map_err(failed)? {
        let present = catalog.title(title).await?;
        if present.is_none_or(|present| present.generation != generation) {
            let folder = root.join(title.to_string());
            std::fs::remove_dir_all(folder.join(generation.to_string())).map_err(failed)?;
            let _ = std::fs::remove_dir(folder);
        }
    }
    Ok(())
}

/// Whose pieces lie on the shelf.
fn lives(root: &Path) -> io::Result<HashSet<(TitleId, u32)>> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(root)?;
    let mut lives = HashSet::new();
    for title in std::fs::read_dir(root)? {
        let title = title?;
        let Some(id) = title
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        for generation in std::fs::read_dir(title.path())? {
            let name = generation?.file_name();
            lives.extend(
                name.to_str()
                    .and_then(|name| Some((id, name.parse().ok()?))),
            );
        }
    }
    Ok(lives)
}

#[cfg(test)]
mod tests {
    use super::Shelf;
    use crate::work::Run;
    use model::id::{JobId, TitleId};
    use model::segment::Piece;

    #[test]
    fn only_complete_pieces_are_kept_and_found_again() {
        let root = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let run = Run {
            job: JobId::generate(),
            title: TitleId::generate(),
            generation: 2,
        };
        let whole = Piece::Init { stream: 0 };
        let half = Piece::Init { stream: 1 };
        for piece in [whole, half] {
            std::fs::write(scratch.path().join(piece.to_string()), "four").unwrap();
        }
        let shelf = Shelf::of(root.path(), run);
        let gone = Piece::Poster;
        let pieces = [(whole, 4), (half, 5), (gone, 4)];
        shelf.keep(scratch.path(), &pieces).unwrap();
        let again = Shelf::of(root.path(), run);
        assert_eq!(again.pieces().unwrap(), [(whole, 4)]);
        again.tidy();
        assert_eq!(again.pieces().unwrap().len(), 1, "tidying loses nothing");
        std::fs::remove_file(again.folder().join(whole.to_string())).unwrap();
        again.tidy();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
