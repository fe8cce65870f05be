//! What the program can be told to do, one file per command. Commands write to what they are
//! given; only `main.rs` knows of the terminal.

pub mod backup;
pub mod check;
pub mod doctor;
pub mod ingest;
pub mod restore;
pub mod user;
