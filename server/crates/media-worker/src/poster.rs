//! The poster: the liveliest of a few keyframes, upright, as a JPEG.

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::Cause;

use crate::av::decoder::Decoder;
use crate::av::encoder::Encoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::graph::{Filter, Graph};
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::stream::{Stream, TimeBase};
use crate::failure::Failure;
use crate::geometry::{display_size, orientation};
use crate::output::{Output, POSTER_NAME};
use crate::source_file::SourceFile;
use crate::timeline::Timeline;

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
        let small = upright(frame, &stream, spec.long_side)?;
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
    let bytes = jpeg(&frame)?;
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

/// The picture upright, with square pixels, its longest side at most `long_side`.
fn upright(mut frame: Frame, stream: &Stream, long_side: u32) -> Result<Frame, Failure> {
    let doing = |error| Failure::internal("scaling the poster", error);
    let turn = orientation(stream);
    let (width, height) = display_size(
        (frame.width(), frame.height()),
        stream.sample_aspect_ratio,
        turn,
    );
    let (width, height) = fit(width, height, long_side);
    let (across, down) = if turn.swaps_sides() {
        (height, width)
    } else {
        (width, height)
    };
    let is_hdr = frame.is_hdr() || stream.is_hdr();
    let over_black = frame.has_alpha().then_some(Filter::OverBlack);
    let mut filters: Vec<Filter> = over_black.into_iter().collect();
    filters.push(Filter::Scale {
        width: across,
        height: down,
        full_range: !is_hdr,
    });
    if is_hdr {
        frame.complete_hdr_colour(stream.colour());
        filters.push(Filter::ToneMap);
        filters.push(Filter::EightBit { full_range: false });
        filters.push(Filter::Scale {
            width: across,
            height: down,
            full_range: true,
        });
    }
    filters.push(Filter::EightBit { full_range: true });
    filters.extend(turn.filters());
    let time_base = TimeBase {
        numerator: 1,
        denominator: VIDEO_TIMESCALE.cast_signed(),
    };
    let mut graph = Graph::new(&frame, time_base, &filters).map_err(doing)?;
    frame.set_pts(0);
    graph.push(Some(&mut frame)).map_err(doing)?;
    let mut scaled = Frame::new().map_err(doing)?;
    graph.pull(&mut scaled).map_err(doing)?;
    Ok(scaled)
}

/// Scales down so that neither side is over `long_side`; both even, at least 2.
fn fit(width: u32, height: u32, long_side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    let target = longest.min(long_side);
    let scale = |side: u32| {
        let scaled = u64::from(side) * u64::from(target) / u64::from(longest);
        (u32::try_from(scaled).unwrap_or(2) / 2 * 2).max(2)
    };
    (scale(width), scale(height))
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

fn jpeg(frame: &Frame) -> Result<Vec<u8>, Failure> {
    let doing = |error| Failure::internal("encoding the poster", error);
    let mut encoder = Encoder::jpeg(frame.width(), frame.height()).map_err(doing)?;
    let mut picture = frame.share().map_err(doing)?;
    picture.set_pts(0);
    picture.force_keyframe(true);
    encoder.send(Some(&picture)).map_err(doing)?;
    encoder.send(None).map_err(doing)?;
    let mut packet = Packet::new().map_err(doing)?;
    encoder.receive(&mut packet).map_err(doing)?;
    Ok(packet.data().to_vec())
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_poster_keeps_its_shape_and_is_never_enlarged() {
        let cases = [
            ((1920, 1080), (640, 360)),
            ((1080, 1920), (360, 640)),
            ((176, 144), (176, 144)),
            ((1, 1), (2, 2)),
            ((16_384, 2), (640, 2)),
        ];
        for ((width, height), expected) in cases {
            assert_eq!(fit(width, height, 640), expected, "{width}x{height}");
        }
    }
}
