//! The dispatcher: one task that holds the leases, gives work to the lanes, and hears from them.
//!
//! It starts with the server and stops when its token is cancelled; nobody else touches its
//! fields. What users want (cancel, pause, boost) it reads from the catalog, where a change only
//! removes latency: whatever it misses it finds at the next renewal or poll. What does not belong
//! here: the order of work (`schedule`) and the work itself (`encode`, `look`).

mod lane_state;
mod leases;

use catalog::wish::Wish;
use model::change::Change;
use model::clock::Clock;
use model::id::{JobId, TitleId};
use model::job::Step;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::dispatch::lane_state::LaneState;
use crate::hand::Hand;
use crate::read_ahead::LastWished;
use crate::schedule::{Board, next, preempts};
use crate::settle::{Outcome, Settlement, jitter};
use crate::space::{self, SpaceGate};
use crate::trouble::Trouble;
use crate::work::{Assignment, Lane, Report, Run, Work};
use crate::workshop::Workshop;

/// The dispatcher's state.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    workshop: Arc<Workshop>,
    settlement: Settlement,
    hand: Hand,
    lanes: HashMap<Lane, LaneState>,
    last_wished: LastWished,
    /// Titles that were wished but could not be claimed; not asked for again while wished.
    sought: HashSet<TitleId>,
    /// Jobs whose plan was drawn anew in the life of this server.
    redrawn: HashSet<JobId>,
    space: SpaceGate,
    /// When jobs in the queue were last told that the disk is full.
    told_full: Option<Instant>,
    claim_due: bool,
    /// The owner wants nothing to be encoded. What is under way is finished.
    paused: bool,
    /// A job was taken from us. The catalog gives it to us again only after a renewal, which
    /// tells both sides that the old lease is over.
    renew_due: bool,
}

impl Dispatcher {
    /// A dispatcher that gives work to the lanes behind `inboxes`.
    pub(crate) fn new(
        workshop: Arc<Workshop>,
        clock: Arc<dyn Clock>,
        inboxes: HashMap<Lane, mpsc::Sender<Assignment>>,
    ) -> Self {
        let lanes = inboxes.into_iter().map(|(lane, inbox)| {
            let state = LaneState {
                inbox,
                busy: Vec::new(),
                epoch: 0,
                stop: CancellationToken::new(),
            };
            (lane, state)
        });
        Self {
            settlement: Settlement::new(workshop.clone(), clock),
            hand: Hand::default(),
            lanes: lanes.collect(),
            last_wished: LastWished::default(),
            sought: HashSet::new(),
            redrawn: HashSet::new(),
            space: SpaceGate::new(workshop.policy.reserve_bytes),
            told_full: None,
            claim_due: true,
            paused: false,
            renew_due: false,
            workshop,
        }
    }

    /// Works until `stop` is cancelled, then stops the lanes and returns.
    pub(crate) async fn run(
        mut self,
        stop: CancellationToken,
        mut reports: mpsc::Receiver<Report>,
        mut changes: broadcast::Receiver<Change>,
    ) {
        // Before the first claim: a server may be started on a full disk.
        self.check_space().await;
        let mut renew = every(self.workshop.policy.renew_every);
        let mut poll = every(self.workshop.policy.poll_every);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(report) = reports.recv() => self.on_report(report).await,
                change = changes.recv() => self.on_changes(change, &mut changes).await,
                _ = renew.tick() => self.renew().await,
                _ = poll.tick() => self.on_poll().await,
            }
            self.look_at_pause().await;
            self.claim().await;
            self.assign();
        }
        for lane in self.lanes.values() {
            lane.stop.cancel();
        }
    }

    async fn on_report(&mut self, report: Report) {
        match report {
            Report::Inspected(run, outline) => {
                self.clear(Lane::Look, run, Work::Inspect);
                self.hand.inspected(run, outline);
                self.claim_due = true;
            }
            Report::Stored(run) => self.hand.progressed(run),
            Report::Progress(run, work, position) => self.hand.advanced(run, work, position),
            Report::Done(lane, run, work) => {
                self.clear(lane, run, work);
                if self.hand.done(run, work) {
                    self.end(run, Outcome::Done).await;
                }
            }
            Report::Stopped {
                lane,
                epoch,
                trouble,
            } => {
                let was_told_to = self.on_stopped(lane, epoch);
                match trouble {
                    // Of a job that we let go of, and may have claimed again since.
                    Some((_, Trouble::Lost)) if was_told_to => self.renew_due = true,
                    Some((run, trouble)) => self.on_trouble(run, trouble).await,
                    None => {}
                }
            }
        }
    }

    /// Forgets what the lane had under way, unless the report is about an earlier time. Returns
    /// whether the lane stopped because we told it to.
    fn on_stopped(&mut self, lane: Lane, epoch: u64) -> bool {
        let Some(state) = self.lanes.get_mut(&lane) else {
            return false;
        };
        if state.epoch != epoch {
            return false;
        }
        let was_told_to = state.stop.is_cancelled();
        for busy in state.busy.drain(..) {
            self.hand.interrupted(busy.run, std::iter::once(busy.work));
        }
        was_told_to
    }

    async fn on_trouble(&mut self, run: Run, trouble: Trouble) {
        let Some(failures) = self.let_go(run) else {
            return;
        };
        self.renew_due |= trouble == Trouble::Lost;
        if failures > 0 && matches!(trouble, Trouble::Disagreement(_)) {
            self.doubt_plan(run).await;
        }
        let trouble = match trouble {
            Trouble::Uncopyable(reason) => self.refuse_copy(run, reason).await,
            other => other,
        };
        if let Some(outcome) = Outcome::of(trouble, failures, jitter()) {
            self.settlement.settle(run.job, outcome).await;
        }
    }

    /// Has the plan drawn anew without a copy of the picture, for good, and returns what that means
    /// for the job.
    async fn refuse_copy(&self, run: Run, reason: String) -> Trouble {
        let (catalog, owner) = (&self.workshop.catalog, &self.workshop.owner);
        if let Err(error) = catalog.refuse_copy(run.job, owner).await {
            tracing::warn!(job = %run.job, %error, "A plan could not be abandoned.");
            return Trouble::Attempt(reason);
        }
        tracing::info!(job = %run.job, reason, "A picture is not offered as it is after all.");
        let reason = "The picture cannot be offered as it is, because a part of it is damaged or \
                      of another kind. Everything is encoded instead.";
        self.workshop.log(run.job, reason).await;
        Trouble::Wait {
            reason: reason.into(),
            delay: Duration::ZERO,
        }
    }

    /// Draws the plan anew after the second disagreement in a row, but only once in the life of
    /// the server: a defect that stays would otherwise have us encode for ever.
    async fn doubt_plan(&mut self, run: Run) {
        if !self.redrawn.insert(run.job) {
            return;
        }
        let (catalog, owner) = (&self.workshop.catalog, &self.workshop.owner);
        match catalog.abandon_plan(run.job, owner).await {
            Ok(_generation) => {
                tracing::warn!(job = %run.job, "The plan does not fit the encoder; it is drawn anew.");
            }
            Err(error) => tracing::warn!(job = %run.job, %error, "A plan could not be abandoned."),
        }
    }

    async fn end(&mut self, run: Run, outcome: Outcome) {
        if self.let_go(run).is_some() {
            self.settlement.settle(run.job, outcome).await;
        }
    }

    /// Takes a job out of hand and stops whatever is done for it. Returns its failures in a row.
    fn let_go(&mut self, run: Run) -> Option<u32> {
        self.last_wished.forget(run);
        for lane in self.lanes.values() {
            if lane.busy.iter().any(|busy| busy.run == run) {
                lane.stop.cancel();
            }
        }
        self.claim_due = true;
        self.hand.remove(run)
    }

    /// A unit is no longer under way.
    fn clear(&mut self, lane: Lane, run: Run, work: Work) {
        if let Some(state) = self.lanes.get_mut(&lane) {
            state
                .busy
                .retain(|busy| (busy.run, busy.work) != (run, work));
        }
    }

    /// Takes this change and all that wait behind it at once: our own progress makes many.
    async fn on_changes(
        &mut self,
        first: Result<Change, broadcast::error::RecvError>,
        changes: &mut broadcast::Receiver<Change>,
    ) {
        let mut jobs = HashSet::new();
        let mut missed = first.is_err();
        let mut note = |change| {
            if let Change::Job(job, _) = change {
                jobs.insert(job);
            }
        };
        first.into_iter().for_each(&mut note);
        loop {
            match changes.try_recv() {
                Ok(change) => note(change),
                Err(TryRecvError::Lagged(_)) => missed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if missed {
            self.renew_due = true;
            self.claim_due = true;
        }
        for job in jobs {
            self.look_at(job).await;
        }
    }

    async fn on_poll(&mut self) {
        self.claim_due = true;
        self.settlement.retry().await;
        self.write_progress().await;
        self.check_space().await;
    }

    async fn write_progress(&mut self) {
        let lanes = &self.lanes;
        let news = self
            .hand
            .take_news(Instant::now(), |run| step_of(lanes, run));
        for (job, progress) in news {
            let catalog = &self.workshop.catalog;
            let written = catalog.set_progress(job, &self.workshop.owner, progress);
            if let Err(error) = written.await {
                tracing::debug!(%job, %error, "Progress could not be written.");
            }
        }
    }

    /// With too little space nothing new begins, and idle jobs say what they wait for: those in
    /// hand, and now and then the next few in the queue.
    async fn check_space(&mut self) {
        let root = self.workshop.scratch_root.clone();
        let free = tokio::task::spawn_blocking(move || space::free_bytes(&root)).await;
        match free {
            Ok(Ok(free)) => self.space.observe(free),
            Ok(Err(error)) => tracing::warn!(%error, "The free space cannot be asked."),
            Err(error) => tracing::warn!(%error, "Asking for the free space failed."),
        }
        if !self.space.is_closed() {
            return;
        }
        let (policy, now) = (self.workshop.policy, Instant::now());
        let due = |then: Instant| now.duration_since(then) >= policy.space_retry;
        if self.told_full.is_none_or(due) {
            self.told_full = Some(now);
            self.claim_some().await;
        }
        for run in self.idle_runs() {
            self.on_trouble(run, Trouble::no_space(&policy)).await;
        }
    }

    fn idle_runs(&self) -> Vec<Run> {
        let runs = self.hand.standings().iter().map(|standing| standing.run);
        runs.filter(|run| !self.is_busy(*run)).collect()
    }

    fn is_busy(&self, run: Run) -> bool {
        let mut busy = self.lanes.values().flat_map(|lane| &lane.busy);
        busy.any(|busy| busy.run == run)
    }

    /// The settings are in memory, so asking costs nothing.
    async fn look_at_pause(&mut self) {
        let Ok(settings) = self.workshop.catalog.settings().await else {
            return;
        };
        if self.paused != settings.encoding_paused {
            self.paused = settings.encoding_paused;
            self.claim_due = true;
            tracing::info!(paused = self.paused, "Encoding was paused or goes on.");
        }
    }

    /// Gives every lane what it should do next.
    fn assign(&mut self) {
        let wishes = self.workshop.catalog.wishes();
        for lane in Lane::ALL {
            while self.assign_to(lane, &wishes) {}
        }
    }

    /// Gives `lane` one unit; false if there is none or no room for it.
    fn assign_to(&mut self, lane: Lane, wishes: &[Wish]) -> bool {
        let Some(state) = self.lanes.get_mut(&lane) else {
            return false;
        };
        let board = Board {
            standings: self.hand.standings(),
            wishes,
            last_wished: &self.last_wished,
            busy: &state.busy,
        };
        // Work under way is finished, and a wish waits like everything else.
        if !self.paused && preempts(lane, board) {
            state.stop.cancel();
        }
        let pick = next(lane, board);
        let barred = self.paused || self.space.is_closed();
        let Some(pick) = pick.filter(|pick| state.takes(lane, *pick) && !barred) else {
            return false;
        };
        if !state.give(pick) {
            return false;
        }
        if let Some(viewer) = pick.wished_by {
            self.last_wished.note(pick.run, viewer, pick.work);
        }
        true
    }
}

/// What the lanes do for a job. Many jobs are held at once and wait for their turn.
fn step_of(lanes: &HashMap<Lane, LaneState>, run: Run) -> Step {
    let busy = lanes.values().flat_map(|lane| &lane.busy);
    let mut works = busy.filter(|busy| busy.run == run).map(|busy| busy.work);
    match works.next() {
        None => Step::Waiting,
        Some(Work::Inspect) => Step::Inspecting,
        Some(_) => Step::Encoding,
    }
}

/// Ticks that are not made up for after the machine slept.
fn every(period: std::time::Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
