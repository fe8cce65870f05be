//! Manifests: pure functions from a plan, and the sizes measured so far, to text.
//!
//! Both families describe the same CMAF segments, in full length, from the moment the plan exists.
//! What does not belong here: HTTP, the catalog, and anything that changes while a film plays; a
//! player reads a static manifest once and never again.

pub(crate) mod bandwidth;
pub(crate) mod dash;
pub(crate) mod hls;
pub(crate) mod thumbs;
pub(crate) mod timeline;

#[cfg(test)]
pub(crate) mod samples;
