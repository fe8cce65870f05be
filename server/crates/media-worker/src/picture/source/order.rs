//! When pictures are shown whose container tells only in which order they are decoded. They leave
//! the decoder in the order in which they are shown, so each takes the earliest time that is left.
//! What does not belong here: containers that tell when each is shown.

use std::collections::BTreeSet;

use crate::av::frame::Frame;
use crate::av::packet::Packet;

/// The decoding times of packets whose pictures have not come out yet, in the track's time base.
#[derive(Debug, Default)]
pub(super) struct Order {
    left: BTreeSet<i64>,
}

impl Order {
    /// A packet goes into the decoder.
    pub(super) fn note(&mut self, packet: &Packet) {
        self.left.extend(packet.dts());
    }

    /// When the picture is shown that the decoder gives out.
    pub(super) fn take(&mut self, frame: &Frame) -> Option<i64> {
        self.take_for(frame.is_key(), frame.pts())
    }

    /// `decoded_at` is the time of the picture's own packet. What is still left from before a
    /// keyframe never comes out: it was damaged.
    fn take_for(&mut self, is_key: bool, decoded_at: Option<i64>) -> Option<i64> {
        if let Some(decoded_at) = decoded_at.filter(|_| is_key) {
            self.left = self.left.split_off(&decoded_at);
        }
        self.left.pop_first().or(decoded_at)
    }

    /// The decoder is emptied.
    pub(super) fn clear(&mut self) {
        self.left.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn pictures_are_shown_in_the_order_in_which_they_come_out() {
        let mut order = Order::default();
        order.left.extend([0, 40, 80, 120]);
        // I P B B in decode order come out as I B B P.
        let shown: Vec<_> = [(true, 0), (false, 80), (false, 120), (false, 40)]
            .map(|(is_key, decoded_at)| order.take_for(is_key, Some(decoded_at)))
            .into();
        assert_eq!(shown, [0, 40, 80, 120].map(Some));
    }

    #[test]
    fn after_a_damaged_picture_the_next_keyframe_is_on_time_again() {
        let mut order = Order::default();
        order.left.extend([0, 40, 80, 120]);
        assert_eq!(order.take_for(true, Some(0)), Some(0));
        // The one of 40 never comes out.
        assert_eq!(
            order.take_for(false, Some(80)),
            Some(40),
            "nobody knows yet"
        );
        assert_eq!(order.take_for(true, Some(120)), Some(120));
    }
}
