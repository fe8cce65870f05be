//! `model::rights::may(Watch)` as statements ask it. A test in `viewer.rs` compares the two. What
//! does not belong here: what is listed with it.

use rusqlite::{Connection, OptionalExtension, ToSql, named_params};

use crate::failure::Outcome;
use crate::viewer::Viewer;

/// The condition, for rows of `titles` (or of a table with the same columns, named with its point)
/// and the parameters of [`Rights`].
macro_rules! visible {
    () => {
        visible!("")
    };
    ($table:literal) => {
        concat!(
            "(:sees_everything
            OR (",
            $table,
            "visibility = 'everyone' AND (:is_person OR :guests_may))
            OR (",
            $table,
            "visibility = 'members' AND :is_person)
            OR ",
            $table,
            "owner_serial = :user_serial)"
        )
    };
}

const USER_SERIAL: &str = "SELECT serial FROM users WHERE id = :id";

/// What the condition depends on.
#[derive(Debug)]
pub(crate) struct Rights {
    pub(super) sees_everything: bool,
    is_person: bool,
    guests_may: bool,
    pub(super) user_serial: Option<i64>,
}

impl Rights {
    pub(crate) fn of(connection: &Connection, who: Viewer) -> Outcome<Self> {
        Ok(Self {
            sees_everything: who.sees_everything,
            is_person: who.user.is_some(),
            guests_may: who.guests_may,
            user_serial: user_serial(connection, who)?,
        })
    }

    /// The parameters of the condition, and the statement's own.
    pub(crate) fn and<'a>(
        &'a self,
        own: &[(&'a str, &'a dyn ToSql)],
    ) -> Vec<(&'a str, &'a dyn ToSql)> {
        let of_rights = named_params! {
            ":sees_everything": self.sees_everything,
            ":is_person": self.is_person,
            ":guests_may": self.guests_may,
            ":user_serial": self.user_serial,
        };
        [of_rights, own].concat()
    }
}

fn user_serial(connection: &Connection, who: Viewer) -> Outcome<Option<i64>> {
    let Some(user) = who.user else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(USER_SERIAL)?;
    let parameters = named_params! {":id": user.to_string()};
    Ok(statement
        .query_row(parameters, |row| row.get(0))
        .optional()?)
}
