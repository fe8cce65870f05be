//! Statements on `invites`.

use model::clock::WallTime;
use model::id::InviteId;
use model::people::{Invite, Role};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;

/// An invitation with what only the catalog knows about it.
pub(crate) struct InviteRow {
    pub(crate) serial: i64,
    pub(crate) invite: Invite,
}

const BY_SECRET: &str = "SELECT * FROM invite_cards WHERE secret_sha256 = :secret";

const NEWEST: &str = "SELECT * FROM invite_cards ORDER BY serial DESC LIMIT :limit";

const INSERT: &str = "
    INSERT INTO invites (
        id, by_serial, secret_sha256, role, note, created_at_ms, expires_at_ms)
    SELECT :id, serial, :secret, :role, :note, :created_at_ms, :expires_at_ms
    FROM users WHERE id = :by";

const SET_USED: &str = "
    UPDATE invites SET used_by_serial = :user_serial WHERE serial = :serial";

const DELETE: &str = "DELETE FROM invites WHERE id = :id";

const DELETE_UNUSED_OF: &str = "
    DELETE FROM invites WHERE by_serial = :by_serial AND used_by_serial IS NULL";

const DELETE_EXPIRED: &str = "
    DELETE FROM invites WHERE expires_at_ms <= :before_ms";

pub(crate) fn by_secret(connection: &Connection, secret: [u8; 32]) -> Outcome<Option<InviteRow>> {
    let mut statement = connection.prepare_cached(BY_SECRET)?;
    let parameters = named_params! {":secret": secret};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn newest(connection: &Connection, limit: u32) -> Outcome<Vec<InviteRow>> {
    let mut statement = connection.prepare_cached(NEWEST)?;
    let rows = statement.query_map(named_params! {":limit": limit}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Returns whether there is a person who can have invited.
pub(crate) fn insert(connection: &Connection, invite: &Invite, secret: [u8; 32]) -> Outcome<bool> {
    let inserted = connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": invite.id.to_string(),
        ":by": invite.by.to_string(),
        ":secret": secret,
        ":role": invite.role.as_str(),
        ":note": invite.note,
        ":created_at_ms": invite.created_at.0,
        ":expires_at_ms": invite.expires_at.0,
    })?;
    Ok(inserted > 0)
}

pub(crate) fn set_used(connection: &Connection, serial: i64, user_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(SET_USED)?
        .execute(named_params! {":serial": serial, ":user_serial": user_serial})?;
    Ok(())
}

/// Returns whether there was such a row.
pub(crate) fn delete(connection: &Connection, id: InviteId) -> Outcome<bool> {
    let deleted = connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":id": id.to_string()})?;
    Ok(deleted > 0)
}

/// Forgets what a person offered and nobody took.
pub(crate) fn delete_unused_of(connection: &Connection, by_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_UNUSED_OF)?
        .execute(named_params! {":by_serial": by_serial})?;
    Ok(())
}

pub(crate) fn delete_expired(connection: &Connection, before: WallTime) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_EXPIRED)?
        .execute(named_params! {":before_ms": before.0})?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<InviteRow> {
    Ok(InviteRow {
        serial: row.get("serial")?,
        invite: Invite {
            id: column::id(row, "id")?,
            by: column::id(row, "by_id")?,
            role: column::word(row, "role", Role::parse)?,
            note: row.get("note")?,
            created_at: column::time(row, "created_at_ms")?,
            expires_at: column::time(row, "expires_at_ms")?,
            used_by: column::optional_id(row, "used_by_id")?,
        },
    })
}
