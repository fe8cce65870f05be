//! CMAF tracks: init segments and media fragments, written by hand.
//!
//! libav's own muxer is not used because in version 5.1 it restarts decode times with every
//! muxer, guesses the last sample's duration and turns AAC priming into a delay. The boxes follow
//! ISO/IEC 14496-12 (base format), -14 (esds), -15 (avcC) and ISO/IEC 23000-19 (CMAF, brand
//! `cmf2`: no edit lists, signed composition offsets). What does not belong here: encoding.

pub mod boxes;
pub mod fragment;
pub mod h264;
pub mod init;
pub mod read;
pub mod sps;
