//! Secrets that programs remember: session cookies, tokens, links. They are long enough that
//! nobody guesses them, so a plain hash keeps them; what people remember is in `passwords`.

use model::error::{Context, Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::fmt;

/// Crockford's base 32 in lower case: no letter is mistaken for another when typed.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// No secret of ours is longer, with its prefix; what is longer need not be hashed.
pub(crate) const LONGEST_BYTES: usize = 64;

/// What is kept of a secret: its SHA-256.
pub type Fingerprint = [u8; 32];

/// A secret in the clear. Given to whoever it is for, never written down by us.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// 256 bits behind `prefix`, for cookies and tokens.
    ///
    /// # Errors
    /// `Unavailable` if the system has no random numbers.
    pub fn long(prefix: &str) -> Result<Self> {
        Ok(Self(format!("{prefix}{}", spelled(&random::<32>()?))))
    }

    /// 128 bits, for links that people may have to type.
    ///
    /// # Errors
    /// `Unavailable` if the system has no random numbers.
    pub fn short() -> Result<Self> {
        Ok(Self(spelled(&random::<16>()?)))
    }

    /// The secret itself, for the one it belongs to.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is kept of the secret `text`.
pub(crate) fn fingerprint(text: &str) -> Fingerprint {
    Sha256::digest(text.as_bytes()).into()
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))
        .context(
            ErrorKind::Unavailable,
            "asking the system for random numbers",
        )?;
    Ok(bytes)
}

/// Five bits a letter, the last one filled up with zeros.
fn spelled(bytes: &[u8]) -> String {
    let bit = |index: usize| {
        let byte = bytes.get(index / 8).copied().unwrap_or(0);
        usize::from(byte >> (7 - index % 8) & 1)
    };
    (0..(bytes.len() * 8).div_ceil(5))
        .map(|letter| (0..5).fold(0, |value, offset| value << 1 | bit(letter * 5 + offset)))
        .map(|value| char::from(LETTERS[value]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_BYTES, Secret, spelled};

    #[test]
    fn secrets_are_as_long_as_they_claim_and_never_the_same() {
        let (long, short) = (Secret::long("hr_").unwrap(), Secret::short().unwrap());
        assert_eq!(long.reveal().len(), 3 + 52, "256 bits are 52 letters");
        assert!(long.reveal().len() <= LONGEST_BYTES);
        assert_eq!(short.reveal().len(), 26, "128 bits are 26 letters");
        assert_ne!(short, Secret::short().unwrap());
        assert!(!format!("{long:?}").contains(long.reveal()), "never logged");
    }

    #[test]
    fn letters_carry_five_bits_each() {
        for (bytes, expected) in [
            (&[][..], ""),
            (&[0x00], "00"),
            (&[0xff], "zw"),
            (&[0x08, 0x42, 0x10, 0x84, 0x21], "11111111"),
        ] {
            assert_eq!(spelled(bytes), expected, "{bytes:?}");
        }
    }
}
