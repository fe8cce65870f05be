//! The dispatcher: one task that holds the leases, gives work to the lanes, and hears from them.
//!
//! It starts with the server and stops when its token is cancelled; nobody else touches its
//! fields. What users want (cancel, pause, boost) it reads from the catalog, where a change only
//! removes latency: whatever it misses it finds at the next renewal or poll. What does not belong
//! here: the order of work (`schedule`) and the work itself (`encode`, `look`).

use catalog::wish::Wish;
use model::change::Change;
use model::clock::Clock;
use model::id::{JobId, TitleId};
use model::job::{Job, JobState, Step};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::hand::{self, Hand};
use crate::schedule::{Board, Busy, Pick, next, preempts};
use crate::settle::{Outcome, Settlement, jitter};
use crate::space::{self, SpaceGate};
use crate::trouble::Trouble;
use crate::work::{Assignment, Lane, Report, Run, Work};
use crate::workshop::Workshop;

/// Jobs that are claimed at once. Few, so that what nobody works on yet stays queued.
const CLAIM: u32 = 8;
/// How many claims a viewer's wish for a title further back may cause.
const CLAIMS_FOR_A_WISH: usize = 32;
/// Units a lane may have at once: one runs, one waits in the worker.
const UNITS_IN_LANE: usize = 2;

/// The dispatcher's state.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    workshop: Arc<Workshop>,
    settlement: Settlement,
    hand: Hand,
    lanes: HashMap<Lane, LaneState>,
    last_wished: HashMap<Run, u32>,
    /// Titles that were wished but could not be claimed; not asked for again while wished.
    sought: HashSet<TitleId>,
    /// Jobs whose plan was drawn anew in the life of this server.
    redrawn: HashSet<JobId>,
    space: SpaceGate,
    claim_due: bool,
}

/// What the dispatcher knows about a lane.
#[derive(Debug)]
struct LaneState {
    inbox: mpsc::Sender<Assignment>,
    busy: Vec<Busy>,
    epoch: u64,
    stop: CancellationToken,
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
            last_wished: HashMap::new(),
            sought: HashSet::new(),
            redrawn: HashSet::new(),
            space: SpaceGate::new(workshop.policy.reserve_bytes),
            claim_due: true,
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
                self.on_stopped(lane, epoch);
                if let Some((run, trouble)) = trouble {
                    self.on_trouble(run, trouble).await;
                }
            }
        }
    }

    /// Forgets what the lane had under way, unless the report is about an earlier time.
    fn on_stopped(&mut self, lane: Lane, epoch: u64) {
        let Some(state) = self.lanes.get_mut(&lane) else {
            return;
        };
        if state.epoch != epoch {
            return;
        }
        for busy in state.busy.drain(..) {
            self.hand.interrupted(busy.run, std::iter::once(busy.work));
        }
    }

    async fn on_trouble(&mut self, run: Run, trouble: Trouble) {
        let Some(failures) = self.let_go(run) else {
            return;
        };
        if failures > 0 && matches!(trouble, Trouble::Disagreement(_)) {
            self.doubt_plan(run).await;
        }
        if let Some(outcome) = Outcome::of(trouble, failures, jitter()) {
            self.settlement.settle(run.job, outcome).await;
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
        self.last_wished.remove(&run);
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
            self.renew().await;
            self.claim_due = true;
        }
        for job in jobs {
            self.look_at(job).await;
        }
    }

    /// Reads what became of a job: ours may have been cancelled, others may be due.
    async fn look_at(&mut self, job: JobId) {
        let Some(run) = self.hand.run_of(job) else {
            self.claim_due = true;
            return;
        };
        match self.workshop.catalog.job(job).await {
            Ok(Some(job)) if job.state == JobState::Running => {
                self.hand.prioritise(run, job.priority);
            }
            Ok(_) => {
                tracing::info!(%job, "A job was taken back; its work stops.");
                self.let_go(run);
            }
            Err(error) => tracing::warn!(%job, %error, "A job could not be read."),
        }
    }

    /// Renews all leases and lets go of the jobs that are no longer ours.
    async fn renew(&mut self) {
        let policy = &self.workshop.policy;
        let renewed = self
            .workshop
            .catalog
            .renew(&self.workshop.owner, policy.lease);
        let ours: HashSet<JobId> = match renewed.await {
            Ok(jobs) => jobs.into_iter().collect(),
            Err(error) => {
                tracing::warn!(%error, "The leases could not be renewed.");
                return;
            }
        };
        let runs = self.hand.standings().iter().map(|standing| standing.run);
        let lost: Vec<Run> = runs.filter(|run| !ours.contains(&run.job)).collect();
        for run in lost {
            tracing::info!(job = %run.job, "The lease of a job is gone; its work stops.");
            self.let_go(run);
        }
        for job in ours {
            self.return_stray(job).await;
        }
    }

    /// A job whose lease we hold without working on it would wait for ever.
    async fn return_stray(&mut self, job: JobId) {
        if self.hand.run_of(job).is_some() || self.settlement.owes(job) {
            return;
        }
        let outcome = Outcome::Waiting {
            reason: "Its work was interrupted and begins again.".into(),
            delay: self.workshop.policy.poll_every,
        };
        self.settlement.settle(job, outcome).await;
    }

    async fn on_poll(&mut self) {
        self.claim_due = true;
        self.settlement.retry().await;
        self.write_progress().await;
        self.check_space().await;
    }

    async fn write_progress(&mut self) {
        for (job, progress) in self.hand.take_news(Instant::now()) {
            let catalog = &self.workshop.catalog;
            let written = catalog.set_progress(job, &self.workshop.owner, progress);
            if let Err(error) = written.await {
                tracing::debug!(%job, %error, "Progress could not be written.");
            }
        }
    }

    /// With too little space nothing new begins, and every idle job says what it waits for.
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
        for run in self.idle_runs() {
            self.on_trouble(run, Trouble::no_space(&self.workshop.policy))
                .await;
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

    /// Claims while everything in hand was looked at: titles are inspected as soon as possible,
    /// because from then on a viewer's wish can bring any part of them forward.
    async fn claim(&mut self) {
        if !std::mem::take(&mut self.claim_due) || self.space.is_closed() {
            return;
        }
        while self.has_room() && self.claim_some().await > 0 {}
        self.claim_for_wishes().await;
    }

    fn has_room(&self) -> bool {
        let mut standings = self.hand.standings().iter();
        self.hand.len() < self.workshop.policy.jobs_in_hand
            && standings.all(|standing| standing.outline.is_some())
    }

    /// Claims due jobs and returns how many there were.
    async fn claim_some(&mut self) -> usize {
        let (catalog, policy) = (&self.workshop.catalog, &self.workshop.policy);
        let claimed = catalog.claim(&self.workshop.owner, policy.lease, CLAIM);
        let jobs = match claimed.await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(%error, "No jobs could be claimed.");
                return 0;
            }
        };
        for job in &jobs {
            self.take(job).await;
        }
        jobs.len()
    }

    async fn take(&mut self, job: &Job) {
        let loaded = hand::load(&self.workshop, job).await;
        // A job that was restarted behind our back comes again with another generation.
        if let Some(old) = self.hand.run_of(job.id) {
            if loaded.as_ref().is_ok_and(|standing| standing.run == old) {
                return;
            }
            self.let_go(old);
        }
        match loaded {
            Ok(standing) if standing.is_complete() => {
                self.settlement.settle(job.id, Outcome::Done).await;
            }
            Ok(standing) => self.hand.add(standing, job.attempts),
            Err(trouble) => {
                if let Some(outcome) = Outcome::of(trouble, job.attempts, jitter()) {
                    self.settlement.settle(job.id, outcome).await;
                }
            }
        }
    }

    /// A viewer may wait for a title whose job is still far back in the queue.
    async fn claim_for_wishes(&mut self) {
        let wishes = self.workshop.catalog.wishes();
        let wished: HashSet<TitleId> = wishes.iter().map(|wish| wish.title).collect();
        self.sought.retain(|title| wished.contains(title));
        for title in wished {
            if self.has_title(title) || !self.sought.insert(title) {
                continue;
            }
            let mut claims = 0..CLAIMS_FOR_A_WISH;
            while !self.has_title(title) && claims.next().is_some() {
                if self.claim_some().await == 0 {
                    break;
                }
            }
        }
    }

    fn has_title(&self, title: TitleId) -> bool {
        let mut standings = self.hand.standings().iter();
        standings.any(|standing| standing.run.title == title)
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
        if preempts(lane, board) {
            state.stop.cancel();
        }
        let pick = next(lane, board);
        let Some(pick) = pick.filter(|pick| state.takes(lane, *pick) && !self.space.is_closed())
        else {
            return false;
        };
        if !state.give(pick) {
            return false;
        }
        if let (true, Work::Chunk(index)) = (pick.wished, pick.work) {
            self.last_wished.insert(pick.run, index);
        }
        if pick.work == Work::Inspect {
            self.hand.set_step(pick.run, Step::Inspecting);
        }
        true
    }
}

impl LaneState {
    /// An idle lane takes anything. A lane at work on chunks takes one more of the same title,
    /// and nothing after it was told to stop.
    fn takes(&self, lane: Lane, pick: Pick) -> bool {
        let same_title = |busy: &Busy| busy.run == pick.run;
        self.busy.is_empty()
            || (lane == Lane::Picture
                && self.busy.len() < UNITS_IN_LANE
                && !self.stop.is_cancelled()
                && self.busy.iter().all(same_title))
    }

    fn give(&mut self, pick: Pick) -> bool {
        if self.busy.is_empty() {
            self.epoch += 1;
            self.stop = CancellationToken::new();
        }
        let assignment = Assignment {
            run: pick.run,
            work: pick.work,
            epoch: self.epoch,
            stop: self.stop.clone(),
        };
        let given = self.inbox.try_send(assignment).is_ok();
        if given {
            self.busy.push(Busy {
                run: pick.run,
                work: pick.work,
                wished: pick.wished,
            });
        }
        given
    }
}

/// Ticks that are not made up for after the machine slept.
fn every(period: std::time::Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
