//! Stored pieces, streamed from the store. A piece that the plan promises and that does not exist
//! yet is waited for (`hold.rs`).

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use model::error::{Error, ErrorKind};
use model::plan::StreamKind;
use model::segment::{Piece, StoredPiece};
use model::settings::Settings;
use model::title::{Title, TitleState};
use storage::ObjectBytes;

use crate::app::App;
use crate::elsewhere;
use crate::hold;
use crate::problem::Problem;
use crate::range::{Wanted, wanted};
use crate::room::Client;
use crate::validator;
use crate::wire::{self, Lane};

/// Everything may be made anew under the same names: when a file is replaced, after a backup is
/// restored. Pieces of two versions must not meet in one player, so each is asked for again, which
/// costs an answer without a body.
const ASK_AGAIN: &str = "private, no-cache";
/// The same where anyone may watch, for caches that many share.
const ASK_AGAIN_TOGETHER: &str = "public, no-cache";
/// An old poster of a finished title meets nothing that it does not fit, and pages show many.
const FOR_A_DAY: &str = "private, max-age=86400";

/// Tells players how long an answer was held back, so that they do not mistake it for a slow
/// network. `http` has no constant for it.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How a piece is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) client: Client,
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    /// Where the connection takes files by themselves.
    pub(crate) lane: Option<&'a Lane>,
}

/// Answers a request for `piece` of a title that the caller may watch.
pub(crate) async fn show(
    app: &App,
    title: &Title,
    piece: Piece,
    ask: Ask<'_>,
) -> Result<Response, Problem> {
    let asked = Instant::now();
    let cache_of = piece;
    // Under one name the picture that was chosen, so that whoever knows the name need not choose.
    let piece = match piece {
        Piece::Poster => title.poster_piece(),
        other => other,
    };
    let (stored, held) = match app.site.catalog.piece(title.id, piece).await? {
        Some(stored) => (stored, None),
        None => {
            check_promised(title, piece)?;
            let stored = hold::wait(app, ask.client, title, piece).await?;
            (stored, Some(asked.elapsed()))
        }
    };
    let settings = app.site.catalog.settings().await?;
    if let Some(address) = elsewhere::address(&settings, title.visibility, &stored) {
        return Ok(sent_elsewhere(&address));
    }
    let answer = Answer {
        title,
        stored: &stored,
        cache: cache(&settings, title, cache_of),
        held,
    };
    answer.send(app, ask).await
}

fn cache(settings: &Settings, title: &Title, piece: Piece) -> &'static str {
    match piece {
        Piece::Poster if title.state == TitleState::Ready => FOR_A_DAY,
        _ if elsewhere::is_public(settings, title.visibility) => ASK_AGAIN_TOGETHER,
        _ => ASK_AGAIN,
    }
}

/// Players follow it; the piece itself is cached under its own address.
fn sent_elsewhere(address: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    insert_text(headers, header::LOCATION, address);
    response
}

/// A piece that the plan does not have will never exist.
fn check_promised(title: &Title, piece: Piece) -> Result<(), Problem> {
    let Some(plan) = &title.plan else {
        return Err(not_planned(title));
    };
    if let Piece::Thumbs { sheet } = piece
        && sheet <= plan.thumb_sheets()
        && !matches!(title.state, TitleState::Ready | TitleState::Failed)
    {
        // Nobody is kept waiting for small pictures: a player goes on without them.
        let message = format!("The thumbnails of “{}” are not made yet.", title.name);
        return Err(Problem::not_yet(message));
    }
    let promised = match piece {
        Piece::Init { stream } => stream < plan.stream_count(),
        Piece::Media { stream, number } => number <= plan.segment_count_of(stream),
        // Pictures are made along the way or not at all; pages show a placeholder until then. The
        // rows of subtitles come with the plan's own.
        Piece::Poster
        | Piece::PosterChoice { .. }
        | Piece::Subtitle { .. }
        | Piece::Thumbs { .. } => false,
    };
    promised
        .then_some(())
        .ok_or_else(|| Problem::not_found(format!("“{}” has no piece {piece}.", title.name)))
}

fn not_planned(title: &Title) -> Problem {
    match title.state {
        TitleState::Failed => hold::failed(title),
        _ => Problem::not_yet(format!("“{}” is not ready to be played yet.", title.name)),
    }
}

/// A piece about to be sent.
struct Answer<'a> {
    title: &'a Title,
    stored: &'a StoredPiece,
    cache: &'static str,
    /// How long the request waited for the piece, if it had to.
    held: Option<Duration>,
}

impl Answer<'_> {
    async fn send(&self, app: &App, ask: Ask<'_>) -> Result<Response, Problem> {
        let etag = format!("\"{}\"", self.stored.sha256);
        if validator::is_current(ask.headers, &etag) {
            return Ok(self.respond(&etag, StatusCode::NOT_MODIFIED, Body::empty()));
        }
        let size_bytes = self.stored.size_bytes;
        let asked = match *ask.method {
            Method::GET => wanted(ask.headers, size_bytes, &etag),
            _ => Wanted::Whole,
        };
        match asked {
            Wanted::Nothing => {
                let response =
                    self.respond(&etag, StatusCode::RANGE_NOT_SATISFIABLE, Body::empty());
                Ok(with_range(response, &format!("bytes */{size_bytes}"), 0))
            }
            Wanted::Whole => {
                let body = self.open(app, ask, None).await?;
                let response = self.respond(&etag, StatusCode::OK, body);
                Ok(with_length(response, size_bytes))
            }
            Wanted::Part(part) => {
                let length = part.end - part.start;
                let range = format!("bytes {}-{}/{size_bytes}", part.start, part.end - 1);
                let body = self.open(app, ask, Some(part)).await?;
                let response = self.respond(&etag, StatusCode::PARTIAL_CONTENT, body);
                Ok(with_range(response, &range, length))
            }
        }
    }

    async fn open(
        &self,
        app: &App,
        ask: Ask<'_>,
        part: Option<std::ops::Range<u64>>,
    ) -> Result<Body, Problem> {
        if ask.method == Method::HEAD {
            return Ok(Body::empty());
        }
        let storage = app.site.places.at(self.stored.place)?;
        let object = storage.get(&self.stored.key, part).await;
        let object = object.map_err(|error| self.lost(error))?;
        Ok(match object.bytes {
            ObjectBytes::File(range) => wire::body_of(range, ask.lane.cloned()),
            ObjectBytes::Stream(stream) => Body::from_stream(stream),
        })
    }

    /// A row without its object: either the title was begun anew a moment ago, or the store was
    /// tampered with. Both look the same from here, and asking again settles it.
    fn lost(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::caused_by(
                ErrorKind::Unavailable,
                format!("reading {} from the store", self.stored.piece),
                error,
            ),
            _ => error,
        }
    }

    fn respond(&self, etag: &str, status: StatusCode, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type()),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert_text(headers, header::ETAG, etag);
        if let Some(held) = self.held {
            insert_text(
                headers,
                SERVER_TIMING,
                &format!("held;dur={}", held.as_millis()),
            );
        }
        response
    }

    fn content_type(&self) -> &'static str {
        let stream = match self.stored.piece {
            Piece::Poster | Piece::PosterChoice { .. } | Piece::Thumbs { .. } => {
                return "image/jpeg";
            }
            Piece::Subtitle { .. } => return "text/vtt; charset=utf-8",
            Piece::Init { stream } | Piece::Media { stream, .. } => stream,
        };
        let kind = self
            .title
            .plan
            .as_ref()
            .and_then(|plan| plan.stream(stream));
        match kind {
            Some(StreamKind::Audio(_)) => "audio/mp4",
            _ => "video/mp4",
        }
    }
}

fn with_length(mut response: Response, length: u64) -> Response {
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn with_range(mut response: Response, range: &str, length: u64) -> Response {
    insert_text(response.headers_mut(), header::CONTENT_RANGE, range);
    with_length(response, length)
}

/// Numbers, hashes and units are always valid in a header.
fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
