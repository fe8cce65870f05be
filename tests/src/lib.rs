//! The harness: everything the end-to-end tests and the benchmark share. It knows Homereel only
//! from outside — its two programs, its HTTP interface, the bytes it serves — and has its own
//! readers for those bytes, so that a mistake in the server's writers is not repeated here.
//!
//! What does not belong here: test cases (`e2e`, `bench`) and anything from the server's crates.

pub mod api;
pub mod browser;
pub mod desktop;
pub mod download;
pub mod first_picture;
pub mod isobmff;
pub mod manifests;
pub mod media_maker;
pub mod nginx;
pub mod owner;
pub mod program;
pub mod proxy;
pub mod server;
pub mod source;
pub mod stage;
pub mod store;
pub mod verifier;
pub mod wire;
