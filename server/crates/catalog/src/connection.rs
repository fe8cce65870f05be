//! Opening SQLite the way the catalog needs it: durable commits, foreign keys, bounded waits.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::failure::Outcome;

/// How long a statement waits for a lock of another process, such as `homereel check`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More than there are statements in this crate, so that each is compiled once a connection.
const CACHED_STATEMENTS: usize = 96;

/// The log is cut back to this length after a checkpoint instead of staying at its longest.
const LOG_LIMIT_BYTES: i64 = 16 * 1024 * 1024;

/// The one connection that writes. Creates the file if it does not exist.
pub(crate) fn open_writer(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    // FULL: a commit that was answered survives a power cut, not only a crash of ours.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT_BYTES)?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn open_reader(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, flags)
}

fn open(path: &Path, flags: OpenFlags) -> Outcome<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    // Views and triggers of a file that somebody prepared must not call functions.
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}
