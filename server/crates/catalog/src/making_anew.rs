//! Making a title anew from its file, because what was made from it is not there any more. What
//! does not belong here: a file that changed (`admission`), a plan that does not work out
//! (`planning`).

use model::error::{ErrorKind, Result};
use model::id::TitleId;
use model::job::JobState;

use crate::failure::{Failure, Outcome};
use crate::removal::BECAUSE_REMOVED;
use crate::table::{jobs, titles};
use crate::{Catalog, Write, generation, job_move};

impl Catalog {
    /// Begins the title anew in a new generation and queues its job, whatever became of it. Name,
    /// words and rights stay. The job of a removed title waits until somebody brings it back.
    ///
    /// # Errors
    /// `NotFound` if there is no such title.
    pub async fn make_anew(&self, title: TitleId) -> Result<()> {
        self.write("making a title anew", move |write| begin(write, title))
            .await
    }
}

fn begin(write: &mut Write<'_>, title: TitleId) -> Outcome<()> {
    let Some(row) = titles::by_id(&write.transaction, title)? else {
        let message = format!("there is no title {title}");
        return Err(Failure::rule(ErrorKind::NotFound, message));
    };
    generation::begin(write, &row)?;
    let mut job = jobs::of_title(&write.transaction, row.serial)?;
    job.job.state = JobState::Queued;
    job.job.reason = None;
    job.job.attempts = 0;
    job.job.run_after = write.now;
    job.job.started_at = None;
    job.job.finished_at = None;
    if row.title.deleted_at.is_some() {
        let now = write.now;
        job_move::finish(&mut job, JobState::Cancelled, Some(BECAUSE_REMOVED), now);
    }
    job_move::save(write, &job)
}

#[cfg(test)]
mod tests {
    use model::error::ErrorKind;
    use model::id::TitleId;
    use model::title::TitleState;

    use crate::testing::House;

    #[tokio::test]
    async fn a_title_made_anew_keeps_its_name_and_waits() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        house.catalog.make_anew(title).await.unwrap();
        let found = house.catalog.title(title).await.unwrap().unwrap();
        assert_eq!(found.state, TitleState::Waiting);
        assert_eq!(
            found.generation, 2,
            "old objects are never taken for new ones"
        );
        let missing = house.catalog.make_anew(TitleId::generate()).await;
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_removed_title_is_made_anew_when_somebody_brings_it_back() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        house.catalog.delete_title(title, None).await.unwrap();
        house.catalog.make_anew(title).await.unwrap();
        assert!(house.claim().await.is_empty(), "nobody works on it");
        house.catalog.restore_title(title).await.unwrap();
        assert_eq!(house.claim().await.len(), 1, "it is made after all");
    }
}
