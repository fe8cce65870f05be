//! Which jobs the dispatcher holds: claiming, renewing, and noticing what was taken away.

use model::id::{JobId, TitleId};
use model::job::{Job, JobState};
use std::collections::HashSet;

use crate::dispatch::Dispatcher;
use crate::hand;
use crate::settle::{Outcome, jitter};
use crate::work::Run;

/// Jobs that are claimed at once. Few, so that what nobody works on yet stays queued.
const CLAIM: u32 = 8;
/// How many claims a viewer's wish for a title further back may cause.
const CLAIMS_FOR_A_WISH: usize = 32;

impl Dispatcher {
    /// Reads what became of a job: ours may have been cancelled, others may be due.
    pub(super) async fn look_at(&mut self, job: JobId) {
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
                self.renew_due = true;
            }
            Err(error) => tracing::warn!(%job, %error, "A job could not be read."),
        }
    }

    /// Renews all leases and lets go of the jobs that are no longer ours.
    pub(super) async fn renew(&mut self) {
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

    /// Claims while everything in hand was looked at: titles are inspected as soon as possible,
    /// because from then on a viewer's wish can bring any part of them forward.
    pub(super) async fn claim(&mut self) {
        if std::mem::take(&mut self.renew_due) {
            self.renew().await;
        }
        if self.paused || !std::mem::take(&mut self.claim_due) || self.space.is_closed() {
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
    pub(super) async fn claim_some(&mut self) -> usize {
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
            Ok(standing) => {
                let is_new = standing.outline.is_none();
                self.hand.add(standing, job.attempts);
                self.welcome(job, is_new).await;
            }
            Err(trouble) => {
                if let Some(outcome) = Outcome::of(trouble, job.attempts, jitter()) {
                    self.settlement.settle(job.id, outcome).await;
                }
            }
        }
    }

    async fn welcome(&mut self, job: &Job, is_new: bool) {
        if !self.settlement.waits(job.id) {
            let text = if is_new {
                "Its turn has come."
            } else {
                "The work goes on."
            };
            self.workshop.log(job.id, text).await;
        }
        // Whoever was moved in the queue made others make room.
        if job.priority != 0 {
            self.look_at_priorities().await;
        }
    }

    async fn look_at_priorities(&mut self) {
        let runs: Vec<Run> = self.hand.standings().iter().map(|held| held.run).collect();
        for run in runs {
            if let Ok(Some(job)) = self.workshop.catalog.job(run.job).await {
                self.hand.prioritise(run, job.priority);
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
}
