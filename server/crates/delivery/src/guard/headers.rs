//! Headers that every answer carries.

use axum::extract::State;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::app::App;
use crate::elsewhere;

/// Everything comes from this server. `blob:` is how Media Source Extensions hand media to the
/// video element; no script or style stands in a page, and no text becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; \
    worker-src 'self' blob:; manifest-src 'self'; font-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// The policy for a house whose public films come from another server, where the player connects.
fn with(origin: &str) -> String {
    POLICY.replace(
        "connect-src 'self'",
        &format!("connect-src 'self' {origin}"),
    )
}

/// Adds them. An answer that already has a stricter one keeps it.
pub(crate) async fn add(State(app): State<App>, mut response: Response) -> Response {
    let settings = app.site.catalog.settings().await;
    let origin = settings.as_ref().ok().and_then(elsewhere::origin);
    let policy = origin.and_then(|origin| HeaderValue::try_from(with(origin)).ok());
    let headers = response.headers_mut();
    if let Some(policy) = policy {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
