//! libav's error numbers as a Rust error.

use std::ffi::{CStr, c_char, c_int};
use std::fmt;

use ffmpeg_next::ffi;

/// A negative return value of libav.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvError(pub c_int);

impl AvError {
    /// The end of the file or of a decoder's frames.
    pub const END: Self = Self(ffi::AVERROR_EOF);
    /// More input is needed first.
    pub const AGAIN: Self = Self(-rustix::io::Errno::AGAIN.raw_os_error());
    /// The bytes make no sense.
    pub const INVALID_DATA: Self = Self(ffi::AVERROR_INVALIDDATA);
    /// An allocation failed.
    pub const NO_MEMORY: Self = Self(-rustix::io::Errno::NOMEM.raw_os_error());
    /// Something does not exist in this build of libav.
    pub const MISSING: Self = Self(ffi::AVERROR_OPTION_NOT_FOUND);

    /// What libav says where a file cannot be read.
    pub fn of_io(error: &std::io::Error) -> Self {
        let unknown = rustix::io::Errno::IO.raw_os_error();
        Self(-error.raw_os_error().unwrap_or(unknown))
    }
}

/// `Err` for the negative numbers libav reports failure with.
pub fn check(code: c_int) -> Result<c_int, AvError> {
    if code < 0 {
        Err(AvError(code))
    } else {
        Ok(code)
    }
}

impl fmt::Display for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text: [c_char; 128] = [0; 128];
        // SAFETY: the buffer is 128 bytes long and av_strerror always ends it with a zero.
        let message = unsafe {
            ffi::av_strerror(self.0, text.as_mut_ptr(), text.len());
            CStr::from_ptr(text.as_ptr())
        };
        f.write_str(&message.to_string_lossy())
    }
}

impl std::error::Error for AvError {}
