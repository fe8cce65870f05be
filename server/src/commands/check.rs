//! `homereel check`: proves that rows and objects agree, in sentences.
//!
//! Reads only, so it may run beside a server. While one runs, objects and rows come and go between
//! two looks; what does not hold is therefore looked at again, and only what never holds is told.
//! What does not belong here: repairing, and the rules inside the catalog (`Catalog::integrity`).

use catalog::Catalog;
use catalog::garbage::{GarbageAfter, KeysAfter, StoredKey};
use catalog::library::TitleQuery;
use catalog::viewer::Viewer;
use catalog::work::Unit;
use model::error::{Context, Error, ErrorKind, Result};
use model::plan::Plan;
use model::segment::{ObjectKey, Piece};
use model::settings::Place;
use model::title::Title;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::bucket::claims::Claims;
use storage::local::LocalStorage;
use storage::places::Places;
use storage::{Storage, Verdict};

use crate::buckets;
use crate::data_dir::{Paths, is_in_use};

/// How often a library that is being worked on is looked at before something counts as wrong.
const LOOKS: u32 = 3;
/// Between two looks: longer than an object waits for its row.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Titles read at once.
const PAGE: u32 = 100;

/// What a check finds wrong, in sentences.
type Findings = BTreeSet<String>;

/// Checks the library in `data_dir` and writes what it finds; `deep` reads every object. True if
/// nothing is wrong.
///
/// # Errors
/// `NotFound` if there is no library, otherwise as the catalog and the store have it.
pub async fn run(data_dir: &Path, deep: bool, out: &mut dyn Write) -> Result<bool> {
    let library = Library::open(data_dir).await?;
    let mut findings = library.look(deep).await?;
    for _ in 1..LOOKS {
        if findings.is_empty() || !is_in_use(&Paths::under(data_dir))? {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let again = library.look(deep).await?;
        findings.retain(|finding| again.contains(finding));
    }
    let summary = library.summary(findings.len()).await?;
    let lines = findings.iter().chain(std::iter::once(&summary));
    for line in lines {
        writeln!(out, "{line}").context(ErrorKind::Unavailable, "writing the findings")?;
    }
    Ok(findings.is_empty())
}

/// A library that is only read.
struct Library {
    catalog: Catalog,
    places: Places,
}

impl Library {
    async fn open(data_dir: &Path) -> Result<Self> {
        let paths = Paths::under(data_dir);
        if !paths.catalog().is_file() {
            let message = format!(
                "There is no library in {}. Say with --data-dir where it is.",
                data_dir.display()
            );
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let catalog = Catalog::open_read_only(&paths.catalog())?;
        let local = Arc::new(LocalStorage::open(&paths.store())?);
        let claims = Claims::look(&paths.buckets(), catalog.mark().await?)?;
        let places = Places::new(local, claims);
        buckets::adopt(&catalog, &places).await;
        Ok(Self { catalog, places })
    }

    /// Everything that is wrong at this moment.
    async fn look(&self, deep: bool) -> Result<Findings> {
        let mut findings: Findings = self.catalog.integrity().await?.into_iter().collect();
        for place in [Place::Local, Place::Bucket] {
            findings.extend(self.compare_at(place, deep).await?);
        }
        let mut query = query();
        loop {
            let page = self.catalog.titles(query.clone()).await?;
            for title in &page.titles {
                // A listing has no plans.
                if let Some(title) = self.catalog.title(title.id).await? {
                    findings.extend(self.check_title(&title).await?);
                }
            }
            if page.next.is_none() {
                return Ok(findings);
            }
            query.after = page.next;
        }
    }

    /// Rows against objects, as far as the place answers.
    async fn compare_at(&self, place: Place, deep: bool) -> Result<Findings> {
        let rows = self.catalog.every_key().await?;
        let count = rows.iter().filter(|row| row.place == place).count();
        let nothing = place == Place::Bucket && count == 0 && self.places.bucket().is_none();
        if nothing {
            return Ok(Findings::new());
        }
        match self.compare(place, deep).await {
            Err(error) if place == Place::Bucket && error.kind() == ErrorKind::Unavailable => {
                let sentence = error.message();
                let finding = format!("{sentence} {count} objects there cannot be checked.");
                Ok(Findings::from([finding]))
            }
            outcome => outcome,
        }
    }

    /// Rows against objects. Objects are listed first: one that comes later has its row later.
    async fn compare(&self, place: Place, deep: bool) -> Result<Findings> {
        let storage = self.places.at(place)?;
        let listed = storage.list().await?;
        let mut objects: HashMap<ObjectKey, u64> = listed.into_iter().collect();
        let waste = self.garbage(place).await?;
        let mut findings = Findings::new();
        let mut after = KeysAfter::default();
        loop {
            let (rows, next) = self.catalog.stored_keys(after).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows.iter().filter(|row| row.place == place) {
                let found = objects.remove(&row.key);
                findings.extend(self.compare_one(row, found, deep).await?);
            }
            after = next;
        }
        objects.retain(|key, _| !waste.contains(key));
        findings.extend(objects.keys().map(|key| {
            format!("The object {key} belongs to no row. The next start of the server removes it.")
        }));
        Ok(findings)
    }

    /// A row against the length of its object in the listing.
    async fn compare_one(
        &self,
        row: &StoredKey,
        listed_bytes: Option<u64>,
        deep: bool,
    ) -> Result<Option<String>> {
        let StoredKey {
            key, size_bytes, ..
        } = row;
        match listed_bytes {
            Some(found) if found != *size_bytes => Ok(Some(format!(
                "The object {key} has {found} bytes, but its row says {size_bytes}."
            ))),
            Some(_) if !deep => Ok(None),
            // Not listed may also mean that it came after the listing.
            _ => verify(self.places.at(row.place)?.as_ref(), row).await,
        }
    }

    /// Objects that are about to be deleted.
    async fn garbage(&self, place: Place) -> Result<HashSet<ObjectKey>> {
        let everything = GarbageAfter::default();
        let (garbage, _) = self.catalog.garbage(place, everything, u32::MAX).await?;
        Ok(garbage.into_iter().collect())
    }

    /// The pieces of a title against its plan and its finished units.
    async fn check_title(&self, title: &Title) -> Result<Findings> {
        let Some(plan) = &title.plan else {
            return Ok(Findings::new());
        };
        let pieces = self.catalog.pieces(title.id).await?;
        let pieces: HashSet<Piece> = pieces.into_iter().map(|piece| piece.piece).collect();
        let units = self.catalog.units_done(title.id).await?;
        let mut wrong = unplanned(plan, &pieces);
        wrong.extend(unfinished(plan, &pieces, &units));
        Ok(wrong
            .into_iter()
            .map(|what| format!("The title {} ({:?}) {what}.", title.id, title.name))
            .collect())
    }

    async fn summary(&self, findings: usize) -> Result<String> {
        let titles = self.catalog.titles(query()).await?.total;
        let objects = self.catalog.every_key().await?.len();
        Ok(match findings {
            0 => format!("All is well: {titles} titles, {objects} objects."),
            1 => "One thing is wrong.".into(),
            wrong => format!("{wrong} things are wrong."),
        })
    }
}

async fn verify(storage: &dyn Storage, row: &StoredKey) -> Result<Option<String>> {
    let key = &row.key;
    let verdict = storage.verify(key, row.size_bytes, &row.sha256).await?;
    Ok(match verdict {
        Verdict::Intact => None,
        Verdict::Missing => Some(format!("The object {key} is missing, but has a row.")),
        Verdict::Different => Some(format!(
            "The object {key} does not have the bytes that its row describes."
        )),
    })
}

fn query() -> TitleQuery {
    TitleQuery {
        who: Viewer::EVERYTHING,
        per_page: PAGE,
        ..TitleQuery::default()
    }
}

/// Pieces that the plan does not know.
fn unplanned(plan: &Plan, pieces: &HashSet<Piece>) -> Vec<String> {
    let known = |piece: &Piece| match *piece {
        Piece::Init { stream } => plan.stream(stream).is_some(),
        Piece::Media { stream, number } => number <= plan.segment_count_of(stream),
        Piece::Poster | Piece::PosterChoice { .. } => true,
        Piece::Subtitle { index } => (index as usize) < plan.text.len(),
        Piece::Thumbs { sheet } => sheet <= plan.thumb_sheets(),
    };
    let strangers = pieces.iter().filter(|piece| !known(piece));
    strangers
        .map(|piece| format!("has {piece}, which its plan does not know"))
        .collect()
}

/// What is said to be finished and lacks pieces.
fn unfinished(plan: &Plan, pieces: &HashSet<Piece>, units: &[Unit]) -> Vec<String> {
    let mut lacking: BTreeMap<String, usize> = BTreeMap::new();
    for unit in units {
        let missing = pieces_of(plan, *unit)
            .into_iter()
            .filter(|piece| !pieces.contains(piece))
            .count();
        if missing > 0 {
            lacking.insert(format!("{unit:?}"), missing);
        }
    }
    let mut wrong: Vec<String> = lacking
        .into_iter()
        .map(|(unit, missing)| format!("counts {unit} as done, but lacks {missing} of its pieces"))
        .collect();
    let inits = (0..plan.stream_count()).map(|stream| Piece::Init { stream });
    let texts = (0..).take(plan.text.len());
    let texts = texts.map(|index| Piece::Subtitle { index });
    let missing = inits.chain(texts).filter(|piece| !pieces.contains(piece));
    wrong.extend(missing.map(|piece| format!("has a plan, but lacks {piece}")));
    wrong
}

fn pieces_of(plan: &Plan, unit: Unit) -> Vec<Piece> {
    let of_stream = |stream: u32, numbers: std::ops::Range<u32>| {
        numbers.map(move |number| Piece::Media { stream, number })
    };
    match unit {
        Unit::Chunk(index) => {
            let chunk = usize::try_from(index)
                .ok()
                .and_then(|index| plan.chunks().get(index));
            let numbers = chunk.map_or(0..0, |chunk| {
                chunk.first_segment..chunk.first_segment + chunk.segment_count
            });
            (0..)
                .take(plan.encoded().len())
                .flat_map(|stream| of_stream(stream, numbers.clone()))
                .collect()
        }
        Unit::Copy(index) => plan
            .copied_stream()
            .zip(plan.copies().get(index as usize))
            .into_iter()
            .flat_map(|(stream, run)| {
                of_stream(
                    stream,
                    run.first_segment..run.first_segment + run.segment_count,
                )
            })
            .collect(),
        Unit::Audio(number) => plan
            .sound_segments(number)
            .into_iter()
            .flat_map(|(stream, span)| {
                of_stream(
                    stream,
                    span.first_segment..span.first_segment + span.segment_count,
                )
            })
            .collect(),
        // The finding that none can be made counts as a picture.
        Unit::Poster | Unit::Thumbs(_) => Vec::new(),
    }
}
