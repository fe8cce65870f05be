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
const RULES: [(&str, &str); 8] = [
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
             * (plans.video_streams + plans.audio_streams)
             + COALESCE(plans.apart_segments - plans.segment_count, 0) <> (
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
    (
        "has runs of segments that are not those with rows",
        "SELECT DISTINCT titles.id FROM titles
         JOIN stream_totals ON stream_totals.title_serial = titles.serial
         WHERE stream_totals.segments <> (
             SELECT COUNT(*) FROM json_each(stream_totals.ranges) AS run
             JOIN pieces ON pieces.title_serial = stream_totals.title_serial
                 AND pieces.generation = stream_totals.generation
                 AND pieces.stream = stream_totals.stream
                 AND pieces.number BETWEEN run.value ->> 0 AND run.value ->> 1)
             OR stream_totals.segments <> (
                 SELECT COALESCE(SUM((value ->> 1) - (value ->> 0) + 1), 0)
                 FROM json_each(stream_totals.ranges))",
    ),
    (
        "is removed, but its job goes on",
        "SELECT titles.id FROM titles JOIN jobs ON jobs.title_serial = titles.serial
         WHERE titles.deleted_at_ms IS NOT NULL AND jobs.finished_at_ms IS NULL",
    ),
];

/// Rules that are not about one title: what is wrong if a statement finds a row.
const HOUSE_RULES: [(&str, &str); 4] = [
    (
        "the house has accounts of admins, but nobody claimed it",
        "SELECT 1 FROM house WHERE claimed_at_ms IS NULL
             AND EXISTS (SELECT 1 FROM users WHERE role = 'admin')",
    ),
    (
        "the house is claimed, but no admin can sign in; \
         make one with `homereel user add --role admin`",
        "SELECT 1 FROM house WHERE claimed_at_ms IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND active = 1)",
    ),
    (
        "the house has not exactly one row of settings",
        "SELECT 1 FROM (SELECT COUNT(*) AS houses FROM house) WHERE houses <> 1",
    ),
    (
        "the counts of titles are not what the titles add up to",
        "SELECT 1 FROM (
             SELECT visibility, owner_serial, titles FROM title_counts WHERE titles > 0
             UNION ALL
             SELECT visibility, COALESCE(owner_serial, 0), COUNT(*) FROM titles
             WHERE deleted_at_ms IS NULL GROUP BY 1, 2)
         GROUP BY visibility, owner_serial, titles HAVING COUNT(*) <> 2",
    ),
];

/// What the index of words has, as it sees it.
const WORDS: &str = "
    SELECT COUNT(*) FROM titles_text_docsize";

const TITLES: &str = "SELECT COUNT(*) FROM titles";

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
    for (wrong, sql) in HOUSE_RULES {
        let limited = format!(
            "SELECT '{}' FROM ({sql}) LIMIT 1",
            wrong.replace('\'', "''")
        );
        findings.extend(texts(connection, &limited)?);
    }
    findings.extend(words_out_of_step(connection)?);
    findings.extend(unreadable_plans(connection)?);
    Ok(findings)
}

/// A title that is not in the index of words is found by no search.
fn words_out_of_step(connection: &Connection) -> Outcome<Option<String>> {
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let (titles, indexed) = (count(TITLES)?, count(WORDS)?);
    Ok((titles != indexed)
        .then(|| format!("the index of words has {indexed} titles, but there are {titles}")))
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
            (
                "UPDATE stream_totals SET ranges = '[[2,2]]'",
                "runs of segments",
            ),
            (
                "UPDATE titles SET deleted_at_ms = 1;
                 UPDATE jobs SET state = 'queued', finished_at_ms = NULL",
                "its job goes on",
            ),
            ("UPDATE title_counts SET titles = 7", "counts of titles"),
            ("DELETE FROM title_counts", "counts of titles"),
            ("DELETE FROM titles_text_docsize", "index of words"),
            ("DELETE FROM house", "one row of settings"),
            ("UPDATE house SET claimed_at_ms = 1", "no admin can sign in"),
            (
                "INSERT INTO users (id, name, name_folded, first_name, last_name, password_hash,
                     role, active, created_at_ms)
                 VALUES ('x', 'x', 'x', '', '', 'x', 'admin', 1, 0)",
                "nobody claimed it",
            ),
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
