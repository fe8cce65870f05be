//! The picture's cut times on the grid of AAC frames. Pure arithmetic.
//!
//! What does not belong here: anything that knows about tracks or requests.

use media_proto::{AUDIO_FRAME_SAMPLES, AUDIO_TIMESCALE, VIDEO_TIMESCALE};
use model::time::{AudioTicks, Ticks, VideoTicks};

/// The picture's boundaries on the grid of AAC frames. The last one is the end of media in
/// samples, so only the last frame may be cut short.
pub(super) fn audio_cuts(cuts: &[VideoTicks]) -> Vec<AudioTicks> {
    let mut audio: Vec<AudioTicks> = Vec::with_capacity(cuts.len());
    for (index, cut) in cuts.iter().enumerate() {
        let wanted = if index + 1 == cuts.len() {
            end_in_samples(*cut)
        } else {
            nearest_frame(*cut)
        };
        // Two cuts may fall on one frame; no segment may be empty.
        let earliest = audio.last().map_or(0, |previous| previous.0 + 1);
        let frame_later =
            || (earliest + AUDIO_FRAME_SAMPLES - 1) / AUDIO_FRAME_SAMPLES * AUDIO_FRAME_SAMPLES;
        audio.push(Ticks(if wanted >= earliest {
            wanted
        } else {
            frame_later()
        }));
    }
    audio
}

/// `round(cut × 48000 / 90000 / 1024)` frames, in samples.
fn nearest_frame(cut: VideoTicks) -> i64 {
    let per_frame = i128::from(AUDIO_FRAME_SAMPLES) * i128::from(VIDEO_TIMESCALE);
    let samples = i128::from(cut.0) * i128::from(AUDIO_TIMESCALE);
    let frames = (samples * 2 + per_frame).div_euclid(per_frame * 2);
    narrowed(frames * i128::from(AUDIO_FRAME_SAMPLES))
}

/// The first sample that is not before `end`.
fn end_in_samples(end: VideoTicks) -> i64 {
    let samples = i128::from(end.0) * i128::from(AUDIO_TIMESCALE);
    let hz = i128::from(VIDEO_TIMESCALE);
    narrowed((samples + hz - 1).div_euclid(hz))
}

fn narrowed(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::audio_cuts;
    use model::time::{Ticks, VideoTicks};

    #[test]
    fn audio_cuts_lie_on_frames_and_end_with_the_media() {
        let check = |cuts: &[i64], expected: &[i64]| {
            let cuts: Vec<VideoTicks> = cuts.iter().copied().map(Ticks).collect();
            let audio: Vec<i64> = audio_cuts(&cuts).iter().map(|cut| cut.0).collect();
            assert_eq!(audio, expected, "audio cuts for {cuts:?}");
        };
        // 2 s are 93.75 frames and 4 s are 187.5, rounded up.
        check(&[0, 180_000, 360_000], &[0, 94 * 1024, 192_000]);
        check(&[0, 360_000, 720_000], &[0, 188 * 1024, 384_000]);
        // The end is not on a frame and not rounded down: 1001 ticks are 533.87 samples.
        check(&[0, 1_001], &[0, 534]);
        // Three cuts within one frame are spread over frames.
        check(&[0, 100, 200, 9_000], &[0, 1024, 2048, 4_800]);
        // Even an end that a spread cut has overtaken stays behind it.
        check(&[0, 100, 200], &[0, 1024, 2048]);
    }
}
