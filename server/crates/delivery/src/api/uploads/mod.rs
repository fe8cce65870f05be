//! Uploads: by the tus protocol, or in one request as a form. Where the bytes go is behind
//! [`crate::doors::UploadDoor`].

mod budget;
pub(crate) mod form;
mod metadata;
pub(crate) mod protocol;
pub(crate) mod tus;
mod view;

use model::id::{UploadId, UserId};

use crate::caller::Caller;
use crate::problem::Problem;

/// Who uploads. The route's policy has let nobody else through.
pub(crate) fn sender(caller: &Caller) -> Result<UserId, Problem> {
    let user = caller.0.user();
    user.ok_or_else(|| Problem::unauthorized("Sign in to do this."))
}

/// The upload that a path names.
fn upload_id(text: &str) -> Result<UploadId, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("There is no such upload."))
}
