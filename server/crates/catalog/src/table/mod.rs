//! The statements, one file per table. Each is a named constant with named parameters; each
//! function runs one of them. Rules that span tables live in the modules beside this one.

// First, for the condition that statements of others contain.
#[macro_use]
pub(crate) mod rights;

pub(crate) mod arrivals;
pub(crate) mod folders;
pub(crate) mod garbage;
pub(crate) mod house;
pub(crate) mod invites;
pub(crate) mod job_log;
pub(crate) mod jobs;
pub(crate) mod listing;
pub(crate) mod pieces;
pub(crate) mod plans;
pub(crate) mod removed_films;
pub(crate) mod sessions;
pub(crate) mod stream_totals;
pub(crate) mod titles;
pub(crate) mod tokens;
pub(crate) mod units;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod watched;
