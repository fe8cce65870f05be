//! How rungs are encoded: the one place for speed, quality and rates.

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{Preset, RungSpec, VideoSpec};

use crate::av::encoder::H264Settings;
use crate::av::graph::Filter;
use crate::av::stream::{Colour, Stream};
use crate::geometry::orientation;

/// Preset of x264 and constant rate factor.
fn effort(preset: Preset) -> (&'static str, u32) {
    match preset {
        Preset::Fast => ("superfast", 24),
        Preset::Balanced => ("veryfast", 23),
        Preset::Small => ("medium", 23),
    }
}

/// The encoder settings of one rung. Equal arguments give equal parameter sets.
pub fn h264(spec: &VideoSpec, rung: &RungSpec, stream: &Stream) -> H264Settings {
    let (preset, crf) = effort(spec.preset);
    let is_top = spec.rungs.last() == Some(rung);
    H264Settings {
        width: rung.width,
        height: rung.height,
        timescale: VIDEO_TIMESCALE,
        frame_rate: spec.frame_rate,
        crf,
        preset,
        peak_bps: rung.peak_bps,
        // The top rung costs as much as all others together; a second thread keeps it from
        // being the one everybody waits for.
        threads: if is_top { 2 } else { 1 },
        colour: if spec.hdr {
            Colour::bt709()
        } else {
            stream.colour()
        },
    }
}

/// From a decoded frame to what the rung's encoder takes. Scaling comes first: everything after
/// it works on fewer pixels.
pub fn filters(spec: &VideoSpec, rung: &RungSpec, stream: &Stream) -> Vec<Filter> {
    let turn = orientation(stream);
    let (width, height) = if turn.swaps_sides() {
        (rung.height, rung.width)
    } else {
        (rung.width, rung.height)
    };
    let mut filters = vec![Filter::Scale {
        width,
        height,
        full_range: false,
    }];
    if spec.hdr {
        filters.push(Filter::ToneMap);
    }
    filters.push(Filter::EightBit { full_range: false });
    filters.extend(turn.filters());
    filters
}
