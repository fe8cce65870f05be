//! Statements on `users`. A person is read whole, changed in memory, and saved whole.

use model::id::UserId;
use model::people::{Role, User};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;

/// A person with what only the catalog knows about them.
#[derive(Clone)]
pub(crate) struct UserRow {
    pub(crate) serial: i64,
    pub(crate) user: User,
    pub(crate) password_hash: String,
}

const BY_ID: &str = "SELECT * FROM users WHERE id = :id";

const BY_SERIAL: &str = "SELECT * FROM users WHERE serial = :serial";

const ALL: &str = "SELECT * FROM users ORDER BY name_folded";

// An address wins over somebody else's name.
const FOR_LOGIN: &str = "
    SELECT * FROM users WHERE email_folded = :credential OR name_folded = :credential
    ORDER BY email_folded IS :credential DESC LIMIT 1";

const TAKEN: &str = "
    SELECT EXISTS (
        SELECT 1 FROM users
        WHERE (name_folded = :credential OR email_folded = :credential)
            AND id <> :id)";

const OTHER_ADMINS: &str = "
    SELECT COUNT(*) FROM users WHERE role = 'admin' AND active = 1 AND serial <> :serial";

const INSERT: &str = "
    INSERT INTO users (
        id, name, name_folded, email, email_folded, first_name, last_name, password_hash,
        role, active, created_at_ms)
    VALUES (
        :id, :name, :name_folded, :email, :email_folded, :first_name, :last_name,
        :password_hash, :role, :active, :created_at_ms)";

const SAVE: &str = "
    UPDATE users SET
        name = :name, name_folded = :name_folded, email = :email, email_folded = :email_folded,
        first_name = :first_name, last_name = :last_name, password_hash = :password_hash,
        role = :role, active = :active
    WHERE serial = :serial";

const DELETE: &str = "DELETE FROM users WHERE serial = :serial";

pub(crate) fn by_id(connection: &Connection, id: UserId) -> Outcome<Option<UserRow>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn by_serial(connection: &Connection, serial: i64) -> Outcome<UserRow> {
    let mut statement = connection.prepare_cached(BY_SERIAL)?;
    Ok(statement.query_row(named_params! {":serial": serial}, read)?)
}

/// Everybody, by name.
pub(crate) fn all(connection: &Connection) -> Outcome<Vec<UserRow>> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The person who signs in with `credential`, a name or an address.
pub(crate) fn for_login(connection: &Connection, credential: &str) -> Outcome<Option<UserRow>> {
    let mut statement = connection.prepare_cached(FOR_LOGIN)?;
    let parameters = named_params! {":credential": folded(credential)};
    Ok(statement.query_row(parameters, read).optional()?)
}

/// Whether somebody but `id` signs in with `credential`.
pub(crate) fn is_taken(connection: &Connection, credential: &str, id: UserId) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(TAKEN)?;
    let parameters = named_params! {
        ":credential": folded(credential),
        ":id": id.to_string(),
    };
    Ok(statement.query_row(parameters, |row| row.get(0))?)
}

/// How many admins who may sign in there are besides this person.
pub(crate) fn other_admins(connection: &Connection, serial: i64) -> Outcome<u64> {
    let mut statement = connection.prepare_cached(OTHER_ADMINS)?;
    let count: i64 = statement.query_row(named_params! {":serial": serial}, |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Returns the new person's serial.
pub(crate) fn insert(connection: &Connection, user: &User, password_hash: &str) -> Outcome<i64> {
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": user.id.to_string(),
        ":name": user.name,
        ":name_folded": folded(&user.name),
        ":email": user.email,
        ":email_folded": user.email.as_deref().map(folded),
        ":first_name": user.first_name,
        ":last_name": user.last_name,
        ":password_hash": password_hash,
        ":role": user.role.as_str(),
        ":active": user.active,
        ":created_at_ms": user.created_at.0,
    })?;
    Ok(connection.last_insert_rowid())
}

/// Writes everything that can change.
pub(crate) fn save(connection: &Connection, row: &UserRow) -> Outcome<()> {
    let UserRow { user, .. } = row;
    connection.prepare_cached(SAVE)?.execute(named_params! {
        ":serial": row.serial,
        ":name": user.name,
        ":name_folded": folded(&user.name),
        ":email": user.email,
        ":email_folded": user.email.as_deref().map(folded),
        ":first_name": user.first_name,
        ":last_name": user.last_name,
        ":password_hash": row.password_hash,
        ":role": user.role.as_str(),
        ":active": user.active,
    })?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":serial": serial})?;
    Ok(())
}

/// What is compared when somebody signs in.
fn folded(credential: &str) -> String {
    credential.trim().to_lowercase()
}

fn read(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow {
        serial: row.get("serial")?,
        user: User {
            id: column::id(row, "id")?,
            name: row.get("name")?,
            email: row.get("email")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            role: column::word(row, "role", Role::parse)?,
            active: row.get("active")?,
            created_at: column::time(row, "created_at_ms")?,
        },
        password_hash: row.get("password_hash")?,
    })
}
