//! How many bits a second a stream asks of the network: measured where its segments exist, an
//! upper bound before that.

use model::plan::{Made, Plan, StreamKind, VideoRung};

use crate::manifest::timeline::Timeline;

/// Sizes of a stream's stored segments: number (from 1) and bytes.
pub(crate) type SegmentSizes = Vec<(u32, u64)>;

/// What manifests say of a stream, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// No segment needs more than this while it plays.
    pub(crate) peak_bps: u32,
    /// Over the whole stream; the plan's expectation until all of it is stored.
    pub(crate) average_bps: u32,
}

/// The rates of every stream of `plan` in the order of their numbers. `sizes` has an entry per
/// stream; missing entries count as nothing stored.
pub(crate) fn rates(plan: &Plan, sizes: &[SegmentSizes]) -> Vec<Rate> {
    (0..plan.stream_count())
        .zip(
            sizes
                .iter()
                .map(Vec::as_slice)
                .chain(std::iter::repeat(&[][..])),
        )
        .filter_map(|(stream, sizes)| rate(plan, stream, sizes))
        .collect()
}

/// The rate of one stream, if the title has it.
fn rate(plan: &Plan, stream: u32, sizes: &[(u32, u64)]) -> Option<Rate> {
    let timeline = Timeline::of_stream(plan, stream)?;
    let planned = planned(plan, stream, &timeline)?;
    let measured_peak = sizes
        .iter()
        .filter_map(|(number, bytes)| {
            Some(bits_per_second(
                *bytes,
                timeline.ticks_of(*number)?,
                timeline.timescale(),
            ))
        })
        .max()
        .unwrap_or(0);
    let all_stored = sizes.len() == timeline.ticks().count();
    let peak = if all_stored {
        measured_peak
    } else {
        measured_peak.max(planned.peak_bps)
    };
    let average = if all_stored {
        measured_average(&timeline, sizes)
    } else {
        planned.average_bps
    };
    let peak_bps = clamp(peak);
    Some(Rate {
        peak_bps,
        average_bps: clamp(average).min(peak_bps),
    })
}

/// What can be said of a stream before it exists, in bits per second.
struct Planned {
    average_bps: u64,
    peak_bps: u64,
}

/// Sound is encoded at one rate; of what is copied the rates are known.
fn planned(plan: &Plan, stream: u32, timeline: &Timeline) -> Option<Planned> {
    let (average_bps, peak_bps) = match plan.stream(stream)? {
        StreamKind::Video(index) => {
            let VideoRung { rung, made, .. } = plan.rungs().get(index)?;
            let peak_bps = match made {
                Made::Encoded => upper_bound(timeline, rung.peak_bps),
                Made::Copied => u64::from(rung.peak_bps),
            };
            (rung.average_bps, peak_bps)
        }
        StreamKind::Audio(index) => {
            let rate_bps = plan.audio.get(index)?.bit_rate_bps;
            (rate_bps, upper_bound(timeline, rate_bps))
        }
    };
    Some(Planned {
        average_bps: u64::from(average_bps),
        peak_bps,
    })
}

/// What the encoder's buffer model allows a segment to reach. The buffer holds one second at the
/// peak rate, so `d` seconds may carry `peak * (d + 1)` bits: the shortest segment is the worst.
/// The buffer starts at nine tenths, which leaves a tenth for the boxes around the pictures.
fn upper_bound(timeline: &Timeline, peak_bps: u32) -> u64 {
    let shortest = timeline.ticks().min().unwrap_or(0).max(1);
    let peak = u64::from(peak_bps);
    peak.saturating_add((peak * u64::from(timeline.timescale())).div_ceil(shortest))
}

/// Bits a second over the whole stream, rounded up.
fn measured_average(timeline: &Timeline, sizes: &[(u32, u64)]) -> u64 {
    let bytes = sizes
        .iter()
        .fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    bits_per_second(bytes, timeline.ticks().sum(), timeline.timescale())
}

/// The rate at which `bytes` must arrive to play for `ticks`, rounded up.
fn bits_per_second(bytes: u64, ticks: u64, timescale: u32) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(timescale);
    u64::try_from(bits.div_ceil(u128::from(ticks.max(1)))).unwrap_or(u64::MAX)
}

/// `@bandwidth` is an unsigned 32-bit integer above zero in the DASH schema.
fn clamp(bps: u64) -> u32 {
    u32::try_from(bps).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::{Made, Rate, rates};
    use crate::manifest::samples::{film, film_apart, sound_only};

    #[test]
    fn before_anything_is_stored_the_buffer_model_bounds_the_rate() {
        let rates = rates(&film(), &[]);
        // The shortest segment is two seconds: peak * (2 + 1) / 2.
        assert_eq!(
            rates[0],
            Rate {
                peak_bps: 2_100_000,
                average_bps: 800_000
            }
        );
        assert_eq!(
            rates[1],
            Rate {
                peak_bps: 3_150_000,
                average_bps: 1_200_000
            }
        );
        assert_eq!(rates.len(), 4, "two rungs and two audio tracks");
    }

    #[test]
    fn of_a_copied_picture_the_rates_are_known() {
        let mut film = film();
        if let Some(video) = &mut film.video {
            video.rungs[1].made = Made::Copied;
        }
        let rate = rates(&film, &[])[1];
        assert_eq!((rate.peak_bps, rate.average_bps), (2_100_000, 1_200_000));
    }

    #[test]
    fn a_copy_that_stands_apart_is_measured_by_its_own_segments() {
        let sizes = [vec![], vec![], vec![(1, 400_000), (2, 700_000)]];
        let rate = rates(&film_apart(), &sizes)[2];
        assert_eq!((rate.peak_bps, rate.average_bps), (800_000, 800_000));
    }

    #[test]
    fn a_complete_stream_is_measured() {
        // Segments of 2, 2 and 4 s and a tail of 1001 frames' 90000 ticks in `film`.
        let sizes = vec![(1, 250_000), (2, 200_000), (3, 300_000), (4, 100_000)];
        let rates = rates(&film(), &[sizes]);
        assert_eq!(
            rates[0].peak_bps, 1_000_000,
            "250 kB in two seconds is the most"
        );
        assert_eq!(
            rates[0].average_bps, 618_182,
            "850 kB in eleven seconds, rounded up"
        );
        assert_eq!(
            rates[1].peak_bps, 3_150_000,
            "the other rung is still a bound"
        );
    }

    #[test]
    fn a_segment_above_the_bound_raises_it() {
        let rates = rates(&film(), &[vec![(2, 4_000_000)]]);
        assert_eq!(rates[0].peak_bps, 16_000_000, "what was measured is true");
        assert_eq!(
            rates[0].average_bps, 800_000,
            "an average of a part says nothing"
        );
    }

    #[test]
    fn sound_alone_has_rates_too() {
        let rates = rates(&sound_only(), &[]);
        assert_eq!(
            rates,
            [Rate {
                peak_bps: 192_000,
                average_bps: 128_000
            }]
        );
    }

    #[test]
    fn absurd_sizes_saturate() {
        let rates = rates(&film(), &[vec![(1, u64::MAX), (2, u64::MAX)]]);
        assert_eq!(rates[0].peak_bps, u32::MAX, "the attribute has 32 bits");
    }
}
