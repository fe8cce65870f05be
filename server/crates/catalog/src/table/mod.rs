//! The statements, one file per table. Each is a named constant with named parameters; each
//! function runs one of them. Rules that span tables live in the modules beside this one.

pub(crate) mod arrivals;
pub(crate) mod garbage;
pub(crate) mod jobs;
pub(crate) mod pieces;
pub(crate) mod plans;
pub(crate) mod stream_totals;
pub(crate) mod titles;
pub(crate) mod units;
