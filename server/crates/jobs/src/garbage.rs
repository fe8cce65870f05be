//! Objects that no row needs any more: those in the catalog's garbage, and orphans that a crash
//! left between an object and its row.
//!
//! The order is row, garbage row, object, garbage row gone; whatever is interrupted is done again.
//! What does not belong here: deciding what is garbage (`catalog`).

use catalog::Catalog;
use model::change::Change;
use model::error::Result;
use model::segment::ObjectKey;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use storage::Storage;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Objects that are deleted before their garbage rows go, in one transaction.
const BATCH: u32 = 100;
/// How long a listing of the store may hold up the start of work.
const SWEEP_DEADLINE: Duration = Duration::from_secs(120);

/// Deletes garbage when titles change and every `period`, until `stop` is cancelled.
pub(crate) async fn collect(
    catalog: Catalog,
    storage: Arc<dyn Storage>,
    period: Duration,
    stop: CancellationToken,
) {
    let mut changes = catalog.subscribe();
    loop {
        if let Err(error) = collect_all(&catalog, storage.as_ref()).await {
            tracing::warn!(%error, "Garbage could not be deleted; it will be tried again.");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(period) => {}
            () = title_change(&mut changes) => {}
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

async fn collect_all(catalog: &Catalog, storage: &dyn Storage) -> Result<()> {
    loop {
        let keys = catalog.garbage(BATCH).await?;
        if keys.is_empty() {
            return Ok(());
        }
        for (_, key) in &keys {
            storage.delete(key).await?;
        }
        tracing::debug!(objects = keys.len(), "Garbage was deleted.");
        catalog.garbage_collected(keys).await?;
    }
}

/// Deletes objects without any row. To be called before any work begins: later, an object may be
/// about to get its row.
pub(crate) async fn sweep(catalog: &Catalog, storage: &dyn Storage) {
    match tokio::time::timeout(SWEEP_DEADLINE, try_sweep(catalog, storage)).await {
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

async fn try_sweep(catalog: &Catalog, storage: &dyn Storage) -> Result<usize> {
    let listed = storage.list().await?;
    if listed.is_empty() {
        return Ok(0);
    }
    let rows = catalog.every_key().await?;
    let known: HashSet<ObjectKey> = rows.into_iter().map(|stored| stored.key).collect();
    let mut orphans = 0;
    for (key, _) in listed {
        if !known.contains(&key) {
            storage.delete(&key).await?;
            orphans += 1;
        }
    }
    Ok(orphans)
}
