//! What the source's picture asks of the network, by its packets. The server prunes the ladder by
//! it. What does not belong here: the policy.

use media_proto::VIDEO_TIMESCALE;
use media_proto::rates::PictureRates;

use crate::inspect::scan::{IndexedPacket, TrackScan};
use crate::timeline::Timeline;

/// What the boxes around a sample take in a segment, at most, in bytes.
const BYTES_AROUND_SAMPLE: u64 = 16;
/// What the other boxes of a segment take, at most, in bytes.
const BYTES_AROUND_SEGMENT: u64 = 256;

/// The rates of a picture that is cut at `cuts`. Segments without a keyframe get a usual one added:
/// where nothing moves, keyframes are most of what a picture takes.
pub fn when_cut(scan: &TrackScan, clock: &Timeline, cuts: &[i64]) -> PictureRates {
    let mut bits = bits_of_segments(scan, clock, cuts);
    let is_keyframe = |packet: &&IndexedPacket| packet.is_key && !packet.is_discarded;
    let mut has_keyframe = vec![false; bits.len()];
    for packet in scan.packets.iter().filter(is_keyframe) {
        if let Some(has) = has_keyframe.get_mut(segment_of(packet, clock, cuts)) {
            *has = true;
        }
    }
    let keyframe = usual_keyframe_bits(scan);
    for (bits, _) in bits.iter_mut().zip(has_keyframe).filter(|(_, has)| !has) {
        *bits = bits.saturating_add(keyframe);
    }
    let length = cuts.last().copied().unwrap_or(0);
    PictureRates {
        average_bps: a_second(bits.iter().sum(), length),
        peak_bps: peak(&bits, cuts),
    }
}

/// The mean, because the first picture of a film is often black.
fn usual_keyframe_bits(scan: &TrackScan) -> u64 {
    let keyframes = scan.packets.iter().filter(|packet| packet.is_key);
    let sizes: Vec<u64> = keyframes.map(|packet| packet.size_bytes.into()).collect();
    let sum: u64 = sizes.iter().sum();
    sum.checked_div(sizes.len() as u64).unwrap_or(0) * 8
}

/// Index of the segment in which a packet is shown.
fn segment_of(packet: &IndexedPacket, clock: &Timeline, cuts: &[i64]) -> usize {
    let shown_at = clock.ticks(packet.pts);
    let before = cuts.partition_point(|cut| *cut <= shown_at);
    before.saturating_sub(1)
}

/// Bits that each segment will have.
pub fn bits_of_segments(scan: &TrackScan, clock: &Timeline, cuts: &[i64]) -> Vec<u64> {
    let mut bytes = vec![BYTES_AROUND_SEGMENT; cuts.len().saturating_sub(1)];
    for packet in scan.packets.iter().filter(|packet| !packet.is_discarded) {
        if let Some(bytes) = bytes.get_mut(segment_of(packet, clock, cuts)) {
            *bytes += u64::from(packet.size_bytes) + BYTES_AROUND_SAMPLE;
        }
    }
    bytes.into_iter().map(|bytes| bytes * 8).collect()
}

/// Of the densest segment, in bits a second.
pub fn peak(bits: &[u64], cuts: &[i64]) -> u32 {
    let rates = bits
        .iter()
        .zip(cuts.windows(2))
        .map(|(bits, pair)| a_second(*bits, pair[1] - pair[0]));
    rates.max().unwrap_or(0)
}

/// Bits a second, rounded up.
pub fn a_second(bits: u64, ticks: i64) -> u32 {
    let ticks = u128::from(ticks.unsigned_abs().max(1));
    let rate = (u128::from(bits) * u128::from(VIDEO_TIMESCALE)).div_ceil(ticks);
    u32::try_from(rate).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{IndexedPacket, Timeline, TrackScan, a_second, peak, when_cut};
    use crate::av::stream::TimeBase;

    #[test]
    fn the_peak_is_that_of_the_densest_segment() {
        let cuts = [0, 180_000, 270_000];
        assert_eq!(peak(&[2_000, 1_001], &cuts), 1_001);
        assert_eq!(a_second(3_001, 270_000), 1_001, "rounded up");
        assert_eq!(a_second(u64::MAX, 0), u32::MAX, "absurd sizes saturate");
    }

    #[test]
    fn segments_without_a_keyframe_get_a_usual_one() {
        let packet = |second: i64, size_bytes: u32, is_key: bool| IndexedPacket {
            pts: second,
            dts: second,
            duration: 1,
            position: -1,
            is_key,
            is_discarded: false,
            is_idr: false,
            size_bytes,
        };
        let scan = TrackScan {
            packets: std::iter::once(packet(0, 10_000, true))
                .chain((1..8).map(|second| packet(second, 100, false)))
                .collect(),
            ..TrackScan::default()
        };
        let seconds = TimeBase {
            numerator: 1,
            denominator: 1,
        };
        let clock = Timeline::new(seconds, 0, 90_000);
        let rates = when_cut(&scan, &clock, &[0, 4, 8].map(|second| second * 90_000));
        // Each packet has 16 bytes around it, each segment 256.
        assert_eq!(rates.average_bps, 21_340, "the keyframe counts twice");
        assert_eq!(rates.peak_bps, 21_440, "with four packets behind it");
    }
}
