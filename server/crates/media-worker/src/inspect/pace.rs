//! How fast pictures follow each other. What does not belong here: when each is shown.

use media_proto::VIDEO_TIMESCALE;

/// The median step between frames.
pub(super) fn usual_step(times: &[i64]) -> Option<i64> {
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = steps.len() / 2;
    (!steps.is_empty()).then(|| *steps.select_nth_unstable(middle).1)
}

/// Steps differ by more than the rounding of a millisecond clock explains.
pub(super) fn is_variable(frames: &[i64]) -> bool {
    let steps = || frames.windows(2).map(|pair| pair[1] - pair[0]);
    let rounding = i64::from(VIDEO_TIMESCALE) / 1000;
    match (steps().min(), steps().max()) {
        (Some(shortest), Some(longest)) => longest - shortest > rounding + rounding / 4,
        _ => false,
    }
}

/// Average frames a second, as a fraction with three decimals.
pub(super) fn frame_rate(frames: &[i64]) -> (u32, u32) {
    let steps = i64::try_from(frames.len())
        .unwrap_or(i64::MAX)
        .saturating_sub(1);
    let length = frames
        .last()
        .zip(frames.first())
        .map_or(0, |(last, first)| last - first);
    if steps <= 0 || length <= 0 {
        return (25, 1);
    }
    let thousandths = i128::from(steps) * i128::from(VIDEO_TIMESCALE) * 1000 / i128::from(length);
    well_known_rate(
        u32::try_from(thousandths)
            .unwrap_or(u32::MAX)
            .clamp(1, 1_000_000),
    )
}

/// The exact fraction behind a rounded rate, where it is one of television's or cinema's.
fn well_known_rate(thousandths: u32) -> (u32, u32) {
    const KNOWN: [(u32, u32); 9] = [
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
    ];
    KNOWN
        .into_iter()
        .find(|(numerator, denominator)| {
            (numerator * 1000 / denominator).abs_diff(thousandths) <= 8
        })
        .unwrap_or((thousandths, 1000))
}
