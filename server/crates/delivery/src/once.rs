//! Secrets that are good for one thing, once, for a while: kept in memory, because whoever needs
//! one can have another after a restart.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::error::Result;
use tokio::time::Instant;

use crate::secret::{Fingerprint, LONGEST_BYTES, Secret, fingerprint};

/// Secrets that wait to be used at the same time.
const MOST: usize = 256;

/// Secrets, each for a `T`.
#[derive(Debug)]
pub(crate) struct OneTime<T> {
    lifetime: Duration,
    waiting: Mutex<HashMap<Fingerprint, (T, Instant)>>,
}

impl<T> OneTime<T> {
    /// Each is good for `lifetime`.
    pub(crate) fn lasting(lifetime: Duration) -> Self {
        Self {
            lifetime,
            waiting: Mutex::default(),
        }
    }

    /// A new secret for `value`. With too many waiting, the oldest is void.
    pub(crate) fn issue(&self, value: T) -> Result<Secret> {
        let secret = Secret::long("")?;
        let now = Instant::now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (_, until)| *until > now);
        if waiting.len() >= MOST {
            let oldest = waiting.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(oldest) = oldest.map(|(secret, _)| *secret) {
                waiting.remove(&oldest);
            }
        }
        waiting.insert(secret.fingerprint(), (value, now + self.lifetime));
        Ok(secret)
    }

    /// What the secret was for. It is worth nothing afterwards.
    pub(crate) fn redeem(&self, text: &str) -> Option<T> {
        if text.len() > LONGEST_BYTES {
            return None;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, until) = waiting.remove(&fingerprint(text))?;
        (until > Instant::now()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, OneTime};
    use std::time::Duration;

    const LIFETIME: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_good_once_and_not_for_long() {
        let links = OneTime::lasting(LIFETIME);
        let (first, second) = (links.issue(1).unwrap(), links.issue(2).unwrap());
        assert_eq!(links.redeem("nonsense"), None);
        assert_eq!(links.redeem(first.reveal()), Some(1));
        assert_eq!(links.redeem(first.reveal()), None, "it was used");
        tokio::time::advance(LIFETIME).await;
        assert_eq!(links.redeem(second.reveal()), None, "it is too late");
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait() {
        let links = OneTime::lasting(LIFETIME);
        let first = links.issue(0).unwrap();
        for number in 0..MOST {
            tokio::time::advance(Duration::from_millis(1)).await;
            links.issue(number).unwrap();
        }
        assert_eq!(links.redeem(first.reveal()), None, "the oldest is void");
        assert_eq!(links.waiting.lock().unwrap().len(), MOST);
    }
}
