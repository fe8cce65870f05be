//! How rungs are encoded: the one place for speed, quality and rates, and for what becomes of a
//! frame on its way to the encoder. What does not belong here: doing it (`cascade`, `rung`).

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{Preset, RungSpec, VideoSpec};

use crate::av::encoder::H264Settings;
use crate::av::frame::Frame;
use crate::av::graph::Filter;
use crate::av::stream::{Colour, Stream};
use crate::geometry::{Orientation, display_size, orientation};

/// Preset of x264 and constant rate factor, the same for every title and rung: what a title would
/// need instead cannot be told cheaply (ARCHITECTURE.md). All three look alike (VMAF 96 to 97 over
/// nine rungs of real films); `fast` takes a third more bytes than `balanced`, `small` a seventh
/// fewer.
fn effort(preset: Preset) -> (&'static str, u32) {
    match preset {
        Preset::Fast => ("superfast", 25),
        Preset::Balanced => ("veryfast", 23),
        Preset::Small => ("medium", 25),
    }
}

/// Number of x264's parameter sets where those of an encoder in graphics hardware stand beside
/// them. Drivers count from 0 and never come so far.
const SETS_BESIDE_HARDWARE: u32 = 15;

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
        sets_number: if rung.hardware_sets.is_some() {
            SETS_BESIDE_HARDWARE
        } else {
            0
        },
    }
}

/// From one kind of frame to what a rung's encoder takes.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    /// Size of the rung before it is turned upright.
    size: (u32, u32),
    turn: Orientation,
    is_hdr: bool,
    container_aspect: (i32, i32),
}

impl Conversion {
    /// From the frames of the rung above, which are upright, with square pixels and eight bits.
    pub fn of_rung(rung: &RungSpec) -> Self {
        Self {
            size: (rung.width, rung.height),
            turn: Orientation::default(),
            is_hdr: false,
            container_aspect: (1, 1),
        }
    }

    /// From the decoded frames of a track.
    pub fn of_source(spec: &VideoSpec, rung: &RungSpec, stream: &Stream) -> Self {
        let turn = orientation(stream);
        let upright = (rung.width, rung.height);
        Self {
            size: if turn.swaps_sides() {
                (upright.1, upright.0)
            } else {
                upright
            },
            turn,
            is_hdr: spec.hdr,
            container_aspect: stream.container_aspect,
        }
    }

    /// The filters for frames like this one. Scaling comes as early as it can: everything after
    /// it works on fewer pixels.
    pub fn filters(&self, frame: &Frame) -> Vec<Filter> {
        let aspect = match self.container_aspect {
            (numerator, _) if numerator > 0 => self.container_aspect,
            _ => frame.sample_aspect_ratio(),
        };
        let shown = display_size(
            (frame.width(), frame.height()),
            aspect,
            Orientation::default(),
        );
        let (width, height) = fit(shown, self.size);
        let over_black = frame.has_alpha().then_some(Filter::OverBlack);
        let from_rgb = (frame.is_rgb() && !self.is_hdr).then_some(Filter::FromRgb);
        let is_resized = (width, height) != (frame.width(), frame.height());
        let scale = if is_resized && frame.is_plain_yuv() && from_rgb.is_none() {
            Filter::Resize {
                width,
                height,
                dither: frame.is_deep_yuv(),
            }
        } else {
            Filter::Scale {
                width,
                height,
                full_range: false,
            }
        };
        let pad = ((width, height) != self.size).then_some(Filter::Pad {
            width: self.size.0,
            height: self.size.1,
        });
        over_black
            .into_iter()
            .chain(from_rgb)
            .chain([scale])
            .chain(self.is_hdr.then_some(Filter::ToneMap))
            .chain([Filter::EightBit { full_range: false }])
            .chain(pad)
            .chain(self.turn.filters())
            .collect()
    }
}

/// The size at which a picture that is `shown` so wide and high fits into `frame` with its shape
/// kept. A few pixels of difference are rounding and not worth a black edge: only recordings that
/// change their picture midway get one.
fn fit(shown: (u32, u32), frame: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(shown.0.max(1)), u64::from(shown.1.max(1)));
    let (across, down) = (u64::from(frame.0), u64::from(frame.1));
    let is_wider = width * down > height * across;
    let (fitted, side) = if is_wider {
        (across * height / width, frame.1)
    } else {
        (down * width / height, frame.0)
    };
    let fitted = u32::try_from(fitted / 2 * 2)
        .unwrap_or(side)
        .clamp(2, side.max(2));
    match (side - fitted.min(side) > (side / 25).max(4), is_wider) {
        (false, _) => frame,
        (true, true) => (frame.0, fitted),
        (true, false) => (fitted, frame.1),
    }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_picture_of_another_shape_gets_edges_and_rounding_gets_none() {
        let cases = [
            ("the same shape", (1920, 1080), (640, 360), (640, 360)),
            ("a rounded rung", (853, 480), (426, 240), (426, 240)),
            ("odd sides", (321, 241), (320, 240), (320, 240)),
            ("one pixel", (1, 1), (2, 2), (2, 2)),
            (
                "old television between new",
                (768, 576),
                (1280, 720),
                (960, 720),
            ),
            ("wide film between old", (1920, 816), (640, 480), (640, 272)),
            ("a needle", (16_384, 2), (640, 360), (640, 2)),
        ];
        for (what, shown, frame, expected) in cases {
            assert_eq!(fit(shown, frame), expected, "{what}");
        }
    }
}
