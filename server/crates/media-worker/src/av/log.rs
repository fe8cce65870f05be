//! libav's log: warnings and errors go to standard error, where the server keeps the last of them.

use ffmpeg_next::ffi;

/// Lets only errors through. A damaged file can produce millions of lines below that.
pub fn errors_only() {
    // SAFETY: sets one global integer before any other thread exists.
    unsafe { ffi::av_log_set_level(ffi::AV_LOG_ERROR) }
}

/// The version of the libavcodec that is linked at run time.
pub fn libav_version() -> String {
    // SAFETY: no arguments, returns a constant.
    let version = unsafe { ffi::avcodec_version() };
    format!(
        "libavcodec {}.{}.{}",
        version >> 16,
        (version >> 8) & 0xff,
        version & 0xff
    )
}
