//! Everything a browser or player sees: pages, API, manifests, segments.
//!
//! [`server::serve`] answers on a listener from what the catalog and the store hold; nothing here
//! starts work or parses media. A request for a segment that does not exist yet is recorded as a
//! wish and held. What does not belong here: SQL, encoding, files of the watched folders.
//!
//! Start with `router.rs`: every route with who may use it.

pub mod doors;
mod elsewhere;
pub mod health;
pub mod origin;
pub mod passwords;
pub mod secret;
pub mod server;
pub mod setup_token;
pub mod site;

mod allowance;
mod api;
mod app;
mod browse;
mod caller;
mod cookie;
mod cutetube;
mod dav;
mod disk;
mod extract;
pub mod folders;
mod guard;
mod hold;
mod manifest;
mod media;
mod metrics;
mod once;
mod original;
mod pages;
mod patient_body;
mod patient_io;
mod percent;
mod policy;
mod problem;
mod range;
mod rfc3339;
mod room;
mod router;
mod segments;
mod sign_in;
mod throttle;
mod titles;
mod validator;
mod wire;

#[cfg(test)]
mod stories;
