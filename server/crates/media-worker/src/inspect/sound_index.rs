//! What the scan remembers of a sound track: a packet every second or so, from which decoding can
//! start, and whether its clock can be believed. What does not belong here: spans (`grid`).

use media_proto::message::{EntryPoint, SoundAnchor};
use media_proto::{AUDIO_FRAME_SAMPLES, AUDIO_TIMESCALE};

use crate::av::packet::Packet;
use crate::sound::RUN_IN_FRAMES;
use crate::timeline::Timeline;

/// Decoders need a moment until they are sure of what they hear: some have memory (MP3, AAC with
/// noise), and the beginning of a span is found from the blocks before it. One second.
const RUN_IN_SAMPLES: i64 = AUDIO_TIMESCALE as i64;

/// The sparse index of one sound track. Times are in the track's time base.
#[derive(Debug, Default)]
pub struct SoundIndex {
    points: Vec<EntryPoint>,
    /// The first decoded block.
    anchor: Option<SoundAnchor>,
    packets: i64,
    first: Option<i64>,
    last: Option<i64>,
    /// A packet lacks a time, or is a second or more before the one before it.
    is_broken: bool,
}

impl SoundIndex {
    /// Notes a packet; `second` is a second in the track's time base.
    pub fn note(&mut self, packet: &Packet, second: i64) {
        let (Some(pts), dts) = (packet.pts(), packet.dts()) else {
            self.is_broken = true;
            return;
        };
        self.packets += 1;
        self.first.get_or_insert(pts);
        let before = self.last.replace(pts);
        self.is_broken |= before.is_some_and(|before| pts.saturating_sub(before) <= -second);
        let due = |point: &EntryPoint| pts.saturating_sub(point.pts) >= second;
        if packet.is_key() && !packet.is_discarded() && self.points.last().is_none_or(due) {
            self.points.push(EntryPoint {
                pts,
                dts: dts.unwrap_or(pts),
                position: packet.position(),
            });
        }
    }

    /// Notes the first decoded block.
    pub fn set_anchor(&mut self, anchor: Option<SoundAnchor>) {
        self.anchor = anchor;
    }

    /// The first decoded block.
    pub fn anchor(&self) -> Option<SoundAnchor> {
        self.anchor
    }

    /// Whether times say where in the track a packet is. A clock that jumps back does not, and
    /// neither does one that crawls: its packets claim to follow each other in less than half of
    /// their own length, because the container names a wrong sample rate.
    pub fn is_steady(&self, clock: &Timeline) -> bool {
        let Some((first, last)) = self.first.zip(self.last) else {
            return false;
        };
        let claimed = clock.length(last.saturating_sub(first));
        let crawls = self.anchor.is_some_and(|anchor| {
            let samples = i64::from(anchor.samples).saturating_mul(self.packets - 1);
            let length = samples.saturating_mul(i64::from(AUDIO_TIMESCALE))
                / i64::from(anchor.sample_rate.max(1));
            claimed < length / 2
        });
        !self.is_broken && !crawls
    }

    /// The nearest place from which a span that begins at `start` (in samples at 48 kHz) can be
    /// decoded; `None` for the start of the file.
    pub fn entry_for(&self, start: i64, clock: &Timeline) -> Option<EntryPoint> {
        let latest = start - RUN_IN_FRAMES * AUDIO_FRAME_SAMPLES - RUN_IN_SAMPLES;
        let later = self
            .points
            .partition_point(|point| clock.ticks(point.pts) <= latest);
        // The first point is as good as the start of the file, which needs no search.
        (later > 1).then(|| self.points[later - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::SoundIndex;
    use crate::av::packet::Packet;
    use crate::av::stream::TimeBase;
    use crate::timeline::Timeline;
    use media_proto::message::SoundAnchor;

    /// A clock of milliseconds that starts at zero.
    fn clock() -> Timeline {
        let time_base = TimeBase {
            numerator: 1,
            denominator: 1000,
        };
        Timeline::new(time_base, 0, 48_000)
    }

    fn index_of(times: impl IntoIterator<Item = Option<i64>>) -> SoundIndex {
        let mut index = SoundIndex::default();
        for time in times {
            index.note(&Packet::timed(time).unwrap(), 1000);
        }
        index.set_anchor(Some(SoundAnchor {
            pts: 0,
            samples: 960,
            sample_rate: 48_000,
        }));
        index
    }

    #[test]
    fn a_span_is_entered_more_than_a_second_before_it() {
        let index = index_of((0..30_000).step_by(20).map(Some));
        let entry = |seconds: i64| {
            let entry = index.entry_for(seconds * 48_000, &clock());
            entry.map(|entry| entry.pts)
        };
        assert_eq!(entry(0), None, "the first span begins with the file");
        assert_eq!(entry(1), None);
        // Eight frames of 1024 samples are 170 ms.
        assert_eq!(entry(10), Some(8_000));
        assert_eq!(entry(500), Some(29_000), "the last there is");
    }

    #[test]
    fn a_clock_is_believed_if_it_goes_forward_as_fast_as_the_sound() {
        let steady = |times: Vec<Option<i64>>| index_of(times).is_steady(&clock());
        let forward: Vec<Option<i64>> = (0..100).map(|block| Some(block * 20)).collect();
        assert!(steady(forward.clone()));
        let mut jittery = forward.clone();
        jittery.swap(40, 41);
        assert!(steady(jittery), "neighbours may be exchanged");
        let mut back = forward.clone();
        back.extend((0..10).map(|block| Some(block * 20)));
        assert!(!steady(back), "the clock jumps back");
        let mut untimed = forward;
        untimed[7] = None;
        assert!(!steady(untimed), "a packet has no time");
        assert!(!steady((0..100).map(|block| Some(block * 3)).collect()));
        assert!(!steady(Vec::new()), "nothing is nowhere");
    }
}
