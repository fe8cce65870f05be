//! The end of an upload: its file moves among the originals and is handed to ingest, as often as
//! it takes until ingest has said what becomes of it.

use model::arrival::Door;
use model::error::{ErrorKind, Result};
use model::upload::Details;
use std::sync::Arc;

use crate::upload::Uploads;
use crate::upload::record::{Record, Stage};
use crate::upload::slot::Slot;
use crate::upload::write::blocking;

impl Uploads {
    /// All bytes are here and durable.
    pub(super) async fn finish(&self, slot: &Arc<Slot>) -> Result<()> {
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

    /// Finishes an upload that an earlier run had received in whole.
    pub(super) fn finish_later(&self, slot: Arc<Slot>) {
        let uploads = self.clone();
        self.shared.tasks.spawn(async move {
            let _turn = slot.wait_for_turn().await;
            if let Err(error) = uploads.finish(&slot).await {
                tracing::warn!(upload = %slot.id, %error, "An upload could not be finished.");
            }
        });
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
