//! The words and rules of Homereel: titles, plans, ladders, jobs, times and errors.
//!
//! Everything here is plain data and pure functions. What does not belong here: files, SQL,
//! HTTP, libav, async. Suggested reading order: [`time`], [`ladder`], [`plan`], [`title`],
//! [`job`], [`segment`], [`arrival`], [`change`].

pub mod arrival;
pub mod change;
pub mod clock;
pub mod error;
pub mod id;
pub mod job;
pub mod ladder;
pub mod plan;
pub mod segment;
pub mod time;
pub mod title;
