//! Independent readers of the two manifests. What does not belong here: fetching them
//! (`download`) and judging them (`verifier`).

pub mod dash;
pub mod hls;
