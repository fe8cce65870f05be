//! From an inspection to the persisted plan, and from the plan back to requests. Pure functions.
//!
//! [`draw`] makes the plan, [`requests`] what a worker is asked. What does not belong here:
//! anything that waits, reads or sends.

mod audio_grid;
pub mod draw;
pub mod requests;
#[cfg(test)]
mod samples;
mod selection;
