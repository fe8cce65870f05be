//! The picture with which encoders are tried: it moves, its colours can be told apart, and another
//! one can be compared with it. Pure arithmetic.

use crate::av::error::AvError;
use crate::av::frame::Frame;

/// Width of the picture.
pub const WIDTH: u32 = 640;
/// Height of the picture.
pub const HEIGHT: u32 = 360;

/// Side of the box that crosses the picture.
const BOX: usize = 64;

/// Picture `number` of the film: a gradient that drifts, chroma planes that are unlike each other,
/// and a box on its way.
pub fn picture(number: usize) -> Result<Frame, AvError> {
    let mut frame = Frame::grey(WIDTH, HEIGHT, 0)?;
    for plane in 0..3 {
        for (row, pixels) in frame.rows_mut(plane).enumerate() {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                *pixel = shade(plane, column, row, number);
            }
        }
    }
    Ok(frame)
}

/// Within the limited range of each plane.
fn shade(plane: usize, column: usize, row: usize, number: usize) -> u8 {
    let place = number * 8;
    let is_box = (place..place + BOX).contains(&column) && (BOX..2 * BOX).contains(&row);
    let shade = match plane {
        0 if is_box => 200,
        0 => 32 + (column + row + 2 * number) / 6 % 160,
        1 => 64 + column / 3,
        _ => 192 - row / 2,
    };
    u8::try_from(shade).unwrap_or(u8::MAX)
}

/// How much `seen` is like `shown`, as the peak signal-to-noise ratio of the worst of its planes,
/// in decibels: 30 is visibly damaged, 40 hard to tell apart. Zero for pictures of another size.
pub fn similarity(shown: &Frame, seen: &Frame) -> f64 {
    if (shown.width(), shown.height()) != (seen.width(), seen.height()) {
        return 0.0;
    }
    (0..3)
        .map(|plane| ratio(shown.rows(plane), seen.rows(plane)))
        .fold(f64::INFINITY, f64::min)
}

fn ratio<'a>(shown: impl Iterator<Item = &'a [u8]>, seen: impl Iterator<Item = &'a [u8]>) -> f64 {
    let (mut pixels, mut squares) = (0_u64, 0_u64);
    for (one, other) in shown.flatten().zip(seen.flatten()) {
        pixels += 1;
        squares += u64::from(one.abs_diff(*other)).pow(2);
    }
    if pixels == 0 {
        return 0.0;
    }
    // Equal pictures would be infinitely alike; JSON has no word for that.
    let mean = (squares as f64 / pixels as f64).max(1e-4);
    10.0 * (255.0_f64.powi(2) / mean).log10()
}

#[cfg(test)]
mod tests {
    use super::{HEIGHT, WIDTH, picture, similarity};
    use crate::av::frame::Frame;

    #[test]
    fn what_is_unlike_is_told_from_what_is_like() {
        let shown = picture(0).unwrap();
        assert!(similarity(&shown, &picture(0).unwrap()) > 80.0, "the same");
        assert!(
            similarity(&shown, &picture(1).unwrap()) < 30.0,
            "a picture too late"
        );
        let grey = Frame::grey(WIDTH, HEIGHT, 110).unwrap();
        assert!(similarity(&shown, &grey) < 20.0, "nothing of it");
        let small = Frame::grey(WIDTH / 2, HEIGHT, 110).unwrap();
        assert!(similarity(&shown, &small) < 1.0, "another size");
    }

    #[test]
    fn exchanged_colours_are_noticed() {
        let shown = picture(3).unwrap();
        let mut exchanged = picture(3).unwrap();
        for (into, from) in [(1, 2), (2, 1)] {
            for (row, colours) in exchanged.rows_mut(into).zip(shown.rows(from)) {
                row.copy_from_slice(colours);
            }
        }
        assert!(similarity(&shown, &exchanged) < 20.0);
    }
}
