//! Statements on `stream_totals`.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::library::StreamTotal;
use crate::table::pieces::Whose;

const RANGES: &str = "
    SELECT ranges FROM stream_totals
    WHERE title_serial = :title_serial AND generation = :generation AND stream = :stream";

const ADD: &str = "
    INSERT INTO stream_totals (title_serial, generation, stream, segments, size_bytes, ranges)
    VALUES (:title_serial, :generation, :stream, 1, :size_bytes, :ranges)
    ON CONFLICT DO UPDATE SET
        segments = segments + 1,
        size_bytes = size_bytes + excluded.size_bytes,
        ranges = excluded.ranges";

// Not the statement above with a negative length: its checks look at the row to be inserted.
const RESIZE: &str = "
    UPDATE stream_totals SET size_bytes = size_bytes + :more_bytes
    WHERE title_serial = :title_serial AND generation = :generation AND stream = :stream";

const OF_TITLES: &str = "
    SELECT title_serial, stream, segments, size_bytes, ranges FROM stream_totals
    WHERE title_serial IN (SELECT value FROM json_each(:title_serials))
    ORDER BY title_serial, stream";

const SEGMENTS_OF: &str = "
    SELECT COALESCE(SUM(segments), 0) FROM stream_totals
    WHERE title_serial = :title_serial AND generation = :generation";

const DELETE_ALL: &str = "DELETE FROM stream_totals WHERE title_serial = :title_serial";

/// The totals of one stream of one title.
#[derive(Clone, Debug)]
pub(crate) struct TotalRow {
    pub(crate) title_serial: i64,
    pub(crate) stream: u32,
    pub(crate) total: StreamTotal,
}

/// Counts one more segment of a stream, with its bytes. `place` is its stream and its number.
pub(crate) fn add_segment(
    connection: &Connection,
    whose: Whose,
    place: (u32, u32),
    size_bytes: u64,
) -> Outcome<()> {
    let (stream, number) = place;
    let known = connection
        .prepare_cached(RANGES)?
        .query_row(
            named_params! {
                ":title_serial": whose.title_serial,
                ":generation": whose.generation,
                ":stream": stream,
            },
            |row| column::json(row, "ranges"),
        )
        .optional()?;
    let mut ranges: Vec<(u32, u32)> = known.flatten().unwrap_or_default();
    insert_number(&mut ranges, number);
    connection.prepare_cached(ADD)?.execute(named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":stream": stream,
        ":size_bytes": column::size(size_bytes)?,
        ":ranges": text_of(&ranges),
    })?;
    Ok(())
}

/// As JSON, which numbers alone need no serialiser for.
fn text_of(ranges: &[(u32, u32)]) -> String {
    let words: Vec<String> = ranges
        .iter()
        .map(|(first, last)| format!("[{first},{last}]"))
        .collect();
    format!("[{}]", words.join(","))
}

/// Adds `number` to runs that are ascending and do not touch, and leaves them so.
fn insert_number(ranges: &mut Vec<(u32, u32)>, number: u32) {
    let after = ranges.partition_point(|(first, _)| *first <= number);
    let joins_before = after > 0
        && ranges
            .get(after - 1)
            .is_some_and(|(_, last)| last.saturating_add(1) >= number);
    let joins_after = ranges
        .get(after)
        .is_some_and(|(first, _)| *first == number.saturating_add(1));
    if !joins_before {
        let last = if joins_after {
            ranges.remove(after).1
        } else {
            number
        };
        ranges.insert(after, (number, last));
        return;
    }
    let until = if joins_after {
        ranges.remove(after).1
    } else {
        number
    };
    if let Some((_, last)) = ranges.get_mut(after - 1) {
        *last = until.max(*last);
    }
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
                ranges: read_ranges(row)?,
            },
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read_ranges(row: &Row<'_>) -> rusqlite::Result<Vec<RangeInclusive<u32>>> {
    let ranges: Option<Vec<(u32, u32)>> = column::json(row, "ranges")?;
    let ranges = ranges.unwrap_or_default().into_iter();
    Ok(ranges.map(|(first, last)| first..=last).collect())
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

#[cfg(test)]
mod tests {
    use super::{insert_number, text_of};

    #[test]
    fn runs_grow_and_join_whatever_the_order() {
        let cases: [(&[u32], &str); 6] = [
            (&[3], "[[3,3]]"),
            (&[1, 2, 3], "[[1,3]]"),
            (&[3, 2, 1], "[[1,3]]"),
            (&[1, 3, 2], "[[1,3]]"),
            (&[9, 1, 5, 6, 4], "[[1,1],[4,6],[9,9]]"),
            (&[2, 2, 1, 1], "[[1,2]]"),
        ];
        for (numbers, expected) in cases {
            let mut ranges = Vec::new();
            for number in numbers {
                insert_number(&mut ranges, *number);
            }
            assert_eq!(text_of(&ranges), expected, "after {numbers:?}");
        }
    }
}
