//! The poster: what stands for a title, as a JPEG, and the pictures it can be chosen from.
//!
//! A film's are its liveliest keyframes, one from each stretch of it; sound has the cover that lies
//! in its file, or else its loudness as bars. What does not belong here: small pictures
//! (`thumbs`), decoding covers and drawing bars (`cover`, `bars`).

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{Cause, Event};
use media_proto::pictures::{PosterSource, PosterSpec};
use std::cmp::Reverse;

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::stream::Stream;
use crate::failure::Failure;
use crate::liveliness::{liveliness, looks_like};
use crate::output::{Output, POSTER_NAME, poster_choice_name};
use crate::source_file::SourceFile;
use crate::still::{fit, jpeg, shown_size, upright};
use crate::timeline::Timeline;
use crate::{bars, cover};

/// Of 31; 4 is about "quality 85" elsewhere.
const QUANTISER: u32 = 4;
/// Packets read from each place before it is given up.
const MAX_PACKETS: u32 = 400;

/// Writes the poster and what it can be chosen from.
pub fn make(spec: &PosterSpec, file: &SourceFile, output: &Output) -> Result<Event, Failure> {
    let pictures = match &spec.from {
        PosterSource::Film { track, stretches } => of_film(spec, *track, stretches, file)?,
        PosterSource::Sound { track, end } => vec![of_sound(spec, *track, *end, file)?],
    };
    let encoded: Result<Vec<Vec<u8>>, Failure> = pictures
        .iter()
        .map(|picture| jpeg(picture, QUANTISER))
        .collect();
    let encoded = encoded?;
    let best = encoded.first().ok_or_else(|| {
        Failure::new(
            Cause::Damaged,
            "No picture could be decoded for the poster.",
        )
    })?;
    let size_bytes = write(output, POSTER_NAME, best)?;
    let several = encoded.iter().filter(|_| encoded.len() > 1);
    let choices: Result<Vec<u64>, Failure> = (1..)
        .zip(several)
        .map(|(number, bytes)| write(output, &poster_choice_name(number), bytes))
        .collect();
    Ok(Event::PosterDone {
        size_bytes,
        choices: choices?,
    })
}

fn write(output: &Output, name: &str, bytes: &[u8]) -> Result<u64, Failure> {
    output
        .write(name, bytes)
        .map_err(|error| Failure::writing(name, &error))
}

fn of_sound(spec: &PosterSpec, track: u32, end: i64, file: &SourceFile) -> Result<Frame, Failure> {
    match cover::first(&spec.covers, spec.long_side, file) {
        Some(cover) => Ok(cover),
        None => {
            let opened = file.open_track(track, &spec.clock_steps)?;
            bars::draw(opened, (spec.origin, end), spec.long_side)
        }
    }
}

/// The liveliest picture of each stretch, the best of all first, and the cover last.
fn of_film(
    spec: &PosterSpec,
    track: u32,
    stretches: &[Vec<i64>],
    file: &SourceFile,
) -> Result<Vec<Frame>, Failure> {
    let (mut input, stream) = file.open_track(track, &spec.clock_steps)?;
    let timeline = Timeline::new(stream.time_base, spec.origin, VIDEO_TIMESCALE);
    let mut found: Vec<(u64, Frame)> = Vec::new();
    for stretch in stretches {
        let mut best: Option<(u64, Frame)> = None;
        for place in stretch {
            // Where a seek fails, reading goes on from where the last one ended.
            let _ = input.seek(stream.index, timeline.timestamp(*place));
            let Some(frame) = next_keyframe(&mut input, &stream)? else {
                continue;
            };
            let size = fit(shown_size(&frame, &stream), spec.long_side);
            let small = upright(frame, &stream, size)?;
            let score = liveliness(&small);
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, small));
            }
        }
        let is_new = |picture: &Frame| !found.iter().any(|(_, known)| looks_like(known, picture));
        if let Some(best) = best.filter(|(_, picture)| is_new(picture)) {
            found.push(best);
        }
    }
    found.sort_by_key(|(score, _)| Reverse(*score));
    let pictures = found.into_iter().map(|(_, picture)| picture);
    let cover = cover::first(&spec.covers, spec.long_side, file);
    Ok(pictures.chain(cover).collect())
}

/// Decodes from the next keyframe on until one picture is out.
fn next_keyframe(input: &mut Input, stream: &Stream) -> Result<Option<Frame>, Failure> {
    let doing = |error| Failure::internal("decoding a picture for the poster", error);
    let mut decoder = Decoder::open(stream, 1).map_err(doing)?;
    let mut packet = Packet::new().map_err(doing)?;
    let mut frame = Frame::new().map_err(doing)?;
    let mut started = false;
    for _ in 0..MAX_PACKETS {
        let ended = match input.read(&mut packet) {
            Ok(()) if packet.track() != Some(stream.index) => continue,
            Ok(()) => false,
            Err(AvError::END) => true,
            Err(_) => continue,
        };
        started |= packet.is_key();
        if !started && !ended {
            continue;
        }
        let _ = decoder.send((!ended).then_some(&packet));
        if decoder.receive(&mut frame).is_ok() {
            return Ok(Some(frame));
        }
        if ended {
            break;
        }
    }
    Ok(None)
}
