//! The durable work of turning accepted titles into stored segments.
//!
//! One *dispatcher* holds the leases and decides; five *lanes* do the work, each with its own
//! worker process: *look* (inspections and posters), *picture* (chunks), *copy* (pictures that fit
//! as they are), *sound* (audio tracks) and *thumbs* (thumbnails). Everything is done at least once
//! with effects that are the same the second time; a unit of work counts as done only when its
//! objects and rows are durable. Suggested reading order: [`start`], `dispatch`, [`schedule`],
//! `encode`, `session`, `publish`.
//!
//! What does not belong here: how files arrive (`ingest`), how players are answered (`delivery`),
//! what a worker says (`media`). Jobs and players meet in the catalog only.

mod dispatch;
mod encode;
mod garbage;
mod hand;
mod look;
mod outage;
mod pace;
pub mod policy;
mod publish;
pub mod read_ahead;
pub mod schedule;
mod scratch;
mod session;
mod settle;
mod shelf;
mod sidecar;
mod source;
mod space;
pub mod standing;
pub mod start;
#[cfg(test)]
mod stories;
mod trouble;
pub mod work;
mod workshop;
