//! `/dav/`: the watched folders over WebDAV. Who may come in is the route's policy; the protocol
//! and the files are behind [`crate::doors::DavDoor`]. Here is only what the answer may do in a
//! browser: nothing.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;

use crate::app::App;
use crate::caller::Caller;
use crate::doors::bytes_of;
use crate::problem::Problem;

/// Every method below `/dav/`.
pub(crate) async fn answer(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let person = caller.0.user();
    let person = person.ok_or_else(|| Problem::unauthorized("Sign in with an app password."))?;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let door = app.site.doors.dav()?;
    let answer = door.answer(person, request.map(bytes_of)).await;
    let mut response = answer.map(Body::from_stream);
    if is_read && response.status().is_success() {
        disarm(&mut response);
    }
    Ok(response)
}

/// A file from a folder is never a page or a script of ours, whatever it is called.
fn disarm(response: &mut Response) {
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE);
    let is_media = kind.is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"video/") || kind.starts_with(b"audio/")
    });
    if !is_media {
        let bytes = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, bytes);
    }
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, attachment);
}
