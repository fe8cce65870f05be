//! Passwords: argon2id, a few at a time. What does not belong here: whose they are (`catalog`),
//! how often one may try (`throttle`).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use model::error::{Context, Error, ErrorKind, Result};
use tokio::sync::Semaphore;

/// Shortest password, in bytes.
pub const SHORTEST_BYTES: usize = 8;
/// Longest password, in bytes. Longer ones are refused before anything is computed.
pub const LONGEST_BYTES: usize = 128;
/// Passwords that are hashed at the same time; each takes the memory of [`Cost`].
const AT_ONCE: usize = 2;
/// One takes a tenth of a second; whoever waits longer than this stands behind a crowd.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// What a box at home can afford and a thief cannot: above the least that OWASP asks for
    /// (19 MiB, two passes).
    pub const HOUSEHOLD: Self = Self {
        memory_kib: 32 * 1024,
        passes: 2,
    };

    /// For tests that are about something else.
    #[cfg(test)]
    pub(crate) const BRISK: Self = Self {
        memory_kib: 8,
        passes: 1,
    };
}

/// Hashes and checks passwords; clones share the places.
#[derive(Clone, Debug)]
pub struct Passwords {
    cost: Cost,
    room: Arc<Semaphore>,
    /// What the password of somebody unknown is compared with, so that it takes as long.
    nobodys: Arc<OnceLock<String>>,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is another password, or there is nobody of that name.
    Wrong,
    /// It is the password.
    Right,
    /// It is, and it was hashed at another cost: hash it again while it is at hand.
    RightButDated,
}

impl Passwords {
    /// At this cost.
    pub fn new(cost: Cost) -> Self {
        Self {
            cost,
            room: Arc::new(Semaphore::new(AT_ONCE)),
            nobodys: Arc::default(),
        }
    }

    /// The hash to keep of a new password, in PHC spelling.
    ///
    /// # Errors
    /// `InvalidInput` if it is too short or too long.
    pub async fn hash(&self, password: String) -> Result<String> {
        check_length(&password)?;
        let cost = self.cost;
        self.compute(move || hash(cost, &password)).await
    }

    /// Compares `password` with what is kept of somebody's, or takes as long for nobody's.
    ///
    /// # Errors
    /// `InvalidInput` if it is empty or longer than any password is.
    pub(crate) async fn check(&self, password: String, kept: Option<String>) -> Result<Verdict> {
        if password.is_empty() || password.len() > LONGEST_BYTES {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a password has 1 to {LONGEST_BYTES} bytes"),
            ));
        }
        let (cost, nobodys) = (self.cost, Arc::clone(&self.nobodys));
        self.compute(move || match kept {
            Some(kept) => compare(cost, &password, &kept),
            None => {
                let kept = match nobodys.get() {
                    Some(kept) => kept.clone(),
                    None => hash(cost, "nobody has this password")?,
                };
                compare(cost, &password, nobodys.get_or_init(|| kept))?;
                Ok(Verdict::Wrong)
            }
        })
        .await
    }

    /// Takes all places, for tests of who does not need one.
    #[cfg(test)]
    pub(crate) async fn crowd(&self) -> tokio::sync::OwnedSemaphorePermit {
        let room = Arc::clone(&self.room);
        room.acquire_many_owned(2).await.unwrap()
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.room).acquire_owned();
        let place = tokio::time::timeout(PATIENCE, place).await;
        let place = place.map_err(|_| busy())?;
        let place = place.context(ErrorKind::Internal, "waiting to hash a password")?;
        tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await
        .context(ErrorKind::Internal, "hashing a password")?
    }
}

fn busy() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "too many people sign in at this moment; try again in a few seconds",
    )
}

fn check_length(password: &str) -> Result<()> {
    if (SHORTEST_BYTES..=LONGEST_BYTES).contains(&password.len()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("a password has {SHORTEST_BYTES} to {LONGEST_BYTES} bytes"),
    ))
}

fn argon(cost: Cost) -> Result<Argon2<'static>> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("argon2: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(cost: Cost, password: &str) -> Result<String> {
    let hash: PasswordHash = argon(cost)?
        .hash_password(password.as_bytes())
        .map_err(|error| Error::new(ErrorKind::Internal, format!("argon2: {error}")))?;
    Ok(hash.to_string())
}

fn compare(cost: Cost, password: &str, kept: &str) -> Result<Verdict> {
    let kept = PasswordHash::new(kept)
        .map_err(|error| Error::new(ErrorKind::Corrupt, format!("a kept password: {error}")))?;
    if argon(cost)?
        .verify_password(password.as_bytes(), &kept)
        .is_err()
    {
        return Ok(Verdict::Wrong);
    }
    let same_cost = Params::try_from(&kept)
        .is_ok_and(|params| (params.m_cost(), params.t_cost()) == (cost.memory_kib, cost.passes));
    Ok(if same_cost {
        Verdict::Right
    } else {
        Verdict::RightButDated
    })
}

#[cfg(test)]
mod tests {
    use super::{Cost, Passwords, Verdict};
    use model::error::ErrorKind;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::new(Cost::BRISK);
        let kept = passwords.hash("correct horse".into()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{kept}");
        for (password, kept, expected) in [
            ("correct horse", Some(kept.clone()), Verdict::Right),
            ("correct horsf", Some(kept.clone()), Verdict::Wrong),
            ("correct horse", None, Verdict::Wrong),
            ("nobody has this password", None, Verdict::Wrong),
        ] {
            let verdict = passwords.check(password.into(), kept).await.unwrap();
            assert_eq!(verdict, expected, "{password}");
        }
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_due_for_renewal() {
        let kept = Passwords::new(Cost::BRISK).hash("long enough".into()).await;
        let dearer = Passwords::new(Cost {
            memory_kib: 16,
            passes: 1,
        });
        let verdict = dearer
            .check("long enough".into(), Some(kept.unwrap()))
            .await;
        assert_eq!(verdict.unwrap(), Verdict::RightButDated);
    }

    #[tokio::test]
    async fn lengths_are_judged_before_anything_is_computed() {
        let passwords = Passwords::new(Cost::BRISK);
        for password in [
            "",
            "short",
            "1234567",
            &"x".repeat(129),
            &"x".repeat(10_000_000),
        ] {
            let error = passwords.hash(password.into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        for password in ["", &"x".repeat(129)] {
            let error = passwords.check(password.into(), None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_behind_a_crowd() {
        let passwords = Passwords::new(Cost::BRISK);
        let crowd = passwords.crowd().await;
        let error = passwords.hash("correct horse".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        drop(crowd);
        assert!(passwords.hash("correct horse".into()).await.is_ok());
    }

    #[test]
    fn a_household_pays_what_is_recommended_at_least() {
        const { assert!(Cost::HOUSEHOLD.memory_kib >= 19 * 1024 && Cost::HOUSEHOLD.passes >= 2) };
    }
}
