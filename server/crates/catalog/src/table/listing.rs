//! Statements that list titles as far as somebody may see them.

use rusqlite::{Connection, ToSql, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::table::rights::Rights;
use crate::table::titles::{self, TitleRow};
use crate::viewer::Viewer;

// The inner SELECT is answered by the index alone, however deep the page.
const PAGE: &str = concat!(
    "
    SELECT * FROM title_cards
    WHERE serial IN (
        SELECT serial FROM titles INDEXED BY titles_listed
        WHERE deleted_at_ms IS NULL AND serial < :before AND ",
    visible!(),
    "
        ORDER BY serial DESC
        LIMIT :limit OFFSET :offset)
    ORDER BY serial DESC"
);

// The index of words is read from the newest title on, and no further than the page needs.
const FOUND: &str = concat!(
    "
    SELECT * FROM title_cards
    WHERE serial IN (
        SELECT titles_text.rowid
        FROM titles_text CROSS JOIN titles ON titles.serial = titles_text.rowid
        WHERE titles_text MATCH :expression AND titles_text.rowid < :before
            AND deleted_at_ms IS NULL AND ",
    visible!(),
    "
        ORDER BY titles_text.rowid DESC
        LIMIT :limit OFFSET :offset)
    ORDER BY serial DESC"
);

const COUNT: &str = concat!(
    "SELECT COALESCE(SUM(titles), 0) FROM title_counts WHERE ",
    visible!()
);

const COUNT_FOUND: &str = concat!(
    "
    SELECT COUNT(*) FROM (
        SELECT 1
        FROM titles_text CROSS JOIN titles ON titles.serial = titles_text.rowid
        WHERE titles_text MATCH :expression AND deleted_at_ms IS NULL AND ",
    visible!(),
    "
        ORDER BY titles_text.rowid DESC
        LIMIT :limit)"
);

// What somebody may bring back: their own, and everything for an admin.
const REMOVED: &str = "
    SELECT * FROM title_cards
    WHERE deleted_at_ms IS NOT NULL
        AND (:sees_everything OR owner_serial = :user_serial)
    ORDER BY deleted_at_ms DESC, serial DESC LIMIT :limit";

/// Which titles of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Only titles with a lower serial.
    pub(crate) before: i64,
    pub(crate) limit: u32,
    pub(crate) offset: u64,
}

/// Newest first; only those that `expression` finds, if it is given.
pub(crate) fn page(
    connection: &Connection,
    who: Viewer,
    expression: Option<&str>,
    window: Window,
) -> Outcome<Vec<TitleRow>> {
    let rights = Rights::of(connection, who)?;
    let offset = column::size(window.offset)?;
    let mut parameters = rights.and(named_params! {
        ":before": window.before,
        ":limit": window.limit,
        ":offset": offset,
    });
    let sql = match &expression {
        Some(expression) => {
            parameters.push((":expression", expression as &dyn ToSql));
            FOUND
        }
        None => PAGE,
    };
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement
        .query_map(parameters.as_slice(), titles::read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// How many titles somebody may see.
pub(crate) fn count(connection: &Connection, who: Viewer) -> Outcome<u64> {
    let rights = Rights::of(connection, who)?;
    let mut statement = connection.prepare_cached(COUNT)?;
    let count: i64 = statement.query_row(rights.and(&[]).as_slice(), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many of those `expression` finds; counting ends at `limit`.
pub(crate) fn count_found(
    connection: &Connection,
    who: Viewer,
    expression: &str,
    limit: u32,
) -> Outcome<u64> {
    let rights = Rights::of(connection, who)?;
    let mut statement = connection.prepare_cached(COUNT_FOUND)?;
    let parameters = rights.and(named_params! {":expression": expression, ":limit": limit});
    let count: i64 = statement.query_row(parameters.as_slice(), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Removed titles that somebody may bring back, lately removed first.
pub(crate) fn removed(connection: &Connection, who: Viewer, limit: u32) -> Outcome<Vec<TitleRow>> {
    let rights = Rights::of(connection, who)?;
    let mut statement = connection.prepare_cached(REMOVED)?;
    let parameters = named_params! {
        ":sees_everything": rights.sees_everything,
        ":user_serial": rights.user_serial,
        ":limit": limit,
    };
    Ok(statement
        .query_map(parameters, titles::read)?
        .collect::<rusqlite::Result<_>>()?)
}
