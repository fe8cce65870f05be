//! When jobs will be ready, as far as that can be told: those that run at their own speed, those
//! that wait one after the other behind them. A pure rule.

use std::time::Duration;

use model::clock::WallTime;
use model::job::{Job, JobState};

/// When each of `jobs`, which stand in the order of their turn, will be ready; `None` where
/// nobody can know.
pub(crate) fn ready_at(jobs: &[Job], now: WallTime, paused: bool) -> Vec<Option<WallTime>> {
    if paused {
        return vec![None; jobs.len()];
    }
    let running = || jobs.iter().filter(|job| job.state == JobState::Running);
    let speed = running()
        .map(|job| job.progress.speed)
        .filter(|speed| *speed > 0.0)
        .fold(None, |slowest: Option<f64>, speed| {
            Some(slowest.map_or(speed, |slowest| slowest.min(speed)))
        });
    // A job in the queue begins when all before it are ready; one that is unknown hides the rest.
    let mut before: Option<f64> = Some(0.0);
    jobs.iter()
        .map(|job| {
            let left_s = match job.state {
                JobState::Running => {
                    let left_s = job.progress.seconds_left();
                    before = later(before, left_s);
                    left_s
                }
                JobState::Queued => {
                    let own_s = speed.and_then(|speed| work_s(job, speed));
                    before = before.zip(own_s).map(|(before, own)| before + own);
                    before
                }
                _ => None,
            };
            left_s.map(|left_s| now.plus(duration(left_s)))
        })
        .collect()
}

fn later(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.zip(other).map(|(one, other)| one.max(other))
}

/// Nothing is known of a job whose film was not inspected.
fn work_s(job: &Job, speed: f64) -> Option<f64> {
    let progress = &job.progress;
    let left = (progress.total - progress.done).seconds();
    (progress.total.0 > 0).then_some(left.max(0.0) / speed)
}

/// A guess beyond a year is none worth a date.
fn duration(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 365.0 * 86_400.0))
}

#[cfg(test)]
mod tests {
    use super::ready_at;
    use model::clock::WallTime;
    use model::id::{JobId, TitleId};
    use model::job::{Job, JobState, Progress, Step};
    use model::time::Ticks;

    fn job(state: JobState, done_s: i64, total_s: i64, speed: f64) -> Job {
        Job {
            id: JobId::generate(),
            title: TitleId::generate(),
            state,
            priority: 0,
            attempts: 0,
            run_after: WallTime(0),
            reason: None,
            progress: Progress {
                step: Step::Encoding,
                done: Ticks::from_seconds(done_s),
                total: Ticks::from_seconds(total_s),
                speed,
            },
            created_at: WallTime(0),
            started_at: None,
            finished_at: None,
        }
    }

    #[test]
    fn the_queue_is_worked_off_one_after_the_other() {
        use JobState::{Done, Paused, Queued, Running};
        let jobs = [
            job(Running, 50, 100, 2.0),
            job(Queued, 0, 10, 0.0),
            job(Queued, 0, 0, 0.0),
            job(Queued, 0, 10, 0.0),
            job(Paused, 0, 10, 0.0),
            job(Done, 10, 10, 1.0),
        ];
        let at = |ms| Some(WallTime(ms));
        let expected = [at(25_000), at(30_000), None, None, None, None];
        assert_eq!(ready_at(&jobs, WallTime(0), false), expected);
        assert_eq!(
            ready_at(&jobs, WallTime(0), true),
            [None; 6],
            "all stands still"
        );
    }
}
