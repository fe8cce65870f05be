//! The desk every file passes: what happens at each sighting and at each look.
//!
//! All moments are parameters, so that tests move time themselves. What a file at rest becomes is
//! decided in `verdict`, the rules are in `settle`, `complete` and `identify`, the rows are
//! written by the catalog; here is only the order of things.

use catalog::Catalog;
use model::arrival::{ArrivalState, Door};
use model::error::Result;
use model::id::TitleId;
use model::upload::Details;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

use crate::disk;
use crate::examine::glance;
use crate::files::{Entry, Files, Reply, Stage};
use crate::look::{Look, Version, look_at};
use crate::settle::Settling;
use crate::{IngestPolicy, Report, words};

/// Files looked at in one trip to the disk.
const LOOKS_PER_TRIP: usize = 256;
/// Files examined in a row, so that reports need not wait for long.
const EXAMINED_AT_ONCE: usize = 16;
/// When to try again after the catalog or the disk failed us.
const RETRY: Duration = Duration::from_secs(10);

/// The desk.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) catalog: Catalog,
    pub(crate) policy: IngestPolicy,
    pub(crate) files: Files,
    /// Files that are copies of a title's own file: one of them takes over when that goes.
    pub(crate) copies: BTreeMap<TitleId, BTreeSet<PathBuf>>,
    /// Folders in which something was found since the start.
    inhabited: BTreeSet<PathBuf>,
}

/// A path at which somebody saw something.
struct Sighting {
    path: PathBuf,
    door: Door,
    details: Option<Box<Details>>,
    reply: Option<Reply>,
}

impl Sighting {
    fn of(path: PathBuf, door: Door) -> Self {
        Self {
            path,
            door,
            details: None,
            reply: None,
        }
    }
}

impl Desk {
    /// A desk that remembers the files of earlier runs.
    pub(crate) async fn open(catalog: Catalog, policy: IngestPolicy, now: Instant) -> Result<Self> {
        let mut files = Files::default();
        for arrival in catalog.every_arrival().await? {
            let stage = match arrival.state {
                ArrivalState::Missing => Stage::Missing,
                state => Stage::Remembered(state),
            };
            let entry = files.get_or_insert(&arrival.path, || Entry::new(arrival.door, stage, now));
            entry.size_bytes = arrival.size_bytes;
            entry.title = arrival.title;
        }
        Ok(Self {
            catalog,
            policy,
            files,
            copies: BTreeMap::new(),
            inhabited: BTreeSet::new(),
        })
    }

    /// When [`Desk::look_at_due`] has something to do.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.files.next_due()
    }

    /// Deals with reports, in their order.
    pub(crate) async fn handle(&mut self, reports: Vec<Report>, now: Instant) {
        let mut sightings = Vec::new();
        for report in reports {
            match report {
                Report::Seen { paths, door } => {
                    sightings.extend(paths.into_iter().map(|path| Sighting::of(path, door)));
                }
                Report::Asked {
                    path,
                    door,
                    details,
                    reply,
                } => sightings.push(Sighting {
                    details: Some(details),
                    reply: Some(reply),
                    ..Sighting::of(path, door)
                }),
                Report::Closed(paths) => {
                    self.seen(std::mem::take(&mut sightings), now).await;
                    self.closed(&paths, now);
                }
                Report::Gone(path) => {
                    self.seen(std::mem::take(&mut sightings), now).await;
                    self.gone(&path, now).await;
                }
                Report::Scanned { folder, began } => {
                    self.seen(std::mem::take(&mut sightings), now).await;
                    self.scanned(folder, began, now).await;
                }
            }
        }
        self.seen(sightings, now).await;
    }

    /// Looks at the files whose time has come.
    pub(crate) async fn look_at_due(&mut self, now: Instant) {
        let due = self.files.take_due(now, EXAMINED_AT_ONCE);
        for (path, look) in self.look_at_all(due, now).await {
            let outcome = self.look_again(&path, look, now).await;
            self.retry_if_failed(&path, outcome, now);
        }
    }

    async fn seen(&mut self, sightings: Vec<Sighting>, now: Instant) {
        let paths = sightings.iter().map(|sighting| sighting.path.clone());
        let looks = self.look_at_all(paths.collect(), now).await;
        for (sighting, (path, look)) in sightings.into_iter().zip(looks) {
            let outcome = self.sighted(sighting, look, now).await;
            self.retry_if_failed(&path, outcome, now);
        }
    }

    /// Nobody writes to these files any more, as far as the kernel tells: they rest sooner. One
    /// that was found to be incomplete keeps its time.
    fn closed(&mut self, paths: &[PathBuf], now: Instant) {
        for path in paths {
            let stage = self.files.get(path).map(|entry| entry.stage);
            if let Some(Stage::Settling(settling)) = stage
                && !settling.is_unfinished
            {
                self.files.schedule(path, now + self.policy.settle / 4);
            }
        }
    }

    /// At and below `path` some files may be gone.
    async fn gone(&mut self, path: &Path, now: Instant) {
        let known = self
            .files
            .below(path)
            .filter(|(_, entry)| !entry.is_missing());
        let paths = known.map(|(path, _)| path.to_owned()).collect();
        self.drop_absent(paths, now).await;
    }

    /// What a whole scan of `folder` did not see is gone.
    async fn scanned(&mut self, folder: PathBuf, began: Instant, now: Instant) {
        let mut was_anything_seen = false;
        let mut unseen = Vec::new();
        for (path, entry) in self.files.below(&folder) {
            if entry.seen_at >= began {
                was_anything_seen = true;
            } else if !entry.is_missing() {
                unseen.push(path.to_owned());
            }
        }
        if was_anything_seen {
            self.inhabited.insert(folder);
        } else if !self.inhabited.contains(&folder) {
            // A folder that is empty from the start is more likely a disk that is not mounted
            // than an owner who deleted everything while we were away.
            return;
        }
        self.drop_absent(unseen, now).await;
    }

    async fn drop_absent(&mut self, paths: Vec<PathBuf>, now: Instant) {
        for (path, look) in self.look_at_all(paths, now).await {
            if look == Look::Gone {
                let outcome = self.vanished(&path, now).await;
                self.retry_if_failed(&path, outcome, now);
            }
        }
    }

    /// Looks at many files in few trips to each disk. Where a disk does not answer, the looks are
    /// missing, and are due again later.
    async fn look_at_all(&mut self, paths: Vec<PathBuf>, now: Instant) -> Vec<(PathBuf, Look)> {
        let mut looks = Vec::with_capacity(paths.len());
        for trip in disk::trips(paths, LOOKS_PER_TRIP) {
            let (first, wanted) = (trip[0].clone(), trip.clone());
            let look = move |path: PathBuf| (look_at(&path), path);
            match disk::ask(&first, move || {
                wanted.into_iter().map(look).collect::<Vec<_>>()
            })
            .await
            {
                Ok(found) => looks.extend(found.into_iter().map(|(look, path)| (path, look))),
                Err(error) => {
                    tracing::warn!(%error, "Files cannot be looked at; they are tried again.");
                    for path in &trip {
                        self.files.schedule(path, now + RETRY);
                    }
                }
            }
        }
        looks
    }

    /// Somebody says that something lies there.
    async fn sighted(&mut self, sighting: Sighting, look: Look, now: Instant) -> Result<()> {
        let Sighting {
            path,
            door,
            details,
            reply,
        } = sighting;
        let is_asked_for = reply.is_some();
        let entry = self.files.get_or_insert(&path, || {
            Entry::new(door, Stage::Remembered(ArrivalState::Settling), now)
        });
        entry.seen_at = now;
        entry.details = details.or(entry.details.take());
        entry.waiting.extend(reply);
        let Look::File(version) = look else {
            return self.met_no_file(&path, look, now).await;
        };
        if !self.is_dealt_with(&path, version).await? {
            return self.met_file(&path, version, now).await;
        }
        if is_asked_for {
            // The outcome is already a fact; reaching it again is cheap and changes nothing.
            self.begin(&path, version, now);
            self.files.schedule(&path, now);
        }
        Ok(())
    }

    /// This version of the file was concluded before, in this run or in an earlier one.
    async fn is_dealt_with(&mut self, path: &Path, version: Version) -> Result<bool> {
        let Some(entry) = self.files.get_mut(path) else {
            return Ok(false);
        };
        if let Stage::Concluded(concluded) = entry.stage {
            return Ok(concluded == version);
        }
        let Stage::Remembered(ArrivalState::Admitted | ArrivalState::Refused) = entry.stage else {
            return Ok(false);
        };
        let known = self.catalog.source_by_path(path).await?;
        let is_same = known.is_some_and(|(_, source)| source.stamp == version.stamp);
        if is_same {
            entry.stage = Stage::Concluded(version);
            entry.size_bytes = version.stamp.size_bytes;
        }
        Ok(is_same)
    }

    /// The look that was due.
    async fn look_again(&mut self, path: &Path, look: Look, now: Instant) -> Result<()> {
        let Look::File(version) = look else {
            return self.met_no_file(path, look, now).await;
        };
        let stage = self.files.get(path).map(|entry| entry.stage);
        match stage {
            Some(Stage::Settling(settling)) if settling.version() == version => {
                self.at_rest(path, settling, now).await
            }
            _ => self.met_file(path, version, now).await,
        }
    }

    /// A file that is not dealt with is there.
    async fn met_file(&mut self, path: &Path, version: Version, now: Instant) -> Result<()> {
        let settle = self.policy.settle;
        let Some(entry) = self.files.get_mut(path) else {
            return Ok(());
        };
        entry.size_bytes = version.stamp.size_bytes;
        if let Stage::Settling(settling) = &mut entry.stage {
            if !settling.update(version, now) {
                return Ok(());
            }
            let should_tell = settling.should_tell(now, settle);
            self.files.schedule(path, now + settle);
            return if should_tell {
                self.tell_growth(path).await
            } else {
                Ok(())
            };
        }
        let is_quiet = entry.is_probably_concluded(version);
        self.begin(path, version, now);
        if is_quiet {
            return Ok(());
        }
        let reason = "Waiting until it stops changing.".to_owned();
        self.record(path, ArrivalState::Settling, Some(reason))
            .await
    }

    fn begin(&mut self, path: &Path, version: Version, now: Instant) {
        let mut rest = self.policy.settle;
        if let Some(entry) = self.files.get_mut(path) {
            entry.stage = Stage::Settling(Settling::new(version, now));
            if entry.is_finished() {
                rest = Duration::ZERO;
            }
        }
        self.files.schedule(path, now + rest);
    }

    /// Tells the owner how far a copy has come.
    async fn tell_growth(&mut self, path: &Path) -> Result<()> {
        let size_bytes = self.files.get(path).map_or(0, |entry| entry.size_bytes);
        let wanted = path.to_owned();
        let announced_bytes = disk::ask(path, move || glance(&wanted)).await?;
        let reason = words::growth(size_bytes, announced_bytes);
        self.record(path, ArrivalState::Settling, Some(reason))
            .await
    }

    /// A step that failed is taken again; nothing is lost but time.
    fn retry_if_failed(&mut self, path: &Path, outcome: Result<()>, now: Instant) {
        if let Err(error) = outcome {
            tracing::warn!(path = %path.display(), %error, "A file could not be dealt with; it is tried again.");
            self.files.schedule(path, now + RETRY);
        }
    }
}
