//! All rungs of a picture: one decode, one cascade of scaling, one thread per rung, short queues
//! between them.
//!
//! A chunk's frames are handed out by [`Ladder::encode`], which returns when the last one is in
//! the queues. The rungs report the chunk when they are through; meanwhile the next one can
//! already be decoded, so the cores never wait for each other at a chunk's end. In graphics hardware
//! they do wait: where it fails, the same chunk is decoded again for software.

use media_proto::message::{Cause, ChunkSpec, VideoSpec};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::cascade::Cascade;
use super::chunk::Chunk;
use super::rung::{Rung, Task};
use super::settings;
use super::source::PictureSource;
use crate::events::EventSink;
use crate::failure::Failure;
use crate::hardware::remote::Remote;
use crate::output::Output;
use crate::source_file::SourceFile;

/// Frames that may wait for a rung. A 1080p frame takes 3 MB; eight made nothing faster.
const QUEUED_FRAMES: usize = 4;

/// An open picture with its rungs' threads.
#[derive(Debug)]
pub struct Ladder {
    spec: VideoSpec,
    source: PictureSource,
    cascade: Cascade,
    rungs: Vec<(SyncSender<Task>, JoinHandle<()>)>,
    in_hardware: bool,
}

impl Ladder {
    /// Opens the picture and starts the threads. With an encoder in graphics hardware for each
    /// rung, and a plan that knows of it, these are used.
    pub fn open(
        file: &SourceFile,
        spec: &VideoSpec,
        output: &Arc<Output>,
        encoders: Vec<Remote>,
    ) -> Result<Self, Failure> {
        let source = PictureSource::open(file, spec)?;
        let is_planned = spec.rungs.iter().all(|rung| rung.hardware_sets.is_some());
        let in_hardware = is_planned && encoders.len() >= spec.rungs.len();
        let mut encoders = encoders.into_iter().filter(|_| in_hardware);
        let rungs = (0..spec.rungs.len())
            .map(|index| start_rung(spec, index, &source, output, encoders.next()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            in_hardware,
            spec: spec.clone(),
            cascade: Cascade::new(spec, source.stream()),
            source,
            rungs,
        })
    }

    /// The ladder was opened for this picture.
    pub fn fits(&self, spec: &VideoSpec) -> bool {
        self.spec == *spec
    }

    /// Decodes a chunk and hands its frames to the rungs, which report it under `number`.
    pub fn encode(&mut self, number: u32, chunk: ChunkSpec, file: &SourceFile, events: &EventSink) {
        let rungs = self.rungs.len();
        let chunk = Chunk::new(number, chunk, rungs, self.in_hardware, events.clone());
        let chunk = Arc::new(chunk);
        self.decode(&chunk, file);
        if self.in_hardware && chunk.falls_back() {
            self.in_hardware = false;
            self.decode(&chunk, file);
        }
    }

    fn decode(&mut self, chunk: &Arc<Chunk>, file: &SourceFile) {
        self.tell_all(chunk, || Task::Begin(Arc::clone(chunk)));
        let Self {
            source,
            cascade,
            rungs,
            ..
        } = self;
        let decoded = source.chunk(file, &chunk.spec, |picture| {
            if chunk.has_failed() {
                return;
            }
            let scaled = cascade.scale(picture, |rung, picture| {
                // A thread that has ended is told of below.
                let _ = rungs[rung].0.send(Task::Encode(picture));
            });
            if let Err(failure) = scaled {
                chunk.fail(failure);
            }
        });
        match decoded {
            Ok(frames) => chunk.set_frames(frames),
            Err(failure) => chunk.fail(failure),
        }
        self.tell_all(chunk, || Task::End);
    }

    fn tell_all(&self, chunk: &Chunk, task: impl Fn() -> Task) {
        for (sender, _) in &self.rungs {
            if sender.send(task()).is_err() {
                chunk.fail(Failure::new(Cause::Internal, "A rung's thread has ended."));
            }
        }
    }
}

impl Drop for Ladder {
    /// Waits until the rungs have reported everything they were given.
    fn drop(&mut self) {
        for (sender, thread) in self.rungs.drain(..) {
            drop(sender);
            let _ = thread.join();
        }
    }
}

fn start_rung(
    spec: &VideoSpec,
    index: usize,
    source: &PictureSource,
    output: &Arc<Output>,
    hardware: Option<Remote>,
) -> Result<(SyncSender<Task>, JoinHandle<()>), Failure> {
    let rung_spec = &spec.rungs[index];
    let rung = Rung {
        stream: u32::try_from(index).unwrap_or(u32::MAX),
        settings: settings::h264(spec, rung_spec, source.stream()),
        parameter_sets: rung_spec.parameter_sets.clone(),
        hardware_sets: rung_spec.hardware_sets.clone().unwrap_or_default(),
        reports_progress: index + 1 == spec.rungs.len(),
        output: Arc::clone(output),
    };
    let (sender, tasks) = sync_channel(QUEUED_FRAMES);
    let thread = std::thread::Builder::new()
        .name(format!("rung {index}"))
        .spawn(move || rung.run(&tasks, hardware))
        .map_err(|error| {
            Failure::new(
                Cause::Internal,
                format!("Starting a thread failed: {error}."),
            )
        })?;
    Ok((sender, thread))
}
