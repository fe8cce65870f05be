//! Stories about whole requests: a real catalog, a store in memory, the real router.

mod connecting;
mod cutetube;
mod deciding;
mod describing;
mod doors;
mod guarding;
mod holding;
mod home;
mod household;
mod keeping;
mod matrix;
mod people;
mod serving;
mod shelf;
mod stopping;
mod telling;
mod tending;
mod visitor;
