//! The server's side of `homereel-worker`: start it, feed it, limit it, watch it, end it.
//!
//! [`planner`] turns what a worker found into the persisted plan and the plan back into requests.
//! [`worker`] is one living worker; [`launch`] says how it comes to life and [`spawn`] does it
//! with a process. [`self_test`] asks one how well it is locked in, [`hardware`] what the graphics
//! hardware can encode. What does not belong here: which work is due (`jobs`), rows, stored objects.

mod confine;
pub mod connection;
pub mod demand;
pub mod hardware;
pub mod launch;
pub mod limits;
pub mod output;
pub mod planner;
pub mod scripted;
pub mod self_test;
pub mod sidecar;
pub mod spawn;
mod stderr;
pub mod worker;
