//! Statements on `removed_films`.

use model::title::{Identity, Source};
use rusqlite::{Connection, named_params};

use crate::column;
use crate::failure::Outcome;

const CONTAINS: &str = "
    SELECT EXISTS (
        SELECT 1 FROM removed_films
        WHERE identity_hash = :hash AND identity_size_bytes = :size_bytes)";

const INSERT: &str = "
    INSERT INTO removed_films (identity_hash, identity_size_bytes, path)
    VALUES (:hash, :size_bytes, :path)
    ON CONFLICT DO UPDATE SET path = excluded.path";

const DELETE: &str = "
    DELETE FROM removed_films WHERE identity_hash = :hash AND identity_size_bytes = :size_bytes";

const DELETE_AT: &str = "DELETE FROM removed_films WHERE path = :path";

pub(crate) fn contains(connection: &Connection, identity: &Identity) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(CONTAINS)?;
    let parameters = named_params! {
        ":hash": identity.sample_hash,
        ":size_bytes": column::size(identity.size_bytes)?,
    };
    Ok(statement.query_row(parameters, |row| row.get(0))?)
}

pub(crate) fn insert(connection: &Connection, source: &Source) -> Outcome<()> {
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":hash": source.identity.sample_hash,
        ":size_bytes": column::size(source.identity.size_bytes)?,
        ":path": column::path_bytes(&source.path)?,
    })?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, identity: &Identity) -> Outcome<()> {
    connection.prepare_cached(DELETE)?.execute(named_params! {
        ":hash": identity.sample_hash,
        ":size_bytes": column::size(identity.size_bytes)?,
    })?;
    Ok(())
}

/// The film that lay at `path` may come back.
pub(crate) fn delete_at(connection: &Connection, path: &[u8]) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_AT)?
        .execute(named_params! {":path": path})?;
    Ok(())
}
