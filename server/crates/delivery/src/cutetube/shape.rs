//! The envelopes and fields of CuteTube's answers.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::title::{Title, TitleState};
use serde_json::{Value, json};

use crate::origin::Way;

/// `{"data": …}` with a status code.
pub(crate) fn data(status: StatusCode, body: &Value) -> Response {
    answer(status, &json!({ "data": body }))
}

/// `{"data": {"status": "error", "detail": …}}`
pub(crate) fn refused(status: StatusCode, detail: impl Into<Value>) -> Response {
    data(status, &json!({"status": "error", "detail": detail.into()}))
}

/// The envelope of signing up and in.
pub(crate) fn user(status: StatusCode, body: &Value) -> Response {
    answer(
        status,
        &json!({"status_code": status.as_u16(), "user": body}),
    )
}

/// That, with an error.
pub(crate) fn user_refused(status: StatusCode, detail: impl Into<Value>) -> Response {
    user(status, &json!({"status": "error", "detail": detail.into()}))
}

/// CuteTube's 429 to the letter, and `Retry-After`, which it lacks.
pub(crate) fn too_many(wait: Duration) -> Response {
    let body = json!({
        "status_code": 429,
        "status": "too-many-requests",
        "data": {
            "message": "Rate limit exceed. Pleas wait before making another request.",
            "wait_time": format!("{:.2} seconds", wait.as_secs_f64()),
        }
    });
    let seconds = wait.as_millis().div_ceil(1000).to_string();
    let retry = [(header::RETRY_AFTER, seconds)];
    (retry, answer(StatusCode::TOO_MANY_REQUESTS, &body)).into_response()
}

pub(crate) fn answer(status: StatusCode, body: &Value) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, Json(body)).into_response()
}

/// A title in CuteTube's fields. Addresses are null until there is something to play.
pub(crate) fn video(title: &Title, base: &str) -> Value {
    let plays = matches!(title.state, TitleState::Playable | TitleState::Ready);
    let manifest = plays.then(|| format!("{base}/media/{}/manifest.mpd", title.id));
    let file = title.source.path.file_stem().unwrap_or_default();
    json!({
        "id": title.id.to_string(),
        "status": title.state.as_str(),
        "custom_video_title": format!("{}__{}", title.id, file.to_string_lossy()),
        "title": title.name,
        "description": title.description,
        "duration": title.summary.as_ref().map(|plan| clock(plan.end.seconds())),
        "mp4_s3_mpd_url": manifest,
        "mov_s3_mpd_url": manifest,
        "mp4_gcore_cdn_mpd_url": manifest,
        "mov_gcore_cdn_mpd_url": manifest,
    })
}

/// What our addresses begin with: the name under which we were asked, which the guard has judged,
/// and the way the client came.
pub(crate) fn base(way: Way, headers: &HeaderMap) -> String {
    let scheme = if way.encrypted { "https" } else { "http" };
    let host = headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// `HH:MM:SS`
fn clock(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default();
    let seconds = whole.as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn durations_are_written_as_django_does() {
        for (seconds, expected) in [(0.0, "00:00:00"), (34.4, "00:00:34"), (3_725.0, "01:02:05")] {
            assert_eq!(clock(seconds), expected, "{seconds}");
        }
    }
}
