//! How long to leave a bucket alone that does not take what it is given. The more failures in a
//! row, the longer, up to a minute, so that it comes back to a house that notices and is not met
//! by everybody at once.
//!
//! What does not belong here: telling the owner (`trouble`, `settle`).

use model::settings::Place;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::settle::jitter;

/// The longest wait: an owner who has corrected something should not have to press a button.
const LONGEST: Duration = Duration::from_secs(60);

/// Failures in a row, of all lanes together.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    failures: AtomicU32,
}

impl Outage {
    /// The bucket failed; how long to wait, beginning with about `first`.
    pub(crate) fn failed(&self, first: Duration) -> Duration {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        delay(first, failures, jitter())
    }

    /// How many pieces may go to `place` together, of `usual`: while its bucket is away, one that
    /// tries whether it is back.
    pub(crate) fn at_once(&self, place: Place, usual: usize) -> usize {
        let is_on = self.failures.load(Ordering::Relaxed) > 0;
        if place == Place::Bucket && is_on {
            return 1;
        }
        usual
    }

    /// The bucket works.
    pub(crate) fn over(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }
}

/// Doubles with each failure; `jitter` between 0 and 1 takes up to half of it away.
fn delay(first: Duration, failures: u32, jitter: f64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    doubled
        .min(LONGEST)
        .mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::{Outage, delay};
    use model::settings::Place;
    use std::time::Duration;

    #[test]
    fn waits_double_up_to_a_minute_and_differ() {
        let first = Duration::from_secs(2);
        for (failures, longest) in [(0, 2), (1, 4), (4, 32), (5, 60), (u32::MAX, 60)] {
            let longest = Duration::from_secs(longest);
            assert_eq!(delay(first, failures, 0.0), longest, "after {failures}");
            assert_eq!(delay(first, failures, 1.0), longest / 2, "after {failures}");
        }
    }

    #[test]
    fn a_success_ends_it() {
        let outage = Outage::default();
        for _ in 0..10 {
            outage.failed(Duration::from_secs(1));
        }
        assert_eq!(outage.at_once(Place::Bucket, 8), 1, "one that tries");
        assert_eq!(outage.at_once(Place::Local, 8), 8, "the disk is there");
        outage.over();
        assert_eq!(outage.at_once(Place::Bucket, 8), 8);
        assert!(outage.failed(Duration::from_secs(1)) <= Duration::from_secs(1));
    }
}
