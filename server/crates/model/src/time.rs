//! Media time: whole ticks with the timescale in the type. The only place that converts.
//!
//! Video runs at 90 000 Hz, which is exact for 24, 25, 30, 50 and 60 frames a second and within
//! 6 µs for everything else; audio runs at 48 000 Hz. Floating-point seconds exist only in JSON
//! and HTML.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// A moment or a span on a title's timeline, in units of 1/`HZ` seconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Ticks<const HZ: u32>(pub i64);

/// Video time, 90 000 ticks a second.
pub type VideoTicks = Ticks<90_000>;

/// Audio time, one tick a sample at 48 000 Hz.
pub type AudioTicks = Ticks<48_000>;

impl<const HZ: u32> Ticks<HZ> {
    /// The beginning of the timeline.
    pub const ZERO: Self = Self(0);
    /// Ticks in a second.
    pub const TIMESCALE: u32 = HZ;

    /// The whole number of seconds as ticks.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * HZ as i64)
    }

    /// For JSON and HTML only.
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 ticks are three thousand years"
    )]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / f64::from(HZ)
    }

    /// The same moment in another timescale, rounded to the nearest tick, halves up.
    pub fn rescale<const OTHER: u32>(self) -> Ticks<OTHER> {
        Ticks(rescale(self.0, HZ, OTHER))
    }
}

/// `value` ticks of 1/`from` s in units of 1/`to` s, rounded to nearest, halves up, saturating.
fn rescale(value: i64, from: u32, to: u32) -> i64 {
    let from = i128::from(from);
    let scaled = i128::from(value) * i128::from(to) * 2 + from;
    let rounded = scaled.div_euclid(from * 2);
    i64::try_from(rounded).unwrap_or(if rounded > 0 { i64::MAX } else { i64::MIN })
}

impl<const HZ: u32> Add for Ticks<HZ> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl<const HZ: u32> Sub for Ticks<HZ> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{AudioTicks, VideoTicks};

    #[test]
    fn rescaling_rounds_to_the_nearest_tick() {
        let cases = [
            (90_000, 48_000),
            (1, 1),
            (0, 0),
            (-90_000, -48_000),
            (15, 8),
            (16, 9),
        ];
        for (video, audio) in cases {
            assert_eq!(
                VideoTicks { 0: video }.rescale::<48_000>(),
                AudioTicks { 0: audio },
                "{video}/90000 s is {audio}/48000 s to the nearest tick"
            );
        }
    }

    #[test]
    fn rescaling_saturates_at_the_ends_of_time() {
        let end = VideoTicks { 0: i64::MAX }.rescale::<4_000_000>();
        assert_eq!(end.0, i64::MAX, "an absurd time must not wrap around");
    }
}
