//! How much there is of everything, for graphs. What does not belong here: numbers that pages show
//! of single titles ([`crate::library`]).

use model::error::Result;
use model::job::JobState;
use model::settings::Place;
use model::title::TitleState;
use rusqlite::Connection;

use crate::Catalog;
use crate::failure::Outcome;

// A scan of each table: some 20 ms for 100 000 titles, for whoever asks once in fifteen seconds.
const TITLES: &str = "SELECT state, COUNT(*) FROM titles GROUP BY state";

const JOBS: &str = "SELECT state, COUNT(*) FROM jobs GROUP BY state";

const SEGMENT_BYTES: &str = "SELECT 'local', COALESCE(SUM(size_bytes), 0) FROM stream_totals";

/// How much there is of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Titles in each state that occurs.
    pub titles: Vec<(TitleState, u64)>,
    /// Jobs in each state that occurs.
    pub jobs: Vec<(JobState, u64)>,
    /// Bytes of stored segments in each place that occurs.
    pub segment_bytes: Vec<(Place, u64)>,
}

impl Catalog {
    /// Counts everything.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn figures(&self) -> Result<Figures> {
        self.read("counting", |transaction, _| {
            Ok(Figures {
                titles: counted(transaction, TITLES, TitleState::parse)?,
                jobs: counted(transaction, JOBS, JobState::parse)?,
                segment_bytes: counted(transaction, SEGMENT_BYTES, Place::parse)?,
            })
        })
        .await
    }
}

/// Rows of a word and a number; the schema allows no words that we do not know.
fn counted<T>(
    connection: &Connection,
    sql: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Outcome<Vec<(T, u64)>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut counted = Vec::new();
    while let Some(row) = rows.next()? {
        let (word, count): (String, i64) = (row.get(0)?, row.get(1)?);
        if let Some(word) = parse(&word) {
            counted.push((word, u64::try_from(count).unwrap_or(0)));
        }
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use model::job::JobState;
    use model::settings::Place;
    use model::title::TitleState;

    use crate::testing::House;

    #[tokio::test]
    async fn everything_is_counted_by_its_state() {
        let house = House::new();
        let empty = house.catalog.figures().await.unwrap();
        assert!(
            empty.titles.is_empty() && empty.jobs.is_empty(),
            "{empty:?}"
        );
        house.planned("/films/a.mp4", 4).await;
        house.admit("/films/b.mp4", "b").await;
        let figures = house.catalog.figures().await.unwrap();
        let titles = [(TitleState::Processing, 1), (TitleState::Waiting, 1)];
        assert_eq!(figures.titles, titles);
        let jobs = [(JobState::Queued, 1), (JobState::Running, 1)];
        assert_eq!(figures.jobs, jobs);
        assert_eq!(figures.segment_bytes, [(Place::Local, 0)]);
    }
}
