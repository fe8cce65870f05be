//! The lane for short work: inspections and posters, one worker for each.
//!
//! What does not belong here: encoding (`encode`), drawing plans (`media::planner`).

use media::limits::Duty;
use media::output::Output;
use media::worker::Worker;
use model::plan::Plan;
use model::segment::Piece;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

use crate::publish;
use crate::session::start_worker;
use crate::source::{Condition, OpenSource};
use crate::standing::Outline;
use crate::trouble::Trouble;
use crate::work::{Assignment, Lane, Report, Run, Work};
use crate::workshop::Workshop;

/// Works until the inbox is closed.
pub(crate) async fn run(workshop: Arc<Workshop>, mut inbox: mpsc::Receiver<Assignment>) {
    while let Some(assignment) = inbox.recv().await {
        let outcome = tokio::select! {
            biased;
            () = assignment.stop.cancelled() => None,
            outcome = perform(&workshop, &assignment) => Some(outcome),
        };
        let trouble = match outcome {
            Some(Ok(())) => continue,
            Some(Err(trouble)) => Some((assignment.run, trouble)),
            None => None,
        };
        let stopped = Report::Stopped {
            lane: Lane::Look,
            epoch: assignment.epoch,
            trouble,
        };
        workshop.report(stopped).await;
    }
}

async fn perform(workshop: &Workshop, assignment: &Assignment) -> Result<(), Trouble> {
    match assignment.work {
        Work::Inspect => inspect(workshop, assignment.run).await,
        Work::Poster => make_poster(workshop, assignment.run).await,
        work @ (Work::Chunk(_) | Work::Audio(_)) => {
            Err(Trouble::defect(format!("{work:?} is not for this lane")))
        }
    }
}

/// Two round trips to the worker, then init segments into the store, then the plan.
async fn inspect(workshop: &Workshop, run: Run) -> Result<(), Trouble> {
    let policy = &workshop.policy;
    let title = workshop.title(run).await?;
    let source = OpenSource::open(&title.source, policy).await?;
    let scratch = workshop.scratch(run)?;
    let mut worker = start_worker(workshop, &source, &scratch, Duty::Inspect).await?;
    let plan = worker.inspect(policy.preset).await;
    worker.stop().await;
    let plan = plan.map_err(|error| Trouble::at_work(&error, policy))?;
    match source.condition().await? {
        Condition::Same => {}
        Condition::Gone => return Err(source.gone(policy)),
        Condition::Changed => return Err(source.changed()),
    }
    save(workshop, run, scratch.path(), &plan).await?;
    tracing::info!(
        job = %run.job, title = %run.title, name = title.name, seconds = plan.end().seconds(),
        rungs = plan.rungs().len(), audio_tracks = plan.audio.len(), chunks = plan.chunks().len(),
        "A title was inspected and can be played."
    );
    workshop
        .report(Report::Inspected(run, Outline::of(&plan)))
        .await;
    Ok(())
}

async fn save(workshop: &Workshop, run: Run, folder: &Path, plan: &Plan) -> Result<(), Trouble> {
    let mut inits = Vec::new();
    for stream in 0..plan.stream_count() {
        let piece = Piece::Init { stream };
        inits.push((piece, length(folder, piece).await?));
    }
    let inits = publish::put(workshop, run, folder, inits).await?;
    let saved = workshop
        .catalog
        .save_plan(run.job, &workshop.owner, plan, inits);
    saved
        .await
        .map_err(|error| workshop.catalog_trouble(&error))
}

/// How long the worker made a piece whose length it does not announce.
async fn length(folder: &Path, piece: Piece) -> Result<u64, Trouble> {
    let metadata = tokio::fs::symlink_metadata(folder.join(piece.to_string())).await;
    metadata
        .map(|metadata| metadata.len())
        .map_err(|error| Trouble::defect(format!("homereel-worker prepared no {piece}: {error}")))
}

/// A title without a poster is still a title: only a full disk or a lost job are worth a failure.
async fn make_poster(workshop: &Workshop, run: Run) -> Result<(), Trouble> {
    match try_poster(workshop, run).await {
        Ok(()) => {}
        Err(trouble @ (Trouble::Wait { .. } | Trouble::Lost)) => return Err(trouble),
        Err(Trouble::Attempt(reason) | Trouble::Disagreement(reason) | Trouble::GiveUp(reason)) => {
            tracing::warn!(job = %run.job, reason, "The title stays without a poster.");
        }
    }
    publish::finish(workshop, Lane::Look, run, Work::Poster).await
}

async fn try_poster(workshop: &Workshop, run: Run) -> Result<(), Trouble> {
    let (title, plan) = workshop.planned(run).await?;
    let source = OpenSource::open(&title.source, &workshop.policy).await?;
    let scratch = workshop.scratch(run)?;
    let mut worker = start_worker(workshop, &source, &scratch, Duty::Encode).await?;
    let drawn = draw(&mut worker, &plan).await;
    worker.stop().await;
    let size_bytes = drawn.map_err(|error| Trouble::at_work(&error, &workshop.policy))?;
    let pieces = vec![(Piece::Poster, size_bytes)];
    publish::store(workshop, run, scratch.path(), pieces).await
}

/// The length of the finished poster.
async fn draw(worker: &mut Worker, plan: &Plan) -> model::error::Result<u64> {
    worker.begin_poster(plan)?;
    loop {
        match worker.next_output().await?.1 {
            Output::PosterDone { size_bytes } => return Ok(size_bytes),
            Output::Failed(error) => return Err(error),
            _ => {}
        }
    }
}
