//! The version of the schema: brought up to date when the catalog is opened for writing,
//! demanded when it is opened for reading, and refused when it is newer than this program.
//!
//! To change the schema, append a step to [`STEPS`] in a file of its own; never edit an old one.

use std::path::Path;

use model::error::{Error, ErrorKind};
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::failure::{Failure, Outcome};

/// One step per version, oldest first; the first has two files.
const STEPS: &[M<'static>] = &[
    M::up(concat!(
        include_str!("house.sql"),
        include_str!("schema.sql")
    )),
    M::up(include_str!("media.sql")),
    M::up(include_str!("mark.sql")),
    M::up(include_str!("copying.sql")),
    M::up(include_str!("apart.sql")),
];

/// "HMRL", as `schema.sql` sets it.
const APPLICATION_ID: i64 = 1_213_026_892;

/// Applies the steps that the file at `path` lacks.
pub(crate) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Outcome<()> {
    let found = version_of_ours(connection, path)?;
    if found > newest() {
        return Err(too_new(path, found));
    }
    Migrations::from_slice(STEPS)
        .to_latest(connection)
        .map_err(|error| upgrade_failed(error, path))
}

/// Refuses a file that is not exactly at the newest version, because it cannot be upgraded here.
pub(crate) fn demand_newest(connection: &Connection, path: &Path) -> Outcome<()> {
    let found = version_of_ours(connection, path)?;
    if found > newest() {
        return Err(too_new(path, found));
    }
    if found < newest() {
        let message = format!(
            "the catalog {} has the older schema {found}, this program needs {}; \
             start the server once to upgrade it",
            path.display(),
            newest()
        );
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    Ok(())
}

fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// 0 for an empty file.
fn version_of_ours(connection: &Connection, path: &Path) -> Outcome<i64> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT COUNT(*) FROM sqlite_schema")?;
    let empty = version == 0 && application == 0 && tables == 0;
    if !empty && application != APPLICATION_ID {
        let message = format!(
            "{} is a database of another program; Homereel leaves it alone, \
             choose another data folder",
            path.display()
        );
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    Ok(version)
}

fn too_new(path: &Path, found: i64) -> Failure {
    let message = format!(
        "the catalog {} was written by a newer Homereel (schema {found}, this program knows {}); \
         install that version again or restore a backup made before the upgrade",
        path.display(),
        newest()
    );
    Failure::rule(ErrorKind::Conflict, message)
}

fn upgrade_failed(error: rusqlite_migration::Error, path: &Path) -> Failure {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Failure::Sql(err),
        other => {
            let message = format!("upgrading the catalog {}", path.display());
            Failure::Ours(Error::caused_by(ErrorKind::Internal, message, other))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model::error::ErrorKind;
    use rusqlite::Connection;
    use rusqlite_migration::Migrations;

    use super::{STEPS, bring_up_to_date, demand_newest, newest};
    use crate::failure::Failure;

    fn refusal(result: Result<(), Failure>) -> model::error::Error {
        result
            .unwrap_err()
            .into_error("opening", Path::new("/data/homereel.db"))
    }

    #[test]
    fn an_empty_file_becomes_a_catalog_and_stays_one() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("/data/homereel.db");
        let error = refusal(demand_newest(&connection, path));
        assert!(
            error.message().contains("start the server once"),
            "a reader cannot upgrade: {error}"
        );
        for round in 1..=2 {
            bring_up_to_date(&mut connection, path).unwrap();
            demand_newest(&connection, path).unwrap();
            let violations: i64 = connection
                .query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(violations, 0, "round {round} must find a sound schema");
        }
    }

    /// A finished title as version 1 had it.
    const FINISHED_IN_VERSION_1: &str = "
        INSERT INTO titles VALUES (1, 't', 'Film', NULL, 'everyone', NULL, 0, NULL, 'ready', NULL,
            1, 'local', x'2f61', '/a', 7, 'hash', 1, 1, 7, 1);
        INSERT INTO jobs (serial, id, title_serial, state, priority, attempts, run_after_ms, step,
            done_ticks, total_ticks, speed, created_at_ms, started_at_ms, finished_at_ms)
        VALUES (1, 'j', 1, 'done', 0, 0, 0, 'finished', 9, 9, 1.0, 0, 1, 2);
        INSERT INTO plans VALUES (1, 1, 2, 1, 0, 1, '{}', '[]', '{}');
        INSERT INTO pieces VALUES (1, 1, -1, 0, 5, zeroblob(32)), (1, 1, 0, 1, 6, zeroblob(32));
        INSERT INTO units VALUES (1, 1, 'chunk', 0);";

    #[test]
    fn what_was_finished_in_version_1_is_prepared_anew() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = Migrations::from_slice(&STEPS[..1]);
        first.to_latest(&mut connection).unwrap();
        connection.execute_batch(FINISHED_IN_VERSION_1).unwrap();
        bring_up_to_date(&mut connection, Path::new("/data/homereel.db")).unwrap();
        let word =
            |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        for (sql, expected) in [
            ("SELECT state FROM title_cards", "waiting"),
            ("SELECT state || attempts FROM job_cards", "queued0"),
            ("SELECT kind FROM units", "chunk"),
            (
                "SELECT group_concat(stream || '/' || number) FROM pieces",
                "-1/0,0/1",
            ),
            ("SELECT has_poster || '' FROM title_cards", "1"),
            ("SELECT text_tracks || summary FROM plans", "0{}"),
        ] {
            assert_eq!(word(sql), expected, "{sql}");
        }
        let subtitle = "INSERT INTO pieces VALUES (1, 1, -2, 0, 5, zeroblob(32))";
        connection.execute_batch(subtitle).unwrap();
        let unknown = "INSERT INTO pieces VALUES (1, 1, -4, 0, 5, zeroblob(32))";
        connection.execute_batch(unknown).unwrap_err();
    }

    #[test]
    fn an_older_catalog_is_brought_up_to_date_with_what_is_in_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("/data/homereel.db");
        let first = Migrations::from_slice(&STEPS[..1]);
        first.to_latest(&mut connection).unwrap();
        let named = "UPDATE house SET settings = '{\"house_name\":\"Ours\"}'";
        connection.execute(named, []).unwrap();
        bring_up_to_date(&mut connection, path).unwrap();
        let (settings, mark): (String, Option<String>) = connection
            .query_row("SELECT settings, mark FROM house", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert!(settings.contains("Ours"), "{settings}");
        assert_eq!(mark, None);
    }

    #[test]
    fn a_newer_schema_is_refused_with_a_sentence() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("/data/homereel.db");
        bring_up_to_date(&mut connection, path).unwrap();
        connection
            .pragma_update(None, "user_version", newest() + 1)
            .unwrap();
        for error in [
            refusal(bring_up_to_date(&mut connection, path)),
            refusal(demand_newest(&connection, path)),
        ] {
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(
                error.message().contains("newer Homereel")
                    && error.message().contains("/data/homereel.db"),
                "the sentence must say what to do with which file: {error}"
            );
        }
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
        let error = refusal(bring_up_to_date(&mut connection, Path::new("/x.db")));
        assert!(error.message().contains("another program"), "{error}");
        let tables: i64 = connection
            .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 1, "nothing of ours was added");
    }
}
