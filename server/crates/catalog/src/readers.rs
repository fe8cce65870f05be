//! A few connections that only read. WAL lets them work beside the writer and beside each
//! other; each transaction sees one state of the catalog from its first statement to its last.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::error::ErrorKind;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::connection::open_reader;
use crate::failure::{Failure, Outcome};

/// How many transactions may read at once; one answers some ten thousand requests a second.
pub(crate) const READERS: usize = 4;

/// The connections that nobody uses at the moment.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    /// Connections to the file at `path` are opened when they are first needed.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::new(Some(Vec::with_capacity(READERS))),
        }
    }

    /// Carries out `work` in a read transaction. Blocking; the caller sees to it that no more
    /// than [`READERS`] do so at once.
    pub(crate) fn run<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Outcome<T>) -> Outcome<T> {
        let connection = self.take()?;
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
        let result = work(&transaction)?;
        transaction.finish()?;
        // After a failure the connection is dropped instead; the next one starts afresh.
        self.give_back(connection);
        Ok(result)
    }

    /// Carries out `work` on a connection without a transaction. Blocking, as above.
    pub(crate) fn run_at_large<T>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Outcome<T> {
        let connection = self.take()?;
        let result = work(&connection)?;
        self.give_back(connection);
        Ok(result)
    }

    /// Closes idle connections now and busy ones when they are done.
    pub(crate) fn close(&self) {
        drop(self.idle().take());
    }

    fn take(&self) -> Outcome<Connection> {
        let idle = match self.idle().as_mut() {
            Some(idle) => idle.pop(),
            None => {
                let message = "the catalog is closed because the server stops";
                return Err(Failure::rule(ErrorKind::Unavailable, message));
            }
        };
        idle.map_or_else(|| open_reader(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
