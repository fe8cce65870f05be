//! From a worker's folder to the store, then to the catalog: a row is written only after its
//! object is durable, and a unit is done only after all its rows.
//!
//! One task for each session, behind a bounded queue, so that encoding never waits for a single
//! fsync and a slow store slows encoding down instead of filling memory. What arrives while a
//! batch is being put becomes the next batch.

use model::segment::{ObjectKey, Piece, StoredPiece};
use model::settings::Place;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::trouble::Trouble;
use crate::work::{Lane, Report, Run, Work};
use crate::workshop::Workshop;

/// Pieces that may wait; a chunk of 8 s in four rungs has eight.
const QUEUE: usize = 64;
/// The most pieces whose rows share a transaction.
const BATCH: usize = 16;
/// How long the rest may take when a session ends.
const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

/// What a session hands over.
#[derive(Debug)]
enum Handover {
    /// A piece lies complete in the scratch folder with this many bytes.
    Piece(Piece, u64),
    /// All pieces of this work were handed over before.
    Finished(Work),
}

/// The way out of one session.
#[derive(Debug)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<Handover>,
    task: AbortOnDropHandle<Result<(), Trouble>>,
}

/// What the task knows.
struct Desk {
    workshop: Arc<Workshop>,
    lane: Lane,
    run: Run,
    folder: PathBuf,
    /// Pieces that have a row already, from this or an earlier attempt.
    stored: HashSet<Piece>,
}

impl Publisher {
    /// Starts publishing from `folder`; pieces in `stored` are thrown away instead.
    pub(crate) fn start(
        workshop: Arc<Workshop>,
        lane: Lane,
        run: Run,
        folder: &Path,
        stored: HashSet<Piece>,
    ) -> Self {
        let (queue, handovers) = mpsc::channel(QUEUE);
        let desk = Desk {
            workshop,
            lane,
            run,
            folder: folder.to_owned(),
            stored,
        };
        Self {
            queue,
            task: AbortOnDropHandle::new(tokio::spawn(desk.serve(handovers))),
        }
    }

    /// Hands a piece over; waits while the queue is full. False if publishing has failed, which
    /// [`failed`](Self::failed) explains.
    pub(crate) async fn piece(&self, piece: Piece, size_bytes: u64) -> bool {
        self.queue
            .send(Handover::Piece(piece, size_bytes))
            .await
            .is_ok()
    }

    /// Says that all pieces of `work` were handed over. False as above.
    pub(crate) async fn finished(&self, work: Work) -> bool {
        self.queue.send(Handover::Finished(work)).await.is_ok()
    }

    /// Waits until publishing fails.
    pub(crate) async fn failed(&mut self) -> Trouble {
        match (&mut self.task).await {
            Ok(Err(trouble)) => trouble,
            Ok(Ok(())) => Trouble::defect("publishing ended before its session"),
            Err(error) => Trouble::defect(format!("publishing broke off: {error}")),
        }
    }

    /// Publishes what was handed over and ends.
    pub(crate) async fn close(self) -> Result<(), Trouble> {
        drop(self.queue);
        match tokio::time::timeout(DRAIN_DEADLINE, self.task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(Trouble::defect(format!("publishing broke off: {error}"))),
            Err(_elapsed) => Err(Trouble::defect(
                "the store took too long for a few segments",
            )),
        }
    }
}

impl Desk {
    async fn serve(mut self, mut handovers: mpsc::Receiver<Handover>) -> Result<(), Trouble> {
        let mut batch = Vec::with_capacity(BATCH);
        while handovers.recv_many(&mut batch, BATCH).await > 0 {
            self.publish(&batch).await?;
            batch.clear();
        }
        Ok(())
    }

    /// Pieces first: whatever is said to be finished in this batch was handed over before.
    async fn publish(&mut self, batch: &[Handover]) -> Result<(), Trouble> {
        let pieces = batch.iter().filter_map(|handover| match handover {
            Handover::Piece(piece, size_bytes) => Some((*piece, *size_bytes)),
            Handover::Finished(_) => None,
        });
        let fresh: Vec<(Piece, u64)> = pieces
            .filter(|(piece, _)| self.stored.insert(*piece) || self.discard(*piece))
            .collect();
        store(&self.workshop, self.run, &self.folder, fresh).await?;
        for handover in batch {
            if let Handover::Finished(work) = handover {
                finish(&self.workshop, self.lane, self.run, *work).await?;
            }
        }
        Ok(())
    }

    /// Throws away what an earlier attempt has stored already; always false.
    fn discard(&self, piece: Piece) -> bool {
        let _ = std::fs::remove_file(self.folder.join(piece.to_string()));
        false
    }
}

/// Puts the pieces at the same time and then writes their rows in one transaction.
pub(crate) async fn store(
    workshop: &Workshop,
    run: Run,
    folder: &Path,
    pieces: Vec<(Piece, u64)>,
) -> Result<(), Trouble> {
    if pieces.is_empty() {
        return Ok(());
    }
    let rows = put(workshop, run, folder, pieces).await?;
    let added = workshop
        .catalog
        .add_pieces(run.job, &workshop.owner, rows.clone());
    if let Err(error) = added.await {
        take_back(workshop, run, &rows).await;
        return Err(workshop.catalog_trouble(&error));
    }
    workshop.report(Report::Stored(run)).await;
    Ok(())
}

/// Deletes objects whose rows were refused, because the job is no longer ours: nothing else would
/// find them before the next start. Nobody can be putting the same key again, since the lane that
/// would do so is the one that waits for us.
pub(crate) async fn take_back(workshop: &Workshop, run: Run, rows: &[StoredPiece]) {
    for row in rows {
        let known = workshop.catalog.piece(run.title, row.piece).await;
        let has_row =
            !matches!(&known, Ok(found) if found.as_ref().is_none_or(|found| found.key != row.key));
        if has_row {
            continue;
        }
        if let Err(error) = workshop.storage.delete(&row.key).await {
            tracing::debug!(%error, key = %row.key, "An object without a row stays until the next start.");
        }
    }
}

/// Moves pieces from `folder` into the store and returns their rows.
pub(crate) async fn put(
    workshop: &Workshop,
    run: Run,
    folder: &Path,
    pieces: Vec<(Piece, u64)>,
) -> Result<Vec<StoredPiece>, Trouble> {
    let puts = pieces
        .into_iter()
        .map(|(piece, size_bytes)| put_one(workshop, run, folder, piece, size_bytes));
    futures::future::try_join_all(puts).await
}

async fn put_one(
    workshop: &Workshop,
    run: Run,
    folder: &Path,
    piece: Piece,
    size_bytes: u64,
) -> Result<StoredPiece, Trouble> {
    let file = folder.join(piece.to_string());
    check(&file, size_bytes).await?;
    let key = ObjectKey::of_piece(run.title, run.generation, piece);
    let stored = workshop.storage.put_file(&key, &file).await;
    let stored = stored.map_err(|error| Trouble::at_store(&error, &workshop.policy))?;
    Ok(StoredPiece {
        piece,
        place: Place::Local,
        key,
        size_bytes: stored.size_bytes,
        sha256: stored.sha256,
    })
}

/// A worker reads hostile files: what it claims to have written must be a plain file of that
/// length, not a link to something of ours.
async fn check(file: &Path, size_bytes: u64) -> Result<(), Trouble> {
    let metadata = tokio::fs::symlink_metadata(file).await;
    if metadata.is_ok_and(|found| found.is_file() && found.len() == size_bytes) {
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Err(Trouble::defect(format!(
        "homereel-worker announced {name} with {size_bytes} bytes, but that is not what lies there"
    )))
}

/// Records that `work` is done.
pub(crate) async fn finish(
    workshop: &Workshop,
    lane: Lane,
    run: Run,
    work: Work,
) -> Result<(), Trouble> {
    if let Some(unit) = work.unit() {
        let done = workshop.catalog.unit_done(run.job, &workshop.owner, unit);
        done.await
            .map_err(|error| workshop.catalog_trouble(&error))?;
    }
    workshop.report(Report::Done(lane, run, work)).await;
    Ok(())
}
