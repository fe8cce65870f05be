//! One rung: encodes frames of its size and cuts the result into segments. Runs in its own thread.

use media_proto::message::Cause;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::chunk::Chunk;
use super::maker::Maker;
use super::source::Picture;
use crate::av::encoder::H264Settings;
use crate::av::frame::Frame;
use crate::failure::Failure;
use crate::hardware::remote::Remote;
use crate::isobmff::fragment::{Sample, Span};
use crate::output::Output;
use crate::packaging::{begin_in_time, write_segment};

/// How often the encoder's position is reported.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// Luma of black in limited range.
const BLACK: u8 = 16;

/// What a rung is told to do. Between `Begin` and `End` come the chunk's pictures in order.
#[derive(Debug)]
pub enum Task {
    /// A chunk begins.
    Begin(Arc<Chunk>),
    /// A picture of it.
    Encode(Picture),
    /// That was its last picture.
    End,
}

/// What stays the same from chunk to chunk.
#[derive(Debug)]
pub struct Rung {
    /// Number in segment names.
    pub stream: u32,
    /// What the encoder is opened with.
    pub settings: H264Settings,
    /// What the encoder's parameter sets must look like.
    pub parameter_sets: String,
    /// What those of graphics hardware must look like, where it is used.
    pub hardware_sets: String,
    /// Reports progress for all rungs.
    pub reports_progress: bool,
    /// Where segments go.
    pub output: Arc<Output>,
}

impl Rung {
    /// Works until the sender is gone, in graphics hardware as long as that goes well.
    pub fn run(self, tasks: &Receiver<Task>, mut hardware: Option<Remote>) {
        let mut current: Option<(Arc<Chunk>, Option<ChunkEncoder>)> = None;
        while let Ok(task) = tasks.recv() {
            match task {
                Task::Begin(chunk) => {
                    hardware = hardware.filter(|_| chunk.is_in_hardware());
                    let encoder = self.begin(&chunk, hardware.take());
                    current = Some((chunk, encoder));
                }
                Task::Encode(picture) => {
                    let Some((chunk, Some(encoder))) = current.as_mut() else {
                        continue;
                    };
                    if chunk.has_failed() {
                        continue;
                    }
                    if let Err(failure) = encoder.encode(&self, chunk, picture) {
                        encoder.fail(chunk, failure);
                    }
                }
                Task::End => {
                    let Some((chunk, encoder)) = current.take() else {
                        continue;
                    };
                    hardware = encoder.and_then(|encoder| self.end(&chunk, encoder));
                    chunk.rung_done();
                }
            }
        }
    }

    /// `None` if there is nothing to do, or nothing to do it with.
    fn begin(&self, chunk: &Chunk, hardware: Option<Remote>) -> Option<ChunkEncoder> {
        if chunk.segments_done(self.stream) + 1 >= chunk.spec.cuts.len() {
            return None;
        }
        let maker = match hardware {
            Some(remote) => Maker::hardware(remote, &self.settings, &self.hardware_sets)
                .map_err(|failure| chunk.fail_in_hardware(failure)),
            None => Maker::software(&self.settings, &self.parameter_sets)
                .map_err(|failure| chunk.fail(failure)),
        };
        Some(ChunkEncoder::new(self, chunk, maker.ok()?))
    }

    /// Returns the hardware, if it may go on.
    fn end(&self, chunk: &Chunk, mut encoder: ChunkEncoder) -> Option<Remote> {
        if !chunk.has_failed()
            && let Err(failure) = encoder.finish(self, chunk)
        {
            encoder.fail(chunk, failure);
        }
        encoder.maker.into_remote().filter(|_| !chunk.has_failed())
    }
}

/// One chunk's encoder: fresh for every chunk, so that the result does not depend on what was
/// encoded before.
#[derive(Debug)]
struct ChunkEncoder {
    maker: Maker,
    /// Index of the segment that the next frame belongs to.
    segment_in: usize,
    /// A frame of that segment was fed.
    segment_in_has_frame: bool,
    /// Index of the segment whose samples are being collected.
    segment_out: usize,
    samples: Vec<Sample>,
    last: Option<Frame>,
    reported_at: Instant,
}

impl ChunkEncoder {
    /// Goes on behind the segments that are out.
    fn new(rung: &Rung, chunk: &Chunk, maker: Maker) -> Self {
        let first = chunk.segments_done(rung.stream);
        Self {
            maker,
            segment_in: first,
            segment_in_has_frame: false,
            segment_out: first,
            samples: Vec::new(),
            last: None,
            reported_at: Instant::now(),
        }
    }

    fn fail(&self, chunk: &Chunk, failure: Failure) {
        if self.maker.is_hardware() {
            chunk.fail_in_hardware(failure);
        } else {
            chunk.fail(failure);
        }
    }

    fn encode(&mut self, rung: &Rung, chunk: &Chunk, picture: Picture) -> Result<(), Failure> {
        let Picture { pts, frame } = picture;
        // Of a segment that hardware made before it failed.
        if chunk
            .spec
            .cuts
            .get(self.segment_in)
            .is_some_and(|start| pts < *start)
        {
            return Ok(());
        }
        self.fill_until(rung, chunk, pts, Some(&frame))?;
        self.feed(rung, chunk, frame)?;
        if rung.reports_progress && self.reported_at.elapsed() >= PROGRESS_INTERVAL {
            self.reported_at = Instant::now();
            chunk.progress(pts);
        }
        Ok(())
    }

    /// Moves on to the segment that a frame at `pts` belongs to. Segments left without any frame,
    /// because the source is damaged there, repeat the frame before (or `stand_in`).
    fn fill_until(
        &mut self,
        rung: &Rung,
        chunk: &Chunk,
        pts: i64,
        stand_in: Option<&Frame>,
    ) -> Result<(), Failure> {
        let cuts = &chunk.spec.cuts;
        while self.segment_in + 2 < cuts.len() && cuts[self.segment_in + 1] <= pts {
            if !self.segment_in_has_frame {
                self.feed_filler(rung, chunk, stand_in)?;
            }
            self.segment_in += 1;
            self.segment_in_has_frame = false;
        }
        Ok(())
    }

    fn feed_filler(
        &mut self,
        rung: &Rung,
        chunk: &Chunk,
        stand_in: Option<&Frame>,
    ) -> Result<(), Failure> {
        let frame = match self.last.as_ref().or(stand_in) {
            Some(frame) => frame.share(),
            None => Frame::grey(rung.settings.width, rung.settings.height, BLACK),
        };
        let mut frame = frame.map_err(|error| Failure::internal("filling a gap", error))?;
        frame.set_pts(chunk.spec.cuts[self.segment_in]);
        self.feed(rung, chunk, frame)
    }

    fn feed(&mut self, rung: &Rung, chunk: &Chunk, mut frame: Frame) -> Result<(), Failure> {
        frame.force_keyframe(!self.segment_in_has_frame);
        self.segment_in_has_frame = true;
        self.maker.send(Some(&frame))?;
        self.last = Some(frame);
        self.collect(rung, chunk)
    }

    /// Takes what the encoder has ready and closes segments that are complete.
    fn collect(&mut self, rung: &Rung, chunk: &Chunk) -> Result<(), Failure> {
        while let Some(sample) = self.maker.receive()? {
            let starts_next = sample.is_sync
                && chunk
                    .spec
                    .cuts
                    .get(self.segment_out + 1)
                    .is_some_and(|cut| sample.pts >= *cut);
            if starts_next {
                self.close_segment(rung, chunk)?;
            }
            self.samples.push(sample);
        }
        Ok(())
    }

    fn close_segment(&mut self, rung: &Rung, chunk: &Chunk) -> Result<(), Failure> {
        let index = self.segment_out;
        let (Some(start), Some(end)) = (chunk.spec.cuts.get(index), chunk.spec.cuts.get(index + 1))
        else {
            return Err(Failure::new(
                Cause::Internal,
                "The encoder made more segments than planned.",
            ));
        };
        let number = chunk.spec.first_segment + u32::try_from(index).unwrap_or(0);
        let span = Span {
            start: *start,
            end: *end,
        };
        begin_in_time(span, &mut self.samples);
        let size_bytes = write_segment(&rung.output, rung.stream, number, span, &self.samples)?;
        self.samples.clear();
        self.segment_out += 1;
        chunk.segment_done(rung.stream, index, size_bytes);
        Ok(())
    }

    fn finish(&mut self, rung: &Rung, chunk: &Chunk) -> Result<(), Failure> {
        self.fill_until(rung, chunk, i64::MAX, None)?;
        if !self.segment_in_has_frame {
            self.feed_filler(rung, chunk, None)?;
        }
        self.maker.send(None)?;
        self.collect(rung, chunk)?;
        self.close_segment(rung, chunk)?;
        let planned = chunk.spec.cuts.len() - 1;
        if self.segment_out != planned {
            let message = format!(
                "Stream {} made {} of {planned} segments.",
                rung.stream, self.segment_out
            );
            return Err(Failure::new(Cause::Internal, message));
        }
        if rung.reports_progress {
            chunk.progress(chunk.spec.cuts.last().copied().unwrap_or_default());
        }
        Ok(())
    }
}
