//! Statements on `titles`.

use std::path::PathBuf;

use model::clock::WallTime;
use model::id::TitleId;
use model::plan::PLAN_VERSION;
use model::plan::parts::Part;
use model::rights::Visibility;
use model::settings::Place;
use model::title::{FileStamp, Identity, Source, Title, TitleState};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column;
use crate::failure::Outcome;

/// A title as its row has it: everything but the plan, which is decoded elsewhere.
#[derive(Debug)]
pub(crate) struct TitleRow {
    pub(crate) serial: i64,
    pub(crate) title: Title,
    /// It has a plan that this program can read.
    pub(crate) has_plan: bool,
    /// For the filmstrip, unless it is ready.
    pub(crate) parts: Vec<Part>,
}

/// A title that is to be inserted.
pub(crate) struct NewTitle<'a> {
    pub(crate) id: TitleId,
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) visibility: Visibility,
    pub(crate) owner_serial: Option<i64>,
    pub(crate) place: Place,
    pub(crate) added_at: WallTime,
    pub(crate) source: &'a Source,
    pub(crate) state: TitleState,
    pub(crate) reason: Option<&'a str>,
}

const BY_ID: &str = "SELECT * FROM title_cards WHERE id = :id";

const BY_SERIAL: &str = "SELECT * FROM title_cards WHERE serial = :serial";

const OF_SERIALS: &str = "
    SELECT * FROM title_cards WHERE serial IN (SELECT value FROM json_each(:serials))";

const SERIAL_OF: &str = "SELECT serial FROM titles WHERE id = :id";

const NEWEST_AT_PATH: &str = "
    SELECT * FROM title_cards WHERE source_path = :path
    ORDER BY deleted_at_ms IS NULL DESC, serial DESC LIMIT 1";

// Prefers one that is not removed, then the title of this very file, then one that did not fail,
// then the newest.
const OF_IDENTITY: &str = "
    SELECT * FROM title_cards
    WHERE identity_hash = :hash AND identity_size_bytes = :size_bytes
    ORDER BY deleted_at_ms IS NULL DESC, source_path = :path DESC, state <> 'failed' DESC, serial DESC
    LIMIT 100";

const INSERT: &str = "
    INSERT INTO titles (
        id, name, description, visibility, owner_serial, place, added_at_ms, state, reason,
        generation,
        source_path, source_path_text, identity_size_bytes, identity_hash,
        stamp_device, stamp_inode, stamp_size_bytes, stamp_modified_ns)
    VALUES (
        :id, :name, :description, :visibility, :owner_serial, :place, :added_at_ms, :state,
        :reason, 1,
        :source_path, :source_path_text, :identity_size_bytes, :identity_hash,
        :stamp_device, :stamp_inode, :stamp_size_bytes, :stamp_modified_ns)";

const SET_SOURCE: &str = "
    UPDATE titles SET
        source_path = :source_path, source_path_text = :source_path_text,
        identity_size_bytes = :identity_size_bytes, identity_hash = :identity_hash,
        stamp_device = :stamp_device, stamp_inode = :stamp_inode,
        stamp_size_bytes = :stamp_size_bytes, stamp_modified_ns = :stamp_modified_ns,
        copy_refused = 0
    WHERE serial = :serial";

const SET_STATE: &str = "
    UPDATE titles SET state = :state, reason = :reason
    WHERE serial = :serial AND (state <> :state OR reason IS NOT :reason)";

const SET_GENERATION: &str = "UPDATE titles SET generation = :generation WHERE serial = :serial";

const SET_PLACE: &str = "UPDATE titles SET place = :place WHERE serial = :serial";

const SET_WORDS: &str = "
    UPDATE titles SET name = :name, description = :description, visibility = :visibility
    WHERE serial = :serial";

const SET_DELETED: &str = "UPDATE titles SET deleted_at_ms = :deleted_at_ms WHERE serial = :serial";

const REMOVED_BEFORE: &str = "
    SELECT * FROM title_cards WHERE deleted_at_ms < :before_ms
    ORDER BY deleted_at_ms LIMIT :limit";

const SET_POSTER_CHOICE: &str =
    "UPDATE titles SET poster_choice = :poster_choice WHERE serial = :serial";

const REFUSE_COPY: &str = "UPDATE titles SET copy_refused = 1 WHERE serial = :serial";

const DELETE: &str = "DELETE FROM titles WHERE serial = :serial";

// Some video stream and some audio stream, as far as the plan has them, must have their first
// segment: a copied picture is there long before the lowest rung. Sound begins with the track that players begin with.
const IS_PLAYABLE: &str = "
    SELECT EXISTS (
        SELECT 1 FROM plans
        WHERE plans.title_serial = :serial
            AND (plans.video_streams = 0 OR EXISTS (
                SELECT 1 FROM pieces
                WHERE pieces.title_serial = plans.title_serial
                    AND pieces.generation = plans.generation
                    AND pieces.stream BETWEEN 0 AND plans.video_streams - 1
                    AND pieces.number = 1))
            AND (plans.audio_streams = 0 OR EXISTS (
                SELECT 1 FROM pieces
                WHERE pieces.title_serial = plans.title_serial
                    AND pieces.generation = plans.generation
                    AND pieces.stream >= plans.video_streams AND pieces.number = 1)))";

pub(crate) fn by_id(connection: &Connection, id: TitleId) -> Outcome<Option<TitleRow>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn by_serial(connection: &Connection, serial: i64) -> Outcome<TitleRow> {
    let mut statement = connection.prepare_cached(BY_SERIAL)?;
    Ok(statement.query_row(named_params! {":serial": serial}, read)?)
}

/// `serials` is an array in JSON.
pub(crate) fn of_serials(connection: &Connection, serials: &str) -> Outcome<Vec<TitleRow>> {
    let mut statement = connection.prepare_cached(OF_SERIALS)?;
    let rows = statement.query_map(named_params! {":serials": serials}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn serial_of(connection: &Connection, id: TitleId) -> Outcome<Option<i64>> {
    let mut statement = connection.prepare_cached(SERIAL_OF)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement
        .query_row(parameters, |row| row.get(0))
        .optional()?)
}

pub(crate) fn newest_at_path(connection: &Connection, path: &[u8]) -> Outcome<Option<TitleRow>> {
    let mut statement = connection.prepare_cached(NEWEST_AT_PATH)?;
    let parameters = named_params! {":path": path};
    Ok(statement.query_row(parameters, read).optional()?)
}

/// The titles with this content, the one that stands for it first; `path` decides between several.
pub(crate) fn of_identity(
    connection: &Connection,
    identity: &Identity,
    path: &[u8],
) -> Outcome<Vec<TitleRow>> {
    let mut statement = connection.prepare_cached(OF_IDENTITY)?;
    let parameters = named_params! {
        ":hash": identity.sample_hash,
        ":size_bytes": column::size(identity.size_bytes)?,
        ":path": path,
    };
    let rows = statement.query_map(parameters, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Returns the new title's serial.
pub(crate) fn insert(connection: &Connection, title: &NewTitle<'_>) -> Outcome<i64> {
    let NewTitle { source, .. } = title;
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": title.id.to_string(),
        ":name": title.name,
        ":description": title.description,
        ":visibility": title.visibility.as_str(),
        ":owner_serial": title.owner_serial,
        ":place": title.place.as_str(),
        ":added_at_ms": title.added_at.0,
        ":state": title.state.as_str(),
        ":reason": title.reason,
        ":source_path": column::path_bytes(&source.path)?,
        ":source_path_text": source.path.to_string_lossy(),
        ":identity_size_bytes": column::size(source.identity.size_bytes)?,
        ":identity_hash": source.identity.sample_hash,
        ":stamp_device": source.stamp.device.cast_signed(),
        ":stamp_inode": source.stamp.inode.cast_signed(),
        ":stamp_size_bytes": column::size(source.stamp.size_bytes)?,
        ":stamp_modified_ns": source.stamp.modified_ns,
    })?;
    Ok(connection.last_insert_rowid())
}

pub(crate) fn set_source(connection: &Connection, serial: i64, source: &Source) -> Outcome<()> {
    connection
        .prepare_cached(SET_SOURCE)?
        .execute(named_params! {
            ":serial": serial,
            ":source_path": column::path_bytes(&source.path)?,
            ":source_path_text": source.path.to_string_lossy(),
            ":identity_size_bytes": column::size(source.identity.size_bytes)?,
            ":identity_hash": source.identity.sample_hash,
            ":stamp_device": source.stamp.device.cast_signed(),
            ":stamp_inode": source.stamp.inode.cast_signed(),
            ":stamp_size_bytes": column::size(source.stamp.size_bytes)?,
            ":stamp_modified_ns": source.stamp.modified_ns,
        })?;
    Ok(())
}

/// Returns whether that changed anything.
pub(crate) fn set_state(
    connection: &Connection,
    serial: i64,
    state: TitleState,
    reason: Option<&str>,
) -> Outcome<bool> {
    let changed = connection
        .prepare_cached(SET_STATE)?
        .execute(named_params! {
            ":serial": serial,
            ":state": state.as_str(),
            ":reason": reason,
        })?;
    Ok(changed > 0)
}

pub(crate) fn set_generation(connection: &Connection, serial: i64, generation: u32) -> Outcome<()> {
    connection
        .prepare_cached(SET_GENERATION)?
        .execute(named_params! {":serial": serial, ":generation": generation})?;
    Ok(())
}

pub(crate) fn set_place(connection: &Connection, serial: i64, place: Place) -> Outcome<()> {
    connection
        .prepare_cached(SET_PLACE)?
        .execute(named_params! {":serial": serial, ":place": place.as_str()})?;
    Ok(())
}

/// Name, description and visibility, as `title` has them.
pub(crate) fn set_words(connection: &Connection, serial: i64, title: &Title) -> Outcome<()> {
    connection
        .prepare_cached(SET_WORDS)?
        .execute(named_params! {
            ":serial": serial,
            ":name": title.name,
            ":description": title.description,
            ":visibility": title.visibility.as_str(),
        })?;
    Ok(())
}

/// Until the title has another file.
pub(crate) fn refuse_copy(connection: &Connection, serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(REFUSE_COPY)?
        .execute(named_params! {":serial": serial})?;
    Ok(())
}

pub(crate) fn set_poster_choice(connection: &Connection, serial: i64, number: u32) -> Outcome<()> {
    connection
        .prepare_cached(SET_POSTER_CHOICE)?
        .execute(named_params! {":serial": serial, ":poster_choice": number})?;
    Ok(())
}

pub(crate) fn set_deleted(
    connection: &Connection,
    serial: i64,
    deleted_at: Option<WallTime>,
) -> Outcome<()> {
    connection
        .prepare_cached(SET_DELETED)?
        .execute(named_params! {
            ":serial": serial,
            ":deleted_at_ms": deleted_at.map(|at| at.0),
        })?;
    Ok(())
}

/// Titles that were removed before a moment, longest ago first.
pub(crate) fn removed_before(
    connection: &Connection,
    before: WallTime,
    limit: u32,
) -> Outcome<Vec<TitleRow>> {
    let mut statement = connection.prepare_cached(REMOVED_BEFORE)?;
    let parameters = named_params! {":before_ms": before.0, ":limit": limit};
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// What refers to it must be gone, but for what goes with it.
pub(crate) fn delete(connection: &Connection, serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":serial": serial})?;
    Ok(())
}

pub(crate) fn is_playable(connection: &Connection, serial: i64) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(IS_PLAYABLE)?;
    Ok(statement.query_row(named_params! {":serial": serial}, |row| row.get(0))?)
}

/// Reads a row of `title_cards`.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<TitleRow> {
    let plan_version: Option<u32> = row.get("plan_version")?;
    let has_plan = plan_version == Some(PLAN_VERSION);
    let summary = has_plan.then(|| column::json(row, "plan_summary"));
    let parts = has_plan.then(|| column::json(row, "plan_parts"));
    Ok(TitleRow {
        serial: row.get("serial")?,
        title: Title {
            id: column::id(row, "id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            visibility: column::word(row, "visibility", Visibility::parse)?,
            owner: column::optional_id(row, "owner_id")?,
            added_at: column::time(row, "added_at_ms")?,
            deleted_at: column::optional_time(row, "deleted_at_ms")?,
            source: read_source(row)?,
            state: column::word(row, "state", TitleState::parse)?,
            reason: row.get("reason")?,
            generation: row.get("generation")?,
            place: column::word(row, "place", Place::parse)?,
            plan: None,
            summary: summary.transpose()?.flatten(),
            has_poster: row.get("has_poster")?,
            poster_choices: column::numbers(row, "poster_choices")?,
            poster_choice: row.get("poster_choice")?,
            copy_refused: row.get("copy_refused")?,
            thumb_sheets: column::numbers(row, "thumb_sheets")?,
            job: column::optional_id(row, "job_id")?,
        },
        has_plan,
        parts: parts.transpose()?.flatten().unwrap_or_default(),
    })
}

fn read_source(row: &Row<'_>) -> rusqlite::Result<Source> {
    let path: PathBuf = column::path(row, "source_path")?;
    Ok(Source {
        path,
        identity: Identity {
            size_bytes: column::unsigned(row, "identity_size_bytes")?,
            sample_hash: row.get("identity_hash")?,
        },
        stamp: FileStamp {
            device: column::bits(row, "stamp_device")?,
            inode: column::bits(row, "stamp_inode")?,
            size_bytes: column::unsigned(row, "stamp_size_bytes")?,
            modified_ns: row.get("stamp_modified_ns")?,
        },
    })
}
