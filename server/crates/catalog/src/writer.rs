//! The thread that owns the only writing connection.
//!
//! It starts when the catalog is opened and stops when its inbox is closed: by
//! [`Writer::close`], or when the last handle is dropped. It takes one task after the other, so
//! there are no write locks to fight over, and no lock is held while a task waits in the inbox.
//! What does not belong here: what the tasks do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::error::{Context, Error, ErrorKind, Result};
use rusqlite::Connection;

/// How many tasks may wait. Callers beyond that wait for room in `Catalog::write`.
pub(crate) const INBOX_TASKS: usize = 32;

/// How long a caller waits for its task. Only a disk that does not answer makes it this long;
/// the task may still be carried out afterwards.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long closing waits for the tasks before it and for the checkpoint.
const CLOSING_DEADLINE: Duration = Duration::from_secs(4);

type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle on the thread. Its methods block.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once closed.
    inbox: Mutex<Option<SyncSender<Task>>>,
    /// Closed by the thread when it has ended.
    ended: Mutex<Receiver<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection) -> Result<Self> {
        // Tasks whose caller gave up still lie in the inbox, hence twice the room.
        let (inbox, tasks) = sync_channel(INBOX_TASKS * 2);
        let (end, ended) = sync_channel(1);
        std::thread::Builder::new()
            .name("catalog-writer".to_owned())
            .spawn(move || {
                work_off(connection, &tasks);
                drop(end);
            })
            .context(ErrorKind::Unavailable, "starting the catalog's writer")?;
        Ok(Self {
            inbox: Mutex::new(Some(inbox)),
            ended: Mutex::new(ended),
        })
    }

    /// Has `task` carried out by the thread and waits for what it returns.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = sync_channel(1);
        let boxed: Task = Box::new(move |connection| {
            // The caller may have given up; then nobody wants the answer.
            let _ = answer.send(task(connection));
        });
        self.enqueue(boxed)?;
        answered
            .recv_timeout(DEADLINE)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => Error::new(
                    ErrorKind::Unavailable,
                    format!("the catalog's disk did not answer within {DEADLINE:?}"),
                ),
                RecvTimeoutError::Disconnected => Error::new(
                    ErrorKind::Internal,
                    "the catalog's writer gave up on a task",
                ),
            })
    }

    /// Waits for the tasks that were accepted, then ends the thread, which checkpoints the log
    /// and closes the file. Later tasks are refused.
    pub(crate) fn close(&self) -> Result<()> {
        drop(
            self.inbox
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(CLOSING_DEADLINE) {
            Err(RecvTimeoutError::Timeout) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the catalog could not be closed within {CLOSING_DEADLINE:?}"),
            )),
            _ => Ok(()),
        }
    }

    fn enqueue(&self, task: Task) -> Result<()> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(inbox) = inbox.as_ref() else {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the catalog is closed because the server stops",
            ));
        };
        inbox.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => Error::new(
                ErrorKind::Unavailable,
                "too much waits to be written to the catalog; its disk is slow or stuck",
            ),
            TrySendError::Disconnected(_) => {
                Error::new(ErrorKind::Internal, "the catalog's writer has ended")
            }
        })
    }
}

fn work_off(mut connection: Connection, tasks: &Receiver<Task>) {
    while let Ok(task) = tasks.recv() {
        // A panic is a defect of one task (its transaction is rolled back while unwinding); it
        // must not end the catalog for all others.
        let outcome = catch_unwind(AssertUnwindSafe(|| task(&mut connection)));
        if outcome.is_err() {
            tracing::error!("a task of the catalog's writer panicked");
        }
    }
    let checkpoint = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = checkpoint {
        tracing::warn!(%error, "could not checkpoint the catalog; its log is read at the next start");
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "could not close the catalog");
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::Writer;

    fn writer() -> Writer {
        Writer::start(Connection::open_in_memory().unwrap()).unwrap()
    }

    #[test]
    fn a_task_that_panics_harms_no_other() {
        let writer = writer();
        let error = writer
            .run(|_| -> i32 { panic!("a defect, on purpose") })
            .unwrap_err();
        assert!(error.to_string().contains("gave up"), "{error}");
        assert_eq!(
            writer.run(|_| 7).unwrap(),
            7,
            "the next task is carried out"
        );
    }

    #[test]
    fn a_closed_writer_refuses_tasks_and_closes_twice() {
        let writer = writer();
        writer.close().unwrap();
        writer.close().unwrap();
        let error = writer.run(|_| ()).unwrap_err();
        assert!(error.to_string().contains("closed"), "{error}");
    }
}
