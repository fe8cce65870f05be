//! How files arrive: watched folders, and the spool through which `homereel ingest` asks.
//!
//! A source reports paths to `ingest` and knows nothing of what becomes of them, nor of titles,
//! rows or jobs. Each source is one task with a handle; it never changes or deletes a film.

pub mod spool;
pub mod watch;
mod words;
