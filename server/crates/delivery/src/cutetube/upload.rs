//! `POST /api/v3/vod/initiate-task/upload/`: a film in one form, through the door of all uploads.

use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use crate::api::uploads::form::{Rules, take_by};
use crate::api::uploads::sender;
use crate::app::App;
use crate::caller::Caller;
use crate::cutetube::limit::{self, Door};
use crate::cutetube::shape::{answer, data, refused};
use crate::origin::Origin;
use crate::problem::Problem;

/// Longest title, as CuteTube has it.
const TITLE_CHARS: usize = 220;
const UNSUPPORTED: &str = "Unsuppored video format. Only .mp4 and .mov supported";
const NO_FILE: &str = "No video file provided. Supported video type is .MP4 and .MOV";
const DURATION: &str = "Duration has wrong format. Use HH:MM:SS.";

/// `POST /api/v3/vod/initiate-task/upload/`
#[utoipa::path(
    post,
    path = "/api/v3/vod/initiate-task/upload/",
    tag = "cutetube",
    operation_id = "cutetubeUpload",
    summary = "Upload a film in one request",
    request_body(content = Object, content_type = "multipart/form-data", description = "The file \
        is the field `video`; `title` is required, `description` and `duration` may come with it."),
    responses((status = 201, description = "It is being worked on.", body = Object))
)]
pub(crate) async fn receive(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if let Some(slow_down) = limit::take(&app, Door::Upload, origin).await? {
        return Ok(slow_down);
    }
    let owner = sender(&caller)?;
    let rules = Rules {
        file_name: check_name,
        fields: check_fields,
        no_file: || Problem::bad_request(NO_FILE).into(),
    };
    let door = app.site.doors.uploads()?;
    let upload = match take_by(rules, door, owner, &headers, body).await {
        Ok(upload) => upload,
        Err(refusal) => return refusal.answer(),
    };
    let name = Path::new(&upload.file_name);
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let extension = name.extension().unwrap_or_default().to_string_lossy();
    let body = json!({
        "status": "Upload Started",
        "video_id": upload.id.to_string(),
        "video_name_without_extention": format!("{}__{stem}", upload.id),
        "video_extention": format!(".{extension}"),
    });
    Ok(data(StatusCode::CREATED, &body))
}

/// Why a form is not taken; CuteTube tells each in a shape of its own.
enum Refusal {
    /// The film has another format.
    Format,
    /// The duration is none.
    Duration,
    /// Anything else.
    Other(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl Refusal {
    fn answer(self) -> Result<Response, Problem> {
        match self {
            Self::Format => {
                let body = json!({"error": UNSUPPORTED});
                Ok(answer(StatusCode::BAD_REQUEST, &body))
            }
            Self::Duration => {
                let body = json!({"status": "error", "error_key": "duration", "detail": DURATION});
                Ok(data(StatusCode::BAD_REQUEST, &body))
            }
            Self::Other(problem) if problem.is_ours() => Err(problem),
            Self::Other(problem) => Ok(refused(problem.code(), problem.detail())),
        }
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let extension = Path::new(name).extension().and_then(|text| text.to_str());
    let fits = |text: &str| {
        ["mp4", "mov"]
            .iter()
            .any(|known| text.eq_ignore_ascii_case(known))
    };
    match extension.is_some_and(fits) {
        true => Ok(()),
        false => Err(Refusal::Format),
    }
}

fn check_fields(fields: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let title = fields.get("title").map_or("", |title| title.trim());
    if title.is_empty() || title.chars().count() > TITLE_CHARS {
        let required = format!("title: a text of 1 to {TITLE_CHARS} characters is required.");
        return Err(Problem::bad_request(required).into());
    }
    match fields.get("duration").is_none_or(|text| is_duration(text)) {
        true => Ok(()),
        false => Err(Refusal::Duration),
    }
}

/// Looked at and passed over: how long a film is, it says itself.
fn is_duration(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let digits =
        |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.is_empty() || (parts.len() == 3 && parts.iter().all(digits))
}

#[cfg(test)]
mod tests {
    use super::{check_name, is_duration};

    #[test]
    fn names_and_durations_are_judged_as_cutetube_says() {
        for (name, expected) in [
            ("a.mp4", true),
            ("A.MOV", true),
            ("a.mkv", false),
            ("mp4", false),
        ] {
            assert_eq!(check_name(name).is_ok(), expected, "{name}");
        }
        for (text, expected) in [
            ("00:00:34", true),
            ("", true),
            ("34", false),
            ("a:b:c", false),
        ] {
            assert_eq!(is_duration(text), expected, "{text}");
        }
    }
}
