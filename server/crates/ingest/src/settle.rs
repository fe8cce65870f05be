//! Has a file come to rest? A pure rule over looks and moments.
//!
//! Moments are monotonic: a wall clock that is set forward, as at every start of a box without a
//! battery, would make a growing file look old.

use std::time::Duration;
use tokio::time::Instant;

use crate::look::Version;

/// A file that is watched until it comes to rest. It is at rest when a look finds the version of
/// the look before; looks are a settling time apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settling {
    version: Version,
    still_since: Instant,
    told_at: Instant,
    /// It came to rest, but bytes are missing; set by whoever examined it.
    pub(crate) is_unfinished: bool,
}

impl Settling {
    /// Begins with what was seen `now`.
    pub(crate) fn new(version: Version, now: Instant) -> Self {
        Self {
            version,
            still_since: now,
            told_at: now,
            is_unfinished: false,
        }
    }

    /// The version that was seen last.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Takes another look into account; true if the file changed since the last one.
    pub(crate) fn update(&mut self, version: Version, now: Instant) -> bool {
        if version == self.version {
            return false;
        }
        *self = Self {
            told_at: self.told_at,
            ..Self::new(version, now)
        };
        true
    }

    /// For how long nothing has changed.
    pub(crate) fn still_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.still_since)
    }

    /// Is it time to tell the owner how a growing file gets on? True at most once in `interval`.
    pub(crate) fn should_tell(&mut self, now: Instant, interval: Duration) -> bool {
        let is_time = now.saturating_duration_since(self.told_at) >= interval;
        if is_time {
            self.told_at = now;
        }
        is_time
    }
}
