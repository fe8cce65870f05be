//! How films are cut in the tests. What does not belong here: what is made of them.

use media_proto::message::GridPolicy;

/// In video ticks.
pub(crate) const SECOND: i64 = 90_000;

/// How the server has films cut, with spans of sound of that many ticks.
pub(crate) const fn grid(sound_span: i64) -> GridPolicy {
    GridPolicy {
        segment: 4 * SECOND,
        opening_segment: 2 * SECOND,
        opening_segments: 2,
        longest_copied: 10 * SECOND,
        longest_apart: 60 * SECOND,
        largest_apart_bytes: 1_000_000,
        chunk: 8 * SECOND,
        sound_span,
    }
}
