//! Moving a job in the queue by hand.

use model::error::{ErrorKind, Result};
use model::id::JobId;
use model::job::JobState;

use crate::failure::{Failure, Outcome};
use crate::table::jobs;
use crate::{Catalog, Write, job_move};

impl Catalog {
    /// Moves a job that waits to the place before another one, or to the end.
    ///
    /// # Errors
    /// `NotFound` if there is no such job, `Conflict` if one of them has ended or `id` runs.
    pub async fn move_job(&self, id: JobId, before: Option<JobId>) -> Result<()> {
        self.write("moving a job", move |write| move_job(write, id, before))
            .await
    }
}

/// Everything whose turn comes earlier makes room by moving further up.
fn move_job(write: &mut Write<'_>, id: JobId, before: Option<JobId>) -> Outcome<()> {
    let known = |write: &Write<'_>, id: JobId| {
        let row = jobs::by_id(&write.transaction, id)?.filter(|row| !row.is_removed);
        row.ok_or_else(|| job_move::unknown(id))
    };
    let refuse = |message: String| Err(Failure::rule(ErrorKind::Conflict, message));
    let mut row = known(write, id)?;
    if !matches!(row.job.state, JobState::Queued | JobState::Paused) {
        let state = row.job.state.as_str();
        return refuse(format!(
            "job {id} is {state}, so it has no place in the queue"
        ));
    }
    row.job.priority = match before {
        Some(before) if before == id => return Ok(()),
        Some(before) => {
            let next = known(write, before)?;
            if next.job.state.is_final() {
                return refuse(format!("job {before} has ended; the queue has changed"));
            }
            jobs::make_room_before(&write.transaction, &next)?;
            next.job.priority.saturating_add(1)
        }
        None => jobs::lowest_priority(&write.transaction)?.saturating_sub(1),
    };
    job_move::save(write, &row)
}

#[cfg(test)]
mod tests {
    use model::error::ErrorKind;
    use model::job::Intent;

    use crate::queue::JobQuery;
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
            let query = JobQuery {
                open_only: true,
                limit: 9,
            };
            let listed = house.catalog.jobs(query).await.unwrap();
            let place = |id| jobs.iter().position(|job| *job == id).unwrap();
            let letters = listed.iter().map(|job| ["a", "b", "c", "d"][place(job.id)]);
            letters.collect()
        };
        for (moved, before, expected) in [
            (3, Some(1), "adbc"),
            (2, Some(0), "cadb"),
            (2, None, "adbc"),
            (1, Some(3), "abdc"),
            (0, Some(2), "bdac"),
            (0, Some(0), "bdac"),
        ] {
            let before = before.map(|index: usize| jobs[index]);
            let moving = house.catalog.move_job(jobs[moved], before);
            moving.await.unwrap();
            assert_eq!(order().await, expected);
        }
        let running = house.catalog.claim(OWNER, LEASE, 1).await.unwrap()[0].id;
        let moving = house.catalog.move_job(running, None).await.unwrap_err();
        assert_eq!(moving.kind(), ErrorKind::Conflict, "it runs");
        house
            .catalog
            .request(jobs[3], Intent::Cancel)
            .await
            .unwrap();
        let moving = house.catalog.move_job(jobs[0], Some(jobs[3])).await;
        assert_eq!(moving.unwrap_err().kind(), ErrorKind::Conflict, "it ended");
    }
}
