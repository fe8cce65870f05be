//! CuteTube's API over the same titles, accounts and rights, so that its clients need not change:
//! its fields, envelopes, codes and misspellings. `id` and `status` are added; tokens are ours.
//! What does not belong here: anything that Homereel's own API does not offer as well.

pub(crate) mod auth;
pub(crate) mod limit;
pub(crate) mod play;
pub(crate) mod shape;
pub(crate) mod upload;
pub(crate) mod videos;
