//! Statements on `watched`.

use std::collections::HashMap;

use model::id::TitleId;
use model::title::Title;
use rusqlite::{Connection, Row, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::progress::WatchedAt;
use crate::table::rights::Rights;
use crate::table::titles;
use crate::viewer::Viewer;

const PUT: &str = "
    INSERT INTO watched (user_serial, title_serial, position_ms, duration_ms, finished, at_ms)
    VALUES (:user_serial, :title_serial, :position_ms, :duration_ms, :finished, :at_ms)
    ON CONFLICT DO UPDATE SET
        position_ms = excluded.position_ms, duration_ms = excluded.duration_ms,
        finished = excluded.finished, at_ms = excluded.at_ms";

const OF_TITLES: &str = "
    SELECT watched.*, titles.id AS title_id
    FROM titles JOIN watched ON watched.title_serial = titles.serial
    WHERE titles.id IN (SELECT value FROM json_each(:title_ids))
        AND watched.user_serial = :user_serial";

const BEGUN: &str = concat!(
    "
    SELECT title_cards.*, watched.position_ms, watched.duration_ms, watched.finished,
        watched.at_ms
    FROM watched JOIN title_cards ON title_cards.serial = watched.title_serial
    WHERE watched.user_serial = :user_serial AND watched.finished = 0
        AND title_cards.deleted_at_ms IS NULL
        AND title_cards.state IN ('playable', 'ready')
        AND ",
    visible!("title_cards."),
    "
    ORDER BY watched.at_ms DESC LIMIT :limit"
);

pub(crate) fn put(
    connection: &Connection,
    user_serial: i64,
    title_serial: i64,
    seen: WatchedAt,
) -> Outcome<()> {
    connection.prepare_cached(PUT)?.execute(named_params! {
        ":user_serial": user_serial,
        ":title_serial": title_serial,
        ":position_ms": column::size(seen.position_ms)?,
        ":duration_ms": column::size(seen.duration_ms)?,
        ":finished": seen.finished,
        ":at_ms": seen.at.0,
    })?;
    Ok(())
}

/// `title_ids` is an array in JSON.
pub(crate) fn of_titles(
    connection: &Connection,
    user_serial: i64,
    title_ids: &str,
) -> Outcome<HashMap<TitleId, WatchedAt>> {
    let mut statement = connection.prepare_cached(OF_TITLES)?;
    let parameters = named_params! {":user_serial": user_serial, ":title_ids": title_ids};
    let rows = statement.query_map(parameters, |row| {
        Ok((column::id(row, "title_id")?, read(row)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What somebody began and did not finish, latest first.
pub(crate) fn begun(
    connection: &Connection,
    who: Viewer,
    limit: u32,
) -> Outcome<Vec<(Title, WatchedAt)>> {
    let rights = Rights::of(connection, who)?;
    let parameters = rights.and(named_params! {":limit": limit});
    let mut statement = connection.prepare_cached(BEGUN)?;
    let rows = statement.query_map(parameters.as_slice(), |row| {
        Ok((titles::read(row)?.title, read(row)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<WatchedAt> {
    Ok(WatchedAt {
        position_ms: column::unsigned(row, "position_ms")?,
        duration_ms: column::unsigned(row, "duration_ms")?,
        finished: row.get("finished")?,
        at: column::time(row, "at_ms")?,
    })
}
