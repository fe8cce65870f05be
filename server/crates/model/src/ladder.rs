//! The ladder: which sizes and bit rates a title is offered in. Never up-scaled, aspect kept.

use serde::{Deserialize, Serialize};

/// A size in pixels, of the upright picture with square pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Left to right.
    pub width: u32,
    /// Top to bottom.
    pub height: u32,
}

impl Size {
    /// The shorter of the two sides, which names a rung: a 1080x1920 phone clip is "1080".
    pub fn short_side(self) -> u32 {
        self.width.min(self.height)
    }

    /// The same shape with no side longer than `long_side`: both even, never enlarged.
    pub fn within(self, long_side: u32) -> Self {
        let longest = u64::from(self.width.max(self.height).max(1));
        let target = longest.min(u64::from(long_side));
        let scaled = |side: u32| {
            let side = u64::from(side) * target / longest / 2 * 2;
            u32::try_from(side).unwrap_or(long_side).max(2)
        };
        Self {
            width: scaled(self.width),
            height: scaled(self.height),
        }
    }
}

/// One quality: a size with its rates in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// The picture that is encoded; both sides even.
    pub size: Size,
    /// What a title of middling difficulty is expected to need.
    pub average_bps: u32,
    /// What the encoder's buffer model never lets it exceed for long.
    pub peak_bps: u32,
}

impl Rung {
    /// The number people know a quality by.
    pub fn name(&self) -> u32 {
        self.size.short_side()
    }
}

/// Short side, average and peak rates of the full ladder, lowest first.
const STEPS: [(u32, u32, u32); 4] = [
    (360, 800_000, 1_400_000),
    (480, 1_200_000, 2_100_000),
    (720, 2_400_000, 4_000_000),
    (1080, 4_800_000, 8_000_000),
];

/// Short side of the highest step.
pub const HIGHEST_STEP: u32 = STEPS[STEPS.len() - 1].0;

/// The rungs for an upright picture of `source` size, lowest first, at least one.
/// A source below the lowest step is offered in its own size at a proportionate rate. Steps above
/// `top`, by their short side, are left out, the lowest never.
pub fn rungs_for(source: Size, top: u32) -> Vec<Rung> {
    let highest = source.short_side().min(top.max(STEPS[0].0));
    let fitting: Vec<Rung> = STEPS
        .iter()
        .filter(|(short_side, ..)| *short_side <= highest)
        .map(|&(short_side, average_bps, peak_bps)| Rung {
            size: scale_to_short_side(source, short_side),
            average_bps,
            peak_bps,
        })
        .collect();
    if fitting.is_empty() {
        vec![own_size_rung(source)]
    } else {
        fitting
    }
}

/// Scales `source` so that its short side is `short_side`, both sides even.
fn scale_to_short_side(source: Size, short_side: u32) -> Size {
    let long_side = source.width.max(source.height);
    let exact = u64::from(long_side) * u64::from(short_side);
    let half_step = u64::from(source.short_side());
    // Round to the nearest even number: divide by two sides at once, then double.
    let long = u32::try_from((exact + half_step) / (half_step * 2) * 2).unwrap_or(u32::MAX - 1);
    if source.width >= source.height {
        Size {
            width: long,
            height: short_side,
        }
    } else {
        Size {
            width: short_side,
            height: long,
        }
    }
}

/// For pictures smaller than every step: their own size, rounded down to even, at least 2x2.
fn own_size_rung(source: Size) -> Rung {
    let even = |side: u32| (side / 2 * 2).max(2);
    let size = Size {
        width: even(source.width),
        height: even(source.height),
    };
    let (short_side, average_bps, peak_bps) = STEPS[0];
    // A 100 kbit/s floor keeps tiny pictures watchable.
    let share = |bps: u32| {
        let scaled = u64::from(bps) * u64::from(size.short_side()) / u64::from(short_side);
        u32::try_from(scaled).unwrap_or(bps).max(100_000)
    };
    Rung {
        size,
        average_bps: share(average_bps),
        peak_bps: share(peak_bps),
    }
}

#[cfg(test)]
mod tests {
    use super::{Size, rungs_for};

    fn check(width: u32, height: u32, expected: &[(u32, u32)]) {
        let sizes: Vec<(u32, u32)> = rungs_for(Size { width, height }, 1080)
            .iter()
            .map(|rung| (rung.size.width, rung.size.height))
            .collect();
        assert_eq!(sizes, expected, "ladder of a {width}x{height} picture");
    }

    #[test]
    fn a_rung_is_named_by_its_short_side_and_never_above_the_source() {
        check(
            1920,
            1080,
            &[(640, 360), (854, 480), (1280, 720), (1920, 1080)],
        );
        check(
            1080,
            1920,
            &[(360, 640), (480, 854), (720, 1280), (1080, 1920)],
        );
        check(
            3840,
            2160,
            &[(640, 360), (854, 480), (1280, 720), (1920, 1080)],
        );
        check(1280, 720, &[(640, 360), (854, 480), (1280, 720)]);
        check(960, 400, &[(864, 360)]);
    }

    #[test]
    fn a_source_below_the_lowest_step_keeps_its_own_even_size() {
        check(176, 144, &[(176, 144)]);
        check(641, 273, &[(640, 272)]);
        check(1, 1, &[(2, 2)]);
        check(4000, 3, &[(4000, 2)]);
    }

    #[test]
    fn the_owner_can_leave_the_highest_rungs_out_but_never_all() {
        let full_hd = Size {
            width: 1920,
            height: 1080,
        };
        for (top, count) in [(0, 1), (360, 1), (480, 2), (720, 3), (1080, 4), (2160, 4)] {
            assert_eq!(rungs_for(full_hd, top).len(), count, "up to {top}");
        }
    }

    #[test]
    fn rates_rise_with_the_rungs() {
        let full_hd = Size {
            width: 1920,
            height: 1080,
        };
        let rungs = rungs_for(full_hd, 1080);
        assert!(
            rungs
                .windows(2)
                .all(|pair| pair[0].average_bps < pair[1].average_bps
                    && pair[0].peak_bps < pair[1].peak_bps),
            "a player that steps up must get more bits"
        );
    }
}
