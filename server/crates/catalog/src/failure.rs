//! What can go wrong inside a transaction, and how it is told to people.
//!
//! Statements fail with errors of SQLite, rules with errors of ours; both travel as [`Failure`]
//! until the transaction is over, and become one [`Error`] there, with the name of the file.

use std::path::Path;

use model::error::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite said so.
    Sql(rusqlite::Error),
    /// One of our rules said so; the sentence is complete.
    Ours(Error),
}

/// What a statement or a transaction comes to.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Failure {
    /// A rule was broken.
    pub(crate) fn rule(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Ours(Error::new(kind, message))
    }

    /// The error for the caller of the catalog. `doing` is what was tried, such as
    /// "claiming jobs".
    pub(crate) fn into_error(self, doing: &str, path: &Path) -> Error {
        match self {
            Self::Ours(error) => error,
            Self::Sql(error) => {
                let kind = kind_of(&error);
                Error::caused_by(kind, sentence(kind, doing, path), error)
            }
        }
    }
}

fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => kind_of_code(failure.code),
        // A value in a row that we never write.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => ErrorKind::Corrupt,
        _ => ErrorKind::Internal,
    }
}

fn kind_of_code(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::DiskFull => ErrorKind::OutOfSpace,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => ErrorKind::Corrupt,
        // Another process holds the file, or the disk does not answer or forbids it: all may
        // pass or be repaired while we run.
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly
        | ErrorCode::OperationInterrupted
        | ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory => ErrorKind::Unavailable,
        // A constraint that our own checks should have caught, or a malformed statement.
        _ => ErrorKind::Internal,
    }
}

fn sentence(kind: ErrorKind, doing: &str, path: &Path) -> String {
    let path = path.display();
    match kind {
        ErrorKind::OutOfSpace => {
            format!("{doing}: no space is left for the catalog {path}; free some on its disk")
        }
        ErrorKind::Corrupt => format!(
            "{doing}: the catalog {path} is damaged; stop Homereel, keep a copy of it together \
             with the files ending in -wal and -shm beside it, then restore a backup with \
             `homereel restore`; without one, move the three away to begin with an empty library: \
             films and segments stay where they are"
        ),
        _ => format!("{doing} in the catalog {path}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model::error::ErrorKind;
    use rusqlite::ffi;

    use super::Failure;

    fn told(code: i32) -> model::error::Error {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        Failure::Sql(failure).into_error("claiming jobs", Path::new("/data/homereel.db"))
    }

    #[test]
    fn trouble_with_the_file_says_which_file_and_what_to_do() {
        let cases = [
            (ffi::SQLITE_FULL, ErrorKind::OutOfSpace, "free some"),
            (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt, "restore a backup"),
            (ffi::SQLITE_NOTADB, ErrorKind::Corrupt, "restore a backup"),
            (ffi::SQLITE_BUSY, ErrorKind::Unavailable, "claiming jobs in"),
            (
                ffi::SQLITE_IOERR,
                ErrorKind::Unavailable,
                "claiming jobs in",
            ),
            (
                ffi::SQLITE_CONSTRAINT,
                ErrorKind::Internal,
                "claiming jobs in",
            ),
        ];
        for (code, kind, hint) in cases {
            let error = told(code);
            assert_eq!(error.kind(), kind, "kind of SQLite code {code}");
            let text = error.to_string();
            assert!(
                text.contains("/data/homereel.db") && text.contains(hint),
                "{text:?} must name the file and say {hint:?}"
            );
        }
    }
}
