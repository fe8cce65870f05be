//! The lanes for short work: inspections and posters, and thumbnails; one worker for each.
//!
//! What does not belong here: encoding (`encode`), drawing plans (`media::planner`).

use media::demand::Demand;
use media::limits::Duty;
use media::output::Output;
use media::sidecar::Sidecar;
use media::worker::Worker;
use model::error::ErrorKind;
use model::plan::Plan;
use model::segment::{POSTER_CHOICES, Piece};
use model::settings::Place;
use model::title::Title;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

use crate::publish;
use crate::scratch::Scratch;
use crate::session::{start_worker, start_worker_on};
use crate::sidecar;
use crate::source::{Condition, OpenSource, within_deadline};
use crate::standing::Outline;
use crate::trouble::Trouble;
use crate::work::{Assignment, Lane, Report, Run, Target, Work};
use crate::workshop::Workshop;

/// What an inspection found, in a folder with the init segments.
struct Found {
    title: Title,
    plan: Plan,
    scratch: Scratch,
}

/// Works until the inbox is closed.
pub(crate) async fn run(
    lane: Lane,
    workshop: Arc<Workshop>,
    mut inbox: mpsc::Receiver<Assignment>,
) {
    while let Some(assignment) = inbox.recv().await {
        let trouble = match perform(lane, &workshop, &assignment).await {
            Some(Ok(())) => continue,
            Some(Err(trouble)) => Some((assignment.run, trouble)),
            None => None,
        };
        let stopped = Report::Stopped {
            lane,
            epoch: assignment.epoch,
            trouble,
        };
        workshop.report(stopped).await;
    }
}

/// `None` if it was stopped. Only the worker's part is stopped: what is being stored is stored,
/// so that no object is left without its row.
async fn perform(
    lane: Lane,
    workshop: &Workshop,
    assignment: &Assignment,
) -> Option<Result<(), Trouble>> {
    let (run, stop) = (assignment.run, &assignment.stop);
    match assignment.work {
        Work::Inspect => match stop.run_until_cancelled(inspect(workshop, run)).await? {
            Ok(found) => Some(publish_plan(workshop, run, found).await),
            Err(trouble) => Some(Err(trouble)),
        },
        work @ (Work::Poster | Work::Thumbs(_)) => {
            let drawn = stop.run_until_cancelled(draw(workshop, run, work));
            let drawn = drawn.await?;
            Some(publish_pictures(workshop, lane, assignment, drawn).await)
        }
        work @ (Work::Chunk(_) | Work::Audio(_) | Work::Copy(_)) => Some(Err(Trouble::defect(
            format!("{work:?} is not for this lane"),
        ))),
    }
}

/// Two round trips to the worker: what is there, and what the encoders say of themselves.
async fn inspect(workshop: &Workshop, run: Run) -> Result<Found, Trouble> {
    let policy = &workshop.policy;
    let title = workshop.title(run).await?;
    let source = OpenSource::open(&title.source, policy).await?;
    let scratch = workshop.scratch(run)?;
    let demand = Demand {
        may_copy: !title.copy_refused,
        ..Demand::of(&workshop.settings().await?)
    };
    let encoders = workshop.encoders(1).await?;
    let mut worker = start_worker(workshop, &source, &scratch, Duty::Inspect, encoders).await?;
    let plan = worker.inspect(demand).await;
    if let Some(reason) = worker.setback() {
        workshop.hardware_failed(run.job, reason).await;
    }
    worker.stop().await;
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            let trouble = Trouble::at_work(&error, policy);
            return Err(source.explain(trouble, policy).await);
        }
    };
    let plan = with_sidecars(workshop, &title, &scratch, plan).await?;
    match source.condition(policy).await? {
        Condition::Same => Ok(Found {
            title,
            plan,
            scratch,
        }),
        Condition::Gone => Err(source.gone(policy)),
        Condition::Changed => Err(source.changed()),
    }
}

/// The plan with the subtitles that lie beside the film, each read by a worker of its own. One
/// that cannot be read is no reason to fail.
async fn with_sidecars(
    workshop: &Workshop,
    title: &Title,
    scratch: &Scratch,
    mut plan: Plan,
) -> Result<Plan, Trouble> {
    let path = title.source.path.clone();
    let device = title.source.stamp.device;
    let found = within_deadline(device, move || sidecar::find(&path)).await;
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(title = %title.id, %error, "Subtitles beside a film cannot be looked for.");
        sidecar::Found::default()
    });
    if found.left_out > 0 {
        plan.notes.push(format!(
            "Only the first {} files of subtitles beside the film are kept; {} more are left out.",
            sidecar::MAX_FILES,
            found.left_out
        ));
    }
    for beside in found.files {
        let name = beside.name.clone();
        let mut worker = start_worker_on(workshop, beside.file, scratch, Duty::Inspect).await?;
        let wanted = Sidecar {
            format: beside.format,
            language: Some(beside.text.language.clone()).filter(|language| language != "und"),
            index: u32::try_from(plan.text.len()).unwrap_or(u32::MAX),
            end: plan.end(),
        };
        let read = worker.read_sidecar(&wanted).await;
        worker.stop().await;
        match read {
            Ok(_) => plan.text.push(beside.text),
            Err(error) if error.kind() == ErrorKind::OutOfSpace => {
                return Err(Trouble::at_work(&error, &workshop.policy));
            }
            Err(error) => {
                let why = error.message();
                plan.notes
                    .push(format!("The subtitles {name} are left out: {why}."));
            }
        }
    }
    Ok(plan)
}

/// Init segments and subtitles into the store, then the plan with their rows.
async fn publish_plan(workshop: &Workshop, run: Run, found: Found) -> Result<(), Trouble> {
    let Found {
        title,
        plan,
        scratch,
    } = found;
    let place = workshop.settings().await?.place;
    save(workshop, Target { run, place }, scratch.path(), &plan).await?;
    tracing::info!(
        job = %run.job, title = %run.title, name = title.name, seconds = plan.end().seconds(),
        rungs = plan.rungs().len(), audio_streams = plan.audio.len(),
        text_tracks = plan.text.len(), chunks = plan.chunks().len(),
        "A title was inspected and can be played."
    );
    let text = format!(
        "It was looked at: {:.0} s long, {} qualities, {} sound tracks. It can be played from now \
         on.",
        plan.end().seconds(),
        plan.rungs().len(),
        plan.audio_tracks()
    );
    workshop.log(run.job, &text).await;
    workshop
        .report(Report::Inspected(run, Outline::of(&plan)))
        .await;
    Ok(())
}

async fn save(
    workshop: &Workshop,
    target: Target,
    folder: &Path,
    plan: &Plan,
) -> Result<(), Trouble> {
    let run = target.run;
    let inits = (0..plan.stream_count()).map(|stream| Piece::Init { stream });
    let texts = (0..).take(plan.text.len());
    let texts = texts.map(|index| Piece::Subtitle { index });
    let mut pieces = Vec::new();
    for piece in inits.chain(texts) {
        pieces.push((piece, length(folder, piece).await?));
    }
    let stored = publish::put(workshop, target, folder, pieces).await;
    let stored = stored.map_err(|partial| partial.unstored.trouble)?;
    let saved = workshop
        .catalog
        .save_plan(run.job, &workshop.owner, plan, stored);
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

/// Pictures in their folder.
struct Drawn {
    scratch: Scratch,
    pieces: Vec<(Piece, u64)>,
    place: Place,
}

/// A worker may die for reasons that are not the film's, so a second one may try.
async fn draw(workshop: &Workshop, run: Run, work: Work) -> Result<Drawn, Trouble> {
    match draw_once(workshop, run, work).await {
        Err(Trouble::Attempt(reason)) => {
            tracing::debug!(job = %run.job, ?work, reason, "A picture is tried once more.");
            draw_once(workshop, run, work).await
        }
        outcome => outcome,
    }
}

async fn draw_once(workshop: &Workshop, run: Run, work: Work) -> Result<Drawn, Trouble> {
    let (title, plan) = workshop.planned(run).await?;
    let source = OpenSource::open(&title.source, &workshop.policy).await?;
    let scratch = workshop.scratch(run)?;
    let mut worker = start_worker(workshop, &source, &scratch, Duty::Encode, 0).await?;
    let drawn = ask_for(&mut worker, &plan, work).await;
    worker.stop().await;
    match drawn {
        Ok(pieces) => Ok(Drawn {
            scratch,
            pieces,
            place: title.place,
        }),
        Err(error) => Err(Trouble::at_work(&error, &workshop.policy)),
    }
}

async fn ask_for(
    worker: &mut Worker,
    plan: &Plan,
    work: Work,
) -> model::error::Result<Vec<(Piece, u64)>> {
    match work {
        Work::Thumbs(index) => worker.begin_thumbs(plan, index)?,
        _ => worker.begin_poster(plan)?,
    };
    loop {
        match (worker.next_output().await?.1, work) {
            (
                Output::PosterDone {
                    size_bytes,
                    choices,
                },
                Work::Poster,
            ) => {
                let choice = |(number, size_bytes)| (Piece::PosterChoice { number }, size_bytes);
                let choices = (1..=POSTER_CHOICES).zip(choices).map(choice);
                let poster = std::iter::once((Piece::Poster, size_bytes));
                return Ok(poster.chain(choices).collect());
            }
            (Output::ThumbsDone { size_bytes }, Work::Thumbs(index)) => {
                return Ok(vec![(Piece::Thumbs { sheet: index + 1 }, size_bytes)]);
            }
            (Output::Failed(error), _) => return Err(error),
            _ => {}
        }
    }
}

/// A title without pictures is still a title: only a full disk or a lost job are worth a failure.
async fn publish_pictures(
    workshop: &Workshop,
    lane: Lane,
    assignment: &Assignment,
    drawn: Result<Drawn, Trouble>,
) -> Result<(), Trouble> {
    let (run, work) = (assignment.run, assignment.work);
    match drawn {
        Ok(drawn) => {
            let place = drawn.place;
            let target = Target { run, place };
            let stored = publish::store(workshop, target, drawn.scratch.path(), drawn.pieces).await;
            stored.map_err(|unstored| unstored.trouble)?;
        }
        Err(trouble @ (Trouble::Wait { .. } | Trouble::Lost)) => return Err(trouble),
        Err(
            Trouble::Attempt(reason)
            | Trouble::Disagreement(reason)
            | Trouble::Uncopyable(reason)
            | Trouble::GiveUp(reason),
        ) => {
            tracing::warn!(job = %run.job, ?work, reason, "The title stays without a picture.");
        }
    }
    publish::finish(workshop, lane, run, work).await
}
