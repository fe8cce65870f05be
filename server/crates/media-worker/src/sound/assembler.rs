//! Gapless sound from blocks with timestamps: gaps become silence, overlaps are cut, everything
//! before the timeline's zero and after its end is dropped.

use media_proto::AUDIO_TIMESCALE;
use std::collections::VecDeque;

use crate::av::frame::Frame;
use crate::av::resampler::Resampler;
use crate::failure::Failure;

/// Differences between a block's timestamp and its place that are left alone: rounding of
/// containers and jitter of broadcasts, at 48 kHz. 8 ms: with a picture's rounding still less than
/// the 10 ms from which sound and lips come apart.
const TOLERANCE_SAMPLES: i64 = 384;

/// Resamples, mixes and places sound on the timeline. Samples are planar floats.
#[derive(Debug)]
pub struct Assembler {
    channels: usize,
    resampler: Option<Resampler>,
    planes: Vec<VecDeque<f32>>,
    /// Samples put into the planes since the timeline's zero.
    placed: i64,
    /// Samples to drop before the next ones are placed.
    to_drop: i64,
    /// Samples the timeline has room for.
    wanted: i64,
    silence: i64,
    /// Where the last block said it belongs, and how long it was.
    last: Option<(i64, i64)>,
}

impl Assembler {
    /// For `channels` channels and a timeline of `wanted` samples.
    pub fn new(channels: u32, wanted: i64) -> Self {
        let channels = channels.max(1) as usize;
        Self {
            channels,
            resampler: None,
            planes: vec![VecDeque::new(); channels],
            placed: 0,
            to_drop: 0,
            wanted,
            silence: 0,
            last: None,
        }
    }

    /// The timeline has no room for more.
    pub fn is_full(&self) -> bool {
        self.placed >= self.wanted
    }

    /// Samples of silence put in so far.
    pub fn silence_samples(&self) -> i64 {
        self.silence
    }

    /// Adds a decoded block that belongs at `position`, or right behind the last one.
    pub fn push(&mut self, frame: &Frame, position: Option<i64>) -> Result<(), Failure> {
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
            Some(resampler) => resampler.convert(Some(frame)),
            None => return Ok(()),
        };
        let converted = converted.map_err(|error| Failure::internal("resampling", error))?;
        if let Some(mut block) = converted {
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
        let at_start = self.placed == 0 && inside == 0;
        if difference.abs() <= TOLERANCE_SAMPLES && !at_start {
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
            .convert(None)
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
        let kept = (samples - dropped).min(self.wanted - self.placed).max(0);
        let from = usize::try_from(dropped).unwrap_or(0);
        let to = from + usize::try_from(kept).unwrap_or(0);
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            plane.extend(block.plane_f32_mut(channel).get(from..to).unwrap_or(&[]));
        }
        self.placed += kept;
    }

    fn place_silence(&mut self, samples: i64) {
        let kept = samples.min(self.wanted - self.placed).max(0);
        for plane in &mut self.planes {
            plane.extend(std::iter::repeat_n(0.0, usize::try_from(kept).unwrap_or(0)));
        }
        self.placed += kept;
        self.silence += kept;
    }

    /// No more blocks come: silence up to the end of the timeline.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.flush_resampler()?;
        self.place_silence(self.wanted - self.placed);
        Ok(())
    }

    /// Takes `samples` samples out into `block`, if so many are ready.
    pub fn take(&mut self, samples: usize, block: &mut Frame) -> bool {
        if self.planes.iter().any(|plane| plane.len() < samples) {
            return false;
        }
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            let target = block.plane_f32_mut(channel);
            for (sample, value) in target.iter_mut().zip(plane.drain(..samples)) {
                *sample = value;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Assembler;
    use crate::av::frame::Frame;

    fn block(value: f32, samples: usize) -> Frame {
        let mut frame = Frame::sound(samples, 1, 48_000).unwrap();
        frame.plane_f32_mut(0).fill(value);
        frame
    }

    fn assemble(blocks: &[(f32, usize, Option<i64>)], wanted: i64) -> Vec<(f32, usize)> {
        let mut assembler = Assembler::new(1, wanted);
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
}
