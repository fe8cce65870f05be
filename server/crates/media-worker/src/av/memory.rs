//! The memory of libav and of the libraries below it: how large a block may be, and what a fresh
//! one holds. The limit stands beside that on a decoder's pixels because libavformat opens decoders
//! of its own for tracks that appear late, without our limits.

use ffmpeg_next::ffi;

/// Holds one plane of the largest picture we take at 16 bits (134 MB) and the index of a film of
/// 48 hours (250 MB); not the 268 million pixels that libav lets a picture have by itself.
const LARGEST_BLOCK_BYTES: usize = 256 * 1024 * 1024;

/// Blocks from this size on are fresh from the kernel, and go back to it.
const FRESH_FROM_BYTES: libc::c_int = 128 * 1024;

/// Has large blocks begin with zeros from now on: glibc would otherwise keep them once they were
/// freed, and hand them out again with what they held. x264 164 reads what it has not written where
/// it has AVX-512 and `mbtree`: with pictures 450 pixels wide, the same chunk came out with other
/// bytes in a third of the runs. `M_PERTURB` would do it too, at a hundred megabytes more, since it
/// touches every page.
pub fn begin_with_zeros() {
    // SAFETY: sets one number of the C library's allocator, under its lock.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, FRESH_FROM_BYTES) };
}

/// Refuses larger blocks from now on.
pub fn limit_blocks() {
    // SAFETY: sets one global integer, atomically.
    unsafe { ffi::av_max_alloc(LARGEST_BLOCK_BYTES) }
}

#[cfg(test)]
mod tests {
    use super::limit_blocks;
    use crate::av::frame::Frame;

    #[test]
    fn a_picture_that_passed_every_other_limit_cannot_be_allocated() {
        limit_blocks();
        assert!(
            Frame::grey(16_384, 16_384, 16).is_err(),
            "400 MB for one frame of a small file"
        );
        assert!(
            Frame::grey(8_192, 8_192, 16).is_ok(),
            "the largest picture we take"
        );
    }
}
