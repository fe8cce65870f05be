//! Follows each request: gives it a number that its log lines and its answer carry, counts it, and
//! tells how it went.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::metrics::requests::Requests;

/// Names a request in the log; whoever reports trouble can say it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Counts requests since the start. A client's own number has no effect: it could be another's.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Passes the request on and tells of it.
pub(crate) async fn follow(requests: Requests, request: Request, next: Next) -> Response {
    let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let began = Instant::now();
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), began.elapsed());
    let route = route.as_ref().map(MatchedPath::as_str);
    span.in_scope(|| tell(route, method.as_str(), status, took.as_millis()));
    requests.count(route.map(Into::into), &method, status, took);
    response
        .headers_mut()
        .insert(REQUEST_ID, HeaderValue::from(id));
    response
}

/// Paths and queries stay out of the log: they say who watches what.
fn tell(route: Option<&str>, method: &str, status: StatusCode, took_ms: u128) {
    let route = route.unwrap_or("none");
    let status = status.as_u16();
    if status == 500 {
        tracing::warn!(
            method,
            route,
            status,
            took_ms,
            "A request failed by our own fault."
        );
    } else {
        tracing::debug!(method, route, status, took_ms, "A request was answered.");
    }
}
