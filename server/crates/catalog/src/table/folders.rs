//! Statements on `folders`.

use model::id::FolderId;
use rusqlite::{Connection, Row, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::folders::Folder;

const ALL: &str = "SELECT * FROM folders ORDER BY serial";

const INSERT: &str = "
    INSERT INTO folders (id, path, path_text, added_at_ms)
    VALUES (:id, :path, :path_text, :added_at_ms)";

const DELETE: &str = "DELETE FROM folders WHERE id = :id";

pub(crate) fn all(connection: &Connection) -> Outcome<Vec<Folder>> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(connection: &Connection, folder: &Folder) -> Outcome<()> {
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": folder.id.to_string(),
        ":path": column::path_bytes(&folder.path)?,
        ":path_text": folder.path.to_string_lossy(),
        ":added_at_ms": folder.added_at.0,
    })?;
    Ok(())
}

/// Returns whether there was such a row.
pub(crate) fn delete(connection: &Connection, id: FolderId) -> Outcome<bool> {
    let deleted = connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":id": id.to_string()})?;
    Ok(deleted > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Folder> {
    Ok(Folder {
        id: column::id(row, "id")?,
        path: column::path(row, "path")?,
        added_at: column::time(row, "added_at_ms")?,
    })
}
