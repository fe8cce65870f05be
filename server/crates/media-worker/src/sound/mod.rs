//! From a sound track to segments: one continuous pass, so there are no joins to hear.
//!
//! [`assembler`] turns decoded blocks into gapless 48 kHz samples that start at the timeline's
//! zero, [`encoder`] turns those into AAC frames and segments.

pub mod assembler;
pub mod encoder;

use media_proto::AUDIO_TIMESCALE;
use media_proto::message::{AudioSpec, Event};

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::packet::Packet;
use crate::events::EventSink;
use crate::failure::Failure;
use crate::output::Output;
use crate::source_file::SourceFile;
use crate::timeline::Timeline;
use assembler::Assembler;
use encoder::SoundEncoder;

/// Errors of the demuxer in a row after which the file counts as ended.
const MAX_READ_ERRORS: u32 = 64;

/// Makes all segments of a track. Returns the samples of silence that had to be put in.
pub fn encode(
    number: u32,
    spec: &AudioSpec,
    file: &SourceFile,
    output: &Output,
    events: &EventSink,
) -> Result<i64, Failure> {
    let (mut input, stream) = file.open_track(spec.track)?;
    let timeline = Timeline::new(stream.time_base, spec.origin, AUDIO_TIMESCALE);
    let mut decoder = Decoder::open(&stream, 1)
        .map_err(|error| Failure::internal("opening the audio decoder", error))?;
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
    let mut assembler = Assembler::new(spec.channels, encoder.wanted_samples());
    let mut packet =
        Packet::new().map_err(|error| Failure::internal("allocating a packet", error))?;
    let mut frame = Frame::new().map_err(|error| Failure::internal("allocating a frame", error))?;
    let mut errors = 0;
    while errors < MAX_READ_ERRORS && !assembler.is_full() {
        match input.read(&mut packet) {
            Ok(()) if packet.track() == Some(stream.index) => errors = 0,
            Ok(()) => continue,
            Err(AvError::END) => break,
            Err(_) => {
                errors += 1;
                continue;
            }
        }
        // A damaged packet leaves a gap, which the assembler fills with silence.
        if decoder.send(Some(&packet)).is_ok() {
            drain(&mut decoder, &mut frame, &timeline, &mut assembler)?;
        }
        encoder.feed(&mut assembler)?;
    }
    if decoder.send(None).is_ok() {
        drain(&mut decoder, &mut frame, &timeline, &mut assembler)?;
    }
    assembler.finish()?;
    encoder.feed(&mut assembler)?;
    encoder.finish()?;
    Ok(assembler.silence_samples())
}

fn drain(
    decoder: &mut Decoder,
    frame: &mut Frame,
    timeline: &Timeline,
    assembler: &mut Assembler,
) -> Result<(), Failure> {
    while decoder.receive(frame).is_ok() {
        let position = frame
            .best_timestamp()
            .map(|timestamp| timeline.ticks(timestamp));
        assembler.push(frame, position)?;
        frame.clear();
    }
    Ok(())
}
