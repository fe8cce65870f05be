//! One stream's segment boundaries, as both manifest formats need them. Whole ticks only; the
//! single place where a length is rounded is [`Timeline::microseconds`].

use model::plan::{AudioPlan, Plan, StreamKind};
use model::time::{AudioTicks, VideoTicks};

/// Microseconds in a second.
const MICROSECONDS: i128 = 1_000_000;

/// Boundaries of a stream's segments in units of 1/`timescale` s, from zero to the end of media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timeline {
    timescale: u32,
    cuts: Vec<i64>,
}

/// Consecutive segments of one length: an `S` element of a DASH SegmentTimeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Length of each segment.
    pub(crate) ticks: u64,
    /// How many segments there are, at least one.
    pub(crate) count: u64,
}

impl Timeline {
    /// The boundaries of the picture of one stream, which all rungs share.
    pub(crate) fn of_picture(plan: &Plan, stream: u32) -> Self {
        let cuts = plan.picture_cuts(stream).iter();
        Self {
            timescale: VideoTicks::TIMESCALE,
            cuts: cuts.map(|cut| cut.0).collect(),
        }
    }

    /// The boundaries of one audio track, on its own frame grid.
    pub(crate) fn of_audio(audio: &AudioPlan) -> Self {
        Self {
            timescale: AudioTicks::TIMESCALE,
            cuts: audio.cuts.iter().map(|cut| cut.0).collect(),
        }
    }

    /// The boundaries of stream number `stream`, if the title has it.
    pub(crate) fn of_stream(plan: &Plan, stream: u32) -> Option<Self> {
        match plan.stream(stream)? {
            StreamKind::Video(_) => Some(Self::of_picture(plan, stream)),
            StreamKind::Audio(index) => plan.audio.get(index).map(Self::of_audio),
        }
    }

    /// Ticks in a second.
    pub(crate) fn timescale(&self) -> u32 {
        self.timescale
    }

    /// The lengths of the segments in ticks, in playing order.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = u64> + '_ {
        self.cuts
            .windows(2)
            .map(|pair| u64::try_from(pair[1].saturating_sub(pair[0])).unwrap_or(0))
    }

    /// Length of segment `number` (from 1) in ticks.
    pub(crate) fn ticks_of(&self, number: u32) -> Option<u64> {
        let end = usize::try_from(number).ok()?;
        let start = end.checked_sub(1)?;
        let ticks = self.cuts.get(end)?.saturating_sub(*self.cuts.get(start)?);
        u64::try_from(ticks).ok()
    }

    /// The lengths with equal neighbours gathered.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for ticks in self.ticks() {
            match runs.last_mut() {
                Some(run) if run.ticks == ticks => run.count += 1,
                _ => runs.push(Run { ticks, count: 1 }),
            }
        }
        runs
    }

    /// The lengths in microseconds, rounded so that the sum of the first `n` is always the `n`-th
    /// boundary to the nearest microsecond. Rounding each length by itself would drift: a player
    /// that adds up lengths then leaves a gap at every other join (kromatv/kroma#249).
    pub(crate) fn microseconds(&self) -> Vec<u64> {
        let boundaries: Vec<i128> = self
            .cuts
            .iter()
            .map(|cut| to_microseconds(*cut, self.timescale))
            .collect();
        boundaries
            .windows(2)
            .map(|pair| u64::try_from(pair[1] - pair[0]).unwrap_or(0))
            .collect()
    }
}

/// `ticks` in microseconds, to the nearest, halves up.
fn to_microseconds(ticks: i64, timescale: u32) -> i128 {
    let timescale = i128::from(timescale);
    (i128::from(ticks) * MICROSECONDS * 2 + timescale).div_euclid(timescale * 2)
}

#[cfg(test)]
mod tests {
    use super::{Run, Timeline};
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

    fn of_lengths(timescale: u32, lengths: &[u64]) -> Timeline {
        let mut cuts = vec![0_i64];
        for length in lengths {
            let last = cuts.last().copied().unwrap_or(0);
            cuts.push(last + i64::try_from(*length).unwrap());
        }
        Timeline { timescale, cuts }
    }

    #[test]
    fn equal_neighbours_become_one_run() {
        let timeline = of_lengths(90_000, &[180_000, 180_000, 360_000, 360_000, 360_000, 7]);
        let expected =
            [(180_000, 2), (360_000, 3), (7, 1)].map(|(ticks, count)| Run { ticks, count });
        assert_eq!(
            timeline.runs(),
            expected,
            "runs keep the order and the lengths"
        );
        assert_eq!(
            timeline.ticks_of(3),
            Some(360_000),
            "segments count from one"
        );
        assert_eq!(timeline.ticks_of(0), None, "there is no segment zero");
        assert_eq!(timeline.ticks_of(7), None, "there are only six segments");
    }

    /// Lengths as a plan may have them: up to ten seconds, of no particular grid.
    fn lengths() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(1_u64..900_000, 1..200)
    }

    proptest! {
        #[test]
        fn rounded_lengths_never_drift(lengths in lengths(), video in any::<bool>()) {
            let timescale = if video { 90_000 } else { 48_000 };
            let timeline = of_lengths(timescale, &lengths);
            let (mut sum_us, mut sum_ticks) = (0_u64, 0_u64);
            for (microseconds, ticks) in timeline.microseconds().iter().zip(&lengths) {
                sum_us += microseconds;
                sum_ticks += ticks;
                let exact = sum_ticks as f64 * 1e6 / f64::from(timescale);
                prop_assert!((sum_us as f64 - exact).abs() <= 0.500_1, "boundary off by more than rounding");
            }
        }

        #[test]
        fn runs_hold_every_tick(lengths in lengths()) {
            let timeline = of_lengths(90_000, &lengths);
            let unrolled: Vec<u64> = timeline
                .runs()
                .iter()
                .flat_map(|run| std::iter::repeat_n(run.ticks, usize::try_from(run.count).unwrap()))
                .collect();
            prop_assert_eq!(unrolled, lengths);
        }
    }
}
