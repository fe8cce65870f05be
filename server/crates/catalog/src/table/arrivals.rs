//! Statements on `arrivals`.

use model::arrival::{Arrival, ArrivalState, Door};
use model::id::{ArrivalId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::inbox_page::Only;
use crate::table::rights::Rights;

const BY_PATH: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
    WHERE arrivals.path = :path";

const BY_ID: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
    WHERE arrivals.id = :id";

const EVERY: &str = "
    SELECT arrivals.*, titles.id AS title_id
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial";

const DISMISS: &str = "UPDATE arrivals SET dismissed = 1 WHERE id = :id";

/// Which arrivals somebody sees: by their title, or by themselves as long as there is none.
macro_rules! seen {
    () => {
        concat!(
            "CASE WHEN titles.serial IS NOT NULL THEN ",
            visible!("titles."),
            " ELSE (:sees_everything OR NOT arrivals.private
                OR arrivals.owner_serial = :user_serial) END"
        )
    };
}

/// Which of them they may decide on: `model::rights::may(Change)` where there is a title.
macro_rules! decidable {
    () => {
        "(:sees_everything OR (:is_person
            AND (titles.serial IS NULL OR titles.owner_serial = :user_serial)))"
    };
}

macro_rules! from_seen {
    ($condition:expr) => {
        concat!(
            " FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
            WHERE arrivals.dismissed = 0 AND ",
            $condition,
            " AND ",
            seen!()
        )
    };
}

macro_rules! page {
    ($condition:expr) => {
        concat!(
            "SELECT arrivals.*, arrivals.rowid AS place, titles.id AS title_id,
                COALESCE(",
            decidable!(),
            ", 0) AS may_decide",
            from_seen!($condition),
            " AND (arrivals.changed_at_ms, arrivals.rowid) < (:before_ms, :before_place)
            ORDER BY arrivals.changed_at_ms DESC, arrivals.rowid DESC LIMIT :limit"
        )
    };
}

// Counting ends at a limit; nobody goes through more.
macro_rules! count {
    ($condition:expr) => {
        concat!(
            "SELECT COUNT(*) FROM (SELECT 1",
            from_seen!($condition),
            " LIMIT :limit)"
        )
    };
}

macro_rules! undecided {
    () => {
        concat!(
            "arrivals.state IN ('refused', 'removed') AND ",
            decidable!()
        )
    };
}

const PAGE: &str = page!("TRUE");
const PAGE_UNDECIDED: &str = page!(undecided!());
const PAGE_SETTLING: &str = page!("arrivals.state = 'settling'");
const COUNT: &str = count!("TRUE");
const COUNT_UNDECIDED: &str = count!(undecided!());
const COUNT_SETTLING: &str = count!("arrivals.state = 'settling'");

const SEEN_BY_ID: &str = concat!(
    "SELECT arrivals.*, arrivals.rowid AS place, titles.id AS title_id,
        COALESCE(",
    decidable!(),
    ", 0) AS may_decide
    FROM arrivals LEFT JOIN titles ON titles.serial = arrivals.title_serial
    WHERE arrivals.id = :id AND ",
    seen!()
);

const PUT: &str = "
    INSERT INTO arrivals (
        path, id, path_text, door, state, reason, size_bytes, first_seen_at_ms, changed_at_ms,
        title_serial, owner_serial, private, dismissed)
    VALUES (
        :path, :id, :path_text, :door, :state, :reason, :size_bytes, :first_seen_at_ms,
        :changed_at_ms, :title_serial, (SELECT serial FROM users WHERE id = :owner_id),
        :door = 'upload', 0)
    ON CONFLICT (path) DO UPDATE SET
        dismissed = CASE WHEN changed_at_ms = excluded.changed_at_ms THEN dismissed ELSE 0 END,
        door = excluded.door, state = excluded.state, reason = excluded.reason,
        size_bytes = excluded.size_bytes, changed_at_ms = excluded.changed_at_ms,
        title_serial = excluded.title_serial,
        owner_serial = COALESCE(excluded.owner_serial, owner_serial),
        private = MAX(private, excluded.private)";

// What tells of a title that only its owner saw stays with that owner when the title goes.
const KEEP_PRIVATE: &str = "
    UPDATE arrivals SET
        private = 1,
        owner_serial = (SELECT owner_serial FROM titles WHERE serial = :title_serial)
    WHERE title_serial = :title_serial
        AND (SELECT visibility FROM titles WHERE serial = :title_serial) = 'only_me'";

const DELETE: &str = "DELETE FROM arrivals WHERE path = :path";

pub(crate) fn by_path(connection: &Connection, path: &[u8]) -> Outcome<Option<Arrival>> {
    let mut statement = connection.prepare_cached(BY_PATH)?;
    let parameters = named_params! {":path": path};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn by_id(connection: &Connection, id: ArrivalId) -> Outcome<Option<Arrival>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

/// All there are, also those that were dismissed.
pub(crate) fn every(connection: &Connection) -> Outcome<Vec<Arrival>> {
    let mut statement = connection.prepare_cached(EVERY)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn dismiss(connection: &Connection, id: ArrivalId) -> Outcome<()> {
    connection
        .prepare_cached(DISMISS)?
        .execute(named_params! {":id": id.to_string()})?;
    Ok(())
}

/// Which arrivals of a listing, behind which place; the first page begins at the top.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) only: Only,
    pub(crate) before_ms: i64,
    pub(crate) before_place: i64,
    pub(crate) limit: u32,
}

/// An arrival as somebody sees it.
#[derive(Debug)]
pub(crate) struct SeenRow {
    pub(crate) arrival: Arrival,
    pub(crate) may_decide: bool,
    /// Orders those of the same moment.
    pub(crate) place: i64,
}

/// Those that nobody dismissed, the latest change first.
pub(crate) fn page(
    connection: &Connection,
    rights: &Rights,
    window: Window,
) -> Outcome<Vec<SeenRow>> {
    let mut statement = connection.prepare_cached(match window.only {
        Only::All => PAGE,
        Only::Undecided => PAGE_UNDECIDED,
        Only::Settling => PAGE_SETTLING,
    })?;
    let parameters = rights.and(named_params! {
        ":before_ms": window.before_ms,
        ":before_place": window.before_place,
        ":limit": window.limit,
    });
    let rows = statement.query_map(parameters.as_slice(), read_seen)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many of them there are; counting ends at `limit`.
pub(crate) fn count(
    connection: &Connection,
    rights: &Rights,
    only: Only,
    limit: u32,
) -> Outcome<u64> {
    let mut statement = connection.prepare_cached(match only {
        Only::All => COUNT,
        Only::Undecided => COUNT_UNDECIDED,
        Only::Settling => COUNT_SETTLING,
    })?;
    let parameters = rights.and(named_params! {":limit": limit});
    let count: i64 = statement.query_row(parameters.as_slice(), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The arrival with that id, if somebody with these rights sees it.
pub(crate) fn seen_by_id(
    connection: &Connection,
    rights: &Rights,
    id: ArrivalId,
) -> Outcome<Option<SeenRow>> {
    let mut statement = connection.prepare_cached(SEEN_BY_ID)?;
    let id = id.to_string();
    let parameters = rights.and(named_params! {":id": id});
    let found = statement.query_row(parameters.as_slice(), read_seen);
    Ok(found.optional()?)
}

/// To be called before a title goes for good.
pub(crate) fn keep_private(connection: &Connection, title_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(KEEP_PRIVATE)?
        .execute(named_params! {":title_serial": title_serial})?;
    Ok(())
}

/// Inserts the arrival or replaces everything about it but when it was first seen. Who sent it, and
/// that it is theirs alone, is not forgotten.
pub(crate) fn put(
    connection: &Connection,
    arrival: &Arrival,
    title_serial: Option<i64>,
    owner: Option<UserId>,
) -> Outcome<()> {
    connection.prepare_cached(PUT)?.execute(named_params! {
        ":path": column::path_bytes(&arrival.path)?,
        ":id": arrival.id.to_string(),
        ":path_text": arrival.path.to_string_lossy(),
        ":door": arrival.door.as_str(),
        ":state": arrival.state.as_str(),
        ":reason": arrival.reason,
        ":size_bytes": column::size(arrival.size_bytes)?,
        ":first_seen_at_ms": arrival.first_seen_at.0,
        ":changed_at_ms": arrival.changed_at.0,
        ":title_serial": title_serial,
        ":owner_id": owner.map(|owner| owner.to_string()),
    })?;
    Ok(())
}

/// Returns whether there was such a row.
pub(crate) fn delete(connection: &Connection, path: &[u8]) -> Outcome<bool> {
    let deleted = connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":path": path})?;
    Ok(deleted > 0)
}

fn read_seen(row: &Row<'_>) -> rusqlite::Result<SeenRow> {
    Ok(SeenRow {
        arrival: read(row)?,
        may_decide: row.get("may_decide")?,
        place: row.get("place")?,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Arrival> {
    Ok(Arrival {
        id: column::id(row, "id")?,
        path: column::path(row, "path")?,
        door: column::word(row, "door", Door::parse)?,
        state: column::word(row, "state", ArrivalState::parse)?,
        reason: row.get("reason")?,
        size_bytes: column::unsigned(row, "size_bytes")?,
        first_seen_at: column::time(row, "first_seen_at_ms")?,
        changed_at: column::time(row, "changed_at_ms")?,
        title: column::optional_id(row, "title_id")?,
    })
}
