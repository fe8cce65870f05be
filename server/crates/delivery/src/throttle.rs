//! One throttle over every door that takes a secret: the form, the API, WebDAV, set-up, links.
//! Attempts are counted by account and by the socket's address; a right password gives its
//! attempt back. Nobody is locked out for good, and nobody locks out the owner: from an address
//! where an account signed in before, attempts of others on that account do not count.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::allowance::{Allowance, Buckets};
use crate::app::App;
use crate::policy::Peer;
use crate::problem::Problem;

/// Five quick ones, then one in ten seconds.
const ATTEMPTS: Allowance = Allowance {
    burst: 5,
    every: Duration::from_secs(10),
};
/// Longest account name that is told apart; what people sign in with is never longer.
const ACCOUNT_CHARS: usize = 64;
/// Places where somebody signed in that are remembered.
const MOST_KNOWN: usize = 4096;

/// Where a request comes from: an address, or the /64 that a household has of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    pub(crate) fn of(peer: SocketAddr) -> Self {
        match peer.ip().to_canonical() {
            IpAddr::V6(ip) => {
                let network = ip.to_bits() >> 64 << 64;
                Self(IpAddr::V6(network.into()))
            }
            ip => Self(ip),
        }
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let unknown = Self(Ipv4Addr::UNSPECIFIED.into());
        let peer = parts.extensions.get::<Peer>();
        Ok(peer.map_or(unknown, |Peer(address)| Self::of(*address)))
    }
}

/// Who tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    origin: Origin,
    account: Option<String>,
}

impl Attempt {
    /// With a secret that names its own account, such as a link.
    pub(crate) fn with_secret(origin: Origin) -> Self {
        Self {
            origin,
            account: None,
        }
    }

    /// At the account that is called so.
    pub(crate) fn at_account(origin: Origin, name: &str) -> Self {
        let account = name.chars().take(ACCOUNT_CHARS);
        Self {
            origin,
            account: Some(account.collect::<String>().to_lowercase()),
        }
    }
}

/// Counts attempts.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    origins: Buckets<Origin>,
    accounts: Buckets<String>,
    known: Mutex<HashSet<(Origin, String)>>,
}

impl Throttle {
    /// Lets an attempt through.
    ///
    /// # Errors
    /// 429 with `Retry-After` after too many.
    pub(crate) fn admit(&self, attempt: &Attempt) -> Result<(), Problem> {
        self.origins
            .take(attempt.origin, ATTEMPTS)
            .map_err(too_many)?;
        match self.counted_account(attempt) {
            Some(account) => self.accounts.take(account, ATTEMPTS).map_err(too_many),
            None => Ok(()),
        }
    }

    /// The secret was right: the attempt does not count.
    pub(crate) fn forgive(&self, attempt: &Attempt) {
        self.origins.give_back(&attempt.origin, ATTEMPTS);
        let Some(account) = &attempt.account else {
            return;
        };
        if self.counted_account(attempt).is_some() {
            self.accounts.give_back(account, ATTEMPTS);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert((attempt.origin, account.clone()));
    }

    fn counted_account(&self, attempt: &Attempt) -> Option<String> {
        let account = attempt.account.clone()?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (!known.contains(&(attempt.origin, account.clone()))).then_some(account)
    }
}

fn too_many(wait: Duration) -> Problem {
    Problem::too_many("Too many attempts. Wait a little and try again.", wait)
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Origin, Throttle};
    use std::time::Duration;

    fn from(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_is_slowed_by_address_and_by_account() {
        let throttle = Throttle::default();
        for name in ["a", "b", "c", "d", "e"] {
            let attempt = Attempt::at_account(from("10.0.0.1:1"), name);
            assert!(throttle.admit(&attempt).is_ok(), "{name}");
        }
        let sixth = Attempt::at_account(from("10.0.0.1:2"), "f");
        assert!(throttle.admit(&sixth).is_err(), "one address, many names");
        for address in 2..6 {
            let attempt = Attempt::at_account(from(&format!("10.0.0.{address}:1")), "A");
            assert!(throttle.admit(&attempt).is_ok(), "{address}");
        }
        let elsewhere = Attempt::at_account(from("10.0.0.9:1"), "a");
        assert!(
            throttle.admit(&elsewhere).is_err(),
            "many addresses, one name"
        );
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(throttle.admit(&elsewhere).is_ok(), "never for good");
    }

    #[tokio::test(start_paused = true)]
    async fn guessers_do_not_lock_out_who_was_here_before() {
        let throttle = Throttle::default();
        let owner = Attempt::at_account(from("10.0.0.1:1"), "owner");
        throttle.admit(&owner).unwrap();
        throttle.forgive(&owner);
        for address in 2..30 {
            let guess = Attempt::at_account(from(&format!("10.0.0.{address}:1")), "owner");
            let _ = throttle.admit(&guess);
        }
        assert!(throttle.admit(&owner).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn right_passwords_do_not_count() {
        let throttle = Throttle::default();
        let attempt = Attempt::at_account(from("10.0.0.1:1"), "ada");
        for _ in 0..50 {
            throttle.admit(&attempt).unwrap();
            throttle.forgive(&attempt);
        }
    }

    #[test]
    fn a_household_is_one_address() {
        assert_eq!(from("[2001:db8::1]:1"), from("[2001:db8::ffff]:2"));
        assert_ne!(from("[2001:db8::1]:1"), from("[2001:db8:0:1::1]:1"));
        assert_eq!(from("[::ffff:10.0.0.1]:1"), from("10.0.0.1:9"));
        assert_ne!(from("10.0.0.1:1"), from("10.0.0.2:1"));
    }
}
