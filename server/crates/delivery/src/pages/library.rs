//! `GET /`: the library.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::State;
use axum::response::Response;
use catalog::inbox_page::{InboxQuery, Only, Seen};
use model::arrival::Arrival;
use model::clock::WallTime;
use serde::Serialize;

use crate::api::dto::{ArrivalView, Video, VideoList};
use crate::api::progress;
use crate::api::videos::{self, Listing};
use crate::app::App;
use crate::caller::Standing;
use crate::extract::FromQuery;
use crate::health::{Trouble, WatchedFolder};
use crate::pages::{PageProblem, page};
use crate::percent;
use crate::problem::Problem;
use crate::{rfc3339, titles};

/// Cards on a page: fills rows of two, three, four, five and six.
const PER_PAGE: u32 = 60;
/// Files on their way in that are worth a card; more of them wait unseen in the inbox.
const MAX_ARRIVALS: u32 = 24;
/// A library with fewer titles is its own shelf.
const SHELVES_FROM: u64 = 13;
/// Titles on a shelf, and how long they are new.
const ON_SHELF: usize = 12;
const NEW_FOR_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// What the page shows.
#[derive(Debug, Serialize)]
struct Library {
    query: String,
    page: u32,
    pages: u64,
    total: u64,
    /// Rows above everything, on the first page.
    shelves: Vec<Shelf>,
    videos: Vec<Video>,
    arrivals: Vec<Arriving>,
    folders: Vec<WatchedFolder>,
    problems: Vec<Trouble>,
    newer: Option<String>,
    older: Option<String>,
    /// Ways to single pages, with `None` where some are left out.
    ways: Vec<Option<Way>>,
}

/// The way to a page of the listing.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Way {
    number: u64,
    href: String,
}

/// A row of titles.
#[derive(Debug, Serialize)]
struct Shelf {
    /// Which one; the template has its heading.
    place: &'static str,
    videos: Vec<Video>,
}

/// A file on its way in, with a name for its card.
#[derive(Debug, Serialize)]
struct Arriving {
    key: String,
    #[serde(flatten)]
    arrival: ArrivalView,
}

/// `GET /?q=&page=`
pub(crate) async fn show(
    State(app): State<App>,
    standing: Standing,
    listing: Result<FromQuery<Listing>, Problem>,
) -> Result<Response, PageProblem> {
    let FromQuery(listing) = listing?;
    let query = Listing {
        per_page: None,
        ..listing
    }
    .query(PER_PAGE)?;
    let text = query.text.clone().unwrap_or_default();
    let list = videos::page(&app, &standing, query).await?;
    let first = list.page == 1 && text.is_empty();
    let pages = list.total.div_ceil(u64::from(PER_PAGE)).max(1);
    let context = Library {
        newer: (list.page > 1).then(|| link(&text, u64::from(list.page) - 1)),
        older: (u64::from(list.page) < pages).then(|| link(&text, u64::from(list.page) + 1)),
        ways: ways(&text, u64::from(list.page), pages),
        query: text,
        page: list.page,
        pages,
        total: list.total,
        shelves: if first {
            shelves(&app, &standing, &list).await?
        } else {
            Vec::new()
        },
        videos: list.videos,
        arrivals: if first && standing.follows_work() {
            arriving(&app, &standing).await?
        } else {
            Vec::new()
        },
        folders: for_keepers(&standing, app.site.facts.folders()),
        problems: for_keepers(&standing, app.site.facts.troubles()),
    };
    page(&app, &standing, "library.html", &context).await
}

/// The rows above everything: what one began, and, where the library is too long to be taken in at
/// a glance, what is new.
async fn shelves(
    app: &App,
    standing: &Standing,
    list: &VideoList,
) -> model::error::Result<Vec<Shelf>> {
    let shelf = |place, videos| Shelf { place, videos };
    let begun = shelf("continue", progress::offered(app, standing).await?);
    if list.total < SHELVES_FROM {
        return Ok(vec![begun]);
    }
    let week_ago = WallTime(app.site.clock.now().0 - NEW_FOR_MS);
    // Instants in UTC sort as text.
    let since = rfc3339::format(week_ago);
    let new = list
        .videos
        .iter()
        .take_while(|video| video.added_at >= since);
    Ok(vec![
        begun,
        shelf("new", new.take(ON_SHELF).cloned().collect()),
    ])
}

/// Paths and troubles are for those who look after the house.
fn for_keepers<T>(standing: &Standing, facts: Vec<T>) -> Vec<T> {
    if standing.looks_after_the_house() {
        facts
    } else {
        Vec::new()
    }
}

/// Files that are still being copied.
async fn arriving(app: &App, standing: &Standing) -> model::error::Result<Vec<Arriving>> {
    let query = InboxQuery {
        who: titles::viewer(standing),
        only: Only::Settling,
        after: None,
        limit: MAX_ARRIVALS,
    };
    let page = app.site.catalog.inbox(query).await?;
    let card = |seen: &Seen| Arriving {
        key: key(&seen.arrival),
        arrival: ArrivalView::new(seen),
    };
    Ok(page.arrivals.iter().map(card).collect())
}

/// Names the card of a file from one look to the next; paths do not belong in ids.
fn key(arrival: &Arrival) -> String {
    let mut hasher = DefaultHasher::new();
    arrival.path.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The address of another page of the same listing.
fn link(text: &str, page: u64) -> String {
    if text.is_empty() {
        return format!("/?page={page}");
    }
    format!("/?q={}&page={page}", percent::encoded(text))
}

/// The first page, the last, and those around this one.
fn ways(text: &str, page: u64, pages: u64) -> Vec<Option<Way>> {
    const AROUND: u64 = 2;
    let near = |number: u64| number.abs_diff(page) <= AROUND;
    let mut ways = Vec::new();
    let mut last = 0;
    for number in (1..=pages).filter(|number| *number == 1 || *number == pages || near(*number)) {
        if number > last + 1 {
            ways.push(None);
        }
        ways.push(Some(Way {
            number,
            href: link(text, number),
        }));
        last = number;
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::{link, ways};

    #[test]
    fn a_long_library_has_ways_to_its_ends_and_around() {
        let numbers = |page, pages| -> Vec<u64> {
            let ways = ways("", page, pages);
            ways.iter()
                .map(|way| way.as_ref().map_or(0, |way| way.number))
                .collect()
        };
        assert_eq!(numbers(1, 1), [1]);
        assert_eq!(numbers(2, 4), [1, 2, 3, 4]);
        assert_eq!(numbers(10, 167), [1, 0, 8, 9, 10, 11, 12, 0, 167]);
        assert_eq!(numbers(900, 3), [1, 0, 3], "a page behind the end");
    }

    #[test]
    fn links_keep_the_search() {
        assert_eq!(link("", 2), "/?page=2");
        assert_eq!(link("ä&b=c #", 3), "/?q=%C3%A4%26b%3Dc%20%23&page=3");
    }
}
