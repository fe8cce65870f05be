//! Uploads over HTTP, whatever their protocol: bytes are added to a file until all are here, then
//! the file is handed to ingest.
//!
//! What is told to be here is on the disk. A server that is killed at any instant goes on where
//! the file ends; a file that had arrived is handed over again, which makes no second title. One
//! sender at a time has its turn. What does not belong here: HTTP, and who somebody is.

mod append;
mod folder;
mod hand_over;
mod name;
mod record;
mod slot;
#[cfg(test)]
mod stories;
mod write;

use ingest::IngestHandle;
use model::clock::Clock;
use model::error::{Context, Error, ErrorKind, Result};
use model::id::{UploadId, UserId};
use model::upload::{DESCRIPTION_CHARS, Details, NewUpload, Upload};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::space::{out_of_space, room_bytes};
use crate::upload::folder::{Found, Layout};
use crate::upload::name::safe_name;
use crate::upload::record::{Record, Stage};
use crate::upload::slot::{EXPIRES_AFTER, Slot};
use crate::upload::write::blocking;

/// Longest name of a film, in characters; the catalog takes no longer ones.
const NAME_CHARS: usize = 200;
/// Longest protocol metadata that is kept, in bytes.
const METADATA_BYTES: usize = 8 * 1024;
/// Senders at the same time, all people together; each has a block of a megabyte in memory.
const SENDERS: usize = 32;
/// How often uploads that nobody finishes are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// How uploads are kept.
#[derive(Clone, Copy, Debug)]
pub struct UploadPolicy {
    /// The longest upload.
    pub most_bytes: u64,
    /// So much of the disk stays free.
    pub reserve_bytes: u64,
    /// Uploads of one person that may be unfinished at the same time.
    pub open_per_person: usize,
    /// Uploads that one person may send at the same time.
    pub sending_per_person: usize,
    /// A sender that is silent for so long can be superseded.
    pub stall: Duration,
    /// A sender that is silent for so long has gone.
    pub idle: Duration,
    /// How long ingest may take with a file before it is asked again.
    pub patience: Duration,
    /// How long to wait before a file is handed over again.
    pub retry: Duration,
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self {
            most_bytes: 1024 * 1024 * 1024 * 1024,
            reserve_bytes: 0,
            open_per_person: 200,
            sending_per_person: 8,
            stall: Duration::from_secs(3),
            idle: Duration::from_secs(60),
            patience: Duration::from_secs(600),
            retry: Duration::from_secs(10),
        }
    }
}

/// All uploads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Uploads {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    layout: Layout,
    ingest: IngestHandle,
    clock: Arc<dyn Clock>,
    policy: UploadPolicy,
    slots: Mutex<BTreeMap<UploadId, Arc<Slot>>>,
    /// Held while it is decided whether another upload fits, so that two do not share the room
    /// for one.
    admission: tokio::sync::Mutex<()>,
    senders: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Uploads {
    /// Takes up the uploads in `uploads` where an earlier run left them; complete files go to
    /// `originals`. Blocks.
    ///
    /// # Errors
    /// As the file system has it.
    pub fn open(
        uploads: PathBuf,
        originals: PathBuf,
        ingest: IngestHandle,
        clock: Arc<dyn Clock>,
        policy: UploadPolicy,
    ) -> Result<Self> {
        let layout = Layout { uploads, originals };
        layout.make()?;
        let mut slots = BTreeMap::new();
        for id in layout.list()? {
            if let Some(found) = take_up(&layout, id) {
                slots.insert(id, Arc::new(Slot::new(id, found, clock.now())));
            }
        }
        Ok(Self {
            shared: Arc::new(Shared {
                layout,
                ingest,
                clock,
                policy,
                slots: Mutex::new(slots),
                admission: tokio::sync::Mutex::default(),
                senders: Arc::new(Semaphore::new(SENDERS)),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        })
    }

    /// Hands over what had arrived before, and forgets from now on what nobody finishes. Must be
    /// called within a runtime.
    pub fn start(&self) {
        for slot in self.slots().values().filter(|slot| slot.is_pending()) {
            if slot.is_receiving() {
                self.finish_later(Arc::clone(slot));
            } else {
                self.hand_over(Arc::clone(slot));
            }
        }
        let uploads = self.clone();
        self.shared.tasks.spawn(async move {
            let stop = uploads.shared.stop.clone();
            stop.run_until_cancelled(uploads.sweep_for_ever()).await;
        });
    }

    /// Lets everybody who sends stop; what came is kept.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The longest upload that is taken.
    pub fn most_bytes(&self) -> u64 {
        self.shared.policy.most_bytes
    }

    /// Begins an upload of `owner`.
    ///
    /// # Errors
    /// `OutOfSpace` if it cannot fit beside those that were begun, `Conflict` if `owner` has too
    /// many open, `InvalidInput` if something said of it is too long.
    pub async fn create(&self, owner: UserId, new: NewUpload) -> Result<Upload> {
        check(&new)?;
        let _admission = self.shared.admission.lock().await;
        self.check_count(owner)?;
        let length_bytes = new.length_bytes;
        self.check_room(length_bytes.unwrap_or(1), None).await?;
        let id = UploadId::generate();
        let record = self.record(owner, new);
        let (layout, written) = (self.shared.layout.clone(), record.clone());
        blocking(move || layout.create(id, &written)).await??;
        let found = Found {
            record,
            offset_bytes: 0,
        };
        let slot = Arc::new(Slot::new(id, found, self.shared.clock.now()));
        self.slots().insert(id, Arc::clone(&slot));
        if length_bytes == Some(0) {
            self.finish(&slot).await?;
        }
        Ok(slot.told())
    }

    /// An upload of `owner`.
    ///
    /// # Errors
    /// `NotFound`
    pub fn find(&self, owner: UserId, id: UploadId) -> Result<Upload> {
        self.slot(owner, id).map(|slot| slot.told())
    }

    /// An upload as it is now, for whoever knows its identifier, which nobody can guess.
    ///
    /// # Errors
    /// `NotFound`
    pub fn trace(&self, id: UploadId) -> Result<Upload> {
        let slot = self.slots().get(&id).cloned();
        slot.map(|slot| slot.told()).ok_or_else(unknown)
    }

    /// All uploads of `owner`, the newest first.
    pub fn list(&self, owner: UserId) -> Vec<Upload> {
        let slots = self.slots();
        let own = slots.values().filter(|slot| slot.owner() == owner);
        own.rev().map(|slot| slot.told()).collect()
    }

    /// Declares an upload of unknown length to be complete, and what is said of it to be this.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it is complete, or somebody still sends.
    pub async fn complete(&self, owner: UserId, id: UploadId, details: Details) -> Result<Upload> {
        check_details(&details)?;
        let slot = self.slot(owner, id)?;
        let policy = self.shared.policy;
        let turn = slot.take_turn(policy.stall, &self.shared.stop).await;
        let _turn = turn.ok_or_else(|| conflict("This upload is still being sent"))?;
        if !slot.is_receiving() {
            return Err(conflict("This upload is complete"));
        }
        {
            let mut known = slot.known();
            known.record.length_bytes = Some(known.offset_bytes);
            known.record.details = Details {
                owner: Some(owner),
                ..details
            };
        }
        self.finish(&slot).await?;
        Ok(slot.told())
    }

    /// Gives an upload up that has not arrived yet.
    ///
    /// # Errors
    /// `NotFound`, also if it has arrived.
    pub async fn remove(&self, owner: UserId, id: UploadId) -> Result<()> {
        let slot = self.slot(owner, id)?;
        slot.interrupt();
        let turn = slot.wait_for_turn().await;
        let _turn = turn.ok_or_else(|| conflict("This upload is still being sent"))?;
        if !slot.is_receiving() {
            return Err(unknown());
        }
        slot.known().is_removed = true;
        self.slots().remove(&slot.id);
        let layout = self.shared.layout.clone();
        blocking(move || layout.discard(id)).await?
    }

    async fn forget(&self, slot: &Slot) -> Result<()> {
        slot.known().is_removed = true;
        self.slots().remove(&slot.id);
        let (layout, id) = (self.shared.layout.clone(), slot.id);
        blocking(move || layout.remove(id)).await?
    }

    async fn sweep_for_ever(self) {
        let mut sweeps = tokio::time::interval(SWEEP_EVERY);
        loop {
            sweeps.tick().await;
            self.sweep().await;
        }
    }

    /// Forgets uploads that nobody goes on with, and those that were dealt with long ago. What
    /// is here in whole is never forgotten before it is dealt with.
    async fn sweep(&self) {
        let now = self.shared.clock.now();
        let slots: Vec<Arc<Slot>> = self.slots().values().cloned().collect();
        for slot in slots {
            let is_old = now.since(slot.known().touched_at) >= EXPIRES_AFTER;
            if !is_old || slot.is_pending() || slot.is_busy() {
                continue;
            }
            if let Err(error) = self.forget(&slot).await {
                tracing::warn!(upload = %slot.id, %error, "An old upload could not be removed.");
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<UploadId, Arc<Slot>>> {
        let slots = &self.shared.slots;
        slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, owner: UserId, id: UploadId) -> Result<Arc<Slot>> {
        let slot = self.slots().get(&id).cloned();
        slot.filter(|slot| slot.owner() == owner)
            .ok_or_else(unknown)
    }

    fn record(&self, owner: UserId, new: NewUpload) -> Record {
        Record {
            owner,
            file_name: safe_name(&new.file_name),
            details: Details {
                owner: Some(owner),
                ..new.details
            },
            metadata: new.metadata,
            length_bytes: new.length_bytes,
            unproven_from: None,
            touched_at: self.shared.clock.now(),
            state: Stage::Receiving,
        }
    }

    fn check_count(&self, owner: UserId) -> Result<()> {
        let slots = self.slots();
        let open = slots
            .values()
            .filter(|slot| slot.owner() == owner && slot.is_receiving());
        if open.count() < self.shared.policy.open_per_person {
            return Ok(());
        }
        Err(conflict(
            "Too many of your uploads are unfinished. Finish or remove some of them first",
        ))
    }

    /// Whether `length_bytes` fit beside what is still to come of the others.
    async fn check_room(&self, length_bytes: u64, except: Option<UploadId>) -> Result<()> {
        let others: u64 = {
            let slots = self.slots();
            let others = slots.values().filter(|slot| Some(slot.id) != except);
            others.fold(0, |sum, slot| sum.saturating_add(slot.missing_bytes()))
        };
        let (disk, reserve_bytes) = (self.disk(), self.shared.policy.reserve_bytes);
        let room = blocking(move || room_bytes(&disk, reserve_bytes))
            .await?
            .context(ErrorKind::Unavailable, "asking for free space")?;
        if length_bytes > self.shared.policy.most_bytes
            || length_bytes.saturating_add(others) > room
        {
            return Err(out_of_space("this upload"));
        }
        Ok(())
    }

    fn disk(&self) -> PathBuf {
        self.shared.layout.uploads.clone()
    }
}

/// What an earlier run left of an upload. One that cannot be read stays where it is.
fn take_up(layout: &Layout, id: UploadId) -> Option<Found> {
    match layout.load(id) {
        Ok(Some(found)) => return Some(found),
        Ok(None) => {
            if let Err(error) = layout.remove(id) {
                tracing::warn!(upload = %id, %error, "What is left of an upload stays.");
            }
        }
        Err(error) => tracing::warn!(upload = %id, %error, "An upload cannot be taken up."),
    }
    None
}

fn check(new: &NewUpload) -> Result<()> {
    let metadata = new.metadata.as_deref().unwrap_or_default();
    if metadata.len() > METADATA_BYTES {
        return Err(too_long("What is said of the file"));
    }
    check_details(&new.details)
}

fn check_details(details: &Details) -> Result<()> {
    let is_longer = |text: &Option<String>, most: usize| {
        let text = text.as_deref().unwrap_or_default();
        text.chars().count() > most
    };
    if is_longer(&details.name, NAME_CHARS) {
        return Err(too_long("The title"));
    }
    if is_longer(&details.description, DESCRIPTION_CHARS) {
        return Err(too_long("The description"));
    }
    Ok(())
}

fn too_long(what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{what} is too long"))
}

fn conflict(why: &str) -> Error {
    Error::new(ErrorKind::Conflict, why)
}

fn unknown() -> Error {
    Error::new(ErrorKind::NotFound, "There is no such upload")
}
