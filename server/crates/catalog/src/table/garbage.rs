//! Statements on `garbage`.

use model::segment::ObjectKey;
use model::settings::Place;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use crate::column;
use crate::failure::Outcome;

const OLDEST: &str = "SELECT place, object_key FROM garbage ORDER BY serial LIMIT :limit";

const INSERT: &str = "
    INSERT INTO garbage (place, object_key) VALUES (:place, :key) ON CONFLICT DO NOTHING";

const DELETE: &str = "DELETE FROM garbage WHERE object_key = :key AND place = :place";

pub(crate) fn oldest(connection: &Connection, limit: u32) -> Outcome<Vec<(Place, ObjectKey)>> {
    let mut statement = connection.prepare_cached(OLDEST)?;
    let rows = statement.query_map(named_params! {":limit": limit}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(connection: &Connection, place: Place, key: &ObjectKey) -> Outcome<()> {
    connection
        .prepare_cached(INSERT)?
        .execute(named_params! {":place": place.as_str(), ":key": key.as_str()})?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, place: Place, key: &ObjectKey) -> Outcome<()> {
    connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":place": place.as_str(), ":key": key.as_str()})?;
    Ok(())
}

/// A key is parsed before it is handed out, because whoever gets it deletes that object.
fn read(row: &Row<'_>) -> rusqlite::Result<(Place, ObjectKey)> {
    let text: String = row.get("object_key")?;
    let key = ObjectKey::parse(&text).ok_or_else(|| {
        let why = format!("{text:?} is not an object of ours");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
    })?;
    Ok((column::word(row, "place", Place::parse)?, key))
}
