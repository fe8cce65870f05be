//! An independent reader of the MP4 boxes that CMAF segments are made of (ISO/IEC 14496-12, -14
//! and -15). It is strict where the standard is, and knows only what the tests look at.
//! What does not belong here: judging what was read (`verifier`), and anything that writes.

mod boxes;
pub mod fragment;
pub mod init;
