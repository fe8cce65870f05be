//! Gapless samples to AAC frames to segments.

use media_proto::message::{AudioSpec, Cause};
use media_proto::{AUDIO_FRAME_SAMPLES, AUDIO_TIMESCALE};

use super::assembler::Assembler;
use crate::av::encoder::Encoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::packet::Packet;
use crate::failure::Failure;
use crate::isobmff::fragment::{Sample, Span};
use crate::output::Output;
use crate::packaging::write_segment;

/// Encodes one track and writes its segments as they become complete.
#[derive(Debug)]
pub struct SoundEncoder<'a, Report> {
    spec: &'a AudioSpec,
    output: &'a Output,
    report: Report,
    encoder: Encoder,
    packet: Packet,
    /// Samples fed so far.
    fed: i64,
    /// Packets taken so far, the priming packet included.
    packets: i64,
    /// Index of the segment that is being collected.
    segment: usize,
    samples: Vec<Sample>,
}

impl<'a, Report: FnMut(u32, u64)> SoundEncoder<'a, Report> {
    /// Opens the encoder; `report` is told the number and size of every segment.
    pub fn open(spec: &'a AudioSpec, output: &'a Output, report: Report) -> Result<Self, Failure> {
        Ok(Self {
            encoder: Encoder::aac(spec.channels, spec.bit_rate_bps, AUDIO_TIMESCALE)
                .map_err(|error| Failure::internal("opening the AAC encoder", error))?,
            packet: Packet::new()
                .map_err(|error| Failure::internal("allocating a packet", error))?,
            spec,
            output,
            report,
            fed: 0,
            packets: 0,
            segment: 0,
            samples: Vec::new(),
        })
    }

    /// Samples that make whole frames up to the end of the timeline.
    pub fn wanted_samples(&self) -> i64 {
        let end = self.spec.cuts.last().copied().unwrap_or(0).max(0);
        (end + AUDIO_FRAME_SAMPLES - 1) / AUDIO_FRAME_SAMPLES * AUDIO_FRAME_SAMPLES
    }

    /// Encodes all whole frames that are ready.
    pub fn feed(&mut self, assembler: &mut Assembler) -> Result<(), Failure> {
        let length = usize::try_from(AUDIO_FRAME_SAMPLES).unwrap_or(1024);
        let doing = |error| Failure::internal("encoding sound", error);
        loop {
            let mut block =
                Frame::sound(length, self.spec.channels, AUDIO_TIMESCALE).map_err(doing)?;
            if !assembler.take(length, &mut block) {
                return Ok(());
            }
            block.set_pts(self.fed);
            self.fed += AUDIO_FRAME_SAMPLES;
            self.encoder.send(Some(&block)).map_err(doing)?;
            self.collect()?;
        }
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
        loop {
            match self.encoder.receive(&mut self.packet) {
                Ok(()) => {}
                Err(AvError::AGAIN | AvError::END) => return Ok(()),
                Err(error) => return Err(Failure::internal("encoding sound", error)),
            }
            // The first packet only primes the decoder (initial_padding is one frame). Left out,
            // the second starts at zero in every player, without an edit list.
            let pts = (self.packets - 1) * AUDIO_FRAME_SAMPLES;
            self.packets += 1;
            let data = self.packet.data().to_vec();
            self.packet.clear();
            if pts >= 0 && pts < self.spec.cuts.last().copied().unwrap_or(0) {
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
        self.segment += 1;
        let number = u32::try_from(self.segment).unwrap_or(u32::MAX);
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
