//! `/api/v1/uploads`: the tus protocol 1.0.0 with creation, deferred length, termination,
//! checksum and expiration; and the caller's uploads in JSON.

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::upload::{Append, Appended, NewUpload};

use crate::api::uploads::view::{UploadList, UploadView};
use crate::api::uploads::{metadata, protocol, sender, upload_id};
use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::caller::Caller;
use crate::doors::bytes_of;
use crate::extract::FromPath;
use crate::problem::Problem;

/// `OPTIONS /api/v1/uploads`
#[utoipa::path(
    options,
    path = "/api/v1/uploads",
    tag = "uploads",
    operation_id = "uploadAbilities",
    summary = "What this server can do of the tus protocol",
    responses((status = 204, description = "Told in the headers Tus-Version, Tus-Extension, \
        Tus-Max-Size and Tus-Checksum-Algorithm."))
)]
pub(crate) async fn abilities(State(app): State<App>) -> Result<Response, Problem> {
    let most_bytes = app.site.doors.uploads()?.most_bytes().await;
    Ok(protocol::abilities(most_bytes))
}

/// `GET /api/v1/uploads`
#[utoipa::path(
    get,
    path = "/api/v1/uploads",
    tag = "uploads",
    operation_id = "listUploads",
    summary = "One's own uploads",
    responses((status = 200, description = "The newest first.", body = UploadList))
)]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let uploads = app.site.doors.uploads()?.list(sender(&caller)?).await?;
    let uploads = uploads.iter().map(UploadView::new).collect();
    Ok(fresh(Json(UploadList { uploads })))
}

/// `POST /api/v1/uploads`
#[utoipa::path(
    post,
    path = "/api/v1/uploads",
    tag = "uploads",
    operation_id = "createUpload",
    summary = "Begin an upload",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = Option<u64>, Header, description = "How many bytes will come."),
        ("Upload-Defer-Length" = Option<u8>, Header, description = "1 where that is not known."),
        ("Upload-Metadata" = Option<String>, Header, description = "Words with values in base64: \
            filename, title, description, visibility."),
    ),
    responses((status = 201, description = "Its address is in Location."))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    let owner = sender(&caller)?;
    let door = app.site.doors.uploads()?;
    let length_bytes = announced_length(&headers)?;
    if length_bytes > Some(door.most_bytes().await) {
        return Err(too_large());
    }
    let metadata = protocol::one(&headers, &protocol::METADATA)?.unwrap_or_default();
    let new = NewUpload {
        length_bytes,
        ..metadata::read(metadata)?
    };
    let upload = door.create(owner, new).await?;
    let mut response = protocol::describe(StatusCode::CREATED.into_response(), &upload);
    let location = HeaderValue::from_str(&format!("/api/v1/uploads/{}", upload.id));
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn announced_length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let length_bytes = protocol::number(headers, &protocol::LENGTH)?;
    match (length_bytes, protocol::one(headers, &protocol::DEFER)?) {
        (Some(length_bytes), None) => Ok(Some(length_bytes)),
        (None, Some("1")) => Ok(None),
        _ => Err(Problem::bad_request(
            "Say either Upload-Length or Upload-Defer-Length: 1.",
        )),
    }
}

/// `GET` and `HEAD /api/v1/uploads/{id}`
#[utoipa::path(
    get,
    path = "/api/v1/uploads/{id}",
    tag = "uploads",
    operation_id = "showUpload",
    summary = "How far an upload has come",
    params(words::IdInPath),
    responses((status = 200, description = "The same is told in the headers Upload-Offset and \
        Upload-Length.", body = UploadView))
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    method: Method,
    FromPath(id): FromPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if method == Method::HEAD {
        protocol::check_version(&headers)?;
    }
    let door = app.site.doors.uploads()?;
    let upload = door.find(sender(&caller)?, upload_id(&id)?).await?;
    let body = if method == Method::HEAD {
        StatusCode::OK.into_response()
    } else {
        Json(UploadView::new(&upload)).into_response()
    };
    Ok(protocol::describe(body, &upload))
}

/// `PATCH /api/v1/uploads/{id}`
#[utoipa::path(
    patch,
    path = "/api/v1/uploads/{id}",
    tag = "uploads",
    operation_id = "appendToUpload",
    summary = "Send bytes",
    params(
        words::IdInPath,
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "How many bytes are there already."),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1 or sha256, and the hash \
            of the body in base64."),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "How many bytes are there now is in Upload-Offset."))
)]
pub(crate) async fn append(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    protocol::check_kind(&headers)?;
    let append = Append {
        offset_bytes: protocol::number(&headers, &protocol::OFFSET)?
            .ok_or_else(|| Problem::bad_request("Say in Upload-Offset where the bytes belong."))?,
        body_bytes: body.size_hint().exact(),
        length_bytes: protocol::number(&headers, &protocol::LENGTH)?,
        checksum: protocol::checksum(&headers)?,
    };
    let (owner, id) = (sender(&caller)?, upload_id(&id)?);
    let door = app.site.doors.uploads()?;
    if append.length_bytes > Some(door.most_bytes().await) {
        return Err(too_large());
    }
    match door.append(owner, id, append, bytes_of(body)).await? {
        Appended::Added(upload) => {
            let done = StatusCode::NO_CONTENT.into_response();
            Ok(protocol::describe(done, &upload))
        }
        Appended::OtherOffset(offset) => Err(Problem::new(
            StatusCode::CONFLICT,
            format!("These bytes belong elsewhere: {offset} are here."),
        )),
        Appended::TooLong => Err(too_large()),
        Appended::Different => Err(protocol::mismatch()),
        Appended::Busy => Err(Problem::new(
            StatusCode::LOCKED,
            "This upload is being sent already, or too many are. Try again in a moment.",
        )),
    }
}

/// `POST /api/v1/uploads/{id}`: for clients that know no other method.
#[utoipa::path(
    post,
    path = "/api/v1/uploads/{id}",
    tag = "uploads",
    operation_id = "overrideUpload",
    summary = "PATCH, HEAD or DELETE, for clients that can only POST",
    params(
        words::IdInPath,
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("X-HTTP-Method-Override" = String, Header, description = "PATCH, HEAD or DELETE."),
    ),
    responses(
        (status = 200, description = "As HEAD answers."),
        (status = 204, description = "As PATCH and DELETE answer."),
    )
)]
pub(crate) async fn overridden(
    state: State<App>,
    caller: Caller,
    path: FromPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    match protocol::one(&headers, &protocol::OVERRIDE)? {
        Some("PATCH") => append(state, caller, path, headers, body).await,
        Some("DELETE") => remove(state, caller, path, headers).await,
        Some("HEAD") => show(state, caller, Method::HEAD, path, headers).await,
        _ => Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "An upload takes PATCH, HEAD and DELETE.",
        )),
    }
}

/// `DELETE /api/v1/uploads/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/uploads/{id}",
    tag = "uploads",
    operation_id = "removeUpload",
    summary = "Give an upload up",
    params(
        words::IdInPath,
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
    ),
    responses((status = 204, description = "It is gone."))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    protocol::check_version(&headers)?;
    let door = app.site.doors.uploads()?;
    door.remove(sender(&caller)?, upload_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "This is more than was announced, or more than this server takes.",
    )
}
