//! The JSON API, version 1. Shapes are in `dto.rs`; handlers ask the catalog and fill them.

pub(crate) mod document;
pub(crate) mod dto;
pub(crate) mod events;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod strip;
pub(crate) mod videos;
pub(crate) mod words;
