//! One upload while the server runs: what is known of it, and whose turn it is to send.

use model::clock::WallTime;
use model::id::{UploadId, UserId};
use model::upload::Upload;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::upload::folder::Found;
use crate::upload::record::{Record, Stage};

/// An upload that is forgotten after this long without anything happening.
pub(crate) const EXPIRES_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long whoever sends may take to stop once somebody takes over.
const HAND_OVER: Duration = Duration::from_secs(10);

/// One upload.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: UploadId,
    known: Mutex<Known>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) record: Record,
    /// How much of it is surely here.
    pub(crate) offset_bytes: u64,
    pub(crate) touched_at: WallTime,
    /// Gone: whoever still holds the slot must not bring it back.
    pub(crate) is_removed: bool,
    /// Somebody sees to it that it is finished.
    pub(crate) is_finishing: bool,
    sender: Option<Sender>,
}

/// Whoever sends at present.
#[derive(Clone, Debug)]
struct Sender {
    heard_at: Instant,
    give_up: CancellationToken,
}

/// The right to send. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    slot: Arc<Slot>,
    /// Somebody takes over, or the server stops.
    pub(crate) give_up: CancellationToken,
    _turn: OwnedMutexGuard<()>,
}

impl Slot {
    pub(crate) fn new(id: UploadId, found: Found, now: WallTime) -> Self {
        Self {
            id,
            known: Mutex::new(Known {
                touched_at: now,
                record: found.record,
                offset_bytes: found.offset_bytes,
                is_removed: false,
                is_finishing: false,
                sender: None,
            }),
            turn: Arc::default(),
        }
    }

    /// What is known now.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        // What is known is replaced whole, so that a panic elsewhere leaves it true.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owner(&self) -> UserId {
        self.known().record.owner
    }

    /// The upload as its sender sees it.
    pub(crate) fn told(&self) -> Upload {
        let known = self.known();
        let record = &known.record;
        Upload {
            id: self.id,
            file_name: record.file_name.clone(),
            details: record.details.clone(),
            length_bytes: record.length_bytes,
            offset_bytes: known.offset_bytes,
            state: record.state.told(),
            metadata: record.metadata.clone(),
            expires_at: known.touched_at.plus(EXPIRES_AFTER),
        }
    }

    pub(crate) fn is_receiving(&self) -> bool {
        self.known().record.state == Stage::Receiving
    }

    /// As long as was announced.
    pub(crate) fn is_whole(&self) -> bool {
        let known = self.known();
        known.record.length_bytes == Some(known.offset_bytes)
    }

    /// Everything is here, and what remains is ours to do: it is never forgotten before.
    pub(crate) fn is_pending(&self) -> bool {
        let is_arrived = self.known().record.state == Stage::Arrived;
        is_arrived || (self.is_receiving() && self.is_whole())
    }

    /// Somebody sends at present.
    pub(crate) fn is_busy(&self) -> bool {
        self.known().sender.is_some()
    }

    /// How much of what was announced is still to come.
    pub(crate) fn missing_bytes(&self) -> u64 {
        let known = self.known();
        let length_bytes = known.record.length_bytes.unwrap_or_default();
        match known.record.state {
            Stage::Receiving => length_bytes.saturating_sub(known.offset_bytes),
            _ => 0,
        }
    }

    /// The right to send: at once if nobody does, from a sender that has been silent for `stall`
    /// by ending its turn; otherwise `None`.
    pub(crate) async fn take_turn(
        self: &Arc<Self>,
        stall: Duration,
        stop: &CancellationToken,
    ) -> Option<Turn> {
        let turn = match Arc::clone(&self.turn).try_lock_owned() {
            Ok(turn) => turn,
            Err(_) => self.take_over(stall).await?,
        };
        let give_up = stop.child_token();
        self.known().sender = Some(Sender {
            heard_at: Instant::now(),
            give_up: give_up.clone(),
        });
        Some(Turn {
            slot: Arc::clone(self),
            give_up,
            _turn: turn,
        })
    }

    async fn take_over(&self, stall: Duration) -> Option<OwnedMutexGuard<()>> {
        if let Some(sender) = &self.known().sender {
            if sender.heard_at.elapsed() < stall {
                return None;
            }
            sender.give_up.cancel();
        }
        let turn = Arc::clone(&self.turn).lock_owned();
        tokio::time::timeout(HAND_OVER, turn).await.ok()
    }

    /// Whoever sends is asked to stop.
    pub(crate) fn interrupt(&self) {
        if let Some(sender) = &self.known().sender {
            sender.give_up.cancel();
        }
    }

    /// The right to change it, once whoever sends has stopped.
    pub(crate) async fn wait_for_turn(&self) -> Option<OwnedMutexGuard<()>> {
        let turn = Arc::clone(&self.turn).lock_owned();
        tokio::time::timeout(HAND_OVER, turn).await.ok()
    }
}

impl Turn {
    /// Something came.
    pub(crate) fn heard(&self) {
        if let Some(sender) = &mut self.slot.known().sender {
            sender.heard_at = Instant::now();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.slot.known().sender = None;
    }
}
