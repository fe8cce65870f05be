//! How a coded picture has to be turned and stretched to stand upright with square pixels.

use crate::av::graph::Filter;
use crate::av::stream::Stream;

/// The largest side a picture may claim after stretching, in pixels.
const MAX_SIDE: u32 = 16_384;

/// Flip first, then turn clockwise: together the eight orientations a display matrix can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation {
    /// Mirrored left to right.
    pub flipped: bool,
    /// 0, 90, 180 or 270.
    pub rotation_degrees: u32,
}

impl Orientation {
    /// What the matrix of ISO/IEC 14496-12 §8.3.2 says, to the nearest quarter turn.
    ///
    /// A point (x, y) moves to (a·x + c·y, b·x + d·y). A negative determinant means that the
    /// picture is mirrored; where the x axis points to then tells the turn.
    pub fn from_matrix(matrix: [i32; 9]) -> Self {
        let [a, b, _, c, d, ..] = matrix.map(i64::from);
        let flipped = a * d - b * c < 0;
        let (x, y) = if flipped { (-a, -b) } else { (a, b) };
        let rotation_degrees = match (x.abs() >= y.abs(), x >= 0, y >= 0) {
            (true, true, _) => 0,
            (true, false, _) => 180,
            (false, _, true) => 90,
            (false, _, false) => 270,
        };
        Self {
            flipped,
            rotation_degrees,
        }
    }

    /// Width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.rotation_degrees % 180 == 90
    }

    /// The filters that put a picture upright.
    pub fn filters(self) -> Vec<Filter> {
        let turn: &[Filter] = match self.rotation_degrees {
            90 => &[Filter::TurnRight],
            180 => &[Filter::FlipHorizontally, Filter::FlipVertically],
            270 => &[Filter::TurnLeft],
            _ => &[],
        };
        let flip = self.flipped.then_some(Filter::FlipHorizontally);
        flip.into_iter().chain(turn.iter().copied()).collect()
    }
}

/// The orientation of a track.
pub fn orientation(stream: &Stream) -> Orientation {
    stream
        .display_matrix
        .map_or_else(Orientation::default, Orientation::from_matrix)
}

/// Upright size with square pixels: width stretched, height kept, then turned.
pub fn display_size(coded: (u32, u32), aspect: (i32, i32), orientation: Orientation) -> (u32, u32) {
    let (width, height) = coded;
    let (numerator, denominator) = match aspect {
        (numerator, denominator) if numerator > 0 && denominator > 0 => (numerator, denominator),
        _ => (1, 1),
    };
    let (numerator, denominator) = (
        u64::from(numerator.unsigned_abs()),
        u64::from(denominator.unsigned_abs()),
    );
    let stretched = (u64::from(width) * numerator + denominator / 2) / denominator;
    let stretched = u32::try_from(stretched)
        .unwrap_or(MAX_SIDE)
        .clamp(1, MAX_SIDE);
    if orientation.swaps_sides() {
        (height, stretched)
    } else {
        (stretched, height)
    }
}

#[cfg(test)]
mod tests {
    use super::{Orientation, display_size};

    const ONE: i32 = 0x1_0000;

    fn check(a: i32, b: i32, c: i32, d: i32, flipped: bool, rotation_degrees: u32) {
        let matrix = [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 0x4000_0000];
        assert_eq!(
            Orientation::from_matrix(matrix),
            Orientation {
                flipped,
                rotation_degrees
            },
            "matrix ({a} {b}; {c} {d})"
        );
    }

    #[test]
    fn all_eight_orientations_are_told_apart() {
        check(1, 0, 0, 1, false, 0);
        check(0, 1, -1, 0, false, 90);
        check(-1, 0, 0, -1, false, 180);
        check(0, -1, 1, 0, false, 270);
        check(-1, 0, 0, 1, true, 0);
        check(0, -1, -1, 0, true, 90);
        check(1, 0, 0, -1, true, 180);
        check(0, 1, 1, 0, true, 270);
    }

    #[test]
    fn pixels_become_square_before_the_picture_is_turned() {
        let upright = Orientation::default();
        let turned = Orientation {
            flipped: false,
            rotation_degrees: 90,
        };
        assert_eq!(display_size((720, 576), (64, 45), upright), (1024, 576));
        assert_eq!(display_size((720, 480), (32, 27), upright), (853, 480));
        assert_eq!(display_size((1920, 1080), (0, 1), turned), (1080, 1920));
        assert_eq!(
            display_size((64, 64), (i32::MAX, 1), upright),
            (16_384, 64),
            "a lying aspect is bounded"
        );
    }
}
