//! Statements on `sessions`.

use model::clock::WallTime;
use model::id::SessionId;
use model::people::Session;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;

/// A sign-in with what only the catalog knows about it.
pub(crate) struct SessionRow {
    pub(crate) user_serial: i64,
    pub(crate) session: Session,
}

const BY_SECRET: &str = "
    SELECT sessions.*, users.id AS user_id
    FROM sessions JOIN users ON users.serial = sessions.user_serial
    WHERE sessions.secret_sha256 = :secret AND sessions.expires_at_ms > :now_ms
        AND users.active = 1";

const BY_ID: &str = "
    SELECT sessions.*, users.id AS user_id
    FROM sessions JOIN users ON users.serial = sessions.user_serial
    WHERE sessions.id = :id";

const OF_USER: &str = "
    SELECT sessions.*, users.id AS user_id
    FROM sessions JOIN users ON users.serial = sessions.user_serial
    WHERE sessions.user_serial = :user_serial AND sessions.expires_at_ms > :now_ms
    ORDER BY sessions.last_seen_at_ms DESC, sessions.serial DESC";

const INSERT: &str = "
    INSERT INTO sessions (
        id, user_serial, secret_sha256, device, created_at_ms, last_seen_at_ms, expires_at_ms)
    VALUES (
        :id, :user_serial, :secret, :device, :created_at_ms, :created_at_ms, :expires_at_ms)";

const TOUCH: &str = "UPDATE sessions SET last_seen_at_ms = :now_ms WHERE id = :id";

const DELETE: &str = "DELETE FROM sessions WHERE id = :id";

const DELETE_EXPIRED: &str = "DELETE FROM sessions WHERE expires_at_ms <= :now_ms";

const DELETE_OF_USER: &str = "
    DELETE FROM sessions WHERE user_serial = :user_serial AND id IS NOT :keep";

const DELETE_BEYOND: &str = "
    DELETE FROM sessions WHERE serial IN (
        SELECT serial FROM sessions WHERE user_serial = :user_serial
        ORDER BY last_seen_at_ms DESC, serial DESC LIMIT -1 OFFSET :limit)";

/// The sign-in of a person who may sign in, if it has not expired.
pub(crate) fn by_secret(
    connection: &Connection,
    secret: [u8; 32],
    now: WallTime,
) -> Outcome<Option<SessionRow>> {
    let mut statement = connection.prepare_cached(BY_SECRET)?;
    let parameters = named_params! {":secret": secret, ":now_ms": now.0};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn by_id(connection: &Connection, id: SessionId) -> Outcome<Option<SessionRow>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

/// Those that have not expired, lately seen first.
pub(crate) fn of_user(
    connection: &Connection,
    user_serial: i64,
    now: WallTime,
) -> Outcome<Vec<SessionRow>> {
    let mut statement = connection.prepare_cached(OF_USER)?;
    let parameters = named_params! {":user_serial": user_serial, ":now_ms": now.0};
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(connection: &Connection, row: &SessionRow, secret: [u8; 32]) -> Outcome<()> {
    let SessionRow { session, .. } = row;
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": session.id.to_string(),
        ":user_serial": row.user_serial,
        ":secret": secret,
        ":device": session.device,
        ":created_at_ms": session.created_at.0,
        ":expires_at_ms": session.expires_at.0,
    })?;
    Ok(())
}

pub(crate) fn touch(connection: &Connection, id: SessionId, now: WallTime) -> Outcome<()> {
    connection
        .prepare_cached(TOUCH)?
        .execute(named_params! {":id": id.to_string(), ":now_ms": now.0})?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, id: SessionId) -> Outcome<()> {
    connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":id": id.to_string()})?;
    Ok(())
}

pub(crate) fn delete_expired(connection: &Connection, now: WallTime) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_EXPIRED)?
        .execute(named_params! {":now_ms": now.0})?;
    Ok(())
}

/// All of a person but `keep`.
pub(crate) fn delete_of_user(
    connection: &Connection,
    user_serial: i64,
    keep: Option<SessionId>,
) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_OF_USER)?
        .execute(named_params! {
            ":user_serial": user_serial,
            ":keep": keep.map(|keep| keep.to_string()),
        })?;
    Ok(())
}

/// All of a person but the `limit` that were seen last.
pub(crate) fn delete_beyond(connection: &Connection, user_serial: i64, limit: u32) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_BEYOND)?
        .execute(named_params! {":user_serial": user_serial, ":limit": limit})?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        user_serial: row.get("user_serial")?,
        session: Session {
            id: column::id(row, "id")?,
            user: column::id(row, "user_id")?,
            device: row.get("device")?,
            created_at: column::time(row, "created_at_ms")?,
            last_seen_at: column::time(row, "last_seen_at_ms")?,
            expires_at: column::time(row, "expires_at_ms")?,
        },
    })
}
