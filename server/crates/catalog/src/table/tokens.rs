//! Statements on `tokens`.

use model::clock::WallTime;
use model::id::TokenId;
use model::people::{Scope, Token};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;

/// A token with what only the catalog knows about it.
pub(crate) struct TokenRow {
    pub(crate) user_serial: i64,
    pub(crate) token: Token,
}

const BY_SECRET: &str = "
    SELECT tokens.*, users.id AS user_id
    FROM tokens JOIN users ON users.serial = tokens.user_serial
    WHERE tokens.secret_sha256 = :secret AND tokens.expires_at_ms > :now_ms
        AND users.active = 1";

const BY_ID: &str = "
    SELECT tokens.*, users.id AS user_id
    FROM tokens JOIN users ON users.serial = tokens.user_serial
    WHERE tokens.id = :id";

// Also those that have expired: their owner wants to see why a program stopped.
const OF_USER: &str = "
    SELECT tokens.*, users.id AS user_id
    FROM tokens JOIN users ON users.serial = tokens.user_serial
    WHERE tokens.user_serial = :user_serial
    ORDER BY tokens.serial DESC";

const INSERT: &str = "
    INSERT INTO tokens (
        id, user_serial, secret_sha256, label, scope, created_at_ms, expires_at_ms)
    VALUES (
        :id, :user_serial, :secret, :label, :scope, :created_at_ms, :expires_at_ms)";

const TOUCH: &str = "UPDATE tokens SET last_used_at_ms = :now_ms WHERE id = :id";

const DELETE: &str = "DELETE FROM tokens WHERE id = :id";

const DELETE_OF_USER: &str = "DELETE FROM tokens WHERE user_serial = :user_serial";

/// The token of a person who may sign in, if it has not expired.
pub(crate) fn by_secret(
    connection: &Connection,
    secret: [u8; 32],
    now: WallTime,
) -> Outcome<Option<TokenRow>> {
    let mut statement = connection.prepare_cached(BY_SECRET)?;
    let parameters = named_params! {":secret": secret, ":now_ms": now.0};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn by_id(connection: &Connection, id: TokenId) -> Outcome<Option<TokenRow>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

/// All of a person, newest first.
pub(crate) fn of_user(connection: &Connection, user_serial: i64) -> Outcome<Vec<TokenRow>> {
    let mut statement = connection.prepare_cached(OF_USER)?;
    let rows = statement.query_map(named_params! {":user_serial": user_serial}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(connection: &Connection, row: &TokenRow, secret: [u8; 32]) -> Outcome<()> {
    let TokenRow { token, .. } = row;
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": token.id.to_string(),
        ":user_serial": row.user_serial,
        ":secret": secret,
        ":label": token.label,
        ":scope": token.scope.as_str(),
        ":created_at_ms": token.created_at.0,
        ":expires_at_ms": token.expires_at.0,
    })?;
    Ok(())
}

pub(crate) fn touch(connection: &Connection, id: TokenId, now: WallTime) -> Outcome<()> {
    connection
        .prepare_cached(TOUCH)?
        .execute(named_params! {":id": id.to_string(), ":now_ms": now.0})?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, id: TokenId) -> Outcome<()> {
    connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":id": id.to_string()})?;
    Ok(())
}

pub(crate) fn delete_of_user(connection: &Connection, user_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_OF_USER)?
        .execute(named_params! {":user_serial": user_serial})?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        user_serial: row.get("user_serial")?,
        token: Token {
            id: column::id(row, "id")?,
            user: column::id(row, "user_id")?,
            label: row.get("label")?,
            scope: column::word(row, "scope", Scope::parse)?,
            created_at: column::time(row, "created_at_ms")?,
            last_used_at: column::optional_time(row, "last_used_at_ms")?,
            expires_at: column::time(row, "expires_at_ms")?,
        },
    })
}
