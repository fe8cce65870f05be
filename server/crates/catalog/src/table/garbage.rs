//! Statements on `garbage`.

use model::segment::ObjectKey;
use model::settings::Place;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use crate::failure::Outcome;

const OLDEST: &str = "
    SELECT serial, object_key FROM garbage WHERE place = :place AND serial > :after
    ORDER BY serial LIMIT :limit";

const INSERT: &str = "
    INSERT INTO garbage (place, object_key) VALUES (:place, :key) ON CONFLICT DO NOTHING";

const DELETE: &str = "DELETE FROM garbage WHERE object_key = :key AND place = :place";

/// Keys with their serials, beginning behind the serial `after`.
pub(crate) fn oldest(
    connection: &Connection,
    place: Place,
    after: i64,
    limit: u32,
) -> Outcome<Vec<(i64, ObjectKey)>> {
    let mut statement = connection.prepare_cached(OLDEST)?;
    let parameters = named_params! {
        ":place": place.as_str(),
        ":after": after,
        ":limit": limit,
    };
    let rows = statement.query_map(parameters, read)?;
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
fn read(row: &Row<'_>) -> rusqlite::Result<(i64, ObjectKey)> {
    let text: String = row.get("object_key")?;
    let key = ObjectKey::parse(&text).ok_or_else(|| {
        let why = format!("{text:?} is not an object of ours");
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
    })?;
    Ok((row.get("serial")?, key))
}
