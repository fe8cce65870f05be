//! What every request passes before its route, and every answer on its way out.

pub(crate) mod follow;
pub(crate) mod headers;
pub(crate) mod host;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::app::App;
use crate::caller;
use crate::problem::Problem;

/// `router` behind its guards. From outside in: its number and its place in the counts, headers on
/// every answer, the host name, the origin of what changes something, on whose behalf it comes,
/// compression of text.
pub(crate) fn around(router: Router<App>, app: &App) -> Router<App> {
    let hosts = Arc::new(host::HostNames::new(&app.site.host_names));
    let requests = app.requests.clone();
    let compressible = DefaultPredicate::new()
        .and(NotForContentType::const_new("video/"))
        .and(NotForContentType::const_new("audio/"))
        .and(NotForContentType::const_new("font/"));
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

/// An unsafe method from another site's page.
fn cross_site(_: ProtectionError) -> Response {
    Problem::forbidden("Another site asked for this. Only Homereel's own pages may.")
        .into_response()
}
