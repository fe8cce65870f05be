//! From the source's clocks to the title's timeline. The worker's only place that converts time.
//!
//! The *origin* is the instant of the source that becomes zero: the first thing presented.

use media_proto::VIDEO_TIMESCALE;

use crate::av::stream::TimeBase;

/// Maps timestamps of one track to ticks of the title's timeline at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    time_base: TimeBase,
    origin: i64,
    timescale: u32,
}

impl Timeline {
    /// For a track that counts in `time_base`; `origin` is in video ticks of the source's clock.
    pub fn new(time_base: TimeBase, origin: i64, timescale: u32) -> Self {
        Self {
            time_base,
            origin,
            timescale,
        }
    }

    /// The moment `timestamp` on the timeline, rounded to the nearest tick, halves up.
    /// May be negative for what comes before the title's beginning.
    pub fn ticks(&self, timestamp: i64) -> i64 {
        let (numerator, denominator) = self.fraction();
        let timescale = i128::from(self.timescale);
        let video = i128::from(VIDEO_TIMESCALE);
        // timestamp * n/d - origin/90000, in units of 1/timescale, over one denominator.
        let over = denominator * video;
        let value =
            i128::from(timestamp) * numerator * video - i128::from(self.origin) * denominator;
        round(value.saturating_mul(timescale), over)
    }

    /// The length `duration` in ticks, rounded to nearest.
    pub fn length(&self, duration: i64) -> i64 {
        let (numerator, denominator) = self.fraction();
        round(
            i128::from(duration) * numerator * i128::from(self.timescale),
            denominator,
        )
    }

    /// The source's timestamp nearest to `ticks` on the timeline.
    pub fn timestamp(&self, ticks: i64) -> i64 {
        let (numerator, denominator) = self.fraction();
        let timescale = i128::from(self.timescale);
        let video = i128::from(VIDEO_TIMESCALE);
        let value = i128::from(ticks) * video + i128::from(self.origin) * timescale;
        round(
            value.saturating_mul(denominator),
            timescale * video * numerator,
        )
    }

    /// Seconds per unit of the source, never zero or negative.
    fn fraction(&self) -> (i128, i128) {
        let TimeBase {
            numerator,
            denominator,
        } = self.time_base;
        (i128::from(numerator.max(1)), i128::from(denominator.max(1)))
    }
}

/// `value / over` to the nearest whole number, halves up, saturating.
fn round(value: i128, over: i128) -> i64 {
    let rounded = value
        .saturating_mul(2)
        .saturating_add(over)
        .div_euclid(over * 2);
    i64::try_from(rounded).unwrap_or(if rounded > 0 { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::Timeline;
    use crate::av::stream::TimeBase;

    fn milliseconds(origin: i64, timescale: u32) -> Timeline {
        Timeline::new(
            TimeBase {
                numerator: 1,
                denominator: 1000,
            },
            origin,
            timescale,
        )
    }

    #[test]
    fn the_origin_becomes_zero_on_every_clock() {
        // The source starts at 10 s: 900000 video ticks.
        let cases = [
            (10_000, 90_000, 0),
            (10_040, 90_000, 3_600),
            (10_040, 48_000, 1_920),
            (9_990, 48_000, -480),
        ];
        for (timestamp, timescale, expected) in cases {
            let ticks = milliseconds(900_000, timescale).ticks(timestamp);
            assert_eq!(ticks, expected, "{timestamp} ms at {timescale} Hz");
        }
    }

    #[test]
    fn times_map_back_to_where_they_came_from() {
        let timeline = Timeline::new(
            TimeBase {
                numerator: 1001,
                denominator: 30_000,
            },
            -873_720,
            90_000,
        );
        for timestamp in [-1000, -1, 0, 1, 29, 30_000, 8_589_934_592] {
            assert_eq!(timeline.timestamp(timeline.ticks(timestamp)), timestamp);
        }
    }

    #[test]
    fn absurd_clocks_saturate() {
        let timeline = Timeline::new(
            TimeBase {
                numerator: i32::MAX,
                denominator: 0,
            },
            i64::MIN,
            90_000,
        );
        assert_eq!(
            timeline.ticks(i64::MAX),
            i64::MAX,
            "no wrap-around into the past"
        );
    }
}
