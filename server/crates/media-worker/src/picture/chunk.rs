//! The books of one chunk while several rungs work on it.

use media_proto::message::{ChunkSpec, Event};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::events::EventSink;
use crate::failure::Failure;

/// What all rungs share about a chunk. The rung that finishes last reports it.
#[derive(Debug)]
pub struct Chunk {
    /// The request's number.
    pub number: u32,
    /// What is wanted.
    pub spec: ChunkSpec,
    frames: AtomicU32,
    unfinished_rungs: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    events: EventSink,
}

impl Chunk {
    /// A chunk that `rungs` rungs are about to encode.
    pub fn new(number: u32, spec: ChunkSpec, rungs: usize, events: EventSink) -> Self {
        Self {
            number,
            spec,
            frames: AtomicU32::new(0),
            unfinished_rungs: AtomicUsize::new(rungs),
            failure: Mutex::new(None),
            events,
        }
    }

    /// Remembers how many frames were decoded; called before the rungs are told of the end.
    pub fn set_frames(&self, frames: u32) {
        self.frames.store(frames, Ordering::SeqCst);
    }

    /// Remembers the first failure.
    pub fn fail(&self, failure: Failure) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(failure);
    }

    /// Somebody failed: further work on the chunk is of no use.
    pub fn has_failed(&self) -> bool {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Reports a finished segment.
    pub fn segment_done(&self, stream: u32, index: usize, size_bytes: u64) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let number = self.spec.first_segment.saturating_add(index);
        self.events.send(
            self.number,
            Event::Segment {
                stream,
                number,
                size_bytes,
            },
        );
    }

    /// Reports how far the encoder has come.
    pub fn progress(&self, position: i64) {
        self.events.send(self.number, Event::Progress { position });
    }

    /// One rung is through; the last one reports the chunk.
    pub fn rung_done(&self) {
        if self.unfinished_rungs.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let frames = self.frames.load(Ordering::SeqCst);
        let event = match failure {
            Some(Failure { cause, message }) => Event::Failed { cause, message },
            None => Event::ChunkDone {
                frames,
                missing: self.spec.frames.saturating_sub(frames),
            },
        };
        self.events.send(self.number, event);
    }
}
