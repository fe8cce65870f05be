//! From a decoded picture to a small upright JPEG. What does not belong here: which picture it is
//! (`poster`, `thumbs`).

use media_proto::VIDEO_TIMESCALE;

use crate::av::encoder::Encoder;
use crate::av::frame::Frame;
use crate::av::graph::{Filter, Graph};
use crate::av::packet::Packet;
use crate::av::stream::{Stream, TimeBase};
use crate::failure::Failure;
use crate::geometry::{display_size, orientation};

/// Width and height of the picture as it is shown: upright, with square pixels.
pub fn shown_size(frame: &Frame, stream: &Stream) -> (u32, u32) {
    display_size(
        (frame.width(), frame.height()),
        stream.sample_aspect_ratio,
        orientation(stream),
    )
}

/// The picture upright and of that size, in the colours of a JPEG.
pub fn upright(mut frame: Frame, stream: &Stream, size: (u32, u32)) -> Result<Frame, Failure> {
    let doing = |error| Failure::internal("scaling a picture", error);
    let time_base = TimeBase {
        numerator: 1,
        denominator: VIDEO_TIMESCALE.cast_signed(),
    };
    let is_hdr = frame.is_hdr() || stream.is_hdr();
    if is_hdr {
        frame.complete_hdr_colour(stream.colour());
    }
    let filters = filters(&frame, stream, size, is_hdr);
    let mut graph = Graph::new(&frame, time_base, &filters).map_err(doing)?;
    frame.set_pts(0);
    graph.push(Some(&mut frame)).map_err(doing)?;
    let mut scaled = Frame::new().map_err(doing)?;
    graph.pull(&mut scaled).map_err(doing)?;
    Ok(scaled)
}

fn filters(frame: &Frame, stream: &Stream, size: (u32, u32), is_hdr: bool) -> Vec<Filter> {
    let turn = orientation(stream);
    let (width, height) = if turn.swaps_sides() {
        (size.1, size.0)
    } else {
        size
    };
    let scale = |full_range| Filter::Scale {
        width,
        height,
        full_range,
    };
    let over_black = frame.has_alpha().then_some(Filter::OverBlack);
    let mut filters: Vec<Filter> = over_black.into_iter().collect();
    filters.push(scale(!is_hdr));
    if is_hdr {
        filters.push(Filter::ToneMap);
        filters.push(Filter::EightBit { full_range: false });
        filters.push(scale(true));
    }
    filters.push(Filter::EightBit { full_range: true });
    filters.extend(turn.filters());
    filters
}

/// Scales down so that neither side is over `long_side`; both even, at least 2.
pub fn fit((width, height): (u32, u32), long_side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    let target = longest.min(long_side);
    let scale = |side: u32| {
        let scaled = u64::from(side) * u64::from(target) / u64::from(longest);
        (u32::try_from(scaled).unwrap_or(2) / 2 * 2).max(2)
    };
    (scale(width), scale(height))
}

/// The picture as a JPEG; `quantiser` from 1 to 31, more of it means fewer bytes.
pub fn jpeg(frame: &Frame, quantiser: u32) -> Result<Vec<u8>, Failure> {
    let doing = |error| Failure::internal("encoding a picture", error);
    let mut encoder = Encoder::jpeg(frame.width(), frame.height(), quantiser).map_err(doing)?;
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
    fn a_picture_keeps_its_shape_and_is_never_enlarged() {
        let cases = [
            ((1920, 1080), (640, 360)),
            ((1080, 1920), (360, 640)),
            ((176, 144), (176, 144)),
            ((1, 1), (2, 2)),
            ((16_384, 2), (640, 2)),
        ];
        for ((width, height), expected) in cases {
            assert_eq!(fit((width, height), 640), expected, "{width}x{height}");
        }
    }
}
