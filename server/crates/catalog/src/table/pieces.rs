//! Statements on `pieces`. Where a piece lies in the numbering of streams and segments, and the
//! hash's way from hex to bytes and back, are known here alone.

use model::error::ErrorKind;
use model::id::TitleId;
use model::segment::{ObjectKey, Piece, StoredPiece};
use model::settings::Place;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::{Failure, Outcome};

/// Whose pieces: a title's serial and the generation of its plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose {
    pub(crate) title_serial: i64,
    pub(crate) generation: u32,
}

/// Where a piece comes in the order of all pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PiecePlace {
    title_serial: i64,
    generation: i64,
    stream: i64,
    number: i64,
}

/// The stream numbers that stand for what is no stream: posters, subtitles, thumbnails.
const POSTER_STREAM: i64 = -1;
const TEXT_STREAM: i64 = -2;
const THUMBS_STREAM: i64 = -3;

// Answers every segment request, so it starts from the id in the URL.
const BY_NAME: &str = "
    SELECT pieces.*, lower(hex(pieces.sha256)) AS sha256_hex, titles.id AS title_id,
        titles.place
    FROM titles
    JOIN pieces ON pieces.title_serial = titles.serial AND pieces.generation = titles.generation
    WHERE titles.id = :id AND pieces.stream = :stream AND pieces.number = :number
        AND titles.deleted_at_ms IS NULL";

const OF_TITLE: &str = "
    SELECT pieces.*, lower(hex(pieces.sha256)) AS sha256_hex, titles.id AS title_id,
        titles.place
    FROM titles
    JOIN pieces ON pieces.title_serial = titles.serial AND pieces.generation = titles.generation
    WHERE titles.id = :id
    ORDER BY pieces.stream, pieces.number";

// By key: title after title, each page from where the last one ended.
const AFTER: &str = "
    SELECT pieces.*, lower(hex(pieces.sha256)) AS sha256_hex, titles.id AS title_id,
        titles.place
    FROM pieces JOIN titles ON titles.serial = pieces.title_serial
    WHERE (pieces.title_serial, pieces.generation, pieces.stream, pieces.number)
        > (:title_serial, :generation, :stream, :number)
    ORDER BY pieces.title_serial, pieces.generation, pieces.stream, pieces.number
    LIMIT :limit";

const SEGMENT_SIZES: &str = "
    SELECT stream, number, size_bytes FROM pieces
    WHERE title_serial = :title_serial AND generation = :generation
        AND stream >= 0 AND number >= 1
    ORDER BY stream, number";

const COUNT_BETWEEN: &str = "
    SELECT COUNT(*) FROM pieces
    WHERE title_serial = :title_serial AND generation = :generation
        AND stream BETWEEN :first_stream AND :last_stream
        AND number BETWEEN :first_number AND :last_number";

const FIND: &str = "
    SELECT size_bytes, lower(hex(sha256)) AS sha256_hex FROM pieces
    WHERE title_serial = :title_serial AND generation = :generation
        AND stream = :stream AND number = :number";

const PUT: &str = "
    INSERT INTO pieces (title_serial, generation, stream, number, size_bytes, sha256)
    VALUES (:title_serial, :generation, :stream, :number, :size_bytes, :sha256)
    ON CONFLICT DO UPDATE SET size_bytes = excluded.size_bytes, sha256 = excluded.sha256";

const DELETE_ALL: &str = "DELETE FROM pieces WHERE title_serial = :title_serial";

pub(crate) fn by_name(
    connection: &Connection,
    title: TitleId,
    piece: Piece,
) -> Outcome<Option<StoredPiece>> {
    let mut statement = connection.prepare_cached(BY_NAME)?;
    let (stream, number) = place_of(piece);
    let parameters = named_params! {
        ":id": title.to_string(),
        ":stream": stream,
        ":number": number,
    };
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn of_title(connection: &Connection, title: TitleId) -> Outcome<Vec<StoredPiece>> {
    let mut statement = connection.prepare_cached(OF_TITLE)?;
    let parameters = named_params! {":id": title.to_string()};
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Pieces of all titles that come after `place`, with the place of the last of them.
pub(crate) fn after(
    connection: &Connection,
    place: PiecePlace,
    limit: u32,
) -> Outcome<(Vec<StoredPiece>, PiecePlace)> {
    let mut statement = connection.prepare_cached(AFTER)?;
    let parameters = named_params! {
        ":title_serial": place.title_serial,
        ":generation": place.generation,
        ":stream": place.stream,
        ":number": place.number,
        ":limit": limit,
    };
    let mut rows = statement.query(parameters)?;
    let (mut found, mut last) = (Vec::new(), place);
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
        last = PiecePlace {
            title_serial: row.get("title_serial")?,
            generation: row.get("generation")?,
            stream: row.get("stream")?,
            number: row.get("number")?,
        };
    }
    Ok((found, last))
}

/// Stream, number and length of every segment, in that order.
pub(crate) fn segment_sizes(
    connection: &Connection,
    whose: Whose,
) -> Outcome<Vec<(u32, u32, u64)>> {
    let mut statement = connection.prepare_cached(SEGMENT_SIZES)?;
    let parameters = named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
    };
    let rows = statement.query_map(parameters, |row| {
        Ok((
            row.get("stream")?,
            row.get("number")?,
            column::unsigned(row, "size_bytes")?,
        ))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many segments exist with these stream and segment numbers, ends included.
pub(crate) fn count_between(
    connection: &Connection,
    whose: Whose,
    streams: (u32, u32),
    numbers: (u32, u32),
) -> Outcome<u64> {
    let mut statement = connection.prepare_cached(COUNT_BETWEEN)?;
    let parameters = named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":first_stream": streams.0,
        ":last_stream": streams.1,
        ":first_number": numbers.0,
        ":last_number": numbers.1,
    };
    let count: i64 = statement.query_row(parameters, |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Length and hash of a piece, if it has a row.
pub(crate) fn find(
    connection: &Connection,
    whose: Whose,
    piece: Piece,
) -> Outcome<Option<(u64, String)>> {
    let mut statement = connection.prepare_cached(FIND)?;
    let (stream, number) = place_of(piece);
    let parameters = named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":stream": stream,
        ":number": number,
    };
    let found = statement.query_row(parameters, |row| {
        Ok((column::unsigned(row, "size_bytes")?, row.get("sha256_hex")?))
    });
    Ok(found.optional()?)
}

/// Inserts a row, or makes the one that is there describe the object as it is now.
pub(crate) fn put(connection: &Connection, whose: Whose, stored: &StoredPiece) -> Outcome<()> {
    let (stream, number) = place_of(stored.piece);
    connection.prepare_cached(PUT)?.execute(named_params! {
        ":title_serial": whose.title_serial,
        ":generation": whose.generation,
        ":stream": stream,
        ":number": number,
        ":size_bytes": column::size(stored.size_bytes)?,
        ":sha256": hash_bytes(&stored.sha256)?,
    })?;
    Ok(())
}

pub(crate) fn delete_all(connection: &Connection, title_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE_ALL)?
        .execute(named_params! {":title_serial": title_serial})?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredPiece> {
    let title: TitleId = column::id(row, "title_id")?;
    let number = row.get("number")?;
    let piece = match row.get("stream")? {
        POSTER_STREAM => poster(number),
        TEXT_STREAM => Piece::Subtitle { index: number },
        THUMBS_STREAM => Piece::Thumbs { sheet: number },
        _ => segment(row.get("stream")?, number),
    };
    Ok(StoredPiece {
        piece,
        place: column::word(row, "place", Place::parse)?,
        key: ObjectKey::of_piece(title, row.get("generation")?, piece),
        size_bytes: column::unsigned(row, "size_bytes")?,
        sha256: row.get("sha256_hex")?,
    })
}

fn poster(number: u32) -> Piece {
    match number {
        0 => Piece::Poster,
        _ => Piece::PosterChoice { number },
    }
}

fn segment(stream: u32, number: u32) -> Piece {
    match number {
        0 => Piece::Init { stream },
        _ => Piece::Media { stream, number },
    }
}

/// Stream and number under which a piece has its row.
fn place_of(piece: Piece) -> (i64, u32) {
    match piece {
        Piece::Poster => (POSTER_STREAM, 0),
        Piece::PosterChoice { number } => (POSTER_STREAM, number),
        Piece::Subtitle { index } => (TEXT_STREAM, index),
        Piece::Thumbs { sheet } => (THUMBS_STREAM, sheet),
        Piece::Init { stream } => (i64::from(stream), 0),
        Piece::Media { stream, number } => (i64::from(stream), number),
    }
}

fn hash_bytes(hex: &str) -> Outcome<[u8; 32]> {
    let refuse = || Failure::rule(ErrorKind::InvalidInput, "this is not a SHA-256 in hex");
    let mut bytes = [0_u8; 32];
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return Err(refuse());
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| refuse())?;
        // `from_str_radix` alone would accept a sign.
        if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::hash_bytes;

    #[test]
    fn only_64_hexadecimal_digits_are_a_hash() {
        assert_eq!(hash_bytes(&"0F".repeat(32)).unwrap(), [15; 32]);
        for wrong in [
            "",
            "0f",
            &"0g".repeat(32),
            &"+f".repeat(32),
            &"ä".repeat(32),
        ] {
            assert!(hash_bytes(wrong).is_err(), "{wrong:?} is not a hash");
        }
    }
}
