//! Purges titles whose time to be brought back has passed, with the originals of those that were
//! uploaded, and has the originals looked through now and then. Files of watched folders are their
//! owner's and stay. What does not belong here: objects of the store (`jobs` deletes garbage), and
//! which originals go (`originals`).

use catalog::Catalog;
use catalog::removal::Purged;
use model::clock::{Clock, SystemClock, WallTime};
use model::error::ErrorKind;
use model::title::UNDO;
use std::time::Duration;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::ballast::Ballast;
use crate::originals::Originals;

/// Soon enough for people who wait for space.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// What a crash leaves can wait; what a backup does not know is looked for at the start.
const RECONCILE_EVERY: Duration = Duration::from_secs(60 * 60);

/// What is looked after.
pub(crate) struct Janitor {
    /// Where titles are.
    pub(crate) catalog: Catalog,
    /// The files of uploads.
    pub(crate) originals: Originals,
    /// Room for the rows of what is purged.
    pub(crate) ballast: Ballast,
}

/// Looks until `stop` is cancelled.
pub(crate) async fn follow(janitor: Janitor, stop: CancellationToken) {
    let (mut looks, mut rounds) = (interval(LOOK_EVERY), interval(RECONCILE_EVERY));
    loop {
        let work = async {
            tokio::select! {
                _ = looks.tick() => janitor.look(SystemClock.now()).await,
                _ = rounds.tick() => janitor.originals.reconcile().await,
            }
        };
        if stop.run_until_cancelled(work).await.is_none() {
            return;
        }
    }
}

impl Janitor {
    /// Purges a few titles at a time until none is left.
    async fn look(&self, now: WallTime) {
        let Some(due) = before(now, UNDO) else {
            return;
        };
        loop {
            match self.catalog.purge_deleted(due).await {
                Ok(purged) if purged.is_empty() => return,
                Ok(purged) => self.remove_originals(purged).await,
                Err(error) => {
                    if error.kind() == ErrorKind::OutOfSpace {
                        self.ballast.throw_off();
                    }
                    tracing::warn!(%error, "Deleted titles could not be purged; this is tried again.");
                    return;
                }
            }
        }
    }

    async fn remove_originals(&self, purged: Vec<Purged>) {
        for title in purged {
            tracing::info!(title = %title.title, "A deleted title is gone for good.");
            self.originals.remove(&title.source).await;
        }
    }
}

/// So long ago; `None` before the clock was ever set.
fn before(now: WallTime, long: Duration) -> Option<WallTime> {
    let long = i64::try_from(long.as_millis()).ok()?;
    now.0.checked_sub(long).map(WallTime)
}
