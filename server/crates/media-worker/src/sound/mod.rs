//! From a sound track to segments, in spans of about a minute that join without a seam.
//!
//! [`source`] reads from a little before the span, [`run_in`] finds out which sample is its
//! first, [`assembler`] turns decoded blocks into gapless 48 kHz samples, [`encoder`] turns those
//! into AAC frames and segments. What a span becomes depends on the file and the plan alone, not
//! on what was encoded before.

pub mod assembler;
pub mod encoder;
pub mod run_in;
pub mod source;

use media_proto::message::{AudioSpec, Event, SoundAnchor};
use media_proto::{AUDIO_TIMESCALE, VIDEO_TIMESCALE};
use std::time::{Duration, Instant};

use crate::av::decoder::Decoder;
use crate::av::frame::Frame;
use crate::events::EventSink;
use crate::failure::Failure;
use crate::output::Output;
use crate::source_file::SourceFile;
use crate::timeline::Timeline;
use assembler::{Assembler, TOLERANCE_SAMPLES};
use encoder::{SoundEncoder, fed, span};
use run_in::{Anchor, Block, RunIn};
use source::SoundSource;

/// AAC frames that are encoded before a span and thrown away. The form of a frame depends on
/// those before it, of which the encoder looks at three.
pub const RUN_IN_FRAMES: i64 = 8;

/// Between two signs of life.
const PAUSE_BETWEEN_SIGNS: Duration = Duration::from_secs(1);

/// Makes all segments of a span. Returns the samples of silence that had to be put in.
pub fn encode(
    number: u32,
    spec: &AudioSpec,
    source: &mut SoundSource,
    file: &SourceFile,
    output: &Output,
    events: &EventSink,
) -> Result<i64, Failure> {
    let mut decoder = source.start(file, spec.entry.as_ref())?;
    let mut encoder = SoundEncoder::open(spec, output, |segment, size_bytes| {
        events.send(
            number,
            Event::Segment {
                stream: spec.stream,
                number: segment,
                size_bytes,
            },
        );
    })?;
    let timeline = Timeline::new(source.stream().time_base, spec.origin, AUDIO_TIMESCALE);
    let mut intake = Intake::new(spec, timeline)?;
    let mut life = SignsOfLife::new(number, events);
    while !intake.assembler.is_full() {
        let Some(packet) = source.read() else {
            break;
        };
        // A damaged packet leaves a gap, which the assembler fills with silence.
        if decoder.send(Some(packet)).is_ok() {
            intake.drain(&mut decoder)?;
        }
        while encoder.feed(&mut intake.assembler)? {
            life.tell(encoder.position());
        }
    }
    if decoder.send(None).is_ok() {
        intake.drain(&mut decoder)?;
    }
    intake.assembler.finish()?;
    while encoder.feed(&mut intake.assembler)? {
        life.tell(encoder.position());
    }
    encoder.finish()?;
    Ok(intake.assembler.silence_samples())
}

/// Tells the server how far a segment has come that takes longer than its patience: where nothing
/// cuts the picture, one can be hours long.
struct SignsOfLife<'a> {
    number: u32,
    events: &'a EventSink,
    told_at: Instant,
}

impl<'a> SignsOfLife<'a> {
    fn new(number: u32, events: &'a EventSink) -> Self {
        Self {
            number,
            events,
            told_at: Instant::now(),
        }
    }

    /// `position` counts samples.
    fn tell(&mut self, position: i64) {
        if self.told_at.elapsed() < PAUSE_BETWEEN_SIGNS {
            return;
        }
        self.told_at = Instant::now();
        let position = position.saturating_mul(i64::from(VIDEO_TIMESCALE));
        let position = position / i64::from(AUDIO_TIMESCALE);
        self.events.send(self.number, Event::Progress { position });
    }
}

/// From decoded blocks to samples in their places.
struct Intake {
    timeline: Timeline,
    /// Until the beginning of the span is reached.
    run_in: Option<RunIn>,
    /// Where on the timeline the first sample is wanted.
    start: i64,
    assembler: Assembler,
    frame: Frame,
}

impl Intake {
    fn new(spec: &AudioSpec, timeline: Timeline) -> Result<Self, Failure> {
        let anchor = spec.anchor.map(|anchor| anchor_at(anchor, &timeline));
        Ok(Self {
            timeline,
            run_in: Some(RunIn::new(anchor, TOLERANCE_SAMPLES)),
            start: fed(spec).start,
            assembler: Assembler::new(spec.channels, fed(spec), span(spec)),
            frame: Frame::new().map_err(|error| Failure::internal("allocating a frame", error))?,
        })
    }

    /// Takes all blocks that are decoded.
    fn drain(&mut self, decoder: &mut Decoder) -> Result<(), Failure> {
        while decoder.receive(&mut self.frame).is_ok() {
            self.take()?;
            self.frame.clear();
        }
        Ok(())
    }

    fn take(&mut self) -> Result<(), Failure> {
        let timestamp = self.frame.best_timestamp();
        let position = timestamp.map(|timestamp| self.timeline.ticks(timestamp));
        let Some(run_in) = self.run_in.as_mut() else {
            return self.assembler.push(&self.frame, position);
        };
        let block = block_of(&self.frame, position);
        let place = run_in.push(block);
        if place.is_none() && self.start == 0 {
            // Nobody says when: it begins with the title.
            self.run_in = None;
            return self.assembler.push(&self.frame, None);
        }
        let length = block.samples * i64::from(AUDIO_TIMESCALE) / block.sample_rate.max(1);
        let Some(place) = place.filter(|place| place.position + length > self.start) else {
            return Ok(());
        };
        self.run_in = None;
        let skipped = usize::try_from(place.skipped).unwrap_or(0);
        self.assembler
            .push_rest(&self.frame, skipped, Some(place.position))
    }
}

fn block_of(frame: &Frame, position: Option<i64>) -> Block {
    Block {
        position,
        samples: i64::try_from(frame.samples()).unwrap_or(0),
        sample_rate: i64::from(frame.sample_rate()),
    }
}

fn anchor_at(anchor: SoundAnchor, timeline: &Timeline) -> Anchor {
    Anchor {
        position: timeline.ticks(anchor.pts),
        samples: i64::from(anchor.samples),
        sample_rate: i64::from(anchor.sample_rate),
    }
}
