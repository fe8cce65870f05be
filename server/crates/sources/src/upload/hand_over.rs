//! The end of an upload: its file moves among the originals and is handed to ingest, as often as
//! it takes until ingest has said what becomes of it.

use model::arrival::Door;
use model::error::{ErrorKind, Result};
use model::id::UploadId;
use model::upload::Details;
use std::sync::Arc;

use crate::upload::Uploads;
use crate::upload::record::{Record, Stage};
use crate::upload::slot::Slot;
use crate::upload::write::blocking;

impl Uploads {
    /// All bytes are here and durable. What fails, as on a full disk, is tried again until it is
    /// done: nobody sends these bytes a second time.
    ///
    /// # Errors
    /// As the disk has it this time.
    pub(super) async fn finish(&self, slot: &Arc<Slot>) -> Result<()> {
        let finished = self.try_finish(slot).await;
        if let Err(error) = &finished {
            tracing::warn!(upload = %slot.id, %error, "An upload could not be finished; it is tried again.");
            self.finish_later(Arc::clone(slot));
        }
        finished
    }

    async fn try_finish(&self, slot: &Arc<Slot>) -> Result<()> {
        let record = {
            let known = slot.known();
            Record {
                state: Stage::Arrived,
                unproven_from: None,
                touched_at: known.touched_at,
                ..known.record.clone()
            }
        };
        let (layout, id, written) = (self.shared.layout.clone(), slot.id, record.clone());
        blocking(move || layout.finish(id, &written)).await??;
        slot.known().record = record;
        self.hand_over(Arc::clone(slot));
        Ok(())
    }

    /// Finishes an upload of which every byte is here, now and then until it is done.
    pub(super) fn finish_later(&self, slot: Arc<Slot>) {
        if std::mem::replace(&mut slot.known().is_finishing, true) {
            return;
        }
        let uploads = self.clone();
        self.shared.tasks.spawn(async move {
            let stop = uploads.shared.stop.clone();
            stop.run_until_cancelled(uploads.finish_until_done(&slot))
                .await;
            slot.known().is_finishing = false;
        });
    }

    async fn finish_until_done(&self, slot: &Arc<Slot>) {
        loop {
            let turn = slot.wait_for_turn().await;
            let is_ours = slot.is_receiving() && slot.is_whole() && !slot.known().is_removed;
            if !is_ours || (turn.is_some() && self.try_finish(slot).await.is_ok()) {
                return;
            }
            drop(turn);
            tokio::time::sleep(self.shared.policy.retry).await;
        }
    }

    /// Hands an upload to ingest that was dealt with once, because the library knows nothing of
    /// its file: it is of before the library was brought back. False if it is no such upload.
    ///
    /// # Errors
    /// As the disk has it.
    pub async fn hand_over_again(&self, id: UploadId) -> Result<bool> {
        let Some(slot) = self.slots().get(&id).cloned() else {
            return Ok(false);
        };
        let record = {
            let known = slot.known();
            if !matches!(known.record.state, Stage::Taken(_) | Stage::Refused(_)) {
                return Ok(true);
            }
            Record {
                state: Stage::Arrived,
                ..known.record.clone()
            }
        };
        self.save(&slot, record).await?;
        self.hand_over(slot);
        Ok(true)
    }

    /// Whether the upload `id` is not dealt with yet, so that its file is nobody else's business.
    pub fn is_pending(&self, id: UploadId) -> bool {
        let slot = self.slots().get(&id).cloned();
        slot.is_some_and(|slot| slot.is_pending())
    }

    /// Hands the file to ingest in the background.
    pub(super) fn hand_over(&self, slot: Arc<Slot>) {
        let uploads = self.clone();
        self.shared.tasks.spawn(async move {
            let stop = uploads.shared.stop.clone();
            stop.run_until_cancelled(uploads.hand_over_until_taken(&slot))
                .await;
        });
    }

    async fn hand_over_until_taken(&self, slot: &Slot) {
        loop {
            if let Some(stage) = self.ask_ingest(slot).await {
                let record = Record {
                    state: stage,
                    touched_at: self.shared.clock.now(),
                    ..slot.known().record.clone()
                };
                match self.save(slot, record).await {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::warn!(upload = %slot.id, %error, "What became of an upload could not be noted.");
                    }
                }
            }
            tokio::time::sleep(self.shared.policy.retry).await;
        }
    }

    /// `None` if it is to be asked again.
    async fn ask_ingest(&self, slot: &Slot) -> Option<Stage> {
        let record = slot.known().record.clone();
        let original = self.shared.layout.original(slot.id, &record.file_name);
        let patience = self.shared.policy.patience;
        let ingest = &self.shared.ingest;
        let details = Details {
            upload: Some(slot.id),
            ..record.details
        };
        let taken = ingest.take_with(original, Door::Upload, details, patience);
        match taken.await {
            Ok(title) => Some(Stage::Taken(title)),
            Err(error) => match error.kind() {
                ErrorKind::Unsupported | ErrorKind::InvalidInput | ErrorKind::NotFound => {
                    Some(Stage::Refused(error.message().to_owned()))
                }
                _ => {
                    tracing::warn!(upload = %slot.id, %error, "An upload waits to be taken in.");
                    None
                }
            },
        }
    }
}
