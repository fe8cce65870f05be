//! The secret that makes somebody the owner of a house that nobody has set up. It is new at each
//! start, and worth nothing once the house is claimed.

use model::error::Result;
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use crate::secret::{Secret, fingerprint};

/// The token of this start; clones are the same.
#[derive(Clone, Debug)]
pub struct SetupToken {
    secret: Secret,
    used: CancellationToken,
}

impl SetupToken {
    /// A new one.
    ///
    /// # Errors
    /// `Unavailable` if the system has no random numbers.
    pub fn new() -> Result<Self> {
        Ok(Self {
            secret: Secret::short()?,
            used: CancellationToken::new(),
        })
    }

    /// In the clear, for whoever can read the log or the data folder.
    pub fn reveal(&self) -> &str {
        self.secret.reveal()
    }

    /// The path and fragment of the page that takes it. What follows `#` is never sent, so it
    /// stands in no log but our own.
    pub fn link(&self) -> String {
        format!("/setup#t={}", self.reveal())
    }

    /// Returns once somebody has claimed the house.
    pub async fn used(&self) {
        self.used.cancelled().await;
    }

    /// Somebody claimed the house.
    pub(crate) fn use_up(&self) {
        self.used.cancel();
    }

    /// Whether `text` is the token, in whatever case and grouping people type it. That stays true
    /// after its use, so that who comes second with the right link hears that the house is taken.
    pub(crate) fn is(&self, text: &str) -> bool {
        let typed: String = text
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '-'))
            .collect();
        let typed = fingerprint(&typed.to_ascii_lowercase());
        bool::from(typed.ct_eq(&self.secret.fingerprint()))
    }
}

#[cfg(test)]
mod tests {
    use super::SetupToken;

    #[test]
    fn it_is_known_however_it_is_typed() {
        let token = SetupToken::new().unwrap();
        let text = token.reveal().to_owned();
        let grouped = format!("{}-{} {}", &text[..5], &text[5..10], &text[10..]);
        for typed in [&text, &text.to_uppercase(), &grouped] {
            assert!(token.is(typed), "{typed}");
        }
        for wrong in ["", "0", &text[1..]] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(token.link().ends_with(&format!("#t={text}")));
    }
}
