//! The order of what is copied. What does not belong here: when other work stands back for it
//! (`standing`).

use crate::standing::Outline;
use crate::work::Work;

/// The copied runs of a title in playing order.
pub(super) fn copies(outline: &Outline) -> impl Iterator<Item = Work> + use<> {
    (0..).take(outline.copies.len()).map(Work::Copy)
}

#[cfg(test)]
mod tests {
    use crate::schedule::tests::{order, title, wish};
    use crate::work::{Lane, Work};

    #[test]
    fn what_is_copied_waits_for_no_encoder_and_follows_viewers() {
        let mut standings = [title(1), title(6), title(4)];
        for standing in &mut standings[1..] {
            if let Some(outline) = &mut standing.outline {
                outline.copied = Some(1);
                outline.copies = outline.spans.clone();
            }
        }
        assert_eq!(
            order(Lane::Copy, &standings, &[]),
            [
                (1, Work::Copy(0)),
                (2, Work::Copy(0)),
                (1, Work::Copy(1)),
                (1, Work::Copy(2)),
                (2, Work::Copy(1)),
            ],
            "beginnings first; the first title has nothing to copy"
        );
        assert_eq!(
            order(Lane::Picture, &standings, &[]),
            [(0, Work::Chunk(0))],
            "what is copied begins before anything of it is encoded"
        );
        let wishes = [wish(&standings[1], 1, 9), wish(&standings[1], 0, 9)];
        assert_eq!(
            order(Lane::Copy, &standings, &wishes)[0],
            (1, Work::Copy(2))
        );
        assert_eq!(
            order(Lane::Picture, &standings, &wishes)[0],
            (1, Work::Chunk(4)),
            "who waits for another rung does not wait for that"
        );
    }
}
