//! Encoding in graphics hardware, which is used only where it was tried: [`trial`] encodes two
//! seconds, decodes them and compares, and [`picture`] is what they show.
//!
//! The encoder itself runs in a [`process`] of its own, and a worker has a [`remote`] end of it.
//! What does not belong here: how an encoder is opened (`av::hardware`), and what is done when one
//! fails (`picture`).

pub mod picture;
pub mod process;
pub mod remote;
pub mod trial;
