//! How fast a job comes on: media seconds in a second of work, smoothed over about ten seconds,
//! so that the estimate of what is left does not jump. Pure arithmetic.

use model::time::VideoTicks;
use tokio::time::Instant;

/// Half of the estimate is younger than about this many seconds.
const MEMORY_SECONDS: f64 = 10.0;

/// The pace of one job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    speed: f64,
    last: Option<(VideoTicks, Instant)>,
}

impl Pace {
    /// Takes note that `done` of the title was encoded at `now`.
    pub(crate) fn observe(&mut self, done: VideoTicks, now: Instant) {
        let Some((before, then)) = self.last.replace((done, now)) else {
            return;
        };
        let elapsed = now.duration_since(then).as_secs_f64();
        let gained = (done - before).seconds();
        // An interrupted chunk takes its share back; that says nothing about the speed.
        if elapsed <= 0.0 || gained < 0.0 {
            return;
        }
        let weight = 1.0 - (-elapsed / MEMORY_SECONDS).exp();
        self.speed = if self.speed > 0.0 {
            self.speed + weight * (gained / elapsed - self.speed)
        } else {
            gained / elapsed
        };
    }

    /// Nobody works on the job for a while; that time must not count.
    pub(crate) fn pause(&mut self) {
        self.last = None;
    }

    /// Media seconds in a second of work; zero until measured.
    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use model::time::VideoTicks;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn a_steady_pace_is_found_and_a_pause_does_not_count() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        for second in 0..30_u32 {
            let done = VideoTicks::from_seconds(i64::from(second) * 3);
            pace.observe(done, begin + Duration::from_secs(second.into()));
        }
        assert!((pace.speed() - 3.0).abs() < 0.01, "{}", pace.speed());
        pace.pause();
        let later = begin + Duration::from_secs(10_000);
        pace.observe(VideoTicks::from_seconds(90), later);
        pace.observe(VideoTicks::from_seconds(93), later + Duration::from_secs(1));
        assert!((pace.speed() - 3.0).abs() < 0.01, "{}", pace.speed());
    }

    #[test]
    fn a_step_back_does_not_make_the_speed_negative() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        for (second, done) in [(0, 0), (1, 2), (2, 0), (3, 2)] {
            pace.observe(
                VideoTicks::from_seconds(done),
                begin + Duration::from_secs(second),
            );
        }
        assert!((pace.speed() - 2.0).abs() < 0.01, "{}", pace.speed());
    }
}
