//! Safe wrappers over libav, with most of the worker's `unsafe`.
//!
//! Every wrapper owns one libav object, frees it once, and exposes only calls that are sound for
//! any input. Rules that hold for the whole folder:
//!
//! * A pointer from an `alloc` function is checked for null before it is wrapped.
//! * An object is used by one thread at a time; it may be handed to another thread (`Send`)
//!   because libav keeps no thread-local state in it, but it is never shared (`Sync`).
//! * Values of C enums are only copied between libav structs or taken from libav of the same
//!   build, so a Rust enum never holds a value it does not know.
//!
//! What does not belong here: decisions about media; they live above and see no pointer.

#![expect(
    unsafe_code,
    reason = "this folder is the audited border to libav; nothing above it needs unsafe"
)]

pub mod about;
mod clock;
pub mod codecs;
pub mod decoder;
pub mod encoder;
pub mod error;
pub mod frame;
pub mod graph;
pub mod hardware;
pub mod input;
pub mod log;
pub mod memory;
pub mod options;
pub mod packet;
pub mod resampler;
pub mod stream;
