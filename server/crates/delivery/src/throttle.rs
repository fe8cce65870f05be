//! One throttle over every door that takes a secret: the form, the API, set-up, links. Attempts
//! are counted by account and by where they come from; a right password gives its attempt back.
//! Nobody is locked out for good, and nobody locks out who lives here: where an account signed in
//! before, its attempts have a count of their own, which no other account or place uses up.
//!
//! Secrets of programs are too long to guess, so they are looked up first and only wrong ones are
//! counted, apart from the rest: a program with an old one keeps nobody from signing in.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::allowance::{Allowance, Buckets};
use crate::origin::Origin;
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
    /// Accounts where they signed in before.
    residents: Buckets<(Origin, String)>,
    /// Programs with a wrong secret.
    programs: Buckets<Origin>,
    known: Mutex<HashSet<(Origin, String)>>,
}

impl Throttle {
    /// Lets an attempt through.
    ///
    /// # Errors
    /// 429 with `Retry-After` after too many.
    pub(crate) fn admit(&self, attempt: &Attempt) -> Result<(), Problem> {
        let Attempt { origin, account } = attempt;
        let taken = match (self.resident(attempt), account) {
            (Some(resident), _) => self.residents.take(resident, ATTEMPTS),
            (None, Some(account)) => self
                .origins
                .take(*origin, ATTEMPTS)
                .and_then(|()| self.accounts.take(account.clone(), ATTEMPTS)),
            (None, None) => self.origins.take(*origin, ATTEMPTS),
        };
        taken.map_err(too_many)
    }

    /// The secret was right: the attempt does not count.
    pub(crate) fn forgive(&self, attempt: &Attempt) {
        if let Some(resident) = self.resident(attempt) {
            return self.residents.give_back(&resident, ATTEMPTS);
        }
        self.origins.give_back(&attempt.origin, ATTEMPTS);
        if let Some(account) = &attempt.account {
            self.accounts.give_back(account, ATTEMPTS);
            self.remember((attempt.origin, account.clone()));
        }
    }

    /// Counts the wrong secret of a program.
    ///
    /// # Errors
    /// 429 with `Retry-After` after too many.
    pub(crate) fn count_program(&self, origin: Origin) -> Result<(), Problem> {
        self.programs.take(origin, ATTEMPTS).map_err(too_many)
    }

    /// Account and place, if they were seen together before.
    fn resident(&self, attempt: &Attempt) -> Option<(Origin, String)> {
        let resident = (attempt.origin, attempt.account.clone()?);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&resident).then_some(resident)
    }

    fn remember(&self, resident: (Origin, String)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(resident);
    }
}

fn too_many(wait: Duration) -> Problem {
    Problem::too_many("Too many attempts. Wait a little and try again.", wait)
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Throttle};
    use crate::origin::Origin;
    use std::time::Duration;

    fn from(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_is_slowed_by_address_and_by_account() {
        let throttle = Throttle::default();
        for name in ["a", "b", "c", "d", "e"] {
            let attempt = Attempt::at_account(from("10.0.0.1"), name);
            assert!(throttle.admit(&attempt).is_ok(), "{name}");
        }
        let sixth = Attempt::at_account(from("10.0.0.1"), "f");
        assert!(throttle.admit(&sixth).is_err(), "one address, many names");
        for address in 2..6 {
            let attempt = Attempt::at_account(from(&format!("10.0.0.{address}")), "A");
            assert!(throttle.admit(&attempt).is_ok(), "{address}");
        }
        let elsewhere = Attempt::at_account(from("10.0.0.9"), "a");
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
        let owner = Attempt::at_account(from("10.0.0.1"), "owner");
        throttle.admit(&owner).unwrap();
        throttle.forgive(&owner);
        for address in 2..30 {
            let guess = Attempt::at_account(from(&format!("10.0.0.{address}")), "owner");
            let _ = throttle.admit(&guess);
        }
        assert!(throttle.admit(&owner).is_ok(), "from other places");
        for number in 0..30 {
            let guess = Attempt::at_account(from("10.0.0.1"), &format!("guess {number}"));
            let _ = throttle.admit(&guess);
            let _ = throttle.admit(&Attempt::with_secret(from("10.0.0.1")));
        }
        assert!(
            throttle.admit(&owner).is_ok(),
            "somebody else in the house, or behind the same proxy"
        );
        for _ in 0..3 {
            throttle.admit(&owner).unwrap();
        }
        assert!(throttle.admit(&owner).is_err(), "theirs are counted, too");
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_with_an_old_secret_keeps_nobody_from_signing_in() {
        let throttle = Throttle::default();
        let origin = from("10.0.0.1");
        for _ in 0..5 {
            assert!(throttle.count_program(origin).is_ok());
        }
        assert!(throttle.count_program(origin).is_err());
        assert!(throttle.count_program(from("10.0.0.2")).is_ok());
        let ada = Attempt::at_account(origin, "ada");
        assert!(throttle.admit(&ada).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn right_passwords_do_not_count() {
        let throttle = Throttle::default();
        let attempt = Attempt::at_account(from("10.0.0.1"), "ada");
        for _ in 0..50 {
            throttle.admit(&attempt).unwrap();
            throttle.forgive(&attempt);
        }
    }
}
