//! Why a request cannot be fulfilled: a cause for the server, a sentence for the owner.

use media_proto::message::Cause;
use std::fmt;

use crate::av::error::AvError;

/// The end of a request that did not work out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For the server.
    pub cause: Cause,
    /// For the owner.
    pub message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
        }
    }

    /// libav refused something that has nothing to do with the file.
    pub fn internal(doing: &str, error: AvError) -> Self {
        Self::new(Cause::Internal, format!("{doing} failed: {error}"))
    }

    /// The output folder did not take a file.
    pub fn writing(name: &str, error: &std::io::Error) -> Self {
        let full = matches!(
            error.kind(),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
        );
        let cause = match error.kind() {
            _ if full => Cause::OutOfSpace,
            // Our own limit: waiting for space would not help.
            std::io::ErrorKind::FileTooLarge => Cause::Internal,
            _ => Cause::Io,
        };
        Self::new(cause, format!("writing {name} failed: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
