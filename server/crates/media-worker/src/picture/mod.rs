//! From the source's picture to segments: one decode feeds all rungs.
//!
//! [`source`] finds and decodes the frames of a chunk, [`cascade`] scales them, [`ladder`] hands
//! them to one thread per rung, [`rung`] encodes by a [`maker`], [`chunk`] keeps the books of one
//! chunk, [`settings`] is where speed, quality and size are decided.

pub mod cascade;
pub mod chunk;
pub mod ladder;
pub mod maker;
pub mod rung;
pub mod settings;
pub mod source;
