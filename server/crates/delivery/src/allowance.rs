//! Token buckets: some uses at once, then one each so often. Rules and a bounded table; who is
//! limited in what is said by `throttle` and `cutetube`.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Keys that are remembered at the same time.
const MOST_KEYS: usize = 8192;

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Uses at once.
    pub(crate) burst: u32,
    /// Then one each so often.
    pub(crate) every: Duration,
}

/// A bucket for each key. A key that was never seen has a full one.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    /// When each bucket will be full again.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            full_at: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Takes one use of `key`, or says how long to wait for it.
    pub(crate) fn take(&self, key: K, allowance: Allowance) -> Result<(), Duration> {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full = full_at.get(&key).map_or(now, |full| (*full).max(now));
        // Each use moves the moment at which the bucket is full by one step; it is empty when
        // that moment is a whole burst away.
        let after = full + allowance.every;
        let furthest = now + allowance.every * allowance.burst;
        if after > furthest {
            return Err(after - furthest);
        }
        make_room(&mut full_at, now);
        full_at.insert(key, after);
        Ok(())
    }

    /// Gives one use back.
    pub(crate) fn give_back(&self, key: &K, allowance: Allowance) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full) = full_at.get_mut(key) {
            *full = full.checked_sub(allowance.every).unwrap_or(*full);
        }
    }
}

/// Full buckets need no row. If none is full, the one that soonest will be goes.
fn make_room<K: Eq + Hash + Clone>(full_at: &mut HashMap<K, Instant>, now: Instant) {
    if full_at.len() < MOST_KEYS {
        return;
    }
    full_at.retain(|_, full| *full > now);
    if full_at.len() < MOST_KEYS {
        return;
    }
    let soonest = full_at.iter().min_by_key(|(_, full)| **full);
    if let Some(key) = soonest.map(|(key, _)| key.clone()) {
        full_at.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Buckets, MOST_KEYS};
    use std::time::Duration;

    const THREE: Allowance = Allowance {
        burst: 3,
        every: Duration::from_secs(20),
    };

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_one_each_so_often() {
        let buckets = Buckets::default();
        for _ in 0..3 {
            assert_eq!(buckets.take("a", THREE), Ok(()));
        }
        assert_eq!(buckets.take("a", THREE), Err(Duration::from_secs(20)));
        assert_eq!(buckets.take("b", THREE), Ok(()), "keys are apart");
        tokio::time::advance(Duration::from_secs(19)).await;
        assert_eq!(
            buckets.take("a", THREE),
            Err(Duration::from_secs(1)),
            "asking too early costs nothing more"
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(buckets.take("a", THREE), Ok(()));
        assert!(buckets.take("a", THREE).is_err(), "there was one only");
        tokio::time::advance(Duration::from_secs(3_600)).await;
        for _ in 0..3 {
            assert_eq!(buckets.take("a", THREE), Ok(()), "never more than a burst");
        }
        assert!(buckets.take("a", THREE).is_err());
        buckets.give_back(&"a", THREE);
        assert_eq!(buckets.take("a", THREE), Ok(()), "what was given back");
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded() {
        let buckets = Buckets::default();
        for key in 0..3 * MOST_KEYS {
            assert_eq!(buckets.take(key, THREE), Ok(()));
        }
        let rows = buckets.full_at.lock().unwrap().len();
        assert!(rows <= MOST_KEYS, "{rows} rows");
    }
}
