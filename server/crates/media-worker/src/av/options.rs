//! Named options for libav objects.

use std::ffi::{CString, c_char};
use std::ptr;

use ffmpeg_next::ffi;

use super::error::{AvError, check};

/// An `AVDictionary`.
#[derive(Debug)]
pub struct Options {
    dictionary: *mut ffi::AVDictionary,
}

impl Options {
    /// The given names and values. Fails only for want of memory.
    pub fn new(pairs: &[(&str, &str)]) -> Result<Self, AvError> {
        let mut options = Self {
            dictionary: ptr::null_mut(),
        };
        for (name, value) in pairs {
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), AvError> {
        let name = CString::new(name).map_err(|_| AvError::INVALID_DATA)?;
        let value = CString::new(value).map_err(|_| AvError::INVALID_DATA)?;
        // SAFETY: both strings end with a zero and are copied by av_dict_set.
        let code =
            unsafe { ffi::av_dict_set(&raw mut self.dictionary, name.as_ptr(), value.as_ptr(), 0) };
        check(code).map(drop)
    }

    /// For calls that take options and leave behind those they did not know.
    pub(super) fn as_mut_ptr(&mut self) -> *mut *mut ffi::AVDictionary {
        &raw mut self.dictionary
    }

    /// An error if the call left an option behind: libav ignores misspelt options silently.
    pub(super) fn require_all_used(&self) -> Result<(), AvError> {
        // SAFETY: the dictionary is null or valid; an empty key with IGNORE_SUFFIX asks for any
        // entry.
        let left = unsafe {
            ffi::av_dict_get(
                self.dictionary,
                c"".as_ptr().cast::<c_char>(),
                ptr::null(),
                ffi::AV_DICT_IGNORE_SUFFIX,
            )
        };
        if left.is_null() {
            Ok(())
        } else {
            Err(AvError::MISSING)
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: av_dict_free accepts null and sets the pointer to null.
        unsafe { ffi::av_dict_free(&raw mut self.dictionary) }
    }
}
