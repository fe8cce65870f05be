//! Titles and their pieces, as the library, the player page and the manifests read them. A title
//! that was removed is not there for any of these methods. What does not belong here: changing
//! titles ([`editing`](crate::editing), [`removal`](crate::removal)).

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use model::error::{Error, ErrorKind, Result};
use model::id::{JobId, TitleId};
use model::job::Job;
use model::plan::parts::Part;
use model::segment::{Piece, StoredPiece};
use model::title::Title;
use rusqlite::Connection;

use crate::failure::Outcome;
use crate::plan_cache::serial_list;
use crate::table::listing::{self, Window};
use crate::table::titles::TitleRow;
use crate::table::{jobs, pieces, plans, stream_totals, titles};
use crate::viewer::Viewer;
use crate::{Catalog, generation, search};

/// The most titles on one page.
pub const MAX_PER_PAGE: u32 = 200;

/// Counting what a search finds ends here; nobody goes through more.
pub const MOST_COUNTED: u32 = 1_000;

/// Which titles to list. The default lists nothing, because nobody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TitleQuery {
    /// For whom.
    pub who: Viewer,
    /// Only titles with all these words, or words that begin so, in their name or description,
    /// whatever their case and accents.
    pub text: Option<String>,
    /// Only titles that come after those of the page that said this; then `page` counts from
    /// there.
    pub after: Option<Cursor>,
    /// From 1; 0 means 1.
    pub page: u32,
    /// From 1 to [`MAX_PER_PAGE`]; what lies outside is brought inside.
    pub per_page: u32,
}

/// Where a page ended. What is added or removed meanwhile does not move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Of the last title of that page.
    serial: i64,
}

/// One page of the library, newest title first, with everything its cards show. The titles have
/// a summary instead of their plan.
#[derive(Clone, Debug, Default)]
pub struct TitlePage {
    /// The titles of this page.
    pub titles: Vec<Title>,
    /// How many titles match in all, whatever `after` says; of a search, [`MOST_COUNTED`] at
    /// most.
    pub total: u64,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
    /// The parts of those that have a plan and are not ready, for their filmstrips.
    pub parts: HashMap<TitleId, Vec<Part>>,
    /// The jobs of these titles.
    pub jobs: HashMap<JobId, Job>,
    /// How much of each stream is stored, as [`Catalog::stream_totals`] says it.
    pub totals: HashMap<TitleId, Vec<StreamTotal>>,
}

/// How much of one stream is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamTotal {
    /// How many of its segments.
    pub segments: u32,
    /// Which: runs of their numbers, ascending, with a gap between any two.
    pub ranges: Vec<RangeInclusive<u32>>,
    /// How many bytes these have together.
    pub size_bytes: u64,
}

/// Which segments of a title exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// One entry per stream of the plan, in the order of the stream numbers.
    pub streams: Vec<StreamCoverage>,
}

/// Which segments of one stream exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamCoverage {
    /// Runs of existing segment numbers, ascending, with a gap between any two.
    pub ranges: Vec<RangeInclusive<u32>>,
    /// Number and length in bytes of each existing segment, ascending.
    pub sizes: Vec<(u32, u64)>,
}

impl Catalog {
    /// The title, with its plan; `None` also if it was removed.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn title(&self, id: TitleId) -> Result<Option<Title>> {
        let reading = self.read("reading a title", move |transaction, plans| {
            let Some(mut row) = present(transaction, id)? else {
                return Ok(None);
            };
            plans.fill_one(transaction, &mut row)?;
            Ok(Some(row.title))
        });
        let recent = &self.shared.recent;
        recent.answer(&recent.titles, id, reading).await
    }

    /// A page of the library. It takes the same few statements for any number of titles.
    ///
    /// # Errors
    /// `InvalidInput` if the text is longer than 200 characters, else errors of the catalog.
    pub async fn titles(&self, query: TitleQuery) -> Result<TitlePage> {
        self.read("reading the library", move |transaction, _| {
            page(transaction, &query)
        })
        .await
    }

    /// A stored piece of the title's present generation.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn piece(&self, title: TitleId, piece: Piece) -> Result<Option<StoredPiece>> {
        let reading = self.read("reading a piece", move |transaction, _| {
            pieces::by_name(transaction, title, piece)
        });
        let recent = &self.shared.recent;
        let question = (title, piece);
        recent.answer(&recent.pieces, question, reading).await
    }

    /// All stored pieces of the title's present generation: the poster, then stream after
    /// stream.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn pieces(&self, title: TitleId) -> Result<Vec<StoredPiece>> {
        self.read("reading the pieces of a title", move |transaction, _| {
            pieces::of_title(transaction, title)
        })
        .await
    }

    /// Which segments exist; no streams for a title without a plan, or for no title. Reads a row
    /// per segment: for fractions, [`Catalog::stream_totals`] is cheaper.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn coverage(&self, title: TitleId) -> Result<Coverage> {
        self.read(
            "reading which segments exist",
            move |transaction, _| match present(transaction, title)? {
                Some(row) => coverage(transaction, &row),
                None => Ok(Coverage::default()),
            },
        )
        .await
    }

    /// How much of each stream is stored, one entry per stream of the plan, in the order of the
    /// stream numbers; empty for a title without a plan, or for no title.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn stream_totals(&self, title: TitleId) -> Result<Vec<StreamTotal>> {
        self.read("reading how much is stored", move |transaction, _| {
            let Some(row) = present(transaction, title)? else {
                return Ok(Vec::new());
            };
            let mut totals = totals_of(transaction, std::slice::from_ref(&row))?;
            Ok(totals.remove(&title).unwrap_or_default())
        })
        .await
    }
}

/// The title, unless it was removed.
pub(crate) fn present(connection: &Connection, id: TitleId) -> Outcome<Option<TitleRow>> {
    let row = titles::by_id(connection, id)?;
    Ok(row.filter(|row| row.title.deleted_at.is_none()))
}

fn page(connection: &Connection, query: &TitleQuery) -> Outcome<TitlePage> {
    let expression = search::expression(query.text.as_deref())?;
    let per_page = query.per_page.clamp(1, MAX_PER_PAGE);
    let window = Window {
        before: query.after.map_or(i64::MAX, |after| after.serial),
        limit: per_page,
        offset: u64::from(query.page.saturating_sub(1)) * u64::from(per_page),
    };
    let mut rows = listing::page(connection, query.who, expression.as_deref(), window)?;
    let total = match &expression {
        None => listing::count(connection, query.who)?,
        Some(expression) => listing::count_found(connection, query.who, expression, MOST_COUNTED)?,
    };
    let is_full = u32::try_from(rows.len()).is_ok_and(|found| found == per_page);
    let next = rows
        .last()
        .filter(|_| is_full)
        .map(|row| Cursor { serial: row.serial });
    let serials = serial_list(rows.iter().map(|row| &row.serial));
    let jobs = jobs::of_titles(connection, &serials)?;
    Ok(TitlePage {
        total,
        next,
        jobs: jobs.into_iter().map(|row| (row.job.id, row.job)).collect(),
        totals: totals_of(connection, &rows)?,
        parts: rows
            .iter_mut()
            .filter(|row| !row.parts.is_empty())
            .map(|row| (row.title.id, std::mem::take(&mut row.parts)))
            .collect(),
        titles: rows.into_iter().map(|row| row.title).collect(),
    })
}

/// The totals of the titles that have a plan, with an entry for every stream.
pub(crate) fn totals_of(
    connection: &Connection,
    rows: &[TitleRow],
) -> Outcome<HashMap<TitleId, Vec<StreamTotal>>> {
    let mut of_serial: HashMap<i64, Vec<StreamTotal>> = rows
        .iter()
        .filter_map(|row| {
            let summary = row.title.summary.as_ref()?;
            let streams = summary.rungs.len() + summary.audio.len();
            Some((row.serial, vec![StreamTotal::default(); streams]))
        })
        .collect();
    let serials = serial_list(of_serial.keys());
    for row in stream_totals::of_titles(connection, &serials)? {
        let totals = of_serial.get_mut(&row.title_serial);
        if let Some(total) = totals.and_then(|totals| totals.get_mut(row.stream as usize)) {
            *total = row.total;
        }
    }
    Ok(rows
        .iter()
        .filter_map(|row| Some((row.title.id, of_serial.remove(&row.serial)?)))
        .collect())
}

fn coverage(connection: &Connection, row: &TitleRow) -> Outcome<Coverage> {
    let Some(outline) = plans::outline(connection, row.serial)? else {
        return Ok(Coverage::default());
    };
    let mut streams = vec![StreamCoverage::default(); outline.stream_count() as usize];
    for (stream, number, size_bytes) in pieces::segment_sizes(connection, generation::present(row))?
    {
        if let Some(stream) = streams.get_mut(stream as usize) {
            stream.add(number, size_bytes);
        }
    }
    Ok(Coverage { streams })
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.serial)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let serial = i64::from_str_radix(text, 16).ok();
        let cursor = serial.map(|serial| Self { serial });
        cursor
            .filter(|cursor| cursor.to_string() == text)
            .ok_or_else(|| {
                let message = "this is not a place in a listing; begin from its first page";
                Error::new(ErrorKind::InvalidInput, message)
            })
    }
}

impl StreamCoverage {
    /// Whether segment `number` exists.
    pub fn contains(&self, number: u32) -> bool {
        self.ranges.iter().any(|range| range.contains(&number))
    }

    /// Segments come in ascending order.
    fn add(&mut self, number: u32, size_bytes: u64) {
        self.sizes.push((number, size_bytes));
        match self.ranges.last_mut() {
            Some(range) if range.end() + 1 == number => *range = *range.start()..=number,
            _ => self.ranges.push(number..=number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::error::ErrorKind;
    use model::id::TitleId;
    use model::segment::Piece;

    use super::{Cursor, MAX_PER_PAGE, StreamTotal, TitleQuery};
    use crate::testing::{House, OWNER, candidate, segment};
    use crate::viewer::Viewer;

    fn query(text: &str, page: u32, per_page: u32) -> TitleQuery {
        TitleQuery {
            who: Viewer::EVERYTHING,
            text: Some(text.to_owned()),
            after: None,
            page,
            per_page,
        }
    }

    async fn names(house: &House, query: TitleQuery) -> Vec<String> {
        let page = house.catalog.titles(query).await.unwrap();
        page.titles.into_iter().map(|title| title.name).collect()
    }

    async fn admit_named(house: &House, name: &str) {
        let mut film = candidate(&format!("/films/{name}"), name);
        film.name = name.to_owned();
        house.catalog.admit(film).await.unwrap();
    }

    #[tokio::test]
    async fn pages_show_the_newest_first_and_never_overlap() {
        let house = House::new();
        for number in 1..=7 {
            admit_named(&house, &format!("film {number}")).await;
            if number % 2 == 0 {
                house.clock.advance(Duration::from_millis(1));
            }
        }
        let mut seen = Vec::new();
        for page in 1..=4 {
            let page = house.catalog.titles(query("", page, 3)).await.unwrap();
            assert_eq!(page.total, 7, "the total is that of all pages");
            seen.extend(page.titles.into_iter().map(|title| title.name));
        }
        let newest_first: Vec<String> = (1..=7).rev().map(|n| format!("film {n}")).collect();
        assert_eq!(
            seen, newest_first,
            "also among those of the same millisecond"
        );
        assert_eq!(
            names(&house, query("", 0, 0)).await,
            ["film 7"],
            "0 means 1"
        );
        assert!(
            names(&house, query("", u32::MAX, u32::MAX))
                .await
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_page_after_a_cursor_begins_where_the_last_one_ended() {
        let house = House::new();
        for number in 1..=5 {
            admit_named(&house, &format!("film {number}")).await;
        }
        for text in ["", "film"] {
            let first = house.catalog.titles(query(text, 1, 2)).await.unwrap();
            admit_named(&house, &format!("film {text} that came meanwhile")).await;
            let after = TitleQuery {
                after: first.next,
                ..query(text, 1, 99)
            };
            let rest = house.catalog.titles(after).await.unwrap();
            let names: Vec<&str> = rest
                .titles
                .iter()
                .map(|title| title.name.as_str())
                .collect();
            assert_eq!(names.last(), Some(&"film 1"), "{text:?}");
            let seen = first.titles.last().unwrap().name.as_str();
            assert!(!names.contains(&seen), "{names:?} begins after {seen}");
            assert_eq!(rest.next, None, "it was not full");
            let cursor = first.next.unwrap();
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for wrong in ["", "x", "+1", "01", "99999999999999999999"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_search_finds_words_by_their_beginnings() {
        let house = House::new();
        for name in [
            "100% Wolle",
            "100 Wölfe",
            "snake_case",
            "snakeXcase",
            r"back\slash",
            "The.Matrix.1999",
        ] {
            admit_named(&house, name).await;
        }
        let cases: [(&str, &[&str]); 14] = [
            ("100", &["100 Wölfe", "100% Wolle"]),
            ("100%", &["100 Wölfe", "100% Wolle"]),
            ("WÖLFE", &["100 Wölfe"]),
            ("wolfe", &["100 Wölfe"]),
            ("  100 w ", &["100 Wölfe", "100% Wolle"]),
            ("w 100 wol", &["100 Wölfe", "100% Wolle"]),
            ("wolfe wolle", &[]),
            ("snake_c", &["snake_case"]),
            ("snake", &["snakeXcase", "snake_case"]),
            (r"back\slash", &[r"back\slash"]),
            ("matrix 1999", &["The.Matrix.1999"]),
            ("'; DROP TABLE titles; --", &[]),
            ("\"name\": * OR NEAR(a b) ^ {x}", &[]),
            ("%", &[]),
        ];
        for (text, expected) in cases {
            let page = house.catalog.titles(query(text, 1, 60)).await.unwrap();
            let found: Vec<&str> = page
                .titles
                .iter()
                .map(|title| title.name.as_str())
                .collect();
            assert_eq!(found, expected, "searching for {text:?}");
            assert_eq!(page.total, expected.len() as u64, "counting {text:?}");
        }
        let endless = house.catalog.titles(query(&"ä".repeat(201), 1, 60)).await;
        assert_eq!(endless.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn a_page_brings_everything_its_cards_show() {
        let house = House::new();
        let (planned, job) = house.planned("/films/a.mp4", 4).await;
        let pieces = (1..=3).map(|number| segment(planned, 1, number)).collect();
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        let waiting = house.admit("/films/b.mp4", "b").await;
        let page = house
            .catalog
            .titles(query("", 1, MAX_PER_PAGE))
            .await
            .unwrap();
        let ids: Vec<TitleId> = page.titles.iter().map(|title| title.id).collect();
        assert_eq!(ids, [waiting, planned]);
        assert!(page.titles.iter().all(|title| title.plan.is_none()));
        let plan = house.title(planned).await.plan.unwrap();
        assert_eq!(page.titles[0].summary, None);
        assert_eq!(page.titles[1].summary, Some(plan.summary()));
        assert_eq!(page.parts[&planned], plan.parts());
        assert!(!page.parts.contains_key(&waiting));
        assert_eq!(page.jobs[&job.id].title, planned);
        assert_eq!(page.jobs.len(), 2, "every title has its job");
        let three = StreamTotal {
            segments: 3,
            ranges: vec![1..=3],
            size_bytes: 6_000,
        };
        let none = StreamTotal::default();
        assert_eq!(page.totals[&planned], [none.clone(), three, none]);
        assert!(
            !page.totals.contains_key(&waiting),
            "without a plan no streams"
        );
    }

    #[tokio::test]
    async fn coverage_tells_runs_of_segments_and_their_sizes() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 9).await;
        let numbers = [9, 1, 2, 3, 5, 6];
        let pieces = numbers.map(|number| segment(title, 0, number)).to_vec();
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        let coverage = house.catalog.coverage(title).await.unwrap();
        assert_eq!(
            coverage.streams.len(),
            3,
            "one entry per stream, stored or not"
        );
        let lowest = &coverage.streams[0];
        assert_eq!(lowest.ranges, [1..=3, 5..=6, 9..=9]);
        assert_eq!(lowest.sizes[..2], [(1, 1_000), (2, 2_000)]);
        assert!(lowest.contains(6) && !lowest.contains(4) && !lowest.contains(0));
        assert!(coverage.streams[1].ranges.is_empty());
        let unknown = house.catalog.coverage(TitleId::generate()).await.unwrap();
        assert!(unknown.streams.is_empty(), "no title, no streams");
    }

    #[tokio::test]
    async fn what_does_not_exist_is_none_and_no_error() {
        let house = House::new();
        let nobody = TitleId::generate();
        assert!(house.catalog.title(nobody).await.unwrap().is_none());
        let poster = house.catalog.piece(nobody, Piece::Poster).await.unwrap();
        assert_eq!(poster, None);
        assert!(
            house
                .catalog
                .stream_totals(nobody)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_plan_that_cannot_be_read_does_not_hide_the_others() {
        let house = House::new();
        let (damaged, _) = house.planned("/films/a.mp4", 4).await;
        let (whole, _) = house.planned("/films/b.mp4", 4).await;
        let spoil = format!(
            "UPDATE plans SET plan = '{{}}' WHERE title_serial =
             (SELECT serial FROM titles WHERE id = '{damaged}')"
        );
        let spoiled = house
            .catalog
            .write("spoiling a plan", move |write| {
                write.transaction.execute(&spoil, [])?;
                Ok(())
            })
            .await;
        spoiled.unwrap();
        assert!(house.title(whole).await.plan.is_some());
        assert!(house.title(damaged).await.plan.is_none());
        let page = house.catalog.titles(query("", 1, 60)).await.unwrap();
        assert_eq!(page.titles.len(), 2, "a page does not need the plans");
        let findings = house.catalog.integrity().await.unwrap();
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains(&damaged.to_string()), "{findings:?}");
    }
}
