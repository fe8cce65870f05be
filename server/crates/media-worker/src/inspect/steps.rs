//! Where the clock of a recording steps: recordings that were joined end to end, each with a clock
//! of its own, and senders that began to count anew. All tracks of a part get the same offset, by
//! which it follows the part before without overlap.
//!
//! Only steps that all tracks take are believed: where one goes on by the old clock, nothing says
//! which of them is right, and times stay as the file has them. What does not belong here: how
//! packets are corrected (`av::clock`).

use std::collections::HashMap;

use media_proto::VIDEO_TIMESCALE;
use media_proto::clock::ClockStep;

const SECOND: i64 = VIDEO_TIMESCALE as i64;
/// Decoding times that go back by less are no step: where only presentation times are told, they
/// go back and forth.
const STEP_BACK: i64 = SECOND / 2;
/// Nothing for that long is a step. Less is a gap, as where reception was lost.
const LONGEST_GAP: i64 = 600 * SECOND;
/// Times that go astray for less, and come back, are wrong, not a part.
const ASTRAY: i64 = 2 * SECOND;
/// The tracks of a part begin and end together, but for that much.
const TOGETHER: i64 = 10 * SECOND;
/// How long packets of a part may follow behind the beginning of the next one.
const INTERLEAVED: i64 = 3 * SECOND;
/// More steps than anybody joined recordings.
const MAX_RUNS: usize = 200;

/// What counts of a packet; times in video ticks.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// Decoding time, or presentation time where there is no other.
    pub decoded: i64,
    /// Presentation time.
    pub shown: i64,
    /// Zero where unknown.
    pub duration: i64,
    /// Byte position, negative where unknown.
    pub position: i64,
}

/// A stretch of a track without a step.
#[derive(Clone, Copy, Debug)]
struct Run {
    track: usize,
    /// Byte positions of its first and last packet.
    first_position: i64,
    last_position: i64,
    /// What is presented, from the earliest to the end of the latest.
    start: i64,
    end: i64,
    /// Decoded last.
    last: i64,
    /// Between the last two packets.
    pace: i64,
}

impl Run {
    fn new(track: usize, packet: Timed) -> Self {
        Self {
            track,
            first_position: packet.position,
            last_position: packet.position,
            start: packet.shown,
            end: packet.shown.saturating_add(packet.duration),
            last: packet.decoded,
            pace: 0,
        }
    }

    fn continues_with(&self, packet: Timed) -> bool {
        let ahead = packet.decoded.saturating_sub(self.last);
        (-STEP_BACK..=LONGEST_GAP).contains(&ahead)
    }

    fn distance(&self, packet: Timed) -> i64 {
        packet.decoded.saturating_sub(self.last).saturating_abs()
    }

    fn take(&mut self, packet: Timed) {
        if packet.decoded > self.last {
            self.pace = (packet.decoded - self.last).min(SECOND);
        }
        self.last = packet.decoded;
        self.last_position = self.last_position.max(packet.position);
        self.start = self.start.min(packet.shown);
        let duration = if packet.duration > 0 {
            packet.duration
        } else {
            self.pace
        };
        self.end = self.end.max(packet.shown.saturating_add(duration));
    }

    fn length(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }

    /// About how much of it comes behind that byte.
    fn length_behind(&self, position: i64) -> i64 {
        let behind = i128::from(self.last_position - position.max(self.first_position));
        let bytes = i128::from(self.last_position - self.first_position);
        if behind <= 0 || bytes <= 0 {
            return 0;
        }
        i64::try_from(i128::from(self.length()) * behind / bytes).unwrap_or(i64::MAX)
    }
}

/// Runs of several tracks by one clock.
#[derive(Debug)]
struct Part {
    runs: Vec<Run>,
}

impl Part {
    fn start(&self) -> i64 {
        self.runs.iter().map(|run| run.start).min().unwrap_or(0)
    }

    fn end(&self) -> i64 {
        self.runs.iter().map(|run| run.end).max().unwrap_or(0)
    }

    fn position(&self) -> i64 {
        let positions = self.runs.iter().map(|run| run.first_position);
        positions.min().unwrap_or(0)
    }

    /// The run goes by this part's clock.
    fn holds(&self, run: &Run) -> bool {
        let own = self.runs.iter().rfind(|own| own.track == run.track);
        match own {
            // A track may pause while another tells that the clock goes on.
            Some(own) => (own.end..=self.end()).contains(&run.start),
            None => (self.start() - TOGETHER..=self.end() + TOGETHER).contains(&run.start),
        }
    }
}

/// Watches the packets of a file go by.
#[derive(Debug, Default)]
pub struct StepFinder {
    runs: HashMap<usize, Vec<Run>>,
}

impl StepFinder {
    /// Takes note of a packet, in the order of the file.
    pub fn observe(&mut self, track: usize, mut packet: Timed) {
        let runs = self.runs.entry(track).or_default();
        if packet.position < 0 {
            packet.position = runs.last().map_or(0, |run| run.last_position + 1);
        }
        if runs.len() > MAX_RUNS {
            return;
        }
        if let [.., before, astray] = &mut runs[..]
            && astray.length() < ASTRAY
            && before.continues_with(packet)
            && astray.distance(packet) > STEP_BACK.max(before.distance(packet))
        {
            before.take(packet);
            runs.pop();
            return;
        }
        match runs.last_mut() {
            Some(run) if run.continues_with(packet) => run.take(packet),
            _ => runs.push(Run::new(track, packet)),
        }
    }

    /// The steps of all tracks that were watched, and of the `others`, which step together with
    /// the first of them. None where the tracks contradict each other.
    pub fn steps(&self, others: &[usize]) -> Vec<ClockStep> {
        if self.runs.values().any(|runs| runs.len() > MAX_RUNS) {
            return Vec::new();
        }
        let parts = self.parts();
        if !follow_each_other(&parts) {
            return Vec::new();
        }
        let step = |track: usize, position, offset| ClockStep {
            track: u32::try_from(track).unwrap_or(u32::MAX),
            position,
            offset,
        };
        let mut steps = Vec::new();
        let mut end = parts.first().map_or(0, Part::end);
        for part in parts.iter().skip(1) {
            let offset = end.saturating_sub(part.start());
            end = end.max(part.end().saturating_add(offset));
            let own = part.runs.iter();
            steps.extend(own.map(|run| step(run.track, run.first_position, offset)));
            let others = others.iter();
            steps.extend(others.map(|track| step(*track, part.position(), offset)));
        }
        steps
    }

    /// All runs by the clock they go by, in the order of the file.
    fn parts(&self) -> Vec<Part> {
        let mut runs: Vec<Run> = self.runs.values().flatten().copied().collect();
        runs.sort_by_key(|run| (run.first_position, run.track));
        let mut parts: Vec<Part> = Vec::new();
        for run in runs {
            match parts.last_mut() {
                Some(part) if part.holds(&run) => part.runs.push(run),
                _ => parts.push(Part { runs: vec![run] }),
            }
        }
        parts
    }
}

/// No track goes on by an old clock while another goes by a new one.
fn follow_each_other(parts: &[Part]) -> bool {
    (1..parts.len()).all(|next| {
        let position = parts[next].position();
        let mut before = parts[..next].iter().flat_map(|part| &part.runs);
        before.all(|run| run.length_behind(position) <= INTERLEAVED)
    })
}

#[cfg(test)]
mod tests {
    use super::{SECOND, StepFinder, Timed};

    /// Bytes of a second of either track.
    const A_SECOND: i64 = 100_000;
    const PICTURE: usize = 0;
    const SOUND: usize = 1;
    const WORDS: usize = 2;

    /// A recording of `tracks` that takes `seconds` from byte `at` on and begins at `from`, also in
    /// seconds; 25 packets a second.
    fn record(finder: &mut StepFinder, tracks: &[usize], at: i64, from: i64, seconds: i64) {
        for packet in 0..seconds * 25 {
            for track in tracks {
                let lag = i64::try_from(*track).unwrap() * 100;
                let decoded = from * SECOND + packet * 3_600 + lag;
                let timed = Timed {
                    decoded,
                    shown: decoded,
                    duration: 3_600,
                    position: at + packet * A_SECOND / 25 + lag,
                };
                finder.observe(*track, timed);
            }
        }
    }

    /// Recordings of both tracks one after another: from when, and how many seconds.
    fn joined(recordings: &[(i64, i64)]) -> StepFinder {
        let mut finder = StepFinder::default();
        let mut at = 0;
        for (from, seconds) in recordings {
            record(&mut finder, &[PICTURE, SOUND], at, *from, *seconds);
            at += seconds * A_SECOND;
        }
        finder
    }

    /// Track, second of the file and offset of each step.
    fn found(finder: &StepFinder) -> Vec<(u32, i64, i64)> {
        let steps = finder.steps(&[WORDS]).into_iter();
        steps
            .map(|step| (step.track, step.position / A_SECOND, step.offset))
            .collect()
    }

    /// Where the sound of the part before ends 100 ticks behind `seconds`.
    fn all_tracks(at: i64, seconds: i64) -> [(u32, i64, i64); 3] {
        [0, 1, 2].map(|track| (track, at, seconds * SECOND + 100))
    }

    #[test]
    fn what_was_joined_follows_what_came_before() {
        for (recordings, offset) in [
            ([(100, 40), (100, 40)], 40),
            ([(100, 40), (102, 40)], 38),
            ([(100, 40), (138, 40)], 2),
            ([(100, 40), (139, 40)], 1),
            ([(100, 40), (50, 40)], 90),
            ([(100, 40), (3_700, 40)], -3_560),
            ([(100, 40), (95_443, 40)], -95_303),
        ] {
            let steps = found(&joined(&recordings));
            assert_eq!(steps, all_tracks(40, offset), "{recordings:?}");
        }
    }

    #[test]
    fn each_of_many_parts_follows_the_one_before() {
        let steps = found(&joined(&[(0, 30), (0, 30), (0, 30)]));
        let (second, third) = steps.split_at(3);
        assert_eq!(second, all_tracks(30, 30));
        let offset = 2 * (30 * SECOND + 100);
        assert_eq!(third, [0, 1, 2].map(|track| (track, 60, offset)));
    }

    #[test]
    fn gaps_of_a_clock_that_goes_on_are_none_of_its_steps() {
        for gap in [1, 30, 60, 500] {
            let finder = joined(&[(10, 40), (50 + gap, 40)]);
            assert!(found(&finder).is_empty(), "a gap of {gap} s");
        }
    }

    #[test]
    fn a_track_that_pauses_does_not_step() {
        let mut finder = StepFinder::default();
        record(&mut finder, &[PICTURE], 0, 0, 2_000);
        record(&mut finder, &[SOUND], 0, 0, 10);
        record(&mut finder, &[SOUND], 1_000 * A_SECOND, 1_000, 10);
        assert!(found(&finder).is_empty());
    }

    #[test]
    fn a_track_that_begins_later_goes_by_the_clock_of_its_part() {
        let mut finder = joined(&[(100, 40), (100, 40)]);
        record(&mut finder, &[3], 41 * A_SECOND, 101, 39);
        let later = finder.steps(&[]).into_iter().find(|step| step.track == 3);
        let offset = later.map(|step| step.offset);
        assert_eq!(offset, Some(40 * SECOND + 100));
    }

    #[test]
    fn times_that_go_astray_and_come_back_are_no_steps() {
        for astray in [0, 20_000] {
            let finder = joined(&[(100, 40), (astray, 1), (141, 40)]);
            assert!(found(&finder).is_empty(), "a second at {astray} s");
        }
    }

    #[test]
    fn a_step_of_one_track_alone_is_not_believed() {
        let mut finder = StepFinder::default();
        record(&mut finder, &[PICTURE], 0, 100, 80);
        record(&mut finder, &[SOUND], 0, 100, 40);
        record(&mut finder, &[SOUND], 40 * A_SECOND, 60, 40);
        assert!(found(&finder).is_empty());
    }

    #[test]
    fn a_clock_that_never_holds_is_left_alone() {
        let recordings: Vec<(i64, i64)> = (0..300).map(|_| (0, 3)).collect();
        assert!(found(&joined(&recordings)).is_empty());
    }
}
