//! The catalogue of bad films, M01 to M30: files that are damaged or made to harm, and workers that
//! misbehave. A test's name begins with the number of its case. After each the same server is well
//! within two seconds, nothing leaked, the database is whole, the film has one honest end with a
//! reason, and the scratch folder is empty (`hostile/ordeal.rs`). M27, many damaged copies of every
//! container, is tried on the worker alone (`server/crates/media/tests/damage.rs`).
//!
//! What does not belong here: files that are simply no films (`withstand`), real recordings
//! (`corpus`).

mod boxes;
mod clocks;
mod codecs;
mod covers;
pub(crate) mod lists;
mod ordeal;
mod shapes;
mod structure;
mod words;
mod workers;
