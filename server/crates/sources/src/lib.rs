//! How files arrive: watched folders, the spool through which `homereel ingest` asks, uploads, and
//! the watched folders over WebDAV.
//!
//! A source reports paths to `ingest` and knows nothing of what becomes of them, nor of titles,
//! rows or jobs. Each source is one task with a handle; it never changes or deletes a film.

pub mod durable;
mod space;
pub mod spool;
pub mod upload;
pub mod watch;
pub mod webdav;
mod words;
