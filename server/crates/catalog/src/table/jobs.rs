//! Statements on `jobs`. A job is read whole, moved in memory, and saved whole.

use model::clock::WallTime;
use model::id::JobId;
use model::job::{Job, JobState, Progress, Step};
use model::time::Ticks;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params};

use crate::column;
use crate::failure::Outcome;
use crate::table::rights::Rights;

/// A job with what only the catalog knows about it.
#[derive(Clone, Debug)]
pub(crate) struct JobRow {
    pub(crate) serial: i64,
    pub(crate) title_serial: i64,
    pub(crate) job: Job,
    /// Its title was removed.
    pub(crate) is_removed: bool,
    pub(crate) lease: Option<Lease>,
}

/// Who works on a job, and until when that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) until: WallTime,
}

const BY_ID: &str = "SELECT * FROM job_cards WHERE id = :id";

const OF_TITLE: &str = "SELECT * FROM job_cards WHERE title_serial = :title_serial";

const OF_TITLES: &str = "
    SELECT * FROM job_cards
    WHERE title_serial IN (SELECT value FROM json_each(:title_serials))";

const BY_TURN: &str = "
    SELECT * FROM job_cards WHERE state = :state AND NOT is_removed
    ORDER BY priority DESC, created_at_ms, serial LIMIT :limit";

// Jobs as somebody may see them are read in the order of their index, and no further than a page
// needs.
macro_rules! seen {
    ($condition:literal) => {
        concat!(
            "SELECT jobs.*, titles.id AS title_id, FALSE AS is_removed
            FROM jobs CROSS JOIN titles ON titles.serial = jobs.title_serial
            WHERE titles.deleted_at_ms IS NULL AND ",
            visible!("titles."),
            " AND ",
            $condition
        )
    };
}

const SEEN_BY_TURN: &str = seen!(
    "jobs.state = :state
        AND (-jobs.priority, jobs.created_at_ms, jobs.serial) > (:first, :second, :third)
    ORDER BY jobs.priority DESC, jobs.created_at_ms, jobs.serial LIMIT :limit"
);

const SEEN_BY_END: &str = seen!(
    "jobs.finished_at_ms IS NOT NULL
        AND (-jobs.finished_at_ms, -jobs.serial, 0) > (:first, :second, :third)
    ORDER BY jobs.finished_at_ms DESC, jobs.serial DESC LIMIT :limit"
);

const SEEN_BY_ID: &str = seen!("jobs.id = :id");

const NEXT_BUT: &str = "
    SELECT * FROM job_cards
    WHERE state IN ('queued', 'running', 'paused') AND NOT is_removed AND serial <> :but
        AND (-priority, created_at_ms, serial) > (-:priority, :created_at_ms, :serial)
    ORDER BY priority DESC, created_at_ms, serial LIMIT 1";

const HELD_BY: &str = "SELECT * FROM job_cards WHERE lease_owner = :owner ORDER BY serial";

const LEASED: &str = "SELECT * FROM job_cards WHERE lease_owner IS NOT NULL ORDER BY serial";

// A queued job that was taken away from this very owner waits until the owner has learned of
// it (see `queue.rs`). A running job whose lease expired is free for every other owner.
const DUE: &str = "
    SELECT * FROM (
        SELECT * FROM (
            SELECT * FROM job_cards
            WHERE state = 'queued' AND run_after_ms <= :now_ms
                AND (lease_owner IS NOT :owner OR lease_until_ms <= :now_ms)
            ORDER BY priority DESC, created_at_ms, serial LIMIT :limit)
        UNION ALL
        SELECT * FROM job_cards
        WHERE state = 'running' AND lease_until_ms <= :now_ms AND lease_owner IS NOT :owner)
    ORDER BY priority DESC, created_at_ms, serial LIMIT :limit";

const HIGHEST_PRIORITY: &str = "
    SELECT COALESCE(MAX(priority), 0) FROM jobs WHERE state IN ('queued', 'running', 'paused')";

const LOWEST_PRIORITY: &str = "
    SELECT COALESCE(MIN(priority), 0) FROM jobs WHERE state IN ('queued', 'running', 'paused')";

const MAKE_ROOM_BEFORE: &str = "
    UPDATE jobs SET priority = priority + 2
    WHERE state IN ('queued', 'running', 'paused')
        AND (-priority, created_at_ms, serial) < (-:priority, :created_at_ms, :serial)";

const INSERT: &str = "
    INSERT INTO jobs (
        id, title_serial, state, priority, attempts, run_after_ms, reason,
        step, done_ticks, total_ticks, speed, created_at_ms, finished_at_ms)
    VALUES (
        :id, :title_serial, :state, 0, 0, :now_ms, :reason,
        'waiting', 0, 0, 0.0, :now_ms, :finished_at_ms)";

const SAVE: &str = "
    UPDATE jobs SET
        state = :state, priority = :priority, attempts = :attempts,
        run_after_ms = :run_after_ms, reason = :reason,
        step = :step, done_ticks = :done_ticks, total_ticks = :total_ticks, speed = :speed,
        started_at_ms = :started_at_ms, finished_at_ms = :finished_at_ms,
        lease_owner = :lease_owner, lease_until_ms = :lease_until_ms
    WHERE serial = :serial";

pub(crate) fn by_id(connection: &Connection, id: JobId) -> Outcome<Option<JobRow>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let parameters = named_params! {":id": id.to_string()};
    Ok(statement.query_row(parameters, read).optional()?)
}

pub(crate) fn of_title(connection: &Connection, title_serial: i64) -> Outcome<JobRow> {
    let mut statement = connection.prepare_cached(OF_TITLE)?;
    Ok(statement.query_row(named_params! {":title_serial": title_serial}, read)?)
}

/// `title_serials` is an array in JSON.
pub(crate) fn of_titles(connection: &Connection, title_serials: &str) -> Outcome<Vec<JobRow>> {
    let mut statement = connection.prepare_cached(OF_TITLES)?;
    let parameters = named_params! {":title_serials": title_serials};
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Jobs in `state`, whose turn it is soonest first.
pub(crate) fn by_turn(
    connection: &Connection,
    state: JobState,
    limit: u32,
) -> Outcome<Vec<JobRow>> {
    let mut statement = connection.prepare_cached(BY_TURN)?;
    let parameters = named_params! {":state": state.as_str(), ":limit": limit};
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Which jobs of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Those in this state, whose turn it is soonest first.
    Open(JobState),
    /// Those in a final state, latest first.
    Over,
}

/// Orders the jobs of a group, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank(pub(crate) [i64; 3]);

impl Rank {
    /// Before everything.
    pub(crate) const FIRST: Self = Self([i64::MIN; 3]);

    pub(crate) fn by_turn(row: &JobRow) -> Self {
        let job = &row.job;
        Self([job.priority.saturating_neg(), job.created_at.0, row.serial])
    }

    pub(crate) fn by_end(row: &JobRow) -> Self {
        let at = row.job.finished_at.map_or(0, |at| at.0);
        Self([-at, -row.serial, 0])
    }
}

/// Jobs of a group that somebody with these rights sees, behind `after`.
pub(crate) fn of_group(
    connection: &Connection,
    rights: &Rights,
    group: Group,
    after: Rank,
    limit: u32,
) -> Outcome<Vec<JobRow>> {
    let Rank([first, second, third]) = after;
    let mut parameters = rights.and(named_params! {
        ":first": first,
        ":second": second,
        ":third": third,
        ":limit": limit,
    });
    let state = match group {
        Group::Open(state) => Some(state.as_str()),
        Group::Over => None,
    };
    let sql = match &state {
        Some(state) => {
            parameters.push((":state", state as &dyn ToSql));
            SEEN_BY_TURN
        }
        None => SEEN_BY_END,
    };
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters.as_slice(), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The job with that id, if somebody with these rights sees its title.
pub(crate) fn seen_by_id(
    connection: &Connection,
    rights: &Rights,
    id: JobId,
) -> Outcome<Option<JobRow>> {
    let mut statement = connection.prepare_cached(SEEN_BY_ID)?;
    let id = id.to_string();
    let parameters = rights.and(named_params! {":id": id});
    Ok(statement
        .query_row(parameters.as_slice(), read)
        .optional()?)
}

/// The job whose turn comes right after that of `row`, if the job with the serial `but` is left out.
pub(crate) fn next_but(connection: &Connection, row: &JobRow, but: i64) -> Outcome<Option<JobRow>> {
    let mut statement = connection.prepare_cached(NEXT_BUT)?;
    let parameters = named_params! {
        ":but": but,
        ":priority": row.job.priority,
        ":created_at_ms": row.job.created_at.0,
        ":serial": row.serial,
    };
    Ok(statement.query_row(parameters, read).optional()?)
}

/// Jobs on which `owner` has a lease, and those that were taken away from it.
pub(crate) fn held_by(connection: &Connection, owner: &str) -> Outcome<Vec<JobRow>> {
    let mut statement = connection.prepare_cached(HELD_BY)?;
    let rows = statement.query_map(named_params! {":owner": owner}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Jobs on which anybody has a lease.
pub(crate) fn leased(connection: &Connection) -> Outcome<Vec<JobRow>> {
    let mut statement = connection.prepare_cached(LEASED)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Jobs that `owner` may claim, in the order of their turn.
pub(crate) fn due(
    connection: &Connection,
    owner: &str,
    now: WallTime,
    limit: u32,
) -> Outcome<Vec<JobRow>> {
    let mut statement = connection.prepare_cached(DUE)?;
    let parameters = named_params! {":owner": owner, ":now_ms": now.0, ":limit": limit};
    Ok(statement
        .query_map(parameters, read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// The highest priority of all jobs that are not finished.
pub(crate) fn highest_priority(connection: &Connection) -> Outcome<i64> {
    let mut statement = connection.prepare_cached(HIGHEST_PRIORITY)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The lowest priority of all jobs that are not finished.
pub(crate) fn lowest_priority(connection: &Connection) -> Outcome<i64> {
    let mut statement = connection.prepare_cached(LOWEST_PRIORITY)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Leaves a free priority between `next` and all jobs whose turn comes earlier.
pub(crate) fn make_room_before(connection: &Connection, next: &JobRow) -> Outcome<()> {
    connection
        .prepare_cached(MAKE_ROOM_BEFORE)?
        .execute(named_params! {
            ":priority": next.job.priority,
            ":created_at_ms": next.job.created_at.0,
            ":serial": next.serial,
        })?;
    Ok(())
}

/// A queued job, or a failed one with its reason.
pub(crate) fn insert(
    connection: &Connection,
    id: JobId,
    title_serial: i64,
    now: WallTime,
    failed_because: Option<&str>,
) -> Outcome<()> {
    let state = match failed_because {
        Some(_) => JobState::Failed,
        None => JobState::Queued,
    };
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":id": id.to_string(),
        ":title_serial": title_serial,
        ":state": state.as_str(),
        ":now_ms": now.0,
        ":reason": failed_because,
        ":finished_at_ms": failed_because.map(|_| now.0),
    })?;
    Ok(())
}

/// Writes everything that can change.
pub(crate) fn save(connection: &Connection, row: &JobRow) -> Outcome<()> {
    let JobRow { job, lease, .. } = row;
    connection.prepare_cached(SAVE)?.execute(named_params! {
        ":serial": row.serial,
        ":state": job.state.as_str(),
        ":priority": job.priority,
        ":attempts": job.attempts,
        ":run_after_ms": job.run_after.0,
        ":reason": job.reason,
        ":step": step_word(job.progress.step),
        ":done_ticks": job.progress.done.0,
        ":total_ticks": job.progress.total.0,
        ":speed": job.progress.speed,
        ":started_at_ms": job.started_at.map(|at| at.0),
        ":finished_at_ms": job.finished_at.map(|at| at.0),
        ":lease_owner": lease.as_ref().map(|lease| lease.owner.as_str()),
        ":lease_until_ms": lease.as_ref().map(|lease| lease.until.0),
    })?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let job = Job {
        id: column::id(row, "id")?,
        title: column::id(row, "title_id")?,
        state: column::word(row, "state", JobState::parse)?,
        priority: row.get("priority")?,
        attempts: row.get("attempts")?,
        run_after: column::time(row, "run_after_ms")?,
        reason: row.get("reason")?,
        progress: Progress {
            step: column::word(row, "step", step_of)?,
            done: row.get("done_ticks").map(Ticks)?,
            total: row.get("total_ticks").map(Ticks)?,
            speed: row.get("speed")?,
        },
        created_at: column::time(row, "created_at_ms")?,
        started_at: column::optional_time(row, "started_at_ms")?,
        finished_at: column::optional_time(row, "finished_at_ms")?,
    };
    Ok(JobRow {
        serial: row.get("serial")?,
        title_serial: row.get("title_serial")?,
        job,
        is_removed: row.get("is_removed")?,
        lease: read_lease(row)?,
    })
}

fn read_lease(row: &Row<'_>) -> rusqlite::Result<Option<Lease>> {
    let owner: Option<String> = row.get("lease_owner")?;
    let until = column::optional_time(row, "lease_until_ms")?;
    Ok(owner
        .zip(until)
        .map(|(owner, until)| Lease { owner, until }))
}

fn step_of(word: &str) -> Option<Step> {
    use Step::{Encoding, Finished, Inspecting, Waiting};
    [Waiting, Inspecting, Encoding, Finished]
        .into_iter()
        .find(|step| step_word(*step) == word)
}

fn step_word(step: Step) -> &'static str {
    match step {
        Step::Waiting => "waiting",
        Step::Inspecting => "inspecting",
        Step::Encoding => "encoding",
        Step::Finished => "finished",
    }
}
