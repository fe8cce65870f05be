//! From a worker's folder to the store, then to the catalog: a row is written only after its
//! object is durable, and a unit is done only after all its rows.
//!
//! One task for each session, behind a bounded queue, so that encoding never waits for a single
//! fsync and a slow store slows encoding down instead of filling memory. What arrives while a
//! batch is being put becomes the next batch. When a bucket is away, what is encoded goes to the
//! `shelf` and is stored first when the job comes back.

use futures::stream::{self, StreamExt};
use model::error::ErrorKind;
use model::segment::{ObjectKey, Piece, StoredPiece};
use model::settings::Place;
use std::collections::HashSet;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::shelf::Shelf;
use crate::trouble::Trouble;
use crate::work::{Lane, Report, Run, Target, Work};
use crate::workshop::Workshop;

/// Pieces that may wait; a chunk of 8 s in four rungs has eight.
const QUEUE: usize = 64;
/// The most pieces whose rows share a transaction.
const BATCH: usize = 16;
/// Pieces that go to their place at the same time. On a disk the syncs overlap, on a bucket the
/// round trips; more would only take memory and make each of them slower.
const AT_ONCE: usize = 8;
/// How long the rest may take when a session ends.
const DRAIN_DEADLINE: Duration = Duration::from_secs(20);
/// The same for a bucket, which has deadlines of its own for every object.
const DRAIN_TO_BUCKET_DEADLINE: Duration = Duration::from_secs(120);

/// What a session hands over.
#[derive(Debug)]
enum Handover {
    /// A piece lies complete in the scratch folder with this many bytes.
    Piece(Piece, u64),
    /// All pieces of this work were handed over before.
    Finished(Work),
}

/// Pieces that could not be stored, and why.
#[derive(Debug)]
pub(crate) struct Unstored {
    pub(crate) trouble: Trouble,
    pub(crate) left: Vec<(Piece, u64)>,
}

/// A batch that was stored in part.
#[derive(Debug)]
pub(crate) struct Partial {
    rows: Vec<StoredPiece>,
    pub(crate) unstored: Unstored,
}

impl From<Trouble> for Unstored {
    fn from(trouble: Trouble) -> Self {
        Self {
            trouble,
            left: Vec::new(),
        }
    }
}

/// The way out of one session.
#[derive(Debug)]
pub(crate) struct Publisher {
    place: Place,
    queue: mpsc::Sender<Handover>,
    task: AbortOnDropHandle<Result<(), Trouble>>,
    /// What the task failed with, once somebody has heard of it.
    failure: Option<Trouble>,
}

/// What the task knows.
struct Desk {
    workshop: Arc<Workshop>,
    lane: Lane,
    target: Target,
    folder: PathBuf,
    /// Pieces that have a row already, from this or an earlier attempt.
    stored: HashSet<Piece>,
}

impl Publisher {
    /// Starts publishing from `folder`; pieces in `stored` are thrown away instead.
    pub(crate) fn start(
        workshop: Arc<Workshop>,
        lane: Lane,
        target: Target,
        folder: &Path,
        stored: HashSet<Piece>,
    ) -> Self {
        let (queue, handovers) = mpsc::channel(QUEUE);
        let desk = Desk {
            workshop,
            lane,
            target,
            folder: folder.to_owned(),
            stored,
        };
        Self {
            place: target.place,
            queue,
            task: AbortOnDropHandle::new(tokio::spawn(desk.serve(handovers))),
            failure: None,
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
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        let trouble = match (&mut self.task).await {
            Ok(Err(trouble)) => trouble,
            Ok(Ok(())) => Trouble::defect("publishing ended before its session"),
            Err(error) => Trouble::defect(format!("publishing broke off: {error}")),
        };
        self.failure = Some(trouble.clone());
        trouble
    }

    /// Publishes what was handed over and ends.
    pub(crate) async fn close(self) -> Result<(), Trouble> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        drop(self.queue);
        let deadline = match self.place {
            Place::Local => DRAIN_DEADLINE,
            Place::Bucket => DRAIN_TO_BUCKET_DEADLINE,
        };
        match tokio::time::timeout(deadline, self.task).await {
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
            if let Err(unstored) = self.publish(&batch).await {
                handovers.close();
                return Err(self.give_up(unstored, handovers).await);
            }
            batch.clear();
        }
        Ok(())
    }

    /// Pieces first: whatever is said to be finished in this batch was handed over before.
    async fn publish(&mut self, batch: &[Handover]) -> Result<(), Unstored> {
        let fresh = self.fresh(batch);
        store(&self.workshop, self.target, &self.folder, fresh).await?;
        for handover in batch {
            if let Handover::Finished(work) = handover {
                finish(&self.workshop, self.lane, self.target.run, *work).await?;
            }
        }
        Ok(())
    }

    fn fresh(&mut self, batch: &[Handover]) -> Vec<(Piece, u64)> {
        let pieces = batch.iter().filter_map(|handover| match handover {
            Handover::Piece(piece, size_bytes) => Some((*piece, *size_bytes)),
            Handover::Finished(_) => None,
        });
        pieces
            .filter(|(piece, _)| self.stored.insert(*piece) || self.discard(*piece))
            .collect()
    }

    /// What is encoded should not be encoded again because its bucket is away for an hour.
    async fn give_up(
        &mut self,
        unstored: Unstored,
        mut handovers: mpsc::Receiver<Handover>,
    ) -> Trouble {
        let Unstored { trouble, mut left } = unstored;
        if self.target.place == Place::Local || !matches!(trouble, Trouble::Wait { .. }) {
            return trouble;
        }
        while let Some(handover) = handovers.recv().await {
            left.extend(self.fresh(&[handover]));
        }
        let shelf = Shelf::of(&self.workshop.shelf_root, self.target.run);
        let folder = self.folder.clone();
        if let Err(other) = blocking(move || shelf.keep(&folder, &left)).await {
            tracing::warn!(
                ?other,
                "Encoded parts could not be kept; they are made again."
            );
        }
        trouble
    }

    /// Throws away what an earlier attempt has stored already; always false.
    fn discard(&self, piece: Piece) -> bool {
        let _ = std::fs::remove_file(self.folder.join(piece.to_string()));
        false
    }
}

/// Puts the pieces and then writes the rows of those that were stored.
pub(crate) async fn store(
    workshop: &Workshop,
    target: Target,
    folder: &Path,
    pieces: Vec<(Piece, u64)>,
) -> Result<(), Unstored> {
    if pieces.is_empty() {
        return Ok(());
    }
    let put = put(workshop, target, folder, pieces).await;
    let (rows, outcome) = match put {
        Ok(rows) => (rows, Ok(())),
        Err(partial) => (partial.rows, Err(partial.unstored)),
    };
    record(workshop, target, rows)
        .await
        .map_err(Unstored::from)?;
    outcome
}

/// Writes the rows of objects that are stored, in one transaction.
async fn record(
    workshop: &Workshop,
    target: Target,
    rows: Vec<StoredPiece>,
) -> Result<(), Trouble> {
    if rows.is_empty() {
        return Ok(());
    }
    let run = target.run;
    let added = workshop
        .catalog
        .add_pieces(run.job, &workshop.owner, rows.clone());
    if let Err(error) = added.await {
        if is_refusal(error.kind()) {
            take_back(workshop, target, &rows).await;
        }
        return Err(workshop.catalog_trouble(&error));
    }
    workshop.report(Report::Stored(run)).await;
    Ok(())
}

/// Whether the rows are certainly not there. A catalog that does not answer in time may write them
/// all the same afterwards, and a row without its object is worse than the opposite: orphans are
/// swept at the next start.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Conflict | ErrorKind::NotFound)
}

/// Deletes objects whose rows were refused, because the job is no longer ours: nothing else would
/// find them before the next start. Nobody can be putting the same key again, since the lane that
/// would do so is the one that waits for us.
pub(crate) async fn take_back(workshop: &Workshop, target: Target, rows: &[StoredPiece]) {
    let Ok(storage) = workshop.places.at(target.place) else {
        return;
    };
    for row in rows {
        let known = workshop.catalog.piece(target.run.title, row.piece).await;
        let has_row =
            !matches!(&known, Ok(found) if found.as_ref().is_none_or(|found| found.key != row.key));
        if has_row {
            continue;
        }
        if let Err(error) = storage.delete(&row.key).await {
            tracing::debug!(%error, key = %row.key, "An object without a row stays until the next start.");
        }
    }
}

/// Stores what waits on the shelf for `target`, rows included. One lane at a time: both may be
/// about to begin with the same title.
pub(crate) async fn unshelve(workshop: &Workshop, target: Target) -> Result<(), Trouble> {
    let _turn = workshop.shelf_turn.lock().await;
    let shelf = Shelf::of(&workshop.shelf_root, target.run);
    let looked = shelf.clone();
    let mut waiting = blocking(move || looked.pieces()).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let count = waiting.len();
    while !waiting.is_empty() {
        let rest = waiting.split_off(waiting.len().min(BATCH));
        let batch = std::mem::replace(&mut waiting, rest);
        let stored = store(workshop, target, shelf.folder(), batch).await;
        stored.map_err(|unstored| unstored.trouble)?;
    }
    tracing::info!(job = %target.run.job, pieces = count, "What waited for its place was stored.");
    blocking(move || {
        shelf.tidy();
        Ok(())
    })
    .await
}

/// Moves pieces from `folder` into their place and returns their rows. After a first failure no
/// other piece is begun: a place that is away is not tried with each of them.
pub(crate) async fn put(
    workshop: &Workshop,
    target: Target,
    folder: &Path,
    pieces: Vec<(Piece, u64)>,
) -> Result<Vec<StoredPiece>, Partial> {
    let failed = AtomicBool::new(false);
    let puts = stream::iter(pieces.clone())
        .take_while(|_| ready(!failed.load(Ordering::Relaxed)))
        .map(|(piece, size_bytes)| put_one(workshop, target, folder, piece, size_bytes))
        .buffer_unordered(workshop.outage.at_once(target.place, AT_ONCE))
        .inspect(|outcome| _ = failed.fetch_or(outcome.is_err(), Ordering::Relaxed));
    let outcomes: Vec<Result<StoredPiece, Trouble>> = puts.collect().await;
    let (mut rows, mut trouble) = (Vec::new(), None);
    for outcome in outcomes {
        match outcome {
            Ok(row) => rows.push(row),
            Err(other) => trouble = trouble.or(Some(other)),
        }
    }
    let Some(trouble) = trouble else {
        return Ok(rows);
    };
    let stored: HashSet<Piece> = rows.iter().map(|row| row.piece).collect();
    let left = pieces
        .into_iter()
        .filter(|(piece, _)| !stored.contains(piece));
    Err(Partial {
        rows,
        unstored: Unstored {
            trouble,
            left: left.collect(),
        },
    })
}

async fn put_one(
    workshop: &Workshop,
    target: Target,
    folder: &Path,
    piece: Piece,
    size_bytes: u64,
) -> Result<StoredPiece, Trouble> {
    let Target { run, place } = target;
    let file = folder.join(piece.to_string());
    check(&file, size_bytes).await?;
    let key = ObjectKey::of_piece(run.title, run.generation, piece);
    let stored = async { workshop.places.at(place)?.put_file(&key, &file).await }.await;
    let stored = stored.map_err(|error| workshop.store_trouble(place, &error))?;
    if place == Place::Bucket {
        workshop.outage.over();
    }
    Ok(StoredPiece {
        piece,
        key,
        place,
        size_bytes: stored.size_bytes,
        sha256: stored.sha256,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| Trouble::defect(format!("at the shelf for waiting pieces: {error}")))
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

#[cfg(test)]
mod tests {
    use super::is_refusal;
    use model::error::ErrorKind;

    #[test]
    fn objects_are_taken_back_only_when_their_rows_can_never_come() {
        for (kind, expected) in [
            (ErrorKind::Conflict, true),
            (ErrorKind::NotFound, true),
            // The writer gives up waiting after half a minute, and may carry it out all the same.
            (ErrorKind::Unavailable, false),
            (ErrorKind::Internal, false),
            (ErrorKind::OutOfSpace, false),
            (ErrorKind::Corrupt, false),
        ] {
            assert_eq!(is_refusal(kind), expected, "{kind:?}");
        }
    }
}
