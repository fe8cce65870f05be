//! How model types are written into columns and read back. A value that we would never write
//! is an error of conversion, which the boundary reports as damage.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use model::clock::WallTime;
use model::error::{Error, ErrorKind};
use model::id::Id;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::failure::{Failure, Outcome};

/// The longest reason, in characters: a few sentences.
pub(crate) const REASON_CHARS: usize = 1_000;
/// The longest path, in bytes: eight times what most systems allow.
const PATH_BYTES: usize = 32 * 1024;

/// `text` without what lies beyond `limit` characters, and without control characters, which a
/// file name or a worker may have put in.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let plain = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().take(limit).map(plain).collect()
}

/// Like [`shortened`], for texts of several lines.
pub(crate) fn shortened_lines(text: &str, limit: usize) -> String {
    let plain = |character: char| match character {
        '\n' => '\n',
        other if other.is_control() => ' ',
        other => other,
    };
    text.chars().take(limit).map(plain).collect()
}

/// The bytes of a path for a BLOB column.
pub(crate) fn path_bytes(path: &Path) -> Outcome<&[u8]> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.len() > PATH_BYTES {
        let message = format!("a path of {} bytes cannot be recorded", bytes.len());
        return Err(Failure::rule(ErrorKind::InvalidInput, message));
    }
    Ok(bytes)
}

/// A path from a BLOB column.
pub(crate) fn path(row: &Row<'_>, column: &str) -> rusqlite::Result<PathBuf> {
    let bytes: Vec<u8> = row.get(column)?;
    Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
}

/// A length or size for an INTEGER column.
pub(crate) fn size(bytes: u64) -> Outcome<i64> {
    i64::try_from(bytes).map_err(|_| {
        let message = format!("{bytes} bytes are more than can be recorded");
        Failure::rule(ErrorKind::InvalidInput, message)
    })
}

/// An unsigned number that [`size`] wrote.
pub(crate) fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| broken(column, error))
}

/// 64 bits that were stored as if they had a sign.
pub(crate) fn bits(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// An identifier.
pub(crate) fn id<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Id<T>> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: Error| broken(column, error))
}

/// An identifier, where there is one.
pub(crate) fn optional_id<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Id<T>>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error: Error| broken(column, error)))
        .transpose()
}

/// One of a few words, such as a state.
pub(crate) fn word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| broken(column, format!("{text:?} is not a word of ours")))
}

/// A document in JSON, where there is one. One that cannot be read counts as none, so that a
/// damaged row does not hide a whole page; `homereel check` reports it.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.and_then(|text| serde_json::from_str(text).ok()))
}

/// Numbers with commas between them, rising; none where there is nothing.
pub(crate) fn numbers(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<u32>> {
    let text = row.get_ref(column)?.as_str_or_null()?.unwrap_or_default();
    let parts = text.split(',').filter(|part| !part.is_empty());
    let numbers: Result<Vec<u32>, _> = parts.map(str::parse).collect();
    let mut numbers = numbers.map_err(|error| broken(column, error))?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// A moment.
pub(crate) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<WallTime> {
    row.get(column).map(WallTime)
}

/// A moment that may not have come yet.
pub(crate) fn optional_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<WallTime>> {
    let ms: Option<i64> = row.get(column)?;
    Ok(ms.map(WallTime))
}

fn broken(
    column: &str,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    let why = format!("column {column}: {}", why.into());
    // The index is unknown here and the name says more.
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, why.into())
}
