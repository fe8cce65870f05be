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
const STEPS: &[M<'static>] = &[M::up(concat!(
    include_str!("house.sql"),
    include_str!("schema.sql")
))];

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

    use super::{bring_up_to_date, demand_newest, newest};
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
