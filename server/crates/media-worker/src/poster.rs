//! The poster: the liveliest of a few keyframes, upright, as a JPEG.

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::Cause;

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::stream::Stream;
use crate::failure::Failure;
use crate::output::{Output, POSTER_NAME};
use crate::source_file::SourceFile;
use crate::still::{fit, jpeg, shown_size, upright};
use crate::timeline::Timeline;

/// Of 31; 4 is about "quality 85" elsewhere.
const QUANTISER: u32 = 4;
/// Packets read from each place before it is given up.
const MAX_PACKETS: u32 = 400;

/// What to make a poster of.
#[derive(Debug)]
pub struct PosterSpec {
    /// The track.
    pub track: u32,
    /// Where to look, in video ticks on the timeline.
    pub candidates: Vec<i64>,
    /// Zero of the timeline on the source's clock.
    pub origin: i64,
    /// Longest side in pixels.
    pub long_side: u32,
}

/// Writes `poster.jpg`; returns its length.
pub fn make(spec: &PosterSpec, file: &SourceFile, output: &Output) -> Result<u64, Failure> {
    let (mut input, stream) = file.open_track(spec.track)?;
    let timeline = Timeline::new(stream.time_base, spec.origin, VIDEO_TIMESCALE);
    let mut best: Option<(u64, Frame)> = None;
    for candidate in &spec.candidates {
        // Where a seek fails, reading goes on from where the last one ended.
        let _ = input.seek(stream.index, timeline.timestamp(*candidate));
        let Some(frame) = next_keyframe(&mut input, &stream)? else {
            continue;
        };
        let size = fit(shown_size(&frame, &stream), spec.long_side);
        let small = upright(frame, &stream, size)?;
        let liveliness = liveliness(&small);
        if best.as_ref().is_none_or(|(most, _)| liveliness > *most) {
            best = Some((liveliness, small));
        }
    }
    let (_, frame) = best.ok_or_else(|| {
        Failure::new(
            Cause::Damaged,
            "No picture could be decoded for the poster.",
        )
    })?;
    let bytes = jpeg(&frame, QUANTISER)?;
    output
        .write(POSTER_NAME, &bytes)
        .map_err(|error| Failure::writing(POSTER_NAME, &error))
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

/// The variance of the luma: low for black, white and faded pictures.
fn liveliness(frame: &Frame) -> u64 {
    let (mut count, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
    for row in frame.luma_rows() {
        for luma in row {
            count += 1;
            sum += u64::from(*luma);
            squares += u64::from(*luma) * u64::from(*luma);
        }
    }
    let count = count.max(1);
    (squares / count).saturating_sub((sum / count).pow(2))
}
