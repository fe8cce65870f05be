//! Stories about whole requests: a real catalog, a store in memory, the real router.

mod guarding;
mod holding;
mod home;
mod serving;
mod stopping;
mod telling;
