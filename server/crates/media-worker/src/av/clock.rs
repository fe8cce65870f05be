//! The clock of a file, made one that goes on where the file's own steps: packets behind a step
//! get its offset. What does not belong here: how steps are found (`inspect::steps`).

use std::collections::HashMap;

use media_proto::clock::ClockStep;

use super::packet::Packet;

/// The steps of a file, and how far it was read.
#[derive(Debug, Default)]
pub(super) struct Clock {
    pub(super) steps: Vec<ClockStep>,
    /// Byte positions of the last packets, by track: not every packet has one.
    positions: HashMap<usize, i64>,
    /// Where reading began.
    sought: i64,
}

impl Clock {
    pub(super) fn of(steps: &[ClockStep]) -> Self {
        Self {
            steps: steps.to_vec(),
            ..Self::default()
        }
    }

    /// Reading goes on from that byte.
    pub(super) fn begin_at(&mut self, position: i64) {
        self.positions.clear();
        self.sought = position;
    }

    /// Makes the packet's times go on from those before it.
    pub(super) fn correct(&mut self, packet: &mut Packet) {
        let Some(track) = packet.track().filter(|_| !self.steps.is_empty()) else {
            return;
        };
        if packet.position() >= 0 {
            self.positions.insert(track, packet.position());
        }
        let position = self.positions.get(&track).copied();
        packet.shift(self.offset(track, position.unwrap_or(self.sought)));
    }

    /// What is added to times of `track` at that byte.
    fn offset(&self, track: usize, position: i64) -> i64 {
        let own = |step: &&ClockStep| step.track as usize == track && step.position <= position;
        let last = self
            .steps
            .iter()
            .filter(own)
            .max_by_key(|step| step.position);
        last.map_or(0, |step| step.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use media_proto::clock::ClockStep;

    #[test]
    fn each_track_goes_by_its_last_step() {
        let step = |track, position, offset| ClockStep {
            track,
            position,
            offset,
        };
        let clock = Clock::of(&[step(0, 100, 7), step(1, 120, 7), step(0, 200, -5)]);
        let cases = [
            ((0, 0), 0),
            ((0, 99), 0),
            ((0, 100), 7),
            ((0, 199), 7),
            ((0, 200), -5),
            ((1, 110), 0),
            ((1, 900), 7),
            ((2, 900), 0),
        ];
        for ((track, position), expected) in cases {
            let offset = clock.offset(track, position);
            assert_eq!(offset, expected, "track {track} at byte {position}");
        }
    }
}
