//! Starting and stopping the work. What does not belong here: the work.

use catalog::Catalog;
use media::launch::Launch;
use model::clock::Clock;
use model::error::{Context, ErrorKind, Result};
use model::id::JobId;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::places::Places;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::dispatch::Dispatcher;
use crate::outage::Outage;
use crate::policy::JobsPolicy;
use crate::work::{Assignment, Lane, Report};
use crate::workshop::Workshop;
use crate::{encode, garbage, look, scratch, shelf};

/// Reports that may wait for the dispatcher.
const REPORTS: usize = 256;
/// Assignments that may wait for a lane; the dispatcher never gives more.
const ASSIGNMENTS: usize = 4;

/// What the work needs from outside.
#[derive(Clone, Debug)]
pub struct Jobs {
    /// Jobs, titles and rows.
    pub catalog: Catalog,
    /// Where finished segments go.
    pub places: Places,
    /// How workers are started.
    pub launcher: Arc<dyn Launch>,
    /// Where workers write; emptied at start.
    pub scratch_root: PathBuf,
    /// Where encoded pieces wait for a bucket that is away; kept over restarts.
    pub shelf_root: PathBuf,
    /// Objects without a row may be those of a library whose catalog is gone, and are left alone.
    pub spare_orphans: bool,
    /// The time for retries.
    pub clock: Arc<dyn Clock>,
    /// Tuning.
    pub policy: JobsPolicy,
}

/// The running work. Dropping it kills the workers without storing what they had delivered; that
/// costs no more than a crash does.
#[derive(Debug)]
pub struct JobsHandle {
    stop: CancellationToken,
    stop_deadline: Duration,
    tasks: JoinSet<()>,
}

impl Jobs {
    /// Returns every lease of an earlier life to the queue, empties the scratch folder, and
    /// begins to work. To be called only by who holds the lock of the data folder.
    pub async fn start(self) -> Result<JobsHandle> {
        let root = self.scratch_root.clone();
        let emptied = tokio::task::spawn_blocking(move || scratch::empty(&root)).await;
        emptied
            .context(ErrorKind::Internal, "emptying the scratch folder")?
            .with_context(ErrorKind::Unavailable, || {
                format!(
                    "emptying the scratch folder {}",
                    self.scratch_root.display()
                )
            })?;
        if let Err(error) = shelf::sweep(&self.shelf_root, &self.catalog).await {
            tracing::warn!(%error, "Parts that wait for a bucket could not be looked through.");
        }
        let released = self.catalog.release_leases().await?;
        if released > 0 {
            tracing::info!(jobs = released, "Work that was interrupted goes on.");
        }
        Ok(self.spawn())
    }

    fn spawn(self) -> JobsHandle {
        let stop = CancellationToken::new();
        let stop_deadline = self.policy.stop_deadline;
        let (reports, reports_receiver) = mpsc::channel(REPORTS);
        let workshop = Arc::new(Workshop {
            catalog: self.catalog,
            places: self.places,
            launcher: self.launcher,
            scratch_root: self.scratch_root,
            shelf_root: self.shelf_root,
            spare_orphans: self.spare_orphans,
            outage: Outage::default(),
            shelf_turn: Mutex::new(()),
            policy: self.policy,
            owner: JobId::generate().to_string(),
            reports,
        });
        let mut tasks = JoinSet::new();
        let inboxes = spawn_lanes(&workshop, &mut tasks);
        let dispatcher = Dispatcher::new(workshop.clone(), self.clock, inboxes);
        tasks.spawn(work(workshop, dispatcher, stop.clone(), reports_receiver));
        JobsHandle {
            stop,
            stop_deadline,
            tasks,
        }
    }
}

fn spawn_lanes(
    workshop: &Arc<Workshop>,
    tasks: &mut JoinSet<()>,
) -> HashMap<Lane, mpsc::Sender<Assignment>> {
    let mut inboxes = HashMap::new();
    for lane in Lane::ALL {
        let (inbox, assignments) = mpsc::channel(ASSIGNMENTS);
        inboxes.insert(lane, inbox);
        match lane {
            Lane::Look | Lane::Thumbs => {
                tasks.spawn(look::run(lane, workshop.clone(), assignments))
            }
            Lane::Picture | Lane::Sound | Lane::Copy => {
                tasks.spawn(encode::run(lane, workshop.clone(), assignments))
            }
        };
    }
    inboxes
}

/// Sweeps, then dispatches and collects garbage side by side.
async fn work(
    workshop: Arc<Workshop>,
    dispatcher: Dispatcher,
    stop: CancellationToken,
    reports: mpsc::Receiver<Report>,
) {
    let changes = workshop.catalog.subscribe();
    tokio::select! {
        () = stop.cancelled() => return,
        () = garbage::sweep(&workshop) => {}
    }
    let collector = garbage::collect(workshop, stop.clone());
    tokio::join!(dispatcher.run(stop, reports, changes), collector);
}

impl JobsHandle {
    /// Stops claiming, stops the workers, stores what they had delivered, and returns; within
    /// the policy's deadline, whatever happens.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.stop_deadline, all).await.is_err() {
            tracing::warn!("Some work did not stop in time and was broken off.");
            self.tasks.shutdown().await;
        }
    }
}
