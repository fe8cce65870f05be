//! What happened to a job, in sentences for whoever wants to know why a film takes so long.

use model::clock::WallTime;
use model::error::Result;
use model::id::JobId;

use crate::table::{job_log, jobs};
use crate::{Catalog, job_move};

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: WallTime,
    /// What, in a sentence.
    pub text: String,
}

impl Catalog {
    /// What happened to a job, in order; the latest two hundred.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn job_log(&self, id: JobId) -> Result<Vec<LogLine>> {
        self.read(
            "reading the log of a job",
            move |transaction, _| match jobs::by_id(transaction, id)? {
                Some(row) => job_log::of_job(transaction, row.serial),
                None => Ok(Vec::new()),
            },
        )
        .await
    }

    /// Notes what happened to a job; a job that is gone needs no notes.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn log_job(&self, id: JobId, text: &str) -> Result<()> {
        let text = text.to_owned();
        self.write(
            "noting what happened to a job",
            move |write| match jobs::by_id(&write.transaction, id)? {
                Some(row) => job_move::log(write, row.serial, &text),
                None => Ok(()),
            },
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use model::id::JobId;

    use crate::testing::House;

    #[tokio::test]
    async fn the_latest_two_hundred_notes_on_a_job_are_kept() {
        let house = House::new();
        let title = house.admit("/films/a.mp4", "a").await;
        let job = house.job_of(title).await.id;
        for number in 0..=200 {
            let text = format!("note {number}");
            house.catalog.log_job(job, &text).await.unwrap();
        }
        let log = house.catalog.job_log(job).await.unwrap();
        assert_eq!(log.len(), 200);
        assert_eq!(log[0].text, "note 1", "the oldest had to go");
        house.catalog.log_job(JobId::generate(), "x").await.unwrap();
    }
}
