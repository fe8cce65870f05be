//! Moving a job: its row, its title's state and reason, and the announcements, always together.
//! Also the fence that lets only the holder of the lease move it on.

use model::change::Change;
use model::clock::WallTime;
use model::error::ErrorKind;
use model::id::JobId;
use model::job::{JobState, Progress};
use model::title::TitleState;
use rusqlite::Connection;

use crate::Write;
use crate::column::{REASON_CHARS, shortened};
use crate::failure::{Failure, Outcome};
use crate::table::jobs::{self, JobRow};
use crate::table::{job_log, titles};

/// How many notes are kept of a job.
const MOST_LINES: u32 = 200;

/// The job, if `owner` works on it at this moment.
pub(crate) fn held(write: &Write<'_>, job: JobId, owner: &str) -> Outcome<JobRow> {
    let Some(row) = jobs::by_id(&write.transaction, job)? else {
        return Err(unknown(job));
    };
    let holder = row.lease.as_ref().map(|lease| lease.owner.as_str());
    if row.job.state == JobState::Running && holder == Some(owner) {
        return Ok(row);
    }
    let message = match row.job.state {
        JobState::Running => format!("job {job} was taken over by another worker"),
        state => format!(
            "job {job} was taken away from its worker: it is {}",
            state.as_str()
        ),
    };
    Err(Failure::rule(ErrorKind::Conflict, message))
}

/// There is no such job.
pub(crate) fn unknown(job: JobId) -> Failure {
    Failure::rule(ErrorKind::NotFound, format!("there is no job {job}"))
}

/// Writes the moved job, lets its title follow, and announces both.
pub(crate) fn save(write: &mut Write<'_>, row: &JobRow) -> Outcome<()> {
    jobs::save(&write.transaction, row)?;
    write.announce(Change::Job(row.job.id, row.job.title));
    settle_title(write, row)
}

/// Lets the title follow its job and the pieces that exist.
pub(crate) fn settle_title(write: &mut Write<'_>, row: &JobRow) -> Outcome<()> {
    let transaction = &write.transaction;
    let state = title_state(transaction, row)?;
    let reason = row.job.reason.as_deref();
    if titles::set_state(transaction, row.title_serial, state, reason)? {
        write.announce(Change::Title(row.job.title));
    }
    Ok(())
}

/// Back to the beginning of the queue's rules: no failures, nothing made, due now.
pub(crate) fn start_over(row: &mut JobRow, now: WallTime) {
    row.job.state = JobState::Queued;
    row.job.attempts = 0;
    row.job.run_after = now;
    row.job.reason = None;
    row.job.finished_at = None;
    row.job.progress = Progress::default();
}

/// Into a final state, with a reason unless it is done.
pub(crate) fn finish(row: &mut JobRow, state: JobState, reason: Option<&str>, now: WallTime) {
    row.job.state = state;
    row.job.reason = reason.map(|reason| shortened(reason, REASON_CHARS));
    row.job.finished_at = Some(now);
}

/// A waiting job is due at once, because what it waited for may be there now.
pub(crate) fn wake(write: &mut Write<'_>, title_serial: i64) -> Outcome<()> {
    let mut row = jobs::of_title(&write.transaction, title_serial)?;
    if row.job.state == JobState::Queued && row.job.run_after > write.now {
        row.job.run_after = write.now;
        save(write, &row)?;
    }
    Ok(())
}

/// Notes what happened to a job; the oldest notes go.
pub(crate) fn log(write: &Write<'_>, job_serial: i64, text: &str) -> Outcome<()> {
    let text = shortened(text, REASON_CHARS);
    job_log::add(&write.transaction, job_serial, write.now, &text)?;
    job_log::delete_beyond(&write.transaction, job_serial, MOST_LINES)
}

fn title_state(connection: &Connection, row: &JobRow) -> Outcome<TitleState> {
    match row.job.state {
        JobState::Done => return Ok(TitleState::Ready),
        JobState::Failed | JobState::Cancelled => return Ok(TitleState::Failed),
        JobState::Queued | JobState::Running | JobState::Paused => {}
    }
    if titles::is_playable(connection, row.title_serial)? {
        return Ok(TitleState::Playable);
    }
    Ok(match row.job.state {
        JobState::Running => TitleState::Processing,
        _ => TitleState::Waiting,
    })
}
