//! Media segments: `styp`, `moof` and `mdat` of one CMAF fragment (ISO/IEC 23000-19 §7.3.2).
//!
//! Decode times are derived from presentation times alone, so nothing depends on the encoder's
//! delay and segments can be written in any order. The first sample is decoded at the segment's
//! start and the last lasts to its end, so the durations of a segment always add up to its length.
//! In between, samples are decoded as late as reordering allows, with no sample decoded after it
//! is shown: composition offsets are never negative and no edit list is needed. (Signed offsets
//! would allow even steps, but libav's reader shifts such tracks by the largest of them: 67 ms
//! too late at 30 frames a second, measured with FFmpeg 5.1.)

use super::boxes::{
    FileType, RunSample, SampleFlags, TrackFragmentHeader, TrackRun, u32_be, write_box,
    write_movie_fragment_header, write_track_fragment_decode_time,
};

/// A coded sample in decode order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it is shown, in ticks on the title's timeline.
    pub pts: i64,
    /// May be started from.
    pub is_sync: bool,
    /// As it goes into the file.
    pub data: Vec<u8>,
}

/// A segment's place on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Ticks; becomes `tfdt`.
    pub start: i64,
    /// Ticks; the next segment's start.
    pub end: i64,
}

/// Why samples cannot become a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// There is no sample at all.
    Empty,
    /// The first sample cannot be started from.
    StartsWithoutSync,
    /// A sample lies outside the span, or two are shown at the same time.
    OutsideSpan,
    /// A number does not fit its field.
    TooLarge,
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "the segment has no samples",
            Self::StartsWithoutSync => "the segment does not start with a sync sample",
            Self::OutsideSpan => "a sample lies outside its segment",
            Self::TooLarge => "a sample is too long or too large",
        })
    }
}

impl std::error::Error for Misfit {}

/// The bytes of a segment. `number` counts from 1.
pub fn segment(number: u32, span: Span, samples: &[Sample]) -> Result<Vec<u8>, Misfit> {
    let mut out = head(number, span, samples)?;
    samples
        .iter()
        .for_each(|sample| out.extend_from_slice(&sample.data));
    Ok(out)
}

/// The bytes of a segment before the data of its samples, which follow each other.
pub fn head(number: u32, span: Span, samples: &[Sample]) -> Result<Vec<u8>, Misfit> {
    let rows = run(span, samples)?;
    let base = u64::try_from(span.start).map_err(|_| Misfit::OutsideSpan)?;
    let payload: usize = samples.iter().map(|sample| sample.data.len()).sum();
    let mut out = Vec::with_capacity(samples.len() * 16 + 256);
    FileType {
        kind: b"styp",
        major: b"msdh",
        compatible: &[b"msdh", b"msix", b"cmfs", b"cmf2"],
    }
    .write(&mut out);
    let moof_start = out.len();
    write_moof(&mut out, number, base, &rows, 0);
    // The offset's own size does not depend on its value, so the second try has the same length.
    let data_offset = i32::try_from(out.len() - moof_start + 8).map_err(|_| Misfit::TooLarge)?;
    out.truncate(moof_start);
    write_moof(&mut out, number, base, &rows, data_offset);
    u32_be(
        &mut out,
        u32::try_from(payload + 8).map_err(|_| Misfit::TooLarge)?,
    );
    out.extend_from_slice(b"mdat");
    Ok(out)
}

fn write_moof(out: &mut Vec<u8>, number: u32, base: u64, rows: &[RunSample], data_offset: i32) {
    write_box(out, b"moof", |out| {
        write_movie_fragment_header(out, number);
        write_box(out, b"traf", |out| {
            TrackFragmentHeader {
                default_sample_duration: rows.first().map_or(0, |row| row.duration),
                default_sample_size: rows.first().map_or(0, |row| row.size),
                default_sample_flags: SampleFlags::DEPENDENT,
            }
            .write(out);
            write_track_fragment_decode_time(out, base);
            TrackRun {
                data_offset,
                samples: rows,
            }
            .write(out);
        });
    });
}

/// The rows of the `trun`, by the rule at the top of this file.
fn run(span: Span, samples: &[Sample]) -> Result<Vec<RunSample>, Misfit> {
    let first = samples.first().ok_or(Misfit::Empty)?;
    if !first.is_sync {
        return Err(Misfit::StartsWithoutSync);
    }
    let mut shown: Vec<i64> = samples.iter().map(|sample| sample.pts).collect();
    shown.sort_unstable();
    let distinct = shown.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = shown.first() >= Some(&span.start) && shown.last() < Some(&span.end);
    if !(distinct && inside) {
        return Err(Misfit::OutsideSpan);
    }
    let mut decoded = decode_times(span.start, samples, &shown);
    decoded.push(span.end);
    samples
        .iter()
        .zip(decoded.windows(2))
        .map(|(sample, times)| row(sample, times[0], times[1]))
        .collect()
}

/// When each sample is decoded, in decode order; `shown` are the presentation times in order.
///
/// With B frames the i-th sample in decode order would be shown up to `delay` before the i-th
/// presentation time, so decode times run that much ahead of it. At the start of a segment there
/// is no room to run ahead: those samples share the time until the second frame is shown.
fn decode_times(start: i64, samples: &[Sample], shown: &[i64]) -> Vec<i64> {
    let delay = samples
        .iter()
        .zip(shown)
        .map(|(sample, shown)| shown - sample.pts)
        .max()
        .unwrap_or(0);
    let squeezed = shown
        .iter()
        .take_while(|shown| **shown - delay <= start)
        .count()
        .max(1);
    let room = match (shown.get(squeezed), shown.get(1)) {
        (Some(next), Some(second)) => (next - delay).min(second + 1) - start,
        _ => shown.get(1).map_or(1, |second| second + 1 - start),
    };
    let count = i64::try_from(squeezed).unwrap_or(i64::MAX);
    if room < count {
        // Frames a tick apart: even steps, and negative offsets after all.
        return std::iter::once(start)
            .chain(shown.iter().skip(1).copied())
            .collect();
    }
    let early = (0..count).map(|index| start + room * index / count);
    early
        .chain(shown.iter().skip(squeezed).map(|shown| shown - delay))
        .collect()
}

fn row(sample: &Sample, decoded_at: i64, next_decoded_at: i64) -> Result<RunSample, Misfit> {
    Ok(RunSample {
        duration: u32::try_from(next_decoded_at - decoded_at).map_err(|_| Misfit::TooLarge)?,
        size: u32::try_from(sample.data.len()).map_err(|_| Misfit::TooLarge)?,
        flags: if sample.is_sync {
            SampleFlags::SYNC
        } else {
            SampleFlags::DEPENDENT
        },
        composition_offset: i32::try_from(sample.pts - decoded_at).map_err(|_| Misfit::TooLarge)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Misfit, Sample, Span, segment};
    use crate::isobmff::read;

    fn sample(pts: i64, is_sync: bool) -> Sample {
        Sample {
            pts,
            is_sync,
            data: vec![u8::try_from(pts % 251).unwrap(); 5],
        }
    }

    /// I P B B in decode order, as an encoder with two B frames gives them.
    fn reordered() -> Vec<Sample> {
        vec![
            sample(1000, true),
            sample(1300, false),
            sample(1100, false),
            sample(1200, false),
        ]
    }

    #[test]
    fn a_segment_covers_its_span_exactly() {
        let bytes = segment(
            7,
            Span {
                start: 1000,
                end: 1400,
            },
            &reordered(),
        )
        .unwrap();
        let fragment = read::fragment(&bytes).unwrap();
        assert_eq!(fragment.sequence_number, 7);
        assert_eq!(fragment.decode_time, 1000, "tfdt is the span's start");
        let total: u32 = fragment.samples.iter().map(|sample| sample.duration).sum();
        assert_eq!(total, 400, "durations add up to the span");
        assert_eq!(
            fragment.presentation_times(),
            [1000, 1300, 1100, 1200],
            "every sample is shown when it was meant to be"
        );
        assert!(
            fragment
                .samples
                .iter()
                .all(|sample| sample.composition_offset >= 0 && sample.duration > 0),
            "nothing is decoded after it is shown: {:?}",
            fragment.samples
        );
        assert_eq!(
            fragment.payload,
            [&[247; 5][..], &[45; 5], &[96; 5], &[196; 5]].concat()
        );
    }

    #[test]
    fn steady_pictures_are_decoded_in_even_steps_after_the_first_few() {
        // I0, then mini-GOPs of P4 B2 b1 b3.
        let order = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11];
        let samples: Vec<Sample> = order
            .iter()
            .map(|frame| sample(frame * 3000, *frame == 0))
            .collect();
        let bytes = segment(
            1,
            Span {
                start: 0,
                end: 39_000,
            },
            &samples,
        )
        .unwrap();
        let fragment = read::fragment(&bytes).unwrap();
        let durations: Vec<u32> = fragment
            .samples
            .iter()
            .map(|sample| sample.duration)
            .collect();
        assert_eq!(
            durations[..3],
            [1000; 3],
            "three samples share the first frame's time"
        );
        assert_eq!(durations[3..12], [3000; 9]);
        assert_eq!(durations[12], 9000, "the last lasts to the segment's end");
        assert!(
            fragment
                .samples
                .iter()
                .all(|sample| sample.composition_offset >= 0)
        );
    }

    #[test]
    fn frames_a_tick_apart_still_make_a_segment() {
        let samples: Vec<Sample> = [0, 4, 2, 1, 3]
            .iter()
            .map(|pts| sample(*pts, *pts == 0))
            .collect();
        let bytes = segment(1, Span { start: 0, end: 5 }, &samples).unwrap();
        let fragment = read::fragment(&bytes).unwrap();
        assert_eq!(
            fragment.presentation_times(),
            [0, 4, 2, 1, 3],
            "shown when they were meant to be"
        );
    }

    #[test]
    fn a_first_frame_that_comes_late_leaves_the_decode_times_whole() {
        let late = vec![sample(90_000, true), sample(93_000, false)];
        let bytes = segment(
            1,
            Span {
                start: 0,
                end: 180_000,
            },
            &late,
        )
        .unwrap();
        let fragment = read::fragment(&bytes).unwrap();
        assert_eq!(
            fragment.decode_time, 0,
            "the track begins at zero with all others"
        );
        assert_eq!(fragment.presentation_times(), [90_000, 93_000]);
        let total: u32 = fragment.samples.iter().map(|sample| sample.duration).sum();
        assert_eq!(total, 180_000);
    }

    #[test]
    fn what_cannot_be_a_segment_is_refused() {
        let span = Span {
            start: 1000,
            end: 1400,
        };
        assert_eq!(segment(1, span, &[]), Err(Misfit::Empty));
        assert_eq!(
            segment(1, span, &[sample(1000, false)]),
            Err(Misfit::StartsWithoutSync)
        );
        for outside in [999, 1400] {
            assert_eq!(
                segment(1, span, &[sample(outside, true)]),
                Err(Misfit::OutsideSpan)
            );
        }
        let twins = [sample(1000, true), sample(1000, false)];
        assert_eq!(segment(1, span, &twins), Err(Misfit::OutsideSpan));
    }

    proptest::proptest! {
        #[test]
        fn any_frames_in_any_order_are_shown_when_they_were_meant_to_be(
            steps in proptest::collection::vec(1_i64..400_000, 1..40),
            order in proptest::collection::vec(0_usize..1000, 40),
            start in 0_i64..1 << 40,
            late in 0_i64..90_000,
        ) {
            let first = start + late;
            let mut times: Vec<i64> = steps.iter().scan(first, |at, step| { let shown = *at; *at += step; Some(shown) }).collect();
            let end = times.last().copied().unwrap_or(start) + steps[0];
            for (index, other) in order.iter().enumerate().take(times.len()).skip(1) {
                let other = 1 + other % (times.len() - 1);
                times.swap(index, other);
            }
            let samples: Vec<Sample> = times.iter().map(|pts| sample(*pts, *pts == first)).collect();
            let bytes = segment(1, Span { start, end }, &samples).unwrap();
            let fragment = read::fragment(&bytes).unwrap();
            proptest::prop_assert_eq!(fragment.presentation_times(), times);
            let total: i64 = fragment.samples.iter().map(|sample| i64::from(sample.duration)).sum();
            proptest::prop_assert_eq!(total, end - start, "durations add up to the span");
            proptest::prop_assert!(fragment.samples.iter().all(|sample| sample.duration > 0));
        }
    }
}
