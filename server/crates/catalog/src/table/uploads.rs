//! Statements on `uploads`.

use model::id::{TitleId, UploadId};
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::column;
use crate::failure::Outcome;

const PUT: &str = "
    INSERT INTO uploads (id, title_serial)
    SELECT :id, serial FROM titles WHERE titles.id = :title_id
    ON CONFLICT DO UPDATE SET title_serial = excluded.title_serial";

const TITLE_OF: &str = "
    SELECT titles.id FROM uploads JOIN titles ON titles.serial = uploads.title_serial
    WHERE uploads.id = :id";

pub(crate) fn put(connection: &Connection, upload: UploadId, title: TitleId) -> Outcome<()> {
    connection
        .prepare_cached(PUT)?
        .execute(named_params! {":id": upload.to_string(), ":title_id": title.to_string()})?;
    Ok(())
}

pub(crate) fn title_of(connection: &Connection, upload: UploadId) -> Outcome<Option<TitleId>> {
    let mut statement = connection.prepare_cached(TITLE_OF)?;
    let parameters = named_params! {":id": upload.to_string()};
    Ok(statement
        .query_row(parameters, |row| column::id(row, "id"))
        .optional()?)
}
