//! `/media/{id}/{name}`: one spelling for each manifest, playlist, segment and picture of a title;
//! every other name is nothing.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use model::plan::Plan;
use model::rights::Want;
use model::segment::Piece;
use model::title::{Title, TitleState};

use crate::app::App;
use crate::caller::Caller;
use crate::extract::{FromPath, title_id};
use crate::manifest::bandwidth::{Rate, SegmentSizes, rates};
use crate::manifest::{dash, hls, thumbs};
use crate::problem::Problem;
use crate::room::Client;
use crate::segments::{self, Ask};
use crate::titles;
use crate::wire::Lane;

/// What a name below `/media/{id}/` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// `manifest.mpd`
    Dash,
    /// `master.m3u8`
    Master,
    /// `media-{R}.m3u8`
    Playlist { stream: u32 },
    /// `subtitle-{N}.m3u8`
    TextPlaylist { index: u32 },
    /// `thumbs.vtt`
    Thumbs,
    /// Everything that is stored.
    Stored(Piece),
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "manifest.mpd" => Some(Self::Dash),
            "master.m3u8" => Some(Self::Master),
            "thumbs.vtt" => Some(Self::Thumbs),
            _ => playlist(text).or_else(|| Piece::parse(text).map(Self::Stored)),
        }
    }
}

fn playlist(text: &str) -> Option<Name> {
    let (kind, digits) = text.strip_suffix(".m3u8")?.split_once('-')?;
    let number: u32 = digits.parse().ok()?;
    match kind {
        _ if number.to_string() != digits => None,
        "media" => Some(Name::Playlist { stream: number }),
        "subtitle" => Some(Name::TextPlaylist { index: number }),
        _ => None,
    }
}

/// `GET /media/{id}/{name}`
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    client: Client,
    FromPath((id, name)): FromPath<(String, String)>,
    method: Method,
    headers: HeaderMap,
    lane: Option<Extension<Lane>>,
) -> Result<Response, Problem> {
    let id = title_id(&id)?;
    let name = Name::parse(&name).ok_or_else(|| {
        Problem::not_found("A title has no file of that name. Start from manifest.mpd.")
    })?;
    let title = titles::visible(&app, &caller, id, Want::Watch).await?;
    match name {
        Name::Stored(piece) => {
            let ask = Ask {
                client,
                method: &method,
                headers: &headers,
                lane: lane.as_ref().map(|Extension(lane)| lane),
            };
            segments::show(&app, &title, piece, ask).await
        }
        Name::Dash => {
            let (plan, rates) = plan_and_rates(&app, &title).await?;
            let text = dash::manifest(&plan, &rates)?;
            Ok(manifest("application/dash+xml", text))
        }
        Name::Master => {
            let (plan, rates) = plan_and_rates(&app, &title).await?;
            Ok(manifest(
                "application/vnd.apple.mpegurl",
                hls::master(&plan, &rates),
            ))
        }
        Name::Playlist { stream } => {
            let text = hls::media(planned(&title)?, stream)
                .ok_or_else(|| Problem::not_found("The title has no stream of that number."))?;
            Ok(manifest("application/vnd.apple.mpegurl", text))
        }
        Name::TextPlaylist { index } => {
            let text = hls::words(planned(&title)?, index)
                .ok_or_else(|| Problem::not_found("The title has no subtitles of that number."))?;
            Ok(manifest("application/vnd.apple.mpegurl", text))
        }
        Name::Thumbs => {
            let text = thumbs::cues(planned(&title)?)
                .ok_or_else(|| Problem::not_found("The title has no thumbnails."))?;
            Ok(manifest("text/vtt; charset=utf-8", text))
        }
    }
}

/// Manifests are made anew for every request: rates get more exact while segments appear.
fn manifest(content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}

async fn plan_and_rates(
    app: &App,
    title: &Title,
) -> Result<(std::sync::Arc<Plan>, Vec<Rate>), Problem> {
    let plan = std::sync::Arc::clone(planned(title)?);
    let coverage = app.site.catalog.coverage(title.id).await?;
    let sizes: Vec<SegmentSizes> = coverage
        .streams
        .into_iter()
        .map(|stream| stream.sizes)
        .collect();
    let rates = rates(&plan, &sizes);
    Ok((plan, rates))
}

/// The title's plan, or why there is none.
fn planned(title: &Title) -> Result<&std::sync::Arc<Plan>, Problem> {
    if title.state == TitleState::Failed {
        let reason = title.reason.as_deref().unwrap_or("it could not be read");
        return Err(Problem::not_found(format!(
            "“{}” can't be played: {reason}",
            title.name
        )));
    }
    title.plan.as_ref().ok_or_else(|| {
        let doing = match title.state {
            TitleState::Waiting => "waits its turn",
            _ => "is being looked into",
        };
        let reason = title.reason.as_deref().map(|reason| format!(": {reason}"));
        Problem::not_yet(format!(
            "“{}” {doing}{}",
            title.name,
            reason.unwrap_or_default()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::Name;
    use model::segment::Piece;

    #[test]
    fn a_name_has_exactly_one_spelling() {
        for (text, expected) in [
            ("manifest.mpd", Name::Dash),
            ("master.m3u8", Name::Master),
            ("media-0.m3u8", Name::Playlist { stream: 0 }),
            ("media-12.m3u8", Name::Playlist { stream: 12 }),
            ("thumbs.vtt", Name::Thumbs),
            ("subtitle-0.m3u8", Name::TextPlaylist { index: 0 }),
            ("subtitle-3.vtt", Name::Stored(Piece::Subtitle { index: 3 })),
            ("poster.jpg", Name::Stored(Piece::Poster)),
        ] {
            assert_eq!(Name::parse(text), Some(expected), "{text}");
        }
        for text in [
            "media-01.m3u8",
            "subtitle-01.m3u8",
            "words-1.m3u8",
            "media-+1.m3u8",
            "media-.m3u8",
            "media-99999999999.m3u8",
            "Manifest.mpd",
            "manifest.mpd/",
            "../manifest.mpd",
            "",
        ] {
            assert_eq!(Name::parse(text), None, "{text:?} must mean nothing");
        }
    }
}
