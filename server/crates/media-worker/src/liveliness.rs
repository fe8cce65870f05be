//! How much there is to see in a picture: what makes one keyframe a better poster than another.

use crate::av::frame::Frame;

/// Luma below is as good as black.
const DARK: u8 = 24;
/// Luma above is as good as white.
const BRIGHT: u8 = 235;
/// Pictures that differ by less, on average over their luma, are the same to people.
const SAME_LUMA: u64 = 2;

/// High for many shades with sharp edges; low for black, white, faded and blurred pictures.
pub fn liveliness(frame: &Frame) -> u64 {
    let mut tally = Tally::default();
    let mut above: Option<&[u8]> = None;
    for row in frame.luma_rows() {
        tally.add(row, above);
        above = Some(row);
    }
    tally.score()
}

/// Whether people would take one for the other.
pub fn looks_like(one: &Frame, other: &Frame) -> bool {
    if (one.width(), one.height()) != (other.width(), other.height()) {
        return false;
    }
    let rows = one.luma_rows().zip(other.luma_rows());
    let apart: u64 = rows.flat_map(|(a, b)| a.iter().zip(b)).map(step).sum();
    let pixels = u64::from(one.width()) * u64::from(one.height());
    apart / pixels.max(1) < SAME_LUMA
}

fn step((a, b): (&u8, &u8)) -> u64 {
    u64::from(a.abs_diff(*b))
}

/// Sums over the luma of a picture.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    sum: u64,
    squares: u64,
    /// Steps to the pixel on the left and to the one above.
    edges: u64,
    /// Pixels that are as good as black or white.
    empty: u64,
}

impl Tally {
    fn add(&mut self, row: &[u8], above: Option<&[u8]>) {
        for luma in row {
            self.count += 1;
            self.sum += u64::from(*luma);
            self.squares += u64::from(*luma) * u64::from(*luma);
            self.empty += u64::from(!(DARK..=BRIGHT).contains(luma));
        }
        let across = row.iter().zip(row.iter().skip(1));
        let down = row.iter().zip(above.into_iter().flatten());
        self.edges += across.chain(down).map(step).sum::<u64>();
    }

    /// Variance times the mean edge, less the part that is empty.
    fn score(self) -> u64 {
        let count = self.count.max(1);
        let variance = (self.squares / count).saturating_sub((self.sum / count).pow(2));
        let edges = self.edges * 64 / count;
        let full = count.saturating_sub(self.empty) * 1_000 / count;
        // A picture with a little of everything is still more than one with none.
        (variance + 1) * (edges + 1) * (full + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, liveliness, looks_like};
    use crate::av::frame::Frame;

    /// The score of a picture of 64 by 64 pixels.
    fn score(luma: impl Fn(usize, usize) -> u8) -> u64 {
        let rows: Vec<Vec<u8>> = (0..64)
            .map(|y| (0..64).map(|x| luma(x, y)).collect())
            .collect();
        let mut tally = Tally::default();
        for (index, row) in rows.iter().enumerate() {
            let above = index.checked_sub(1).map(|above| rows[above].as_slice());
            tally.add(row, above);
        }
        tally.score()
    }

    #[test]
    fn a_sharp_scene_wins_over_a_blurred_one_and_both_over_nothing() {
        let shade = |x: usize| u8::try_from(40 + x * 3).unwrap();
        let sharp = score(|x, y| {
            if (x / 4 + y / 4).is_multiple_of(2) {
                60
            } else {
                190
            }
        });
        let blurred = score(|x, _| shade(x));
        let night = score(|x, y| if x == y { 100 } else { 2 });
        let black = score(|_, _| 0);
        let order = [sharp, blurred, night, black];
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
        assert_eq!(black, score(|_, _| 255), "neither shows anything");
    }

    #[test]
    fn pictures_are_told_apart_by_what_they_show() {
        let grey = |luma| Frame::grey(32, 32, luma).unwrap();
        assert!(looks_like(&grey(80), &grey(81)), "noise is no difference");
        assert!(!looks_like(&grey(80), &grey(120)));
        assert!(!looks_like(&grey(80), &Frame::grey(16, 32, 80).unwrap()));
        assert_eq!(liveliness(&grey(80)), liveliness(&grey(120)));
    }
}
