//! The jobs in hand: those whose lease we hold, in the order in which they are worked on.
//!
//! What does not belong here: the choice among them (`schedule`), their end (`settle`).

use catalog::work::Unit;
use model::id::JobId;
use model::job::{Job, Progress, Step};
use model::plan::PLAN_VERSION;
use model::segment::Piece;
use model::time::{Ticks, VideoTicks};
use model::title::Title;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use tokio::time::{Duration, Instant};

use crate::pace::Pace;
use crate::standing::{Outline, Standing};
use crate::trouble::Trouble;
use crate::work::{Run, Work};
use crate::workshop::Workshop;

/// Progress is written at most this often for each job; less than from one poll to the next, of
/// which some come a little early.
const WRITE_EVERY: Duration = Duration::from_millis(700);

/// The jobs in hand.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    standings: Vec<Standing>,
    ledgers: HashMap<Run, Ledger>,
}

/// What is kept about a job besides what decides its order.
#[derive(Clone, Debug)]
struct Ledger {
    /// Failures in a row when it was claimed.
    attempts: u32,
    /// A new segment was stored since.
    progressed: bool,
    /// How much of each unit under way is encoded.
    partial: HashMap<Work, VideoTicks>,
    pace: Pace,
    written: Option<(Progress, Instant)>,
}

impl Hand {
    /// The jobs in the order in which they are worked on.
    pub(crate) fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.standings.len()
    }

    /// The present life of a job, if it is in hand.
    pub(crate) fn run_of(&self, job: JobId) -> Option<Run> {
        let mut runs = self.standings.iter().map(|standing| standing.run);
        runs.find(|run| run.job == job)
    }

    /// Adds a job that was claimed.
    pub(crate) fn add(&mut self, standing: Standing, attempts: u32) {
        let ledger = Ledger {
            attempts,
            progressed: false,
            partial: HashMap::new(),
            pace: Pace::default(),
            written: None,
        };
        self.ledgers.insert(standing.run, ledger);
        self.standings.push(standing);
        self.sort();
    }

    /// Lets a job go and returns how many failures in a row it has behind it.
    pub(crate) fn remove(&mut self, run: Run) -> Option<u32> {
        self.standings.retain(|standing| standing.run != run);
        let ledger = self.ledgers.remove(&run)?;
        Some(if ledger.progressed {
            0
        } else {
            ledger.attempts
        })
    }

    /// Moves a job to where its priority belongs.
    pub(crate) fn prioritise(&mut self, run: Run, priority: i64) {
        if let Some(standing) = self.standing_mut(run) {
            standing.priority = priority;
            self.sort();
        }
    }

    /// The plan is there.
    pub(crate) fn inspected(&mut self, run: Run, outline: Outline) {
        if let Some(standing) = self.standing_mut(run) {
            standing.outline = Some(outline);
        }
    }

    /// A segment was stored, so earlier failures no longer count.
    pub(crate) fn progressed(&mut self, run: Run) {
        if let Some(ledger) = self.ledgers.get_mut(&run) {
            ledger.progressed = true;
        }
    }

    /// A unit is done; true if it was the last one.
    pub(crate) fn done(&mut self, run: Run, work: Work) -> bool {
        if let Some(ledger) = self.ledgers.get_mut(&run) {
            ledger.partial.remove(&work);
        }
        self.standing_mut(run).is_some_and(|standing| {
            standing.done.extend(work.unit());
            standing.is_complete()
        })
    }

    /// The encoder has come to `position` in a unit.
    pub(crate) fn advanced(&mut self, run: Run, work: Work, position: VideoTicks) {
        let Some(standing) = self.standings.iter().find(|standing| standing.run == run) else {
            return;
        };
        let Some((outline, unit)) = standing.outline.as_ref().zip(work.unit()) else {
            return;
        };
        let share = outline.share(unit, position);
        let finished = standing.finished();
        if let Some(ledger) = self.ledgers.get_mut(&run) {
            ledger.partial.insert(work, share);
            let done = finished + ledger.partial_sum();
            ledger.pace.observe(done, Instant::now());
        }
    }

    /// Units that were under way are not any more.
    pub(crate) fn interrupted(&mut self, run: Run, works: impl IntoIterator<Item = Work>) {
        if let Some(ledger) = self.ledgers.get_mut(&run) {
            for work in works {
                ledger.partial.remove(&work);
            }
            ledger.pace.pause();
        }
    }

    /// Progress that has changed and was not written a moment ago; taken as written. `step_of`
    /// says what is being done for a job.
    pub(crate) fn take_news(
        &mut self,
        now: Instant,
        step_of: impl Fn(Run) -> Step,
    ) -> Vec<(JobId, Progress)> {
        let mut news = Vec::new();
        for standing in &self.standings {
            let Some(ledger) = self.ledgers.get_mut(&standing.run) else {
                continue;
            };
            let progress = ledger.progress(standing, step_of(standing.run));
            let due = ledger.written.is_none_or(|(written, then)| {
                written != progress && now.duration_since(then) >= WRITE_EVERY
            });
            if due {
                ledger.written = Some((progress, now));
                news.push((standing.run.job, progress));
            }
        }
        news
    }

    fn standing_mut(&mut self, run: Run) -> Option<&mut Standing> {
        self.standings
            .iter_mut()
            .find(|standing| standing.run == run)
    }

    /// Highest priority first, then oldest.
    fn sort(&mut self) {
        self.standings.sort_by_key(|standing| {
            (
                Reverse(standing.priority),
                standing.created_at,
                standing.run.job,
            )
        });
    }
}

impl Ledger {
    fn partial_sum(&self) -> VideoTicks {
        Ticks(self.partial.values().map(|share| share.0).sum())
    }

    fn progress(&self, standing: &Standing, step: Step) -> Progress {
        let total = standing.outline.as_ref().map(|outline| outline.end);
        Progress {
            step,
            done: standing.finished() + self.partial_sum(),
            total: total.unwrap_or_default(),
            speed: self.pace.speed(),
        }
    }
}

/// Reads from the catalog what is known about a job that was just claimed.
pub(crate) async fn load(workshop: &Workshop, job: &Job) -> Result<Standing, Trouble> {
    let title = usable_title(workshop, job).await?;
    let run = Run {
        job: job.id,
        title: title.id,
        generation: title.generation,
    };
    let outline = title.plan.as_deref().map(Outline::of);
    let done = match &outline {
        Some(outline) => done_units(workshop, &title, run, outline).await?,
        None => HashSet::new(),
    };
    Ok(Standing {
        run,
        priority: job.priority,
        created_at: job.created_at,
        outline,
        done,
    })
}

/// The title, without a plan that this version does not understand.
async fn usable_title(workshop: &Workshop, job: &Job) -> Result<Title, Trouble> {
    let title = find_title(workshop, job).await?;
    let outdated = |title: &Title| {
        let plan = title.plan.as_ref();
        plan.is_some_and(|plan| plan.version != PLAN_VERSION)
    };
    if !outdated(&title) {
        return Ok(title);
    }
    let abandoned = workshop.catalog.abandon_plan(job.id, &workshop.owner).await;
    abandoned.map_err(|error| workshop.catalog_trouble(&error))?;
    tracing::info!(job = %job.id, "A plan of another version is drawn anew.");
    find_title(workshop, job).await
}

async fn find_title(workshop: &Workshop, job: &Job) -> Result<Title, Trouble> {
    let title = workshop.catalog.title(job.title).await;
    title
        .map_err(|error| workshop.catalog_trouble(&error))?
        .ok_or_else(|| Trouble::GiveUp("The title of this job no longer exists.".into()))
}

/// Units with a row, and those that lack nothing but the row: a crash came between the last
/// segment's row and the unit's.
async fn done_units(
    workshop: &Workshop,
    title: &Title,
    run: Run,
    outline: &Outline,
) -> Result<HashSet<Unit>, Trouble> {
    let known = workshop.catalog.units_done(title.id).await;
    let known = known.map_err(|error| workshop.catalog_trouble(&error))?;
    let mut done: HashSet<Unit> = known.into_iter().collect();
    let pieces = workshop.catalog.pieces(title.id).await;
    let pieces = pieces.map_err(|error| workshop.catalog_trouble(&error))?;
    let stored: HashSet<Piece> = pieces.into_iter().map(|piece| piece.piece).collect();
    for unit in outline.units() {
        if done.contains(&unit) || !outline.pieces(unit).all(|piece| stored.contains(&piece)) {
            continue;
        }
        let recorded = workshop
            .catalog
            .unit_done(run.job, &workshop.owner, unit)
            .await;
        recorded.map_err(|error| workshop.catalog_trouble(&error))?;
        done.insert(unit);
    }
    Ok(done)
}
