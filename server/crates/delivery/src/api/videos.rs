//! `GET /api/v1/videos` and `/api/v1/videos/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use catalog::library::{StreamTotal, TitleQuery};
use catalog::viewer::Viewer;
use model::error::Result;
use model::job::{Job, JobState};
use model::plan::parts::Part;
use model::rights::Want;
use model::title::{Title, TitleState};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::dto::{Video, VideoList};
use crate::api::onlooker::Onlooker;
use crate::api::strip::{self, Strip};
use crate::api::words;
use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::extract::{FromPath, FromQuery, title_id};
use crate::problem::Problem;
use crate::titles;

/// Longest text to search for; longer ones are a mistake.
const MAX_QUERY_CHARS: usize = 200;
/// Titles on a page unless the client says otherwise, and at most.
const PER_PAGE: u32 = 50;
const MAX_PER_PAGE: u32 = 100;
/// Pages count from 1; the product with the page size must not overflow.
const MAX_PAGE: u32 = 1_000_000;

/// The query string of a listing.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// Words of the name or the description, or beginnings of words.
    #[param(max_length = 200)]
    pub(crate) q: Option<String>,
    /// Which page, from 1.
    pub(crate) page: Option<u64>,
    /// Only what comes after the page that said this.
    #[param(max_length = 32)]
    pub(crate) cursor: Option<String>,
    /// Titles on a page, 100 at most.
    pub(crate) per_page: Option<u64>,
}

impl Listing {
    /// Within the limits: numbers are clamped, an overlong text is refused.
    pub(crate) fn query(&self, per_page: u32) -> Result<TitleQuery, Problem> {
        let text = self
            .q
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > MAX_QUERY_CHARS) {
            return Err(Problem::bad_request(format!(
                "Search for at most {MAX_QUERY_CHARS} letters."
            )));
        }
        Ok(TitleQuery {
            who: Viewer::default(),
            text: text.map(str::to_owned),
            after: self.cursor.as_deref().map(str::parse).transpose()?,
            page: clamp(self.page, 1, MAX_PAGE),
            per_page: clamp(self.per_page, per_page, MAX_PER_PAGE),
        })
    }
}

fn clamp(asked: Option<u64>, default: u32, most: u32) -> u32 {
    let asked = asked.unwrap_or(default.into());
    u32::try_from(asked).unwrap_or(most).clamp(1, most)
}

/// `GET /api/v1/videos?q=&page=&per_page=`
#[utoipa::path(
    get,
    path = "/api/v1/videos",
    tag = "videos",
    operation_id = "listVideos",
    summary = "Titles, newest first, or those that a search finds",
    params(Listing),
    responses((status = 200, description = "A page of titles.", body = VideoList))
)]
pub(crate) async fn list(
    State(app): State<App>,
    standing: Standing,
    FromQuery(listing): FromQuery<Listing>,
) -> Result<Response, Problem> {
    let query = listing.query(PER_PAGE)?;
    let list = page(&app, &standing, query).await?;
    Ok(fresh(Json(list)))
}

/// `GET /api/v1/videos/{id}`
#[utoipa::path(
    get,
    path = "/api/v1/videos/{id}",
    tag = "videos",
    operation_id = "showVideo",
    summary = "One title",
    params(words::IdInPath),
    responses((status = 200, description = "The title.", body = Video))
)]
pub(crate) async fn show(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let caller = Caller(standing.who.clone());
    let title = titles::visible(&app, &caller, title_id(&id)?, Want::Watch).await?;
    Ok(fresh(Json(one(&app, &standing, title).await?)))
}

/// Facts that change while work goes on must not come from a cache.
pub(crate) fn fresh(body: impl IntoResponse) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    ([(header::CACHE_CONTROL, no_store)], body).into_response()
}

/// A page of the library as somebody sees it. Reads no plan, and nothing for a single title.
pub(crate) async fn page(app: &App, standing: &Standing, query: TitleQuery) -> Result<VideoList> {
    let (page, per_page) = (query.page, query.per_page);
    let query = TitleQuery {
        who: titles::viewer(standing),
        ..query
    };
    let found = app.site.catalog.titles(query).await?;
    let onlooker = Onlooker::of(app, standing, &found.titles).await?;
    let view = |title: &Title| {
        let job = title.job.and_then(|id| found.jobs.get(&id));
        let stored = found.totals.get(&title.id).map_or(&[][..], Vec::as_slice);
        let parts = found.parts.get(&title.id).map_or(&[][..], Vec::as_slice);
        video(app, title, job, stored, parts, &onlooker)
    };
    Ok(VideoList {
        videos: found.titles.iter().map(view).collect(),
        page,
        per_page,
        total: found.total,
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

/// One title as somebody sees it.
pub(crate) async fn one(app: &App, standing: &Standing, title: Title) -> Result<Video> {
    let titles = [title];
    let onlooker = Onlooker::of(app, standing, &titles).await?;
    let [title] = titles;
    card(app, &title, &onlooker).await
}

/// A few titles as somebody sees them.
pub(crate) async fn cards(
    app: &App,
    standing: &Standing,
    titles: Vec<Title>,
) -> Result<Vec<Video>> {
    let onlooker = Onlooker::of(app, standing, &titles).await?;
    let mut cards = Vec::with_capacity(titles.len());
    for title in &titles {
        cards.push(card(app, title, &onlooker).await?);
    }
    Ok(cards)
}

async fn card(app: &App, title: &Title, onlooker: &Onlooker) -> Result<Video> {
    let catalog = &app.site.catalog;
    let job = match title.job {
        Some(job) => catalog.job(job).await?,
        None => None,
    };
    let stored = catalog.stream_totals(title.id).await?;
    let parts = title.plan.as_ref().map(|plan| plan.parts());
    let parts = parts.unwrap_or_default();
    Ok(video(app, title, job.as_ref(), &stored, &parts, onlooker))
}

fn video(
    app: &App,
    title: &Title,
    job: Option<&Job>,
    stored: &[StreamTotal],
    parts: &[Part],
    onlooker: &Onlooker,
) -> Video {
    let ready = ready_from_totals(title, stored);
    let strip = strip_of(app, title, job, stored, parts);
    Video::new(title, job, &ready, strip, onlooker)
}

/// Part of each stream's segments that exist.
pub(crate) fn ready_from_totals(title: &Title, stored: &[StreamTotal]) -> Vec<f64> {
    let segments = |stream: usize| {
        let summary = title.summary.as_ref();
        summary.map_or(0, |plan| plan.segment_count_of(stream))
    };
    let share = |(stream, total): (usize, &StreamTotal)| {
        (f64::from(total.segments) / f64::from(segments(stream).max(1))).min(1.0)
    };
    stored.iter().enumerate().map(share).collect()
}

/// The filmstrip of an unfinished title; a finished one needs none.
pub(crate) fn strip_of(
    app: &App,
    title: &Title,
    job: Option<&Job>,
    stored: &[StreamTotal],
    parts: &[Part],
) -> Option<Strip> {
    let summary = title.summary.as_ref()?;
    if title.state == TitleState::Ready || parts.is_empty() {
        return None;
    }
    let wishes: Vec<strip::Wished> = app
        .site
        .catalog
        .wishes()
        .iter()
        .filter(|wish| wish.title == title.id)
        .map(|wish| (wish.stream as usize, wish.number))
        .collect();
    let running = job.is_some_and(|job| job.state == JobState::Running);
    let shown = summary.rungs.len().max(1);
    Some(strip::draw(parts, stored, shown, &wishes, running))
}

#[cfg(test)]
mod tests {
    use super::{Listing, PER_PAGE};

    #[test]
    fn numbers_are_clamped_and_long_texts_refused() {
        let listing = |page, per_page| Listing {
            q: None,
            page,
            cursor: None,
            per_page,
        };
        for (page, per_page, expected) in [
            (None, None, (1, 50)),
            (Some(0), Some(0), (1, 1)),
            (Some(u64::MAX), Some(u64::MAX), (1_000_000, 100)),
            (Some(3), Some(20), (3, 20)),
        ] {
            let query = listing(page, per_page).query(PER_PAGE).unwrap();
            assert_eq!(
                (query.page, query.per_page),
                expected,
                "{page:?} {per_page:?}"
            );
        }
        let long = Listing {
            q: Some("a".repeat(201)),
            ..Listing::default()
        };
        assert!(long.query(PER_PAGE).is_err(), "201 letters are too many");
        let blank = Listing {
            q: Some("  ".into()),
            ..Listing::default()
        };
        assert_eq!(
            blank.query(PER_PAGE).unwrap().text,
            None,
            "blanks search for nothing"
        );
    }
}
