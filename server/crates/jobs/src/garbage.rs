//! Objects that no row needs any more: those in the catalog's garbage, and orphans that a crash
//! left between an object and its row.
//!
//! The order is row, garbage row, object, garbage row gone; whatever is interrupted is done again.
//! A bucket that is away is asked again only after a while, and holds nothing else up. What does
//! not belong here: deciding what is garbage (`catalog`).

use catalog::garbage::GarbageAfter;
use model::change::Change;
use model::error::{Error, Result};
use model::segment::ObjectKey;
use model::settings::Place;
use model::title::TitleState;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use storage::Storage;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;
use crate::workshop::Workshop;

/// Objects that are deleted before their garbage rows go, in one transaction.
const BATCH: u32 = 100;
/// So many refusals in a row mean that it is not the object's fault.
const MOST_REFUSALS: usize = 3;
/// How long a listing of the local store may hold up the start of work.
const SWEEP_DEADLINE: Duration = Duration::from_secs(120);

/// The collector's patience with the bucket.
#[derive(Default)]
struct Bucket {
    outage: Outage,
    /// Not to be asked before.
    not_before: Option<Instant>,
    /// Orphans of an earlier life were looked for.
    swept: bool,
}

/// Deletes garbage when titles change and every so often, until `stop` is cancelled.
pub(crate) async fn collect(workshop: Arc<Workshop>, stop: CancellationToken) {
    let mut changes = workshop.catalog.subscribe();
    let mut bucket = Bucket::default();
    loop {
        let round = async {
            collect_from(&workshop, &mut bucket).await;
            tokio::select! {
                () = tokio::time::sleep(workshop.policy.garbage_every) => {}
                () = title_change(&mut changes) => {}
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = round => {}
        }
    }
}

/// Ends when a title has changed, or a change was missed.
async fn title_change(changes: &mut broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Title(_)) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

async fn collect_from(workshop: &Workshop, bucket: &mut Bucket) {
    if let Err(error) = collect_all(workshop, Place::Local).await {
        tracing::warn!(%error, "Garbage could not be deleted; it will be tried again.");
    }
    if bucket.not_before.is_some_and(|then| Instant::now() < then) {
        return;
    }
    match collect_bucket(workshop, bucket).await {
        Ok(()) => {
            bucket.outage.over();
            bucket.not_before = None;
        }
        Err(error) => {
            tracing::warn!(%error, "Garbage in the bucket stays for now.");
            let wait = bucket.outage.failed(workshop.policy.garbage_every);
            bucket.not_before = Some(Instant::now() + wait);
        }
    }
}

async fn collect_bucket(workshop: &Workshop, bucket: &mut Bucket) -> Result<()> {
    collect_all(workshop, Place::Bucket).await?;
    if bucket.swept || workshop.spare_orphans {
        return Ok(());
    }
    if let Ok(storage) = workshop.places.at(Place::Bucket) {
        sweep_bucket(workshop, storage.as_ref()).await?;
        bucket.swept = true;
    }
    Ok(())
}

async fn collect_all(workshop: &Workshop, place: Place) -> Result<()> {
    let (mut after, mut refusal) = (GarbageAfter::default(), None);
    loop {
        let (keys, next) = workshop.catalog.garbage(place, after, BATCH).await?;
        if keys.is_empty() {
            return refusal.map_or(Ok(()), Err);
        }
        after = next;
        let storage = workshop.places.at(place)?;
        let deleted = delete_each(storage.as_ref(), keys).await;
        let objects = deleted.gone.len();
        workshop
            .catalog
            .garbage_collected(place, deleted.gone)
            .await?;
        tracing::debug!(objects, ?place, "Garbage was deleted.");
        if deleted.is_hopeless {
            return deleted.refusal.map_or(Ok(()), Err);
        }
        refusal = refusal.or(deleted.refusal);
    }
}

/// What became of objects that were to be deleted.
#[derive(Default)]
struct Deleted {
    gone: Vec<ObjectKey>,
    /// The first one.
    refusal: Option<Error>,
    /// The store refuses everything.
    is_hopeless: bool,
}

/// Deletes what can be deleted: one object that cannot must not keep all others.
async fn delete_each(storage: &dyn Storage, keys: Vec<ObjectKey>) -> Deleted {
    let (mut deleted, mut in_a_row) = (Deleted::default(), 0);
    for key in keys {
        match storage.delete(&key).await {
            Ok(()) => {
                in_a_row = 0;
                deleted.gone.push(key);
            }
            Err(error) => {
                tracing::debug!(%key, %error, "An object cannot be deleted.");
                in_a_row += 1;
                deleted.refusal.get_or_insert(error);
            }
        }
        if in_a_row == MOST_REFUSALS {
            deleted.is_hopeless = true;
            break;
        }
    }
    deleted
}

/// Deletes objects without any row on this computer. To be called before any work begins: later,
/// an object may be about to get its row.
pub(crate) async fn sweep(workshop: &Workshop) {
    if workshop.spare_orphans {
        return;
    }
    match tokio::time::timeout(SWEEP_DEADLINE, sweep_local(workshop)).await {
        Ok(Ok(0)) => {}
        Ok(Ok(orphans)) => {
            tracing::info!(
                orphans,
                "Objects that a crash left without a row were deleted."
            );
        }
        Ok(Err(error)) => tracing::warn!(%error, "Orphans in the store could not be deleted."),
        Err(_elapsed) => tracing::warn!("The store took too long to be searched for orphans."),
    }
}

async fn sweep_local(workshop: &Workshop) -> Result<usize> {
    let storage = workshop.places.at(Place::Local)?;
    let orphans = orphans(workshop, Place::Local, storage.as_ref()).await?;
    let deleted = delete_each(storage.as_ref(), orphans).await;
    match deleted.refusal {
        Some(error) => Err(error),
        None => Ok(deleted.gone.len()),
    }
}

/// The same for the bucket, beside the work, since its listing may take minutes and it may be
/// away at start. Objects of a title that is being worked on may be about to get their rows and
/// are left alone; they are looked at again once it is ready and the server starts.
async fn sweep_bucket(workshop: &Workshop, storage: &dyn Storage) -> Result<()> {
    let mut deleted = 0;
    for key in orphans(workshop, Place::Bucket, storage).await? {
        if is_nobodys(workshop, &key).await? {
            storage.delete(&key).await?;
            deleted += 1;
        }
    }
    if deleted > 0 {
        tracing::info!(
            deleted,
            "Objects without a row were deleted from the bucket."
        );
    }
    Ok(())
}

async fn is_nobodys(workshop: &Workshop, key: &ObjectKey) -> Result<bool> {
    let Some(title) = key.title() else {
        return Ok(false);
    };
    let Some(title) = workshop.catalog.title(title).await? else {
        return Ok(true);
    };
    let old = !key.is_of(title.id, title.generation);
    if !old && title.state != TitleState::Ready {
        return Ok(false);
    }
    // The listing took minutes, and the row may have come since.
    Ok(!has_row(workshop, key).await?)
}

async fn has_row(workshop: &Workshop, key: &ObjectKey) -> Result<bool> {
    let (Some(title), Some(piece)) = (key.title(), key.piece()) else {
        return Ok(true);
    };
    let row = workshop.catalog.piece(title, piece).await?;
    Ok(row.is_some_and(|row| row.key == *key))
}

async fn orphans(
    workshop: &Workshop,
    place: Place,
    storage: &dyn Storage,
) -> Result<Vec<ObjectKey>, Error> {
    let listed = storage.list().await?;
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let rows = workshop.catalog.every_key().await?;
    let here = rows.into_iter().filter(|row| row.place == place);
    let known: HashSet<ObjectKey> = here.map(|row| row.key).collect();
    let keys = listed.into_iter().map(|(key, _)| key);
    Ok(keys.filter(|key| !known.contains(key)).collect())
}
