//! How far people have watched: noted by the player, offered again on the library page.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::progress::WatchedAt;
use model::clock::WallTime;
use model::rights::Want;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::dto::Video;
use crate::api::videos::{self, fresh};
use crate::api::words;
use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::extract::{FromJson, FromPath, title_id};
use crate::problem::Problem;
use crate::titles;

/// No film is longer than a month.
const LONGEST_S: f64 = 31.0 * 24.0 * 3_600.0;
/// Credits begin about there; whoever came so far has seen the film.
const NEARLY: f64 = 0.95;
/// What a row of the library page holds.
const OFFERED: u32 = 12;

/// Where somebody is in a film.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    #[schema(minimum = 0, maximum = 2678400)]
    position_s: f64,
    /// How long the film is, as the player knows it.
    #[schema(minimum = 0, maximum = 2678400)]
    duration_s: f64,
}

/// What somebody began and did not finish.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Begun {
    /// Latest first.
    videos: Vec<Video>,
}

/// `PUT /api/v1/videos/{id}/progress`
#[utoipa::path(
    put,
    path = "/api/v1/videos/{id}/progress",
    tag = "videos",
    operation_id = "noteProgress",
    summary = "Note how far one has watched",
    params(words::IdInPath),
    request_body = Position,
    responses((status = 204, description = "It is noted."))
)]
pub(crate) async fn note(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
    FromJson(position): FromJson<Position>,
) -> Result<StatusCode, Problem> {
    let title = titles::visible(&app, &caller, title_id(&id)?, Want::Watch).await?;
    let Some(user) = caller.0.user() else {
        return Err(Problem::unauthorized("Sign in to go on elsewhere."));
    };
    let seen = position.seen()?;
    app.site.catalog.set_watched(user, title.id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/videos/continue`
#[utoipa::path(
    get,
    path = "/api/v1/videos/continue",
    tag = "videos",
    operation_id = "continueWatching",
    summary = "What one began and did not finish, latest first",
    responses((status = 200, description = "The titles.", body = Begun))
)]
pub(crate) async fn begun(State(app): State<App>, standing: Standing) -> Result<Response, Problem> {
    let videos = offered(&app, &standing).await?;
    Ok(fresh(Json(Begun { videos })))
}

/// What somebody may want to go on with; nothing for guests.
pub(crate) async fn offered(app: &App, standing: &Standing) -> model::error::Result<Vec<Video>> {
    let viewer = titles::viewer(standing);
    let begun = app.site.catalog.continue_watching(viewer, OFFERED).await?;
    let begun = begun.into_iter().map(|(title, _)| title).collect();
    videos::cards(app, standing, begun).await
}

impl Position {
    fn seen(self) -> Result<WatchedAt, Problem> {
        let sensible = |seconds: f64| (0.0..=LONGEST_S).contains(&seconds);
        if !sensible(self.position_s) || !sensible(self.duration_s) {
            return Err(Problem::bad_request(
                "A place in a film is a number of seconds, from 0 to a month.",
            ));
        }
        let position_s = self.position_s.min(self.duration_s);
        Ok(WatchedAt {
            position_ms: milliseconds(position_s),
            duration_ms: milliseconds(self.duration_s),
            finished: self.duration_s > 0.0 && position_s >= self.duration_s * NEARLY,
            // The catalog notes the moment itself.
            at: WallTime(0),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and a month"
)]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn a_place_is_a_number_within_the_film() {
        for (position_s, duration_s, expected) in [
            (10.5, 100.0, Some((10_500, 100_000, false))),
            (96.0, 100.0, Some((96_000, 100_000, true))),
            (500.0, 100.0, Some((100_000, 100_000, true))),
            (0.0, 0.0, Some((0, 0, false))),
            (-1.0, 100.0, None),
            (1.0, 1e12, None),
            (f64::NAN, 100.0, None),
            (1.0, f64::INFINITY, None),
        ] {
            let position = Position {
                position_s,
                duration_s,
            };
            let seen = position.seen().ok();
            let seen = seen.map(|seen| (seen.position_ms, seen.duration_ms, seen.finished));
            assert_eq!(seen, expected, "{position_s} of {duration_s}");
        }
    }
}
