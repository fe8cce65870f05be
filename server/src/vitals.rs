//! Looks at the parts every few seconds and tells delivery what does not work, so that the
//! library page and `/healthz` say so. What does not belong here: repairing anything.

use delivery::health::{HealthFacts, WatchedFolder};
use media::spawn::ProcessLauncher;
use sources::watch::{FolderStatus, WatchHandle};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Soon enough for people, cheap enough to be idle.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The part that encodes, as `/healthz` names it.
const WORKER: &str = "worker";

/// Looks until `stop` is cancelled and returns the watch, which then can be shut down.
pub(crate) async fn follow(
    facts: HealthFacts,
    watch: WatchHandle,
    launcher: Arc<ProcessLauncher>,
    stop: CancellationToken,
) -> WatchHandle {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let mut worker_missing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return watch,
            _ = ticks.tick() => {}
        }
        facts.set_folders(watch.status().into_iter().map(shown).collect());
        worker_missing = look_at_worker(&facts, &launcher, worker_missing);
    }
}

/// Tells when the worker goes missing and when it is back; returns whether it is missing.
fn look_at_worker(facts: &HealthFacts, launcher: &ProcessLauncher, was_missing: bool) -> bool {
    match launcher.check() {
        Ok(()) => {
            if was_missing {
                tracing::info!("The encoding program is there again.");
                facts.recovered(WORKER);
            }
            false
        }
        Err(error) => {
            if !was_missing {
                tracing::error!(%error, "Nothing can be encoded. Films that are ready keep playing.");
                facts.degraded(WORKER, error.message());
            }
            true
        }
    }
}

fn shown(status: FolderStatus) -> WatchedFolder {
    WatchedFolder {
        path: status.path,
        online: status.online,
        reason: status.reason,
    }
}
