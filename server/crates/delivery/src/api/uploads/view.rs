//! An upload in JSON.

use model::upload::{Upload, UploadState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::words;
use crate::rfc3339;

/// Uploads of the caller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadList {
    /// The newest first.
    pub(crate) uploads: Vec<UploadView>,
}

/// A file on its way in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadView {
    #[schema(schema_with = words::identifier)]
    id: String,
    /// What the file is called here.
    file_name: String,
    /// What the film will be called, if that was said.
    title: Option<String>,
    /// `receiving`, `arrived`, `taken` or `refused`.
    state: &'static str,
    /// How much of it is safely here.
    offset_bytes: u64,
    /// How long it will be, if that is known.
    length_bytes: Option<u64>,
    /// The title it became, or is a copy of.
    #[schema(schema_with = words::identifier_or_null)]
    video: Option<String>,
    /// Why it was refused.
    reason: Option<String>,
    /// It is forgotten then unless something happens before.
    #[schema(schema_with = words::instant)]
    expires_at: String,
}

/// The answer to a form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadMade {
    pub(crate) upload: UploadView,
}

impl UploadView {
    pub(crate) fn new(upload: &Upload) -> Self {
        let (state, video, reason) = match &upload.state {
            UploadState::Receiving => ("receiving", None, None),
            UploadState::Arrived => ("arrived", None, None),
            UploadState::Taken(title) => ("taken", Some(title.to_string()), None),
            UploadState::Refused(reason) => ("refused", None, Some(reason.clone())),
        };
        Self {
            id: upload.id.to_string(),
            file_name: upload.file_name.clone(),
            title: upload.details.name.clone(),
            state,
            offset_bytes: upload.offset_bytes,
            length_bytes: upload.length_bytes,
            video,
            reason,
            expires_at: rfc3339::format(upload.expires_at),
        }
    }
}
