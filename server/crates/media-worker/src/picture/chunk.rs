//! The books of one chunk while several rungs work on it.

use media_proto::message::{Cause, ChunkSpec, Event};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::events::EventSink;
use crate::failure::Failure;

/// What all rungs share about a chunk. The rung that finishes last reports it.
#[derive(Debug)]
pub struct Chunk {
    /// The request's number.
    pub number: u32,
    /// What is wanted.
    pub spec: ChunkSpec,
    state: Mutex<State>,
    all_through: Condvar,
    events: EventSink,
}

/// How far it has come.
#[derive(Debug)]
struct State {
    frames: u32,
    /// Segments that are out, of each rung.
    segments: Vec<usize>,
    unfinished_rungs: usize,
    /// Rungs are encoded in graphics hardware.
    in_hardware: bool,
    failure: Option<Failure>,
    /// What went wrong in graphics hardware; software may do better.
    setback: Option<Failure>,
}

impl Chunk {
    /// A chunk that `rungs` rungs are about to encode.
    pub fn new(
        number: u32,
        spec: ChunkSpec,
        rungs: usize,
        in_hardware: bool,
        events: EventSink,
    ) -> Self {
        Self {
            number,
            spec,
            state: Mutex::new(State {
                frames: 0,
                segments: vec![0; rungs],
                unfinished_rungs: rungs,
                in_hardware,
                failure: None,
                setback: None,
            }),
            all_through: Condvar::new(),
            events,
        }
    }

    /// Rungs are to be encoded in graphics hardware.
    pub fn is_in_hardware(&self) -> bool {
        self.state().in_hardware
    }

    /// Remembers how many frames were decoded; called before the rungs are told of the end.
    pub fn set_frames(&self, frames: u32) {
        self.state().frames = frames;
    }

    /// Remembers the first failure.
    pub fn fail(&self, failure: Failure) {
        self.state().failure.get_or_insert(failure);
    }

    /// Remembers the first failure of the graphics hardware. What it is not to blame for, such as
    /// a full disk, is a failure as any other.
    pub fn fail_in_hardware(&self, failure: Failure) {
        let mut state = self.state();
        if failure.cause == Cause::Internal {
            state.setback.get_or_insert(failure);
        } else {
            state.failure.get_or_insert(failure);
        }
    }

    /// Somebody failed: further work on the chunk is of no use.
    pub fn has_failed(&self) -> bool {
        let state = self.state();
        state.failure.is_some() || state.setback.is_some()
    }

    /// How many segments of a rung are out.
    pub fn segments_done(&self, stream: u32) -> usize {
        let index = usize::try_from(stream).unwrap_or(usize::MAX);
        self.state().segments.get(index).copied().unwrap_or(0)
    }

    /// Reports a finished segment.
    pub fn segment_done(&self, stream: u32, index: usize, size_bytes: u64) {
        let rung = usize::try_from(stream).unwrap_or(usize::MAX);
        if let Some(done) = self.state().segments.get_mut(rung) {
            *done = index + 1;
        }
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

    /// One rung is through; the last one reports the chunk, unless software is to go on with it.
    pub fn rung_done(&self) {
        let mut state = self.state();
        state.unfinished_rungs = state.unfinished_rungs.saturating_sub(1);
        if state.unfinished_rungs > 0 {
            return;
        }
        self.all_through.notify_all();
        let event = match state.failure.take() {
            Some(Failure { cause, message }) => Event::Failed { cause, message },
            None if state.setback.is_some() => return,
            None => Event::ChunkDone {
                frames: state.frames,
                missing: self.spec.frames.saturating_sub(state.frames),
            },
        };
        state.setback = None;
        self.events.send(self.number, event);
    }

    /// Waits until all rungs are through. If the graphics hardware failed, that is reported, and
    /// the chunk is as new but for the segments that are out: true if software has to go on.
    pub fn falls_back(&self) -> bool {
        let mut state = self.state();
        while state.unfinished_rungs > 0 {
            state = self
                .all_through
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let Some(setback) = state.setback.take() else {
            return false;
        };
        state.unfinished_rungs = state.segments.len();
        state.in_hardware = false;
        let reason = setback.message;
        self.events.send(self.number, Event::FellBack { reason });
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
