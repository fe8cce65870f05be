//! Statements that list titles as far as somebody may see them.

use rusqlite::{Connection, OptionalExtension, ToSql, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::table::titles::{self, TitleRow};
use crate::viewer::Viewer;

/// `model::rights::may(Watch)` in SQL, for rows with a visibility and an owner's serial. A test
/// in `viewer.rs` compares the two.
macro_rules! visible {
    () => {
        "(:sees_everything
            OR (visibility = 'everyone' AND (:is_person OR :guests_may))
            OR (visibility = 'members' AND :is_person)
            OR owner_serial = :user_serial)"
    };
}

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

const USER_SERIAL: &str = "SELECT serial FROM users WHERE id = :id";

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
    let user_serial = user_serial(connection, who)?;
    let (is_person, offset) = (who.user.is_some(), column::size(window.offset)?);
    let mut parameters = named_params! {
        ":sees_everything": who.sees_everything,
        ":is_person": is_person,
        ":guests_may": who.guests_may,
        ":user_serial": user_serial,
        ":before": window.before,
        ":limit": window.limit,
        ":offset": offset,
    }
    .to_vec();
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
    let user_serial = user_serial(connection, who)?;
    let mut statement = connection.prepare_cached(COUNT)?;
    let parameters = named_params! {
        ":sees_everything": who.sees_everything,
        ":is_person": who.user.is_some(),
        ":guests_may": who.guests_may,
        ":user_serial": user_serial,
    };
    let count: i64 = statement.query_row(parameters, |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many of those `expression` finds; counting ends at `limit`.
pub(crate) fn count_found(
    connection: &Connection,
    who: Viewer,
    expression: &str,
    limit: u32,
) -> Outcome<u64> {
    let user_serial = user_serial(connection, who)?;
    let mut statement = connection.prepare_cached(COUNT_FOUND)?;
    let parameters = named_params! {
        ":sees_everything": who.sees_everything,
        ":is_person": who.user.is_some(),
        ":guests_may": who.guests_may,
        ":user_serial": user_serial,
        ":expression": expression,
        ":limit": limit,
    };
    let count: i64 = statement.query_row(parameters, |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Removed titles that somebody may bring back, lately removed first.
pub(crate) fn removed(connection: &Connection, who: Viewer, limit: u32) -> Outcome<Vec<TitleRow>> {
    let user_serial = user_serial(connection, who)?;
    let mut statement = connection.prepare_cached(REMOVED)?;
    let parameters = named_params! {
        ":sees_everything": who.sees_everything,
        ":user_serial": user_serial,
        ":limit": limit,
    };
    Ok(statement
        .query_map(parameters, titles::read)?
        .collect::<rusqlite::Result<_>>()?)
}

fn user_serial(connection: &Connection, who: Viewer) -> Outcome<Option<i64>> {
    let Some(user) = who.user else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(USER_SERIAL)?;
    let parameters = named_params! {":id": user.to_string()};
    Ok(statement
        .query_row(parameters, |row| row.get(0))
        .optional()?)
}
