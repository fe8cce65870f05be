//! Statements on `job_log`.

use model::clock::WallTime;
use rusqlite::{Connection, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::journal::LogLine;

const OF_JOB: &str = "
    SELECT at_ms, text FROM job_log WHERE job_serial = :job_serial ORDER BY serial";

const ADD: &str = "
    INSERT INTO job_log (job_serial, at_ms, text) VALUES (:job_serial, :at_ms, :text)";

const DELETE_BEYOND: &str = "
    DELETE FROM job_log WHERE serial IN (
        SELECT serial FROM job_log WHERE job_serial = :job_serial
        ORDER BY serial DESC LIMIT -1 OFFSET :limit)";

/// In the order in which it happened.
pub(crate) fn of_job(connection: &Connection, job_serial: i64) -> Outcome<Vec<LogLine>> {
    let mut statement = connection.prepare_cached(OF_JOB)?;
    let rows = statement.query_map(named_params! {":job_serial": job_serial}, |row| {
        Ok(LogLine {
            at: column::time(row, "at_ms")?,
            text: row.get("text")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn add(
    connection: &Connection,
    job_serial: i64,
    at: WallTime,
    text: &str,
) -> Outcome<()> {
    connection.prepare_cached(ADD)?.execute(named_params! {
        ":job_serial": job_serial,
        ":at_ms": at.0,
        ":text": text,
    })?;
    Ok(())
}

/// All but the latest `limit`.
pub(crate) fn delete_beyond(connection: &Connection, job_serial: i64, limit: u32) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_BEYOND)?
        .execute(named_params! {":job_serial": job_serial, ":limit": limit})?;
    Ok(())
}
