//! `POST /api/v1/uploads/form`: a film and what is said of it in one request, as browsers and
//! `curl -F` send it. The file is streamed to its place; fields may come before or after it.

use std::collections::BTreeMap;
use std::io;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use model::error::{Error, ErrorKind};
use model::id::{UploadId, UserId};
use model::upload::{Append, Appended, NewUpload, Upload};
use multer::{Field, Multipart};

use crate::api::uploads::budget::Budget;
use crate::api::uploads::view::{UploadMade, UploadView};
use crate::api::uploads::{metadata, sender};
use crate::api::videos::fresh;
use crate::app::App;
use crate::caller::Caller;
use crate::doors::{UploadDoor, bytes_of};
use crate::problem::Problem;

/// The field that holds the film.
const FILE: &str = "video";
/// Longest other field, in bytes.
const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Most parts of a form.
const MAX_FIELDS: usize = 32;
/// Longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;

/// `POST /api/v1/uploads/form`
#[utoipa::path(
    post,
    path = "/api/v1/uploads/form",
    tag = "uploads",
    operation_id = "uploadForm",
    summary = "Upload a film in one request",
    request_body(content = Object, content_type = "multipart/form-data", description = "The file \
        is the field `video`; `title`, `description` and `visibility` may come with it."),
    responses((status = 201, description = "The film has arrived.", body = UploadMade))
)]
pub(crate) async fn receive(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let door = app.site.doors.uploads()?;
    let upload = take(door, sender(&caller)?, &headers, body).await?;
    let made = UploadMade {
        upload: UploadView::new(&upload),
    };
    Ok((StatusCode::CREATED, fresh(Json(made))).into_response())
}

/// Takes the film of a form with the fields `video`, `title`, `description` and `visibility`.
/// Nothing is left of a form that is cut off or makes no sense.
pub(crate) async fn take(
    door: &dyn UploadDoor,
    owner: UserId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Upload, Problem> {
    take_by(Rules::default(), door, owner, headers, body).await
}

/// What a form must be like besides, each with an `E` for whoever keeps it from being taken.
pub(crate) struct Rules<E> {
    /// Judges the name of the file before its bytes are taken.
    pub(crate) file_name: fn(&str) -> Result<(), E>,
    /// Judges the other fields when all are there.
    pub(crate) fields: fn(&BTreeMap<String, String>) -> Result<(), E>,
    /// What is said of a form without a file.
    pub(crate) no_file: fn() -> E,
}

impl Default for Rules<Problem> {
    fn default() -> Self {
        Self {
            file_name: |_| Ok(()),
            fields: |_| Ok(()),
            no_file: || {
                Problem::bad_request("There is no file in this form. Send it as the field “video”.")
            },
        }
    }
}

/// The same by other rules.
pub(crate) async fn take_by<E: From<Problem> + Send>(
    rules: Rules<E>,
    door: &dyn UploadDoor,
    owner: UserId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Upload, E> {
    let no_file = rules.no_file;
    let budget = Budget::default();
    let bytes = budget.over(bytes_of(body));
    let mut form = Form {
        rules,
        door,
        owner,
        parts: Multipart::new(bytes, boundary(headers)?),
        budget,
        fields: BTreeMap::new(),
        upload: None,
    };
    let read = form.read().await;
    match (read, form.upload) {
        (Ok(()), Some(id)) => form.finish(id).await,
        (Ok(()), None) => Err(no_file()),
        (Err(problem), upload) => {
            if let Some(id) = upload {
                door.remove(owner, id).await.map_err(Problem::from)?;
            }
            Err(problem)
        }
    }
}

fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|_| {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send this as multipart/form-data.",
        )
    })?;
    if boundary.len() > MAX_BOUNDARY_BYTES {
        return Err(Problem::bad_request(
            "The boundary of this form is too long.",
        ));
    }
    Ok(boundary)
}

/// A form that is being read.
struct Form<'a, E> {
    rules: Rules<E>,
    door: &'a dyn UploadDoor,
    owner: UserId,
    parts: Multipart<'static>,
    budget: Budget,
    fields: BTreeMap<String, String>,
    upload: Option<UploadId>,
}

impl<E: From<Problem> + Send> Form<'_, E> {
    async fn read(&mut self) -> Result<(), E> {
        for _ in 0..MAX_FIELDS {
            let Some(part) = self.parts.next_field().await.map_err(nonsense)? else {
                return Ok(());
            };
            self.budget.renew();
            let name = part.name().unwrap_or_default().to_owned();
            if name == FILE && part.file_name().is_some() {
                self.take_file(part).await?;
            } else {
                self.take_text(name, part).await?;
            }
        }
        Err(Problem::bad_request("This form has too many parts.").into())
    }

    async fn take_text(&mut self, name: String, mut part: Field<'static>) -> Result<(), Problem> {
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(nonsense)? {
            self.budget.renew();
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_FIELD_BYTES {
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "A field of this form is too long.",
                ));
            }
        }
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| Problem::bad_request("This form is not UTF-8."))?;
        self.fields.insert(name, text);
        Ok(())
    }

    async fn take_file(&mut self, part: Field<'static>) -> Result<(), E> {
        if self.upload.is_some() {
            return Err(Problem::bad_request("This form has two films. Send one.").into());
        }
        (self.rules.file_name)(part.file_name().unwrap_or_default())?;
        let new = NewUpload {
            file_name: part.file_name().unwrap_or_default().to_owned(),
            ..NewUpload::default()
        };
        let upload = self.door.create(self.owner, new).await;
        let upload = upload.map_err(Problem::from)?;
        self.upload = Some(upload.id);
        Ok(self.take_bytes(upload.id, part).await?)
    }

    async fn take_bytes(&self, id: UploadId, part: Field<'static>) -> Result<(), Problem> {
        let budget = self.budget.clone();
        let bytes = part.inspect_ok(move |_| budget.renew());
        let bytes = Box::pin(bytes.map_err(io::Error::other));
        let append = Append::default();
        let appended = self.door.append(self.owner, id, append, bytes);
        match appended.await {
            Ok(Appended::Added(_)) => Ok(()),
            Ok(Appended::TooLong) => Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "This film is larger than this server takes.",
            )),
            Ok(_) => Err(Problem::not_yet("Too many films are being sent.")),
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(nonsense(error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn finish(&self, id: UploadId) -> Result<Upload, E> {
        match self.try_finish(id).await {
            Ok(upload) => Ok(upload),
            Err(problem) => {
                let removed = self.door.remove(self.owner, id).await;
                removed.map_err(Problem::from)?;
                Err(problem)
            }
        }
    }

    async fn try_finish(&self, id: UploadId) -> Result<Upload, E> {
        (self.rules.fields)(&self.fields)?;
        let text = |name: &str| {
            let text = self.fields.get(name).map(String::as_str);
            text.filter(|text| !text.trim().is_empty())
        };
        let [title, description, visibility] = ["title", "description", "visibility"].map(text);
        let details = metadata::details(title, description, visibility)?;
        let completed: Result<Upload, Error> = self.door.complete(self.owner, id, details).await;
        Ok(completed.map_err(Problem::from)?)
    }
}

fn nonsense(error: impl std::fmt::Display) -> Problem {
    tracing::debug!(%error, "A form could not be read.");
    Problem::bad_request("This form is cut off, or no form at all.")
}
