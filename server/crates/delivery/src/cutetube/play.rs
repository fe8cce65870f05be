//! `GET /app/stream/` and `/app/v2/dash/…`: an original by ranges, and a manifest with its pieces.

use axum::Extension;
use axum::body::to_bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use catalog::library::{MAX_PER_PAGE, TitleQuery};
use model::id::TitleId;
use model::rights::{Want, may};
use model::title::{Title, TitleState};
use serde::Deserialize;

use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::extract::{FromPath, FromQuery, title_id};
use crate::media;
use crate::original::{self, Purpose};
use crate::problem::Problem;
use crate::room::Client;
use crate::titles;
use crate::wire::Lane;

/// Longer than any manifest.
const MAX_MANIFEST_BYTES: usize = 16 * 1024 * 1024;

/// Which title; the newest that plays and may be downloaded if nothing is said.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    id: Option<String>,
}

/// `GET /app/stream/?id=`: always a part, as CuteTube answers. It is the original, so only for
/// whoever may download it.
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    standing: Standing,
    FromQuery(asked): FromQuery<Asked>,
    method: Method,
    mut headers: HeaderMap,
) -> Result<Response, Problem> {
    let fits = |title: &Title| {
        matches!(title.state, TitleState::Playable | TitleState::Ready)
            && may(
                &standing.who,
                Want::Download,
                title.rights(),
                standing.audience,
            )
    };
    let id = match asked.id {
        Some(id) => title_id(&id)?,
        None => newest(&app, &standing, fits).await?,
    };
    let title = titles::visible(&app, &caller, id, Want::Download).await?;
    let whole = HeaderValue::from_static("bytes=0-");
    headers.entry(header::RANGE).or_insert(whole);
    headers.remove(header::IF_NONE_MATCH);
    original::send(&title, Purpose::Play, &method, &headers).await
}

/// `GET /app/v2/dash/manifest.mpd`: of the newest title that is ready. Its pieces are at the
/// title's own place, so that a newer title does not come in between.
pub(crate) async fn newest_manifest(
    State(app): State<App>,
    caller: Caller,
    standing: Standing,
    client: Client,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = newest(&app, &standing, is_ready).await?;
    let name = FromPath((id.to_string(), "manifest.mpd".to_owned()));
    let answer = media::show(State(app), caller, client, name, Method::GET, headers, None).await?;
    let (parts, body) = answer.into_parts();
    let text = to_bytes(body, MAX_MANIFEST_BYTES).await;
    let text = text.map_err(|_| Problem::not_yet("The manifest could not be written."))?;
    let text = with_base(&String::from_utf8_lossy(&text), id);
    Ok((parts.status, parts.headers, text).into_response())
}

/// Puts `BaseURL` first into the manifest, where the standard wants it: before periods, after
/// nothing that we write.
fn with_base(manifest: &str, id: TitleId) -> String {
    let start = manifest.find("<MPD").unwrap_or(0);
    let Some(end) = manifest[start..].find('>').map(|offset| start + offset + 1) else {
        return manifest.to_owned();
    };
    let (head, rest) = manifest.split_at(end);
    format!("{head}<BaseURL>/media/{id}/</BaseURL>{rest}")
}

/// `GET /app/v2/dash/{id}` and `/app/v2/dash/{id}/`: a piece of the newest title that is ready; the
/// place of the identifier holds its name.
pub(crate) async fn newest_piece(
    State(app): State<App>,
    caller: Caller,
    standing: Standing,
    client: Client,
    FromPath(name): FromPath<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = newest(&app, &standing, is_ready).await?;
    let name = FromPath((id.to_string(), name));
    let mut answer = media::show(State(app), caller, client, name, method, headers, None).await?;
    // Tomorrow another title is the newest.
    let ask_again = HeaderValue::from_static("private, no-cache");
    answer
        .headers_mut()
        .insert(header::CACHE_CONTROL, ask_again);
    Ok(answer)
}

/// `GET /app/v2/dash/{id}/{name}`: whatever `/media/` has.
pub(crate) async fn piece(
    app: State<App>,
    caller: Caller,
    client: Client,
    name: FromPath<(String, String)>,
    method: Method,
    headers: HeaderMap,
    lane: Option<Extension<Lane>>,
) -> Result<Response, Problem> {
    media::show(app, caller, client, name, method, headers, lane).await
}

fn is_ready(title: &Title) -> bool {
    title.state == TitleState::Ready
}

/// The newest title that fits and that whoever asks may watch, among the newest hundred.
async fn newest(
    app: &App,
    standing: &Standing,
    fits: impl Fn(&Title) -> bool,
) -> Result<TitleId, Problem> {
    let query = TitleQuery {
        who: titles::viewer(standing),
        per_page: MAX_PER_PAGE,
        ..TitleQuery::default()
    };
    let page = app.site.catalog.titles(query).await?;
    let found = page.titles.iter().find(|title| fits(title));
    let found = found.ok_or_else(|| Problem::not_found("There is nothing to play yet."))?;
    Ok(found.id)
}

#[cfg(test)]
mod tests {
    use super::with_base;
    use model::id::TitleId;

    #[test]
    fn pieces_are_looked_for_at_the_titles_own_place() {
        let id = TitleId::generate();
        let text = with_base("<?xml version=\"1.0\"?><MPD a=\"b\"><Period/></MPD>", id);
        let base = format!("<MPD a=\"b\"><BaseURL>/media/{id}/</BaseURL><Period/>");
        assert!(text.contains(&base), "{text}");
    }
}
