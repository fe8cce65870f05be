//! Statements on `stream_totals`.

use rusqlite::{Connection, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::library::StreamTotal;
use crate::table::pieces::Whose;

const ADD: &str = "
    INSERT INTO stream_totals (title_serial, generation, stream, segments, size_bytes)
    VALUES (:title_serial, :generation, :stream, 1, :size_bytes)
    ON CONFLICT DO UPDATE SET
        segments = segments + 1,
        size_bytes = size_bytes + excluded.size_bytes";

// Not the statement above with a negative length: its checks look at the row to be inserted.
const RESIZE: &str = "
    UPDATE stream_totals SET size_bytes = size_bytes + :more_bytes
    WHERE title_serial = :title_serial AND generation = :generation AND stream = :stream";

const OF_TITLES: &str = "
    SELECT title_serial, stream, segments, size_bytes FROM stream_totals
    WHERE title_serial IN (SELECT value FROM json_each(:title_serials))
    ORDER BY title_serial, stream";

const SEGMENTS_OF: &str = "
    SELECT COALESCE(SUM(segments), 0) FROM stream_totals
    WHERE title_serial = :title_serial AND generation = :generation";

const DELETE_ALL: &str = "DELETE FROM stream_totals WHERE title_serial = :title_serial";

/// The totals of one stream of one title.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TotalRow {
    pub(crate) title_serial: i64,
    pub(crate) stream: u32,
    pub(crate) total: StreamTotal,
}

/// Counts one more segment of a stream, with its bytes.
pub(crate) fn add_segment(
    connection: &Connection,
    whose: Whose,
    stream: u32,
    size_bytes: u64,
) -> Outcome<()> {
    connection.prepare_cached(ADD)?.execute(named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":stream": stream,
        ":size_bytes": column::size(size_bytes)?,
    })?;
    Ok(())
}

/// Notes that a segment of a stream was replaced by one with `more_bytes` more, or fewer.
pub(crate) fn resize(
    connection: &Connection,
    whose: Whose,
    stream: u32,
    more_bytes: i64,
) -> Outcome<()> {
    connection.prepare_cached(RESIZE)?.execute(named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":stream": stream,
        ":more_bytes": more_bytes,
    })?;
    Ok(())
}

/// `title_serials` is an array in JSON.
pub(crate) fn of_titles(connection: &Connection, title_serials: &str) -> Outcome<Vec<TotalRow>> {
    let mut statement = connection.prepare_cached(OF_TITLES)?;
    let parameters = named_params! {":title_serials": title_serials};
    let rows = statement.query_map(parameters, |row| {
        Ok(TotalRow {
            title_serial: row.get("title_serial")?,
            stream: row.get("stream")?,
            total: StreamTotal {
                segments: row.get("segments")?,
                size_bytes: column::unsigned(row, "size_bytes")?,
            },
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many segments of a title exist in all streams together.
pub(crate) fn segments_of(connection: &Connection, whose: Whose) -> Outcome<u64> {
    let mut statement = connection.prepare_cached(SEGMENTS_OF)?;
    let parameters = named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
    };
    let segments: i64 = statement.query_row(parameters, |row| row.get(0))?;
    Ok(u64::try_from(segments).unwrap_or(0))
}

pub(crate) fn delete_all(connection: &Connection, title_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_ALL)?
        .execute(named_params! {":title_serial": title_serial})?;
    Ok(())
}
