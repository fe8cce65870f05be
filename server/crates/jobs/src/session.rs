//! One worker encoding one title: it stays alive from chunk to chunk, so that the file is opened
//! once and decoding goes on where it is. Checks that every unit delivers all its segments.
//!
//! What does not belong here: which unit is next (`schedule`), and rows (`publish`).

use media::launch::Errand;
use media::limits::Duty;
use media::output::Output;
use media::worker::Worker;
use model::plan::Plan;
use model::segment::Piece;
use model::time::VideoTicks;
use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::sync::Arc;
use tokio::time::{Duration, Instant};

use crate::publish::{self, Publisher};
use crate::scratch::Scratch;
use crate::source::{Condition, OpenSource};
use crate::standing::Outline;
use crate::trouble::Trouble;
use crate::work::{Lane, Report, Run, Target, Work};
use crate::workshop::Workshop;

/// Progress is told at most this often; whoever shows it does so once a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Shorter silence comes from where sound begins and ends; nobody needs to read of it.
const NOTABLE_SILENCE_S: f64 = 0.5;

/// A worker at work on one title.
#[derive(Debug)]
pub(crate) struct Session {
    workshop: Arc<Workshop>,
    run: Run,
    plan: Arc<Plan>,
    outline: Outline,
    source: OpenSource,
    // Fields are dropped in this order: no writer may outlive its folder.
    worker: Worker,
    publisher: Publisher,
    _scratch: Scratch,
    under_way: VecDeque<UnderWay>,
    /// Pieces that had a row when the session began.
    stored: HashSet<Piece>,
    /// Work whose pieces all had one: they came from the shelf.
    complete: VecDeque<Work>,
    told_progress: Option<Instant>,
    /// Chunks are encoded in graphics hardware, as long as that goes well.
    in_hardware: bool,
}

/// A request that is not finished.
#[derive(Debug)]
struct UnderWay {
    number: u32,
    work: Work,
    /// Segments that are still to come.
    missing: HashSet<Piece>,
}

/// What happened in a session.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The worker delivered something for that request.
    Output(u32, Output),
    /// All of that work was stored before.
    Complete(Work),
    /// The worker or publishing failed.
    Failure(Trouble),
}

impl Session {
    /// Opens the file and starts a worker on it.
    pub(crate) async fn open(
        workshop: Arc<Workshop>,
        lane: Lane,
        run: Run,
    ) -> Result<Self, Trouble> {
        let (title, plan) = workshop.planned(run).await?;
        let target = Target {
            run,
            place: title.place,
        };
        publish::unshelve(&workshop, target).await?;
        let source = OpenSource::open(&title.source, &workshop.policy).await?;
        let scratch = workshop.scratch(run)?;
        let encoders = workshop.encoders(usable_encoders(lane, &plan)).await?;
        let worker = start_worker(&workshop, &source, &scratch, Duty::Encode, encoders).await?;
        let stored = workshop.catalog.pieces(run.title).await;
        let stored = stored.map_err(|error| workshop.catalog_trouble(&error))?;
        let stored: HashSet<Piece> = stored.into_iter().map(|piece| piece.piece).collect();
        tracing::debug!(job = %run.job, ?lane, libav = worker.libav(), "A worker began on a title.");
        Ok(Self {
            publisher: Publisher::start(
                workshop.clone(),
                lane,
                target,
                scratch.path(),
                stored.clone(),
            ),
            stored,
            complete: VecDeque::new(),
            outline: Outline::of(&plan),
            workshop,
            run,
            plan,
            source,
            worker,
            _scratch: scratch,
            under_way: VecDeque::new(),
            told_progress: None,
            in_hardware: encoders > 0,
        })
    }

    /// Whether work of that run can go on here.
    pub(crate) fn serves(&self, run: Run) -> bool {
        self.run == run
    }

    /// Nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.complete.is_empty()
    }

    /// Begins a chunk, a span of sound or a copied run.
    pub(crate) fn begin(&mut self, work: Work) -> Result<(), Trouble> {
        let pieces = self.pieces_of(work);
        if !pieces.is_empty() && pieces.is_subset(&self.stored) {
            self.complete.push_back(work);
            return Ok(());
        }
        let begun = match work {
            Work::Chunk(index) => self.worker.begin_chunk(&self.plan, index),
            Work::Audio(unit) => self.worker.begin_audio(&self.plan, unit),
            Work::Copy(index) => self.worker.begin_copy(&self.plan, index),
            Work::Inspect | Work::Poster | Work::Thumbs(_) => {
                return Err(Trouble::defect(format!("{work:?} is not for this lane")));
            }
        };
        let number = begun.map_err(|error| Trouble::at_work(&error, &self.workshop.policy))?;
        self.under_way.push_back(UnderWay {
            number,
            work,
            missing: pieces,
        });
        Ok(())
    }

    /// Waits for the next thing to happen. Abandoning the wait loses nothing.
    pub(crate) async fn hear(&mut self) -> Heard {
        if let Some(work) = self.complete.pop_front() {
            return Heard::Complete(work);
        }
        let busy = !self.under_way.is_empty();
        tokio::select! {
            trouble = self.publisher.failed() => Heard::Failure(trouble),
            output = self.worker.next_output(), if busy => match output {
                Ok((number, output)) => Heard::Output(number, output),
                Err(error) => Heard::Failure(Trouble::at_work(&error, &self.workshop.policy)),
            },
        }
    }

    /// Handles what was heard. May wait for the store; to be abandoned only to close the session.
    pub(crate) async fn handle(&mut self, heard: Heard) -> Result<(), Trouble> {
        let (number, output) = match heard {
            Heard::Output(number, output) => (number, output),
            Heard::Complete(work) => return self.finish(work).await,
            Heard::Failure(trouble) => {
                let policy = &self.workshop.policy;
                return Err(self.source.explain(trouble, policy).await);
            }
        };
        let place = self.place(number)?;
        match output {
            Output::Segment {
                stream,
                number,
                size_bytes,
            } => {
                self.on_segment(place, Piece::Media { stream, number }, size_bytes)
                    .await
            }
            Output::Reading => Ok(()),
            Output::FellBack(reason) => {
                self.in_hardware = false;
                self.workshop.hardware_failed(self.run.job, &reason).await;
                Ok(())
            }
            Output::Progress(position) => {
                self.on_progress(place, position).await;
                Ok(())
            }
            Output::ChunkDone { frames, missing } => {
                self.note_missing(place, frames, missing);
                if self.in_hardware {
                    self.workshop.launcher.hardware_did(true);
                }
                self.on_done(place).await
            }
            Output::AudioDone { silence } => {
                self.note_silence(place, silence.seconds());
                self.on_done(place).await
            }
            Output::CopyDone => self.on_done(place).await,
            Output::PosterDone { .. } | Output::ThumbsDone { .. } => {
                Err(Trouble::defect("a picture that nobody asked for"))
            }
            Output::Failed(error) => {
                let policy = &self.workshop.policy;
                let trouble = match self.under_way[place].work {
                    Work::Copy(_) => Trouble::at_copy(&error, policy),
                    _ => Trouble::at_work(&error, policy),
                };
                Err(self.source.explain(trouble, policy).await)
            }
        }
    }

    /// Ends the worker at once, publishes what it had delivered, removes its folder.
    pub(crate) async fn close(self) -> Result<(), Trouble> {
        self.worker.stop().await;
        self.publisher.close().await
    }

    /// Everything that a unit must deliver.
    fn pieces_of(&self, work: Work) -> HashSet<Piece> {
        let unit = work.unit();
        unit.map_or_else(HashSet::new, |unit| self.outline.pieces(unit).collect())
    }

    fn place(&self, number: u32) -> Result<usize, Trouble> {
        let place = self.under_way.iter().position(|unit| unit.number == number);
        place.ok_or_else(|| Trouble::defect("homereel-worker delivered for a finished request"))
    }

    async fn on_segment(
        &mut self,
        place: usize,
        piece: Piece,
        size_bytes: u64,
    ) -> Result<(), Trouble> {
        let unit = &mut self.under_way[place];
        if !unit.missing.remove(&piece) {
            return Err(Trouble::defect(format!(
                "homereel-worker delivered {piece}, which does not belong to {:?}",
                unit.work
            )));
        }
        if self.publisher.piece(piece, size_bytes).await {
            return Ok(());
        }
        Err(self.publisher.failed().await)
    }

    async fn on_progress(&mut self, place: usize, position: VideoTicks) {
        let now = Instant::now();
        let recently = |then: Instant| now.duration_since(then) < PROGRESS_EVERY;
        if self.told_progress.is_some_and(recently) {
            return;
        }
        self.told_progress = Some(now);
        let work = self.under_way[place].work;
        let report = Report::Progress(self.run, work, position);
        self.workshop.report(report).await;
    }

    /// A unit is done when all its segments came and the file is still the one that was accepted.
    async fn on_done(&mut self, place: usize) -> Result<(), Trouble> {
        let Some(unit) = self.under_way.remove(place) else {
            return Err(Trouble::defect("a unit was finished twice"));
        };
        if let Some(piece) = unit.missing.iter().next() {
            return Err(Trouble::defect(format!(
                "homereel-worker finished {:?} without {piece}",
                unit.work
            )));
        }
        let condition = self.source.condition(&self.workshop.policy).await?;
        if condition == Condition::Changed {
            return Err(self.source.changed());
        }
        self.finish(unit.work).await?;
        // What was read of a file that is gone is whole, so the unit counts; it is the last one.
        match condition {
            Condition::Gone => Err(self.source.gone(&self.workshop.policy)),
            Condition::Same | Condition::Changed => Ok(()),
        }
    }

    async fn finish(&mut self, work: Work) -> Result<(), Trouble> {
        if self.publisher.finished(work).await {
            return Ok(());
        }
        Err(self.publisher.failed().await)
    }

    fn note_missing(&self, place: usize, frames: u32, missing: u32) {
        if missing > 0 {
            tracing::warn!(
                job = %self.run.job, work = ?self.under_way[place].work, frames, missing,
                "The file's index promises frames that cannot be decoded."
            );
        }
    }

    fn note_silence(&self, place: usize, silence_s: f64) {
        if silence_s > NOTABLE_SILENCE_S {
            tracing::info!(
                job = %self.run.job, work = ?self.under_way[place].work, silence_s,
                "Sound was missing in the file; silence was put in."
            );
        }
    }
}

/// How many encoders in graphics hardware could work for a lane: one for each rung, if the plan was
/// drawn for them, too.
fn usable_encoders(lane: Lane, plan: &Plan) -> usize {
    let rungs = plan.encoded();
    let are_planned = rungs.iter().all(|rung| rung.hardware_sets.is_some());
    if lane == Lane::Picture && are_planned {
        rungs.len()
    } else {
        0
    }
}

/// Starts a worker on an open source, with so many encoders in graphics hardware.
pub(crate) async fn start_worker(
    workshop: &Workshop,
    source: &OpenSource,
    scratch: &Scratch,
    duty: Duty,
    encoders: u32,
) -> Result<Worker, Trouble> {
    let errand = Errand {
        input: source.descriptor()?,
        scratch: scratch.path().to_owned(),
        duty,
        encoders,
    };
    let launcher = workshop.launcher.as_ref();
    Worker::start_on(launcher, errand, workshop.policy.patience)
        .await
        .map_err(|error| Trouble::at_start(&error, &workshop.policy))
}

/// The same for a file that is no source.
pub(crate) async fn start_worker_on(
    workshop: &Workshop,
    input: File,
    scratch: &Scratch,
    duty: Duty,
) -> Result<Worker, Trouble> {
    let launcher = workshop.launcher.as_ref();
    Worker::start(
        launcher,
        input,
        scratch.path(),
        duty,
        workshop.policy.patience,
    )
    .await
    .map_err(|error| Trouble::at_start(&error, &workshop.policy))
}
