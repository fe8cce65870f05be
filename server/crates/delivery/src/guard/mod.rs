//! What every request passes before its route, and every answer on its way out.

pub(crate) mod follow;
pub(crate) mod headers;
pub(crate) mod host;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::app::App;
use crate::caller;
use crate::problem::Problem;

/// What is packed: pages and what belongs to them, answers in JSON, manifests.
const TEXTS: [&str; 13] = [
    "text/html",
    "text/plain",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/problem+json",
    "application/manifest+json",
    "application/xml",
    "image/svg+xml",
    "application/dash+xml",
    "application/vnd.apple.mpegurl",
    "text/xml",
];

/// `router` behind its guards. From outside in: its number and its place in the counts, headers on
/// every answer, the host name, the origin of what changes something, on whose behalf it comes,
/// compression of text.
pub(crate) fn around(router: Router<App>, app: &App) -> Router<App> {
    let hosts = Arc::new(host::HostNames::new(&app.site.host_names));
    let requests = app.requests.clone();
    let compressible = SizeAbove::default().and(is_text);
    router
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(from_fn_with_state(app.clone(), caller::identify))
        .layer(CsrfLayer::new().with_rejection_response(cross_site))
        .layer(from_fn(move |request, next| {
            host::check(Arc::clone(&hosts), request, next)
        }))
        .layer(map_response_with_state(app.clone(), headers::add))
        .layer(from_fn(move |request, next| {
            follow::follow(requests.clone(), request, next)
        }))
}

/// Whether an answer gets smaller by packing. Films do not, and a part of a file must stay the part
/// that was asked for; events must not wait until there is enough to pack.
fn is_text(
    status: StatusCode,
    _: Version,
    headers: &HeaderMap,
    _: &axum::http::Extensions,
) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    status != StatusCode::PARTIAL_CONTENT && TEXTS.contains(&kind)
}

/// An unsafe method from another site's page.
fn cross_site(_: ProtectionError) -> Response {
    Problem::forbidden("Another site asked for this. Only Homereel's own pages may.")
        .into_response()
}
