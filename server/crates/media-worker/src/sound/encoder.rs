//! Gapless samples to AAC frames to segments.

use media_proto::message::{AudioSpec, Cause};
use media_proto::{AUDIO_FRAME_SAMPLES, AUDIO_TIMESCALE};
use std::ops::Range;

use super::RUN_IN_FRAMES;
use super::assembler::Assembler;
use crate::av::encoder::Encoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::packet::Packet;
use crate::failure::Failure;
use crate::isobmff::fragment::{Sample, Span};
use crate::output::Output;
use crate::packaging::write_segment;

/// Frames that the encoder is fed beyond the end of a span. The last packet stands for two
/// frames, of which the second is heard with the next span's first packet, and its form depends
/// on the frame after that.
const RUN_OUT_FRAMES: i64 = 2;

/// Frames between two looks at the clock.
const FRAMES_AT_ONCE: usize = 256;

/// Encodes one span and writes its segments as they become complete.
///
/// Always begun afresh, some frames before the span, so that its bytes depend on nothing that was
/// encoded earlier, and its first packet has the form that fits the last one of the span before.
#[derive(Debug)]
pub struct SoundEncoder<'a, Report> {
    spec: &'a AudioSpec,
    output: &'a Output,
    report: Report,
    encoder: Encoder,
    packet: Packet,
    /// Where on the timeline the next samples belong.
    fed_to: i64,
    /// Where the next packet belongs.
    next: i64,
    /// Index of the segment that is being collected.
    segment: usize,
    samples: Vec<Sample>,
}

impl<'a, Report: FnMut(u32, u64)> SoundEncoder<'a, Report> {
    /// Opens the encoder; `report` is told the number and size of every segment.
    pub fn open(spec: &'a AudioSpec, output: &'a Output, report: Report) -> Result<Self, Failure> {
        let start = fed(spec).start;
        Ok(Self {
            encoder: Encoder::aac(spec.channels, spec.bit_rate_bps, AUDIO_TIMESCALE)
                .map_err(|error| Failure::internal("opening the AAC encoder", error))?,
            packet: Packet::new()
                .map_err(|error| Failure::internal("allocating a packet", error))?,
            spec,
            output,
            report,
            fed_to: start,
            // The first packet only primes the decoder (initial_padding is one frame). Left out,
            // the second begins where the samples do in every player, without an edit list.
            next: start - AUDIO_FRAME_SAMPLES,
            segment: 0,
            samples: Vec::new(),
        })
    }

    /// Encodes whole frames that are ready, up to a few seconds of sound; false if none is left.
    pub fn feed(&mut self, assembler: &mut Assembler) -> Result<bool, Failure> {
        let length = usize::try_from(AUDIO_FRAME_SAMPLES).unwrap_or(1024);
        let doing = |error| Failure::internal("encoding sound", error);
        for _ in 0..FRAMES_AT_ONCE {
            let mut block =
                Frame::sound(length, self.spec.channels, AUDIO_TIMESCALE).map_err(doing)?;
            if !assembler.take(length, &mut block) {
                return Ok(false);
            }
            block.set_pts(self.fed_to);
            self.fed_to += AUDIO_FRAME_SAMPLES;
            self.encoder.send(Some(&block)).map_err(doing)?;
            self.collect()?;
        }
        Ok(true)
    }

    /// How far on the timeline it has come.
    pub fn position(&self) -> i64 {
        self.fed_to
    }

    /// Drains the encoder and writes the last segment.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.encoder
            .send(None)
            .map_err(|error| Failure::internal("finishing the sound", error))?;
        self.collect()?;
        let planned = self.spec.cuts.len().saturating_sub(1);
        if !self.samples.is_empty() {
            self.close_segment()?;
        }
        if self.segment == planned {
            return Ok(());
        }
        let message = format!(
            "Stream {} made {} of {planned} segments.",
            self.spec.stream, self.segment
        );
        Err(Failure::new(Cause::Internal, message))
    }

    fn collect(&mut self) -> Result<(), Failure> {
        let span = span(self.spec);
        loop {
            match self.encoder.receive(&mut self.packet) {
                Ok(()) => {}
                Err(AvError::AGAIN | AvError::END) => return Ok(()),
                Err(error) => return Err(Failure::internal("encoding sound", error)),
            }
            let pts = self.next;
            self.next += AUDIO_FRAME_SAMPLES;
            let data = self.packet.data().to_vec();
            self.packet.clear();
            if span.contains(&pts) {
                self.add(Sample {
                    pts,
                    is_sync: true,
                    data,
                })?;
            }
        }
    }

    fn add(&mut self, sample: Sample) -> Result<(), Failure> {
        if self
            .spec
            .cuts
            .get(self.segment + 1)
            .is_some_and(|cut| sample.pts >= *cut)
        {
            self.close_segment()?;
        }
        self.samples.push(sample);
        Ok(())
    }

    fn close_segment(&mut self) -> Result<(), Failure> {
        let cuts = &self.spec.cuts;
        let (Some(start), Some(end)) = (cuts.get(self.segment), cuts.get(self.segment + 1)) else {
            return Err(Failure::new(
                Cause::Internal,
                "More sound was made than planned.",
            ));
        };
        let index = u32::try_from(self.segment).unwrap_or(u32::MAX);
        let number = self.spec.first_segment.saturating_add(index);
        self.segment += 1;
        let span = Span {
            start: *start,
            end: *end,
        };
        let size_bytes = write_segment(self.output, self.spec.stream, number, span, &self.samples)?;
        self.samples.clear();
        (self.report)(number, size_bytes);
        Ok(())
    }
}

/// What a player hears of the span.
pub fn span(spec: &AudioSpec) -> Range<i64> {
    let start = spec.cuts.first().copied().unwrap_or(0).max(0);
    start..spec.cuts.last().copied().unwrap_or(0).max(start)
}

/// What the encoder is fed for it, in whole frames.
pub fn fed(spec: &AudioSpec) -> Range<i64> {
    let span = span(spec);
    let frames = (span.end + AUDIO_FRAME_SAMPLES - 1) / AUDIO_FRAME_SAMPLES;
    let start = (span.start - RUN_IN_FRAMES * AUDIO_FRAME_SAMPLES).max(0);
    start..(frames + RUN_OUT_FRAMES) * AUDIO_FRAME_SAMPLES
}
