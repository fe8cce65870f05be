//! Identifiers: ULIDs, typed by what they name, written in lower case in URLs and rows.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Marks an identifier as naming a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfTitle {}

/// Marks an identifier as naming a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfJob {}

/// Marks an identifier as naming a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfUser {}

/// Marks an identifier as naming a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfSession {}

/// Marks an identifier as naming an API token or app password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfToken {}

/// Marks an identifier as naming an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfInvite {}

/// Marks an identifier as naming a watched folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfFolder {}

/// Marks an identifier as naming an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfUpload {}

/// Marks an identifier as naming a file that was seen at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfArrival {}

/// A film, clip or piece of music in the library.
pub type TitleId = Id<OfTitle>;

/// The work of turning one title into segments.
pub type JobId = Id<OfJob>;

/// A person with an account.
pub type UserId = Id<OfUser>;

/// A device that is signed in.
pub type SessionId = Id<OfSession>;

/// An API token or an app password.
pub type TokenId = Id<OfToken>;

/// An invitation to make an account.
pub type InviteId = Id<OfInvite>;

/// A folder that is watched.
pub type FolderId = Id<OfFolder>;

/// A file on its way in over HTTP.
pub type UploadId = Id<OfUpload>;

/// A file that was seen at a door.
pub type ArrivalId = Id<OfArrival>;

/// 26 characters of Crockford's base 32, sortable by time of creation.
/// Only the canonical lower-case spelling is accepted, so one thing has one URL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<T> {
    ulid: ulid::Ulid,
    names: PhantomData<T>,
}

impl<T> Id<T> {
    /// A new identifier, never seen before: 48 bits of time and 80 bits of chance.
    pub fn generate() -> Self {
        Self {
            ulid: ulid::Ulid::generate(),
            names: PhantomData,
        }
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ulid.to_string().to_ascii_lowercase())
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> FromStr for Id<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::new(
                ErrorKind::InvalidInput,
                "this is not an identifier of Homereel",
            )
        };
        if text.len() != 26 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse());
        }
        let ulid = ulid::Ulid::from_string(&text.to_ascii_uppercase()).map_err(|_| refuse())?;
        let id = Self {
            ulid,
            names: PhantomData,
        };
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(refuse())
        }
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::TitleId;

    #[test]
    fn an_identifier_has_exactly_one_spelling() {
        let id = TitleId::generate();
        let text = id.to_string();
        assert_eq!(
            text.parse::<TitleId>().unwrap(),
            id,
            "what we print must parse back"
        );
        for other in [
            text.to_uppercase(),
            format!("{text}a"),
            "../../../../etc/passwd0000".into(),
        ] {
            assert!(
                other.parse::<TitleId>().is_err(),
                "{other:?} must not name a title"
            );
        }
    }
}
