//! The one error type of the server: a small kind for machines, a sentence for people.
//!
//! A message names what was being done and to which thing. Kinds become HTTP status codes in one
//! place (`delivery`). What does not belong here: a variant per dependency.

use std::error::Error as StdError;
use std::fmt;

/// What a caller may want to tell apart. Keep this list short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The thing asked for does not exist (any more).
    NotFound,
    /// The caller sent something that can never work; the same call will fail again.
    InvalidInput,
    /// The media is damaged, of an unknown kind, or uses something that cannot be decoded.
    Unsupported,
    /// The present state forbids it: a lock is held, the job is already finished.
    Conflict,
    /// It would work later: a process died, a store does not answer, a deadline passed.
    Unavailable,
    /// No space is left where the bytes should go.
    OutOfSpace,
    /// Somebody asked for the work to stop.
    Cancelled,
    /// What we stored ourselves is not what we wrote.
    Corrupt,
    /// A defect of Homereel.
    Internal,
}

/// An error with a [`kind`](Error::kind), a sentence, and what caused it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync + 'static>>,
}

/// `Result` with the server's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a deeper cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// An error caused by another one.
    pub fn caused_by(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync + 'static>>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            source: Some(source.into()),
        }
    }

    /// What a caller may want to tell apart.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence, without its causes.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    /// The sentence followed by its causes, separated by colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            // Our own `Display` already prints the whole chain below it.
            cause = if error.is::<Error>() {
                None
            } else {
                error.source()
            };
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// Turns foreign errors into ours, naming what was being done.
pub trait Context<T> {
    /// Wraps the error with a kind and a sentence.
    fn context(self, kind: ErrorKind, message: impl Into<String>) -> Result<T>;

    /// Like [`context`](Context::context), for sentences that cost something to build.
    fn with_context<M: Into<String>>(
        self,
        kind: ErrorKind,
        message: impl FnOnce() -> M,
    ) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync + 'static>>> Context<T>
    for std::result::Result<T, E>
{
    fn context(self, kind: ErrorKind, message: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::caused_by(kind, message, error))
    }

    fn with_context<M: Into<String>>(
        self,
        kind: ErrorKind,
        message: impl FnOnce() -> M,
    ) -> Result<T> {
        self.map_err(|error| Error::caused_by(kind, message(), error))
    }
}

/// The kind that fits an I/O error: a missing file, a full disk, or something that may pass.
pub fn kind_of_io(error: &std::io::Error) -> ErrorKind {
    match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::StorageFull
        | std::io::ErrorKind::QuotaExceeded
        | std::io::ErrorKind::FileTooLarge => ErrorKind::OutOfSpace,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, Error, ErrorKind};
    use std::io;

    #[test]
    fn a_message_names_every_cause_once() {
        let inner: Result<(), io::Error> = Err(io::Error::other("disk on fire"));
        let middle = inner
            .context(ErrorKind::Unavailable, "reading a.mp4")
            .unwrap_err();
        let outer = Error::caused_by(ErrorKind::Internal, "inspecting the title", middle);
        assert_eq!(
            outer.to_string(),
            "inspecting the title: reading a.mp4: disk on fire",
            "each cause must appear exactly once, outermost first"
        );
    }
}
