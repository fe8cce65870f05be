//! The composition root of Homereel: it knows every part, and no part knows it.
//!
//! [`server::Server::start`] brings a server to life from a [`config::Config`] and nothing global:
//! no signal handlers, no exit, no fixed port, no printing. Two callers use it, `main.rs` and the
//! desktop shell. What does not belong here: what the parts do.

mod addresses;
mod ballast;
pub mod buckets;
mod claim;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod desk;
mod discovery;
mod doors;
pub mod endpoint;
pub mod entrance;
mod first_start;
mod folders;
mod janitor;
mod loopback;
mod originals;
pub mod server;
#[cfg(test)]
mod stories;
mod vitals;
pub mod wiring;
