//! Looks at the parts every few seconds and tells delivery what does not work, so that the
//! library page and `/healthz` say so. What does not belong here: repairing anything.

use delivery::health::{HealthFacts, WatchedFolder};
use media::spawn::ProcessLauncher;
use sources::watch::{FolderStatus, WatchHandle};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::addresses;
use crate::ballast::Ballast;

/// Soon enough for people, cheap enough to be idle.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The part that encodes, as `/healthz` names it.
const WORKER: &str = "worker";
/// What locks that part in, as `/healthz` names it.
const SANDBOX: &str = "sandbox";
/// The encoder in graphics hardware, as `/healthz` names it.
const HARDWARE: &str = "hardware";
/// The disk of the data folder, as `/healthz` names it.
const DISK: &str = "disk";

/// What is looked at.
pub(crate) struct Vitals {
    /// Where findings are told.
    pub(crate) facts: HealthFacts,
    /// The watched folders.
    pub(crate) watch: WatchHandle,
    /// The encoding program.
    pub(crate) launcher: Arc<ProcessLauncher>,
    /// Encoders in graphics hardware that are tried.
    pub(crate) hardware: Vec<String>,
    /// The data folder.
    pub(crate) data_dir: PathBuf,
    /// Room for when the disk is full.
    pub(crate) ballast: Ballast,
    /// Encoding waits below this much free space.
    pub(crate) reserve_bytes: u64,
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
}

/// Looks until `stop` is cancelled and returns the watch, which then can be shut down.
pub(crate) async fn follow(vitals: Vitals, stop: CancellationToken) -> WatchHandle {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let mut worker = Found::NotYet;
    // Ends with this task; a driver that hangs keeps nobody waiting.
    let mut trials = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return vitals.watch,
            _ = ticks.tick() => {}
        }
        let folders = vitals.watch.status().into_iter().map(shown);
        vitals.facts.set_folders(folders.collect());
        // Cables are pulled and radios change networks while we run.
        vitals
            .facts
            .set_addresses(addresses::in_network(vitals.listen));
        look_at_disk(&vitals);
        if vitals.launcher.has_given_hardware_up() {
            let reason = "The encoder in the graphics hardware failed again and again. Films are \
                          encoded by software until the next start.";
            vitals.facts.degraded(HARDWARE, reason);
        }
        let before = worker;
        worker = look_at_worker(&vitals.facts, &vitals.launcher, before);
        if worker == Found::There && before != Found::There {
            tokio::select! {
                () = stop.cancelled() => return vitals.watch,
                () = look_at_sandbox(&vitals.facts, &vitals.launcher) => {}
            }
            if trials.is_empty() {
                let (facts, launcher) = (vitals.facts.clone(), vitals.launcher.clone());
                trials.spawn(look_at_hardware(facts, launcher, vitals.hardware.clone()));
            }
        }
    }
}

/// What was found where the encoding program belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    NotYet,
    There,
    Nothing,
}

/// Asking for the free space of a local disk takes microseconds.
fn look_at_disk(vitals: &Vitals) {
    let Ok(volume) = rustix::fs::statvfs(&vitals.data_dir) else {
        return;
    };
    let free_bytes = volume.f_bavail.saturating_mul(volume.f_frsize);
    vitals.facts.set_free_bytes(free_bytes);
    vitals.ballast.follow(free_bytes);
    if free_bytes >= vitals.reserve_bytes {
        vitals.facts.recovered(DISK);
        return;
    }
    let megabytes = free_bytes / (1024 * 1024);
    vitals.facts.degraded(
        DISK,
        format!(
            "Only {megabytes} MB are free for {}. Encoding waits until there is more space.",
            vitals.data_dir.display()
        ),
    );
}

/// Tells when the worker goes missing and when it is back; returns what was found.
fn look_at_worker(facts: &HealthFacts, launcher: &ProcessLauncher, before: Found) -> Found {
    match launcher.check() {
        Ok(()) => {
            if before == Found::Nothing {
                tracing::info!("The encoding program is there again.");
                facts.recovered(WORKER);
            }
            Found::There
        }
        Err(error) => {
            if before != Found::Nothing {
                tracing::error!(%error, "Nothing can be encoded. Films that are ready keep playing.");
                facts.degraded(WORKER, error.message());
            }
            Found::Nothing
        }
    }
}

/// Asks a worker how well this system locks it in. Once: a kernel does not change while we run.
async fn look_at_sandbox(facts: &HealthFacts, launcher: &ProcessLauncher) {
    let gap = match launcher.self_test().await {
        Ok(confinement) => {
            tracing::info!(landlock = confinement.landlock, "Workers are locked in.");
            confinement.gap
        }
        Err(error) => Some(error.message().to_owned()),
    };
    match gap {
        None => facts.recovered(SANDBOX),
        Some(gap) => {
            tracing::warn!(gap, "Workers are not locked in as they should be.");
            facts.degraded(SANDBOX, gap);
        }
    }
}

/// Tries what the graphics hardware can encode. Once: cards are not changed while we run.
async fn look_at_hardware(
    facts: HealthFacts,
    launcher: Arc<ProcessLauncher>,
    encoders: Vec<String>,
) {
    let hardware = launcher.try_hardware(&encoders).await;
    tracing::info!("{}", hardware.sentence());
    facts.set_hardware(hardware);
}

fn shown(status: FolderStatus) -> WatchedFolder {
    WatchedFolder {
        path: status.path,
        online: status.online,
        reason: status.reason,
    }
}
