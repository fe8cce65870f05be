//! Statements on `arrivals`.

use model::arrival::{Arrival, ArrivalState, Door};
use model::id::ArrivalId;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;

const BY_PATH: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
    WHERE arrivals.path = :path";

const BY_ID: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
    WHERE arrivals.id = :id";

const EVERY: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial";

const DISMISS: &str = "UPDATE arrivals SET dismissed = 1 WHERE id = :id";

const NEWEST: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
    WHERE arrivals.dismissed = 0
    ORDER BY arrivals.changed_at_ms DESC, arrivals.rowid DESC LIMIT :limit";

const PUT: &str = "
    INSERT INTO arrivals (
        path, id, path_text, door, state, reason, size_bytes, first_seen_at_ms, changed_at_ms,
        title_serial, dismissed)
    VALUES (
        :path, :id, :path_text, :door, :state, :reason, :size_bytes, :first_seen_at_ms,
        :changed_at_ms, :title_serial, 0)
    ON CONFLICT (path) DO UPDATE SET
        dismissed = CASE WHEN changed_at_ms = excluded.changed_at_ms THEN dismissed ELSE 0 END,
        door = excluded.door, state = excluded.state, reason = excluded.reason,
        size_bytes = excluded.size_bytes, changed_at_ms = excluded.changed_at_ms,
        title_serial = excluded.title_serial";

const DELETE: &str = "DELETE FROM arrivals WHERE path = :path";

pub(crate) fn by_path(connection: &Connection, path: &[u8]) -> Outcome<Option<Arrival>> {
    let mut statement = connection.prepare_cached(BY_PATH)?;
    let parameters = named_params! {":path": path};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn by_id(connection: &Connection, id: ArrivalId) -> Outcome<Option<Arrival>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

/// All there are, also those that were dismissed.
pub(crate) fn every(connection: &Connection) -> Outcome<Vec<Arrival>> {
    let mut statement = connection.prepare_cached(EVERY)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn dismiss(connection: &Connection, id: ArrivalId) -> Outcome<()> {
    connection
        .prepare_cached(DISMISS)?
        .execute(named_params! {":id": id.to_string()})?;
    Ok(())
}

/// Those that nobody dismissed, the latest change first.
pub(crate) fn newest(connection: &Connection, limit: u32) -> Outcome<Vec<Arrival>> {
    let mut statement = connection.prepare_cached(NEWEST)?;
    let rows = statement.query_map(named_params! {":limit": limit}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Inserts the arrival or replaces everything about it but when it was first seen.
pub(crate) fn put(
    connection: &Connection,
    arrival: &Arrival,
    title_serial: Option<i64>,
) -> Outcome<()> {
    connection.prepare_cached(PUT)?.execute(named_params! {
        ":path": column::path_bytes(&arrival.path)?,
        ":id": arrival.id.to_string(),
        ":path_text": arrival.path.to_string_lossy(),
        ":door": arrival.door.as_str(),
        ":state": arrival.state.as_str(),
        ":reason": arrival.reason,
        ":size_bytes": column::size(arrival.size_bytes)?,
        ":first_seen_at_ms": arrival.first_seen_at.0,
        ":changed_at_ms": arrival.changed_at.0,
        ":title_serial": title_serial,
    })?;
    Ok(())
}

/// Returns whether there was such a row.
pub(crate) fn delete(connection: &Connection, path: &[u8]) -> Outcome<bool> {
    let deleted = connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":path": path})?;
    Ok(deleted > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Arrival> {
    Ok(Arrival {
        id: column::id(row, "id")?,
        path: column::path(row, "path")?,
        door: column::word(row, "door", Door::parse)?,
        state: column::word(row, "state", ArrivalState::parse)?,
        reason: row.get("reason")?,
        size_bytes: column::unsigned(row, "size_bytes")?,
        first_seen_at: column::time(row, "first_seen_at_ms")?,
        changed_at: column::time(row, "changed_at_ms")?,
        title: column::optional_id(row, "title_id")?,
    })
}
