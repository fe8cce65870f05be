//! A picture of sound: its loudness over its time as bars of light, for what has no cover.

use media_proto::VIDEO_TIMESCALE;

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::resampler::Resampler;
use crate::av::stream::Stream;
use crate::failure::Failure;
use crate::timeline::Timeline;

/// How many bars there are, each with as much room as it is wide.
const BARS: u32 = 36;
/// Samples a second that are listened to, and how many at each place: a quarter of a second.
const SAMPLE_RATE: u32 = 8_000;
const LISTENED: u16 = 2_000;
/// Packets read at each place before it counts as silent.
const MAX_PACKETS: u32 = 64;
/// Luma and two times chroma of the dark behind, and of the lamp.
const DARK: [u8; 3] = [20, 126, 130];
const LAMP: [u8; 3] = [190, 61, 174];

/// Draws the sound of an open track between zero, at `origin` on the source's clock, and `end`; 16
/// by 9, as cards are.
pub fn draw(
    (mut input, stream): (Input, Stream),
    (origin, end): (i64, i64),
    long_side: u32,
) -> Result<Frame, Failure> {
    let timeline = Timeline::new(stream.time_base, origin, VIDEO_TIMESCALE);
    let part = end / i64::from(BARS);
    let loudness: Vec<f32> = (0..i64::from(BARS))
        .map(|bar| {
            let middle = timeline.timestamp(part * bar + part / 2);
            // Where a seek fails, reading goes on from where the last one ended.
            let _ = input.seek(stream.index, middle);
            listen(&mut input, &stream).unwrap_or(0.0)
        })
        .collect();
    paint(&loudness, long_side).map_err(|error| Failure::internal("drawing the poster", error))
}

/// The root of the mean square of what is heard from here on; `None` if nothing is.
fn listen(input: &mut Input, stream: &Stream) -> Option<f32> {
    let mut decoder = Decoder::open(stream, 1).ok()?;
    let (mut packet, mut block) = (Packet::new().ok()?, Frame::new().ok()?);
    let mut resampler: Option<Resampler> = None;
    let (mut squares, mut count) = (0.0_f32, 0_u16);
    for _ in 0..MAX_PACKETS {
        if count >= LISTENED || input.read(&mut packet).is_err() {
            break;
        }
        let _ = decoder.send(Some(&packet));
        while decoder.receive(&mut block).is_ok() {
            if !resampler.as_ref().is_some_and(|known| known.fits(&block)) {
                resampler = Resampler::new(&block, 1, SAMPLE_RATE).ok();
            }
            let heard = resampler.as_mut()?.convert(Some(&block), 0).ok()?;
            for sample in heard.into_iter().flat_map(samples) {
                squares += sample * sample;
                count = count.saturating_add(1);
            }
        }
    }
    (count > 0).then(|| (squares / f32::from(count)).sqrt())
}

fn samples(mut block: Frame) -> Vec<f32> {
    let plane = block.plane_f32_mut(0).iter();
    plane.copied().filter(|sample| sample.is_finite()).collect()
}

fn paint(loudness: &[f32], long_side: u32) -> Result<Frame, AvError> {
    let (width, height) = (long_side / 2 * 2, long_side * 9 / 32 * 2);
    let mut canvas = Frame::jpeg_plain(width, height, DARK)?;
    // Room for one bar and a half is left at either side; everything is even, as chroma needs it.
    let pitch = (width / (BARS + 3) / 4 * 4).max(4);
    let left = (width.saturating_sub(pitch * BARS) / 2 + pitch / 4) / 2 * 2;
    for (bar, tall) in (0..).zip(heights(loudness, height / 10 * 7)) {
        let light = Frame::jpeg_plain(pitch / 2, tall, LAMP)?;
        let top = height.saturating_sub(tall) / 4 * 2;
        canvas.paint(&light, left + bar * pitch, top);
    }
    Ok(canvas)
}

/// Even heights up to `most`, by how loud each is beside the loudest; silence has a little one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a height in pixels is small and positive"
)]
fn heights(loudness: &[f32], most: u32) -> Vec<u32> {
    let loudest = loudness.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let least = (most / 30).max(2);
    // Ears hear relations: half the amplitude is much more than half as loud.
    let part = |loud: &f32| (loud / loudest).clamp(0.0, 1.0).sqrt();
    loudness
        .iter()
        .map(|loud| ((part(loud) * most as f32) as u32).max(least) / 2 * 2)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{heights, paint};

    #[test]
    fn bars_stand_to_each_other_as_what_is_heard() {
        let cases: [(&[f32], [u32; 3]); 3] = [
            (&[0.0, 0.25, 1.0], [10, 150, 300]),
            (&[0.001, 0.001, 0.001], [300, 300, 300]),
            (&[0.0, 0.0, 0.0], [10, 10, 10]),
        ];
        for (loudness, expected) in cases {
            assert_eq!(heights(loudness, 300), expected, "{loudness:?}");
        }
    }

    #[test]
    fn the_bars_are_inside_of_the_picture() {
        let picture = paint(&[1.0; 36], 960).unwrap();
        assert_eq!((picture.width(), picture.height()), (960, 540));
        let row = picture.luma_rows().nth(270).unwrap();
        let lit = row.iter().filter(|luma| **luma > 100).count();
        assert_eq!(lit, 36 * 12, "36 bars of 12 pixels");
        let edge = row.iter().take(20).chain(row.iter().rev().take(20));
        assert!(edge.into_iter().all(|luma| *luma < 100), "edges stay dark");
    }
}
