//! The JSON API, version 1. Shapes are in `dto.rs`; handlers ask the catalog and fill them.

pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod bucket;
pub(crate) mod document;
pub(crate) mod dto;
pub(crate) mod editing;
pub(crate) mod events;
pub(crate) mod folders;
pub(crate) mod host;
pub(crate) mod inbox;
pub(crate) mod invites;
pub(crate) mod jobs;
pub(crate) mod onlooker;
pub(crate) mod original;
pub(crate) mod people;
pub(crate) mod progress;
pub(crate) mod queue;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod storage;
pub(crate) mod strip;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod videos;
pub(crate) mod words;
