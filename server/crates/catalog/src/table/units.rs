//! Statements on `units`.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use crate::failure::Outcome;
use crate::table::pieces::Whose;
use crate::work::Unit;

const OF_TITLE: &str = "
    SELECT kind, number FROM units
    WHERE title_serial = :title_serial AND generation = :generation
    ORDER BY kind, number";

const INSERT: &str = "
    INSERT INTO units (title_serial, generation, kind, number)
    VALUES (:title_serial, :generation, :kind, :number)
    ON CONFLICT DO NOTHING";

const DELETE_ALL: &str = "DELETE FROM units WHERE title_serial = :title_serial";

pub(crate) fn of_title(connection: &Connection, whose: Whose) -> Outcome<Vec<Unit>> {
    let mut statement = connection.prepare_cached(OF_TITLE)?;
    let parameters = named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
    };
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(connection: &Connection, whose: Whose, unit: Unit) -> Outcome<()> {
    let (kind, number) = match unit {
        Unit::Chunk(number) => ("chunk", number),
        Unit::Audio(number) => ("audio", number),
        Unit::Copy(number) => ("copy", number),
        Unit::Poster => ("poster", 0),
        Unit::Thumbs(index) => ("thumbs", index),
    };
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":kind": kind,
        ":number": number,
    })?;
    Ok(())
}

pub(crate) fn delete_all(connection: &Connection, title_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_ALL)?
        .execute(named_params! {":title_serial": title_serial})?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Unit> {
    let kind: String = row.get("kind")?;
    let number: u32 = row.get("number")?;
    match kind.as_str() {
        "chunk" => Ok(Unit::Chunk(number)),
        "audio" => Ok(Unit::Audio(number)),
        "copy" => Ok(Unit::Copy(number)),
        "poster" => Ok(Unit::Poster),
        "thumbs" => Ok(Unit::Thumbs(number)),
        _ => Err(rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Text,
            format!("{kind:?} is not a kind of unit").into(),
        )),
    }
}
