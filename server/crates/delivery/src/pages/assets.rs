//! `GET /assets/{name}`: scripts, styles, fonts and pictures of the pages.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::extract::FromPath;
use crate::problem::Problem;
use crate::validator;

/// `GET /assets/{name}`
pub(crate) async fn show(
    FromPath(name): FromPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = web::asset::find(&name)
        .ok_or_else(|| Problem::not_found("The pages have no file of that name."))?;
    let known = validator::is_current(&headers, &asset.etag);
    let mut response = Response::new(match (known, asset.bytes) {
        (true, _) => Body::empty(),
        (false, std::borrow::Cow::Borrowed(bytes)) => Body::from(bytes),
        (false, std::borrow::Cow::Owned(bytes)) => Body::from(bytes),
    });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let cache = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.content_type),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}
