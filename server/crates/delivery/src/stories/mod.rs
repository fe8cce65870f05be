//! Stories about whole requests: a real catalog, a store in memory, the real router.

mod cutetube;
mod deciding;
mod describing;
mod guarding;
mod holding;
mod home;
mod household;
mod keeping;
mod matrix;
mod people;
mod serving;
mod stopping;
mod telling;
mod tending;
mod visitor;
