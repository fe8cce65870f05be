//! From coded samples to a segment file in the output folder.

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::Cause;

use crate::failure::Failure;
use crate::isobmff::fragment::{Sample, Span, head};
use crate::output::{Output, segment_name};

/// A first picture that comes more than half a second late, in video ticks.
const LATE: i64 = VIDEO_TIMESCALE as i64 / 2;

/// Shows the first picture of a segment from its start on if it would come late: where the sound
/// begins long before the picture, players wait for the first one, and never play what is heard
/// until then. Less than half a second is left as it is in the source; they get over that.
pub fn begin_in_time(span: Span, samples: &mut [Sample]) {
    let earliest = samples.iter().map(|sample| sample.pts).min();
    let Some(first) = samples.first_mut() else {
        return;
    };
    let is_late = (span.start + LATE + 1..span.end).contains(&first.pts);
    if is_late && earliest == Some(first.pts) {
        first.pts = span.start;
    }
}

/// Writes segment `number` of `stream`; returns its length in bytes.
pub fn write_segment(
    output: &Output,
    stream: u32,
    number: u32,
    span: Span,
    samples: &[Sample],
) -> Result<u64, Failure> {
    let name = segment_name(stream, number);
    let head = head(number, span, samples).map_err(|misfit| {
        Failure::new(
            Cause::Internal,
            format!("Packaging {name} failed: {misfit}."),
        )
    })?;
    // Not put together before: the copy of a picture may have tens of megabytes in a segment.
    let data = samples.iter().map(|sample| sample.data.as_slice());
    output
        .write_parts(&name, std::iter::once(head.as_slice()).chain(data))
        .map_err(|error| Failure::writing(&name, &error))
}

#[cfg(test)]
mod tests {
    use super::{LATE, begin_in_time};
    use crate::isobmff::fragment::{Sample, Span};

    #[test]
    fn only_a_first_picture_that_is_late_is_shown_sooner() {
        let cases = [
            ("seconds late", [5 * LATE, 5 * LATE + 1], [0, 5 * LATE + 1]),
            ("hardly late", [LATE, LATE + 1], [LATE, LATE + 1]),
            ("in time", [0, 5 * LATE], [0, 5 * LATE]),
            (
                "behind the end",
                [20 * LATE, 20 * LATE + 1],
                [20 * LATE, 20 * LATE + 1],
            ),
            (
                "not the first to be shown",
                [5 * LATE, 4 * LATE],
                [5 * LATE, 4 * LATE],
            ),
        ];
        for (what, shown, expected) in cases {
            let sample = |(index, pts): (usize, &i64)| Sample {
                pts: *pts,
                is_sync: index == 0,
                data: Vec::new(),
            };
            let mut samples: Vec<Sample> = shown.iter().enumerate().map(sample).collect();
            let end = 10 * LATE;
            begin_in_time(Span { start: 0, end }, &mut samples);
            let is: Vec<i64> = samples.iter().map(|sample| sample.pts).collect();
            assert_eq!(is, expected, "{what}");
        }
    }
}
