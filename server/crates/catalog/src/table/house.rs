//! Statements on `house`, which has one row.

use model::clock::WallTime;
use rusqlite::{Connection, named_params};

use crate::failure::Outcome;

const IS_CLAIMED: &str = "SELECT claimed_at_ms IS NOT NULL FROM house";

const CLAIM: &str = "UPDATE house SET claimed_at_ms = :now_ms WHERE claimed_at_ms IS NULL";

const SETTINGS: &str = "SELECT settings FROM house";

// What the schema wrote; every saved document says more.
const HAS_NO_SETTINGS: &str = "SELECT settings = '{}' FROM house";

const SET_SETTINGS: &str = "UPDATE house SET settings = :settings";

const MARK: &str = "SELECT mark FROM house";

const KEEP_MARK: &str = "UPDATE house SET mark = :mark WHERE mark IS NULL";

pub(crate) fn is_claimed(connection: &Connection) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(IS_CLAIMED)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Returns whether it was unclaimed before.
pub(crate) fn claim(connection: &Connection, now: WallTime) -> Outcome<bool> {
    let claimed = connection
        .prepare_cached(CLAIM)?
        .execute(named_params! {":now_ms": now.0})?;
    Ok(claimed > 0)
}

/// The document, in JSON.
pub(crate) fn settings(connection: &Connection) -> Outcome<String> {
    let mut statement = connection.prepare_cached(SETTINGS)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Nobody ever decided anything.
pub(crate) fn has_no_settings(connection: &Connection) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(HAS_NO_SETTINGS)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

pub(crate) fn set_settings(connection: &Connection, json: &str) -> Outcome<()> {
    connection
        .prepare_cached(SET_SETTINGS)?
        .execute(named_params! {":settings": json})?;
    Ok(())
}

/// The name on this library's buckets.
pub(crate) fn mark(connection: &Connection) -> Outcome<Option<String>> {
    let mut statement = connection.prepare_cached(MARK)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Does nothing if there is one.
pub(crate) fn keep_mark(connection: &Connection, mark: &str) -> Outcome<()> {
    connection
        .prepare_cached(KEEP_MARK)?
        .execute(named_params! {":mark": mark})?;
    Ok(())
}
