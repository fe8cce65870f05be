//! Whether the catalog keeps its own rules, for `homereel check`. Comparing rows with stored
//! objects belongs to the caller, who knows the store.

use model::error::Result;
use model::plan::Plan;
use rusqlite::Connection;

use crate::Catalog;
use crate::failure::Outcome;

/// How many findings of one kind are told.
const FINDINGS: u32 = 100;

// Stops at a hundred findings by itself.
const INTEGRITY: &str = "SELECT integrity_check FROM pragma_integrity_check";

const FOREIGN_KEYS: &str = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_check";

/// A rule in words, and a statement that finds the ids of the titles that break it.
const RULES: [(&str, &str); 6] = [
    (
        "has no job",
        "SELECT titles.id FROM titles
         LEFT JOIN jobs ON jobs.title_serial = titles.serial
         WHERE jobs.serial IS NULL",
    ),
    (
        "does not follow the state of its job",
        "SELECT titles.id FROM titles JOIN jobs ON jobs.title_serial = titles.serial
         WHERE titles.state NOT IN (SELECT value FROM json_each(CASE jobs.state
             WHEN 'queued' THEN '[\"waiting\", \"playable\"]'
             WHEN 'paused' THEN '[\"waiting\", \"playable\"]'
             WHEN 'running' THEN '[\"processing\", \"playable\"]'
             WHEN 'done' THEN '[\"ready\"]'
             ELSE '[\"failed\"]' END))",
    ),
    (
        "shows another reason than its job",
        "SELECT titles.id FROM titles JOIN jobs ON jobs.title_serial = titles.serial
         WHERE titles.reason IS NOT jobs.reason",
    ),
    (
        "is ready or playable without a plan",
        "SELECT titles.id FROM titles
         LEFT JOIN plans ON plans.title_serial = titles.serial
         WHERE titles.state IN ('ready', 'playable') AND plans.title_serial IS NULL",
    ),
    (
        "is ready, but segments or init segments have no rows",
        "SELECT titles.id FROM titles JOIN plans ON plans.title_serial = titles.serial
         WHERE titles.state = 'ready' AND (plans.segment_count + 1)
             * (plans.video_streams + plans.audio_streams) <> (
                 SELECT COUNT(*) FROM pieces
                 WHERE pieces.title_serial = titles.serial AND pieces.stream >= 0)",
    ),
    (
        "has other totals than its segments add up to",
        "SELECT titles.id FROM titles
         WHERE (SELECT COALESCE(SUM(segments), 0) || '/' || COALESCE(SUM(size_bytes), 0)
                FROM stream_totals WHERE title_serial = titles.serial)
             <> (SELECT COUNT(*) || '/' || COALESCE(SUM(size_bytes), 0)
                 FROM pieces WHERE title_serial = titles.serial AND stream >= 0 AND number >= 1)",
    ),
];

const PLANS: &str = "
    SELECT titles.id, plans.plan
    FROM plans JOIN titles ON titles.serial = plans.title_serial";

impl Catalog {
    /// Reads the whole file and tells every rule that is broken in a sentence; none if all is
    /// well. Takes seconds for a large library.
    ///
    /// # Errors
    /// `Corrupt` if the file is so damaged that it cannot be read through, else errors of the
    /// catalog.
    pub async fn integrity(&self) -> Result<Vec<String>> {
        self.read("checking", |transaction, _| findings(transaction))
            .await
    }
}

fn findings(connection: &Connection) -> Outcome<Vec<String>> {
    let mut findings: Vec<String> = texts(connection, INTEGRITY)?
        .into_iter()
        .filter(|line| line != "ok")
        .map(|line| format!("the catalog's file is damaged: {line}"))
        .collect();
    for table in texts(connection, FOREIGN_KEYS)? {
        findings.push(format!(
            "rows of table {table} refer to rows that do not exist"
        ));
    }
    for (rule, sql) in RULES {
        let limited = format!("{sql} LIMIT {FINDINGS}");
        for title in texts(connection, &limited)? {
            findings.push(format!("title {title} {rule}"));
        }
    }
    findings.extend(unreadable_plans(connection)?);
    Ok(findings)
}

fn texts(connection: &Connection, sql: &str) -> Outcome<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One after the other: plans are long.
fn unreadable_plans(connection: &Connection) -> Outcome<Vec<String>> {
    let mut statement = connection.prepare(PLANS)?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        let json = row.get_ref("plan")?.as_str().unwrap_or_default();
        if let Err(error) = serde_json::from_str::<Plan>(json) {
            let title: String = row.get("id")?;
            findings.push(format!("the plan of title {title} cannot be read: {error}"));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use crate::testing::{House, OWNER, segment};

    /// Writes past all rules, as a defect would.
    async fn spoil(house: &House, sql: &'static str) {
        let spoiling = house.catalog.write("spoiling", move |write| {
            write
                .transaction
                .execute_batch("PRAGMA defer_foreign_keys = ON")?;
            write.transaction.execute_batch(sql)?;
            Ok(())
        });
        spoiling.await.unwrap();
    }

    #[tokio::test]
    async fn a_catalog_at_work_breaks_no_rule() {
        let house = House::new();
        house.admit("/films/waiting.mp4", "w").await;
        let (title, job) = house.planned("/films/a.mp4", 1).await;
        for stream in [2, 0, 1] {
            let pieces = vec![segment(title, stream, 1)];
            house
                .catalog
                .add_pieces(job.id, OWNER, pieces)
                .await
                .unwrap();
            assert_eq!(house.catalog.integrity().await.unwrap(), [""; 0]);
        }
        house.catalog.job_done(job.id, OWNER).await.unwrap();
        assert_eq!(house.catalog.integrity().await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn every_broken_rule_is_told() {
        let cases = [
            ("DELETE FROM jobs", "has no job"),
            ("UPDATE titles SET state = 'failed'", "does not follow"),
            ("UPDATE titles SET reason = 'because'", "another reason"),
            ("DELETE FROM plans", "without a plan"),
            (
                "DELETE FROM pieces WHERE number = 1 AND stream = 1",
                "no rows",
            ),
            ("UPDATE stream_totals SET size_bytes = 1", "other totals"),
            ("UPDATE plans SET plan = 'x'", "cannot be read"),
        ];
        for (sql, words) in cases {
            let house = House::new();
            let (title, job) = house.planned("/films/a.mp4", 1).await;
            let pieces = (0..3).map(|stream| segment(title, stream, 1)).collect();
            house
                .catalog
                .add_pieces(job.id, OWNER, pieces)
                .await
                .unwrap();
            house.catalog.job_done(job.id, OWNER).await.unwrap();
            spoil(&house, sql).await;
            let findings = house.catalog.integrity().await.unwrap();
            assert!(
                findings.iter().any(|finding| finding.contains(words)),
                "after {sql:?} the check must say {words:?}, not {findings:?}"
            );
        }
    }
}
