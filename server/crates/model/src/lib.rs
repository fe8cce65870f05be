//! The words and rules of Homereel: titles, plans, ladders, jobs, times and errors.
//!
//! Everything here is plain data and pure functions. What does not belong here: files, SQL,
//! HTTP, libav, async. Suggested reading order: [`time`], [`ladder`], [`pruning`], [`plan`],
//! [`extras`], [`title`], [`job`], [`segment`], [`arrival`], [`people`], [`rights`], [`settings`],
//! [`hardware`], [`source_clock`], [`upload`], [`change`], [`silence`].

pub mod arrival;
pub mod change;
pub mod clock;
pub mod error;
pub mod extras;
pub mod hardware;
pub mod id;
pub mod job;
pub mod ladder;
pub mod language;
pub mod people;
pub mod plan;
pub mod pruning;
pub mod rights;
pub mod segment;
pub mod settings;
pub mod silence;
pub mod source_clock;
pub mod time;
pub mod title;
pub mod upload;
