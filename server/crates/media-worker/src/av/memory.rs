//! The memory of libav and of the libraries below it: how large a block may be, and what a fresh
//! one holds. The limit stands beside that on a decoder's pixels because libavformat opens decoders
//! of its own for tracks that appear late, without our limits.

use ffmpeg_next::ffi;

/// Holds one plane of the largest picture we take at 16 bits (134 MB) and the index of a film of
/// 48 hours (250 MB); not the 268 million pixels that libav lets a picture have by itself.
const LARGEST_BLOCK_BYTES: usize = 256 * 1024 * 1024;

/// The byte whose complement glibc writes over every block that it hands out.
const COMPLEMENT_OF_ZERO: libc::c_int = 0xff;

/// Hands out nothing but zeros from now on. x264 164 reads what it has not written where it has
/// AVX-512 and `mbtree`: with pictures 450 pixels wide, the same chunk came out with other bytes in
/// a third of the runs.
pub fn begin_with_zeros() {
    // SAFETY: sets one number of the C library's allocator, under its lock.
    unsafe { libc::mallopt(libc::M_PERTURB, COMPLEMENT_OF_ZERO) };
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
