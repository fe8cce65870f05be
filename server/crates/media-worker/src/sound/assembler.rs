//! Gapless sound from blocks with timestamps: gaps become silence, overlaps are cut, everything
//! before the beginning and after the end of a stretch of the timeline is dropped.

use media_proto::AUDIO_TIMESCALE;
use std::collections::VecDeque;
use std::ops::Range;

use crate::av::frame::Frame;
use crate::av::resampler::Resampler;
use crate::failure::Failure;

/// Differences between a block's timestamp and its place that are left alone: rounding of
/// containers and jitter of broadcasts, at 48 kHz. 8 ms: with a picture's rounding still less than
/// the 10 ms from which sound and lips come apart.
pub const TOLERANCE_SAMPLES: i64 = 384;

/// Mixing down adds channels up, and where many are loud at once the sum exceeds what a player
/// can put out. Below this level nothing is changed, above it peaks are rounded.
const KNEE: f32 = 0.9;

/// A part of the timeline. Silence takes no memory: a clock that jumps may claim hours of it.
#[derive(Debug)]
enum Stretch {
    Silence(i64),
    /// The samples of each channel.
    Sound(Vec<VecDeque<f32>>),
}

impl Stretch {
    fn samples(&self) -> i64 {
        match self {
            Self::Silence(samples) => *samples,
            Self::Sound(planes) => {
                let samples = planes.first().map_or(0, VecDeque::len);
                i64::try_from(samples).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves its first samples into that part of `block`.
    fn take_into(&mut self, block: &mut Frame, part: Range<usize>) {
        match self {
            Self::Silence(left) => {
                *left -= i64::try_from(part.len()).unwrap_or(0);
                for channel in 0..block.channels() as usize {
                    block.plane_f32_mut(channel)[part.clone()].fill(0.0);
                }
            }
            Self::Sound(planes) => {
                for (channel, plane) in planes.iter_mut().enumerate() {
                    let target = &mut block.plane_f32_mut(channel)[part.clone()];
                    let values = plane.drain(..target.len());
                    target
                        .iter_mut()
                        .zip(values)
                        .for_each(|(sample, value)| *sample = value);
                }
            }
        }
    }
}

/// Resamples, mixes and places sound on the timeline. Samples are planar floats.
#[derive(Debug)]
pub struct Assembler {
    channels: usize,
    resampler: Option<Resampler>,
    /// What was put in and not yet taken out.
    stretches: VecDeque<Stretch>,
    /// Samples in all stretches.
    ready: i64,
    /// Where on the timeline the next sample is placed.
    placed: i64,
    /// Samples to drop before the next ones are placed.
    to_drop: i64,
    /// The stretch of the timeline that is assembled.
    wanted: Range<i64>,
    /// Where silence counts as missing sound; the rest only leads in and out.
    heard: Range<i64>,
    silence: i64,
    /// Where the last block said it belongs, and how long it was.
    last: Option<(i64, i64)>,
}

impl Assembler {
    /// For `channels` channels and the samples `wanted`, of which a player hears `heard`.
    pub fn new(channels: u32, wanted: Range<i64>, heard: Range<i64>) -> Self {
        let channels = channels.max(1) as usize;
        Self {
            channels,
            resampler: None,
            stretches: VecDeque::new(),
            ready: 0,
            placed: wanted.start,
            to_drop: 0,
            wanted,
            heard,
            silence: 0,
            last: None,
        }
    }

    /// There is no room for more.
    pub fn is_full(&self) -> bool {
        self.placed >= self.wanted.end
    }

    /// Nothing was put in yet.
    fn is_empty(&self) -> bool {
        let inside = self.resampler.as_ref().map_or(0, Resampler::delay_samples);
        self.placed == self.wanted.start && inside == 0
    }

    /// Samples of silence put in so far for sound that is missing.
    pub fn silence_samples(&self) -> i64 {
        self.silence
    }

    /// Adds a decoded block that belongs at `position`, or right behind the last one.
    pub fn push(&mut self, frame: &Frame, position: Option<i64>) -> Result<(), Failure> {
        self.push_rest(frame, 0, position)
    }

    /// The same without the block's first `skipped` samples; the rest belongs at `position`.
    pub fn push_rest(
        &mut self,
        frame: &Frame,
        skipped: usize,
        position: Option<i64>,
    ) -> Result<(), Failure> {
        if !self
            .resampler
            .as_ref()
            .is_some_and(|resampler| resampler.fits(frame))
        {
            self.flush_resampler()?;
            let channels = u32::try_from(self.channels).unwrap_or(1);
            let resampler = Resampler::new(frame, channels, AUDIO_TIMESCALE)
                .map_err(|error| Failure::internal("setting up the resampler", error))?;
            self.resampler = Some(resampler);
        }
        if let Some(position) = self.trusted(position, frame) {
            self.move_to(position)?;
        }
        let converted = match self.resampler.as_mut() {
            Some(resampler) => resampler.convert(Some(frame), skipped),
            None => return Ok(()),
        };
        let converted = converted.map_err(|error| Failure::internal("resampling", error))?;
        if let Some(mut block) = converted {
            if frame.channels() as usize > self.channels {
                (0..self.channels).for_each(|channel| round_peaks(block.plane_f32_mut(channel)));
            }
            self.place(&mut block);
        }
        Ok(())
    }

    /// The position, unless the clock crawls: blocks that claim to follow each other in less than
    /// half of their own length come from a container with a wrong sample rate in its header.
    fn trusted(&mut self, position: Option<i64>, frame: &Frame) -> Option<i64> {
        let position = position?;
        let samples = i64::try_from(frame.samples()).unwrap_or(0);
        let length = samples * i64::from(AUDIO_TIMESCALE) / i64::from(frame.sample_rate().max(1));
        let last = self.last.replace((position, length));
        let crawls = last.is_some_and(|(before, length)| {
            (0..length / 2).contains(&position.saturating_sub(before))
        });
        (!crawls).then_some(position)
    }

    /// Makes the next block start at `position`, unless it nearly does already.
    fn move_to(&mut self, position: i64) -> Result<(), Failure> {
        let inside = self.resampler.as_ref().map_or(0, Resampler::delay_samples);
        let expected = self.placed + inside - self.to_drop;
        let difference = position.saturating_sub(expected);
        if difference.abs() <= TOLERANCE_SAMPLES && !(self.is_empty() && self.to_drop == 0) {
            return Ok(());
        }
        if difference > 0 {
            self.flush_resampler()?;
            self.place_silence(difference);
        } else {
            self.to_drop -= difference;
        }
        Ok(())
    }

    /// What is still inside the resampler belongs before whatever comes next.
    fn flush_resampler(&mut self) -> Result<(), Failure> {
        let Some(resampler) = self.resampler.as_mut() else {
            return Ok(());
        };
        let rest = resampler
            .convert(None, 0)
            .map_err(|error| Failure::internal("resampling", error))?;
        if let Some(mut block) = rest {
            self.place(&mut block);
        }
        Ok(())
    }

    fn place(&mut self, block: &mut Frame) {
        let samples = i64::try_from(block.samples()).unwrap_or(0);
        let dropped = self.to_drop.min(samples);
        self.to_drop -= dropped;
        let room = self.wanted.end - self.placed;
        let kept = (samples - dropped).min(room).max(0);
        let from = usize::try_from(dropped).unwrap_or(0);
        let to = from + usize::try_from(kept).unwrap_or(0);
        let planes = (0..self.channels).map(|channel| {
            let samples = block.plane_f32_mut(channel).get(from..to);
            samples.unwrap_or(&[]).iter().copied().collect()
        });
        let sound = Stretch::Sound(planes.collect());
        self.append(sound);
        self.placed += kept;
    }

    fn place_silence(&mut self, samples: i64) {
        let kept = samples.min(self.wanted.end - self.placed).max(0);
        self.append(Stretch::Silence(kept));
        let end = self.placed + kept;
        let heard = end.min(self.heard.end) - self.placed.max(self.heard.start);
        self.placed = end;
        self.silence += heard.max(0);
    }

    fn append(&mut self, stretch: Stretch) {
        let samples = stretch.samples();
        if samples > 0 {
            self.ready += samples;
            self.stretches.push_back(stretch);
        }
    }

    /// No more blocks come: silence up to the end.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.flush_resampler()?;
        self.place_silence(self.wanted.end - self.placed);
        Ok(())
    }

    /// Takes `samples` samples out into `block`, if so many are ready.
    pub fn take(&mut self, samples: usize, block: &mut Frame) -> bool {
        if usize::try_from(self.ready).is_ok_and(|ready| ready < samples) {
            return false;
        }
        let mut filled = 0;
        while filled < samples {
            let Some(stretch) = self.stretches.front_mut() else {
                return false;
            };
            let there = usize::try_from(stretch.samples()).unwrap_or(usize::MAX);
            let taken = there.min(samples - filled);
            stretch.take_into(block, filled..filled + taken);
            if taken == there {
                self.stretches.pop_front();
            }
            filled += taken;
        }
        self.ready -= i64::try_from(samples).unwrap_or(0);
        true
    }
}

/// Lets samples beyond the knee approach full scale instead of exceeding it.
fn round_peaks(samples: &mut [f32]) {
    for sample in samples {
        let beyond = sample.abs() - KNEE;
        if beyond > 0.0 {
            let rounded = KNEE + (1.0 - KNEE) * (beyond / (1.0 - KNEE)).tanh();
            *sample = rounded.copysign(*sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Assembler, round_peaks};
    use crate::av::frame::Frame;

    fn block(value: f32, samples: usize) -> Frame {
        let mut frame = Frame::sound(samples, 1, 48_000).unwrap();
        frame.plane_f32_mut(0).fill(value);
        frame
    }

    fn assemble(blocks: &[(f32, usize, Option<i64>)], wanted: i64) -> Vec<(f32, usize)> {
        let mut assembler = Assembler::new(1, 0..wanted, 0..wanted);
        for (value, samples, position) in blocks {
            assembler.push(&block(*value, *samples), *position).unwrap();
        }
        assembler.finish().unwrap();
        let mut out = Frame::sound(usize::try_from(wanted).unwrap(), 1, 48_000).unwrap();
        assert!(
            assembler.take(usize::try_from(wanted).unwrap(), &mut out),
            "the timeline is full"
        );
        let mut runs: Vec<(f32, usize)> = Vec::new();
        for sample in out.plane_f32_mut(0).iter() {
            match runs.last_mut() {
                Some((value, length)) if value == sample => *length += 1,
                _ => runs.push((*sample, 1)),
            }
        }
        runs
    }

    #[test]
    fn sound_without_gaps_passes_unchanged() {
        let runs = assemble(&[(0.1, 2000, Some(0)), (0.2, 2000, Some(2000))], 4000);
        assert_eq!(runs, [(0.1, 2000), (0.2, 2000)]);
    }

    #[test]
    fn gaps_become_silence_at_the_start_inside_and_at_the_end() {
        let runs = assemble(&[(0.1, 2000, Some(500)), (0.2, 2000, Some(5000))], 8000);
        assert_eq!(
            runs,
            [
                (0.0, 500),
                (0.1, 2000),
                (0.0, 2500),
                (0.2, 2000),
                (0.0, 1000)
            ],
            "every block starts when its timestamp says"
        );
    }

    #[test]
    fn overlaps_and_what_lies_before_zero_are_cut() {
        let runs = assemble(
            &[
                (0.1, 3000, Some(-1000)),
                (0.2, 3000, Some(1000)),
                (0.3, 9000, None),
            ],
            6000,
        );
        assert_eq!(runs, [(0.1, 2000), (0.2, 2000), (0.3, 2000)]);
    }

    #[test]
    fn a_clock_that_crawls_is_not_believed() {
        let blocks = [
            (0.1, 1000, Some(0)),
            (0.2, 1000, Some(20)),
            (0.3, 1000, Some(40)),
        ];
        assert_eq!(
            assemble(&blocks, 3000),
            [(0.1, 1000), (0.2, 1000), (0.3, 1000)]
        );
    }

    #[test]
    fn jitter_is_not_worth_a_click() {
        let runs = assemble(
            &[
                (0.1, 2000, Some(0)),
                (0.2, 2000, Some(2300)),
                (0.3, 2000, Some(3700)),
            ],
            6000,
        );
        assert_eq!(runs, [(0.1, 2000), (0.2, 2000), (0.3, 2000)]);
    }

    #[test]
    fn a_stretch_in_the_middle_takes_only_what_belongs_there() {
        let mut assembler = Assembler::new(1, 10_000..14_000, 12_000..13_000);
        for (value, position) in [(0.1, 7_500), (0.2, 9_500), (0.3, 12_500)] {
            assembler.push(&block(value, 2000), Some(position)).unwrap();
        }
        assert!(assembler.is_full());
        let mut out = Frame::sound(4000, 1, 48_000).unwrap();
        assert!(assembler.take(4000, &mut out));
        let samples = out.plane_f32_mut(0);
        let at = [0, 1499, 1500, 2499, 2500, 3999].map(|index: usize| samples[index]);
        assert_eq!(at, [0.2, 0.2, 0.0, 0.0, 0.3, 0.3]);
        assert_eq!(
            assembler.silence_samples(),
            500,
            "the other half only leads in"
        );
    }

    #[test]
    fn hours_of_silence_take_no_memory() {
        const HOURS: i64 = 40 * 3600 * 48_000;
        let mut assembler = Assembler::new(1, 0..HOURS + 2000, 0..HOURS + 2000);
        assembler.push(&block(0.1, 1000), Some(0)).unwrap();
        assembler.push(&block(0.2, 1000), Some(HOURS)).unwrap();
        assert_eq!(assembler.stretches.len(), 3, "sound, silence, sound");
        assert_eq!(assembler.silence_samples(), HOURS - 1000);
        let mut out = Frame::sound(4000, 1, 48_000).unwrap();
        out.plane_f32_mut(0).fill(0.7);
        assert!(assembler.take(4000, &mut out));
        let samples = out.plane_f32_mut(0);
        assert_eq!(
            [samples[999], samples[1000], samples[3999]],
            [0.1, 0.0, 0.0]
        );
    }

    #[test]
    fn silence_that_only_leads_out_is_not_missing() {
        let mut assembler = Assembler::new(1, 0..6000, 0..3000);
        assembler.push(&block(0.1, 2000), Some(0)).unwrap();
        assembler.finish().unwrap();
        assert_eq!(assembler.silence_samples(), 1000);
    }

    #[test]
    fn loud_sums_are_rounded_and_the_rest_is_left_alone() {
        let mut samples = [0.0, 0.5, -0.9, 1.0, -2.4];
        round_peaks(&mut samples);
        assert_eq!(samples[..3], [0.0, 0.5, -0.9]);
        assert!(samples[3] > 0.95 && samples[3] < 1.0, "{samples:?}");
        assert!(samples[4] < -0.99 && samples[4] >= -1.0, "{samples:?}");
    }
}
