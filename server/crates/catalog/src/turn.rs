//! Moving a job in the queue by hand.

use model::error::{ErrorKind, Result};
use model::id::JobId;
use model::job::JobState;

use crate::failure::{Failure, Outcome};
use crate::table::jobs::{self, JobRow};
use crate::{Catalog, Write, job_move};

/// Where a job is to stand in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Right before that one.
    Before(JobId),
    /// Right behind that one.
    After(JobId),
    /// At the end.
    Last,
}

impl Catalog {
    /// Moves a job that waits to another place.
    ///
    /// # Errors
    /// `NotFound` if there is no such job, `Conflict` if one of them has ended or `id` runs.
    pub async fn move_job(&self, id: JobId, turn: Turn) -> Result<()> {
        self.write("moving a job", move |write| move_job(write, id, turn))
            .await
    }
}

fn move_job(write: &mut Write<'_>, id: JobId, turn: Turn) -> Outcome<()> {
    let mut row = known(write, id)?;
    if !matches!(row.job.state, JobState::Queued | JobState::Paused) {
        let state = row.job.state.as_str();
        return refuse(format!(
            "job {id} is {state}, so it has no place in the queue"
        ));
    }
    let next = match turn {
        Turn::Before(other) | Turn::After(other) if other == id => return Ok(()),
        Turn::Before(other) => Some(in_queue(write, other)?),
        Turn::After(other) => {
            let before = in_queue(write, other)?;
            jobs::next_but(&write.transaction, &before, row.serial)?
        }
        Turn::Last => None,
    };
    row.job.priority = match next {
        // Everything whose turn comes earlier makes room by moving further up.
        Some(next) => {
            jobs::make_room_before(&write.transaction, &next)?;
            next.job.priority.saturating_add(1)
        }
        None => jobs::lowest_priority(&write.transaction)?.saturating_sub(1),
    };
    job_move::save(write, &row)
}

fn in_queue(write: &Write<'_>, id: JobId) -> Outcome<JobRow> {
    let row = known(write, id)?;
    if row.job.state.is_final() {
        return refuse(format!("job {id} has ended; the queue has changed"));
    }
    Ok(row)
}

fn known(write: &Write<'_>, id: JobId) -> Outcome<JobRow> {
    let row = jobs::by_id(&write.transaction, id)?.filter(|row| !row.is_removed);
    row.ok_or_else(|| job_move::unknown(id))
}

fn refuse<T>(message: String) -> Outcome<T> {
    Err(Failure::rule(ErrorKind::Conflict, message))
}

#[cfg(test)]
mod tests {
    use model::error::ErrorKind;
    use model::job::Intent;

    use super::Turn::{self, After, Before, Last};
    use crate::testing::{House, LEASE, OWNER};

    #[tokio::test]
    async fn a_job_that_waits_can_be_moved() {
        let house = House::new();
        let mut jobs = Vec::new();
        for film in ["a", "b", "c", "d"] {
            let title = house.admit(&format!("/films/{film}.mp4"), film).await;
            jobs.push(house.job_of(title).await.id);
        }
        let order = async || -> String {
            let listed = house.jobs(true).await;
            let place = |id| jobs.iter().position(|job| *job == id).unwrap();
            let letters = listed.iter().map(|job| ["a", "b", "c", "d"][place(job.id)]);
            letters.collect()
        };
        let turns: [(usize, Turn, &str); 9] = [
            (3, Before(jobs[1]), "adbc"),
            (2, Before(jobs[0]), "cadb"),
            (2, Last, "adbc"),
            (1, Before(jobs[3]), "abdc"),
            (0, Before(jobs[2]), "bdac"),
            (0, Before(jobs[0]), "bdac"),
            (2, After(jobs[1]), "bcda"),
            (2, After(jobs[0]), "bdac"),
            (1, After(jobs[0]), "dabc"),
        ];
        for (moved, turn, expected) in turns {
            house.catalog.move_job(jobs[moved], turn).await.unwrap();
            assert_eq!(order().await, expected);
        }
        let running = house.catalog.claim(OWNER, LEASE, 1).await.unwrap()[0].id;
        let moving = house.catalog.move_job(running, Last).await.unwrap_err();
        assert_eq!(moving.kind(), ErrorKind::Conflict, "it runs");
        house
            .catalog
            .request(jobs[3], Intent::Cancel)
            .await
            .unwrap();
        let moving = house.catalog.move_job(jobs[0], After(jobs[3])).await;
        assert_eq!(moving.unwrap_err().kind(), ErrorKind::Conflict, "it ended");
    }
}
