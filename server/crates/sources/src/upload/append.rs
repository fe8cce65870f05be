//! One sender's turn: from the first byte of a request to the last that is safely here.

use bytes::Bytes;
use futures::Stream;
use model::error::{Context, Error, ErrorKind, Result};
use model::id::{UploadId, UserId};
use model::upload::{Append, Appended, Checksum};
use std::io;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

use crate::space::out_of_space;
use crate::upload::Uploads;
use crate::upload::record::Record;
use crate::upload::slot::{Slot, Turn};
use crate::upload::write::{End, Sink, SinkLimits, blocking};

impl Uploads {
    /// Adds bytes to an upload of `owner`. It goes on to its end even if nobody awaits it: what
    /// came when the stream ends or breaks off is kept, unless its checksum was announced.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` if the length that is told now cannot be; `OutOfSpace`, with
    /// what fitted kept; `Unavailable` if the stream broke off.
    pub async fn append<S>(
        &self,
        owner: UserId,
        id: UploadId,
        append: Append,
        bytes: S,
    ) -> Result<Appended>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    {
        let slot = self.slot(owner, id)?;
        let Some(permit) = self.permit(owner) else {
            return Ok(Appended::Busy);
        };
        let policy = self.shared.policy;
        let Some(turn) = slot.take_turn(policy.stall, &self.shared.stop).await else {
            return Ok(Appended::Busy);
        };
        let uploads = self.clone();
        // A client that goes away takes its request with it, but not what it sent.
        let work = self.shared.tasks.spawn(async move {
            let _permit = permit;
            uploads.append_in_turn(&slot, &turn, append, bytes).await
        });
        work.await.context(ErrorKind::Internal, "adding bytes")?
    }

    fn permit(&self, owner: UserId) -> Option<OwnedSemaphorePermit> {
        let sending = {
            let slots = self.slots();
            let own = slots.values().filter(|slot| slot.owner() == owner);
            own.filter(|slot| slot.is_busy()).count()
        };
        if sending >= self.shared.policy.sending_per_person {
            return None;
        }
        Arc::clone(&self.shared.senders).try_acquire_owned().ok()
    }

    async fn append_in_turn<S>(
        &self,
        slot: &Arc<Slot>,
        turn: &Turn,
        append: Append,
        bytes: S,
    ) -> Result<Appended>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        let known = slot.known().clone();
        if known.is_removed {
            return Err(super::unknown());
        }
        if known.offset_bytes != append.offset_bytes || !slot.is_receiving() {
            return Ok(Appended::OtherOffset(known.offset_bytes));
        }
        // Everything is here, but the end of it failed the last time.
        if slot.is_whole() {
            if append.body_bytes.is_some_and(|bytes| bytes > 0) {
                return Ok(Appended::TooLong);
            }
            self.finish(slot).await?;
            return Ok(Appended::Added(slot.told()));
        }
        self.settle_length(slot, &append).await?;
        let most_bytes = self.most_bytes_of(slot);
        let end_bytes = append.body_bytes.unwrap_or(0);
        if append.offset_bytes.saturating_add(end_bytes) > most_bytes {
            return Ok(Appended::TooLong);
        }
        let appended = self.receive(slot, turn, &append, bytes).await;
        slot.known().touched_at = self.shared.clock.now();
        // Also if the connection broke off right after the last byte.
        if slot.is_whole() {
            self.finish(slot).await?;
        }
        Ok(appended?.unwrap_or_else(|| Appended::Added(slot.told())))
    }

    /// Takes note of a length that is told only now.
    async fn settle_length(&self, slot: &Slot, append: &Append) -> Result<()> {
        let known = slot.known().clone();
        let Some(length_bytes) = append.length_bytes else {
            return Ok(());
        };
        let is_other = known
            .record
            .length_bytes
            .is_some_and(|it| it != length_bytes);
        if is_other || length_bytes < known.offset_bytes {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "The length of this upload cannot be that",
            ));
        }
        let missing_bytes = length_bytes - known.offset_bytes;
        self.check_room(missing_bytes, Some(slot.id)).await?;
        let record = Record {
            length_bytes: Some(length_bytes),
            ..known.record
        };
        self.save(slot, record).await
    }

    fn most_bytes_of(&self, slot: &Slot) -> u64 {
        let length_bytes = slot.known().record.length_bytes;
        length_bytes.unwrap_or(self.shared.policy.most_bytes)
    }

    /// Writes the bytes. `Some` if none of them was kept.
    async fn receive<S>(
        &self,
        slot: &Slot,
        turn: &Turn,
        append: &Append,
        bytes: S,
    ) -> Result<Option<Appended>>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        let begun_bytes = append.offset_bytes;
        // A body that says how long it is, and has no checksum, can only be right.
        let is_certain = append.checksum.is_none() && append.body_bytes.is_some();
        self.set_unproven(slot, (!is_certain).then_some(begun_bytes))
            .await?;
        let mut sink = self.sink(slot, append).await?;
        let progress = |durable_bytes| {
            turn.heard();
            if is_certain {
                slot.known().offset_bytes = durable_bytes;
            }
        };
        let bytes = futures::StreamExt::take_until(bytes, turn.give_up.cancelled());
        let bytes = std::pin::pin!(bytes);
        let mut end = sink.fill(bytes, progress).await?;
        if turn.give_up.is_cancelled() && end == End::Complete {
            end = End::Broken;
        }
        let refusal = judge(&mut sink, end, append.checksum.as_ref());
        if refusal.is_some() || (append.checksum.is_some() && end != End::Complete) {
            sink.cut(begun_bytes).await?;
        }
        slot.known().offset_bytes = sink.durable_bytes();
        self.set_unproven(slot, None).await?;
        match end {
            End::Full => Err(out_of_space("the rest of this upload")),
            End::Broken => Err(Error::new(
                ErrorKind::Unavailable,
                "The connection ended before the upload did. Go on where it ended",
            )),
            End::Complete | End::TooLong => Ok(refusal),
        }
    }

    async fn sink(&self, slot: &Slot, append: &Append) -> Result<Sink> {
        let (layout, id) = (self.shared.layout.clone(), slot.id);
        let file = blocking(move || layout.open(id)).await??;
        let limits = SinkLimits {
            length_bytes: self.most_bytes_of(slot),
            disk: self.disk(),
            reserve_bytes: self.shared.policy.reserve_bytes,
            idle: self.shared.policy.idle,
        };
        let checksum = append.checksum.as_ref();
        Ok(Sink::new(file, append.offset_bytes, checksum, limits))
    }

    async fn set_unproven(&self, slot: &Slot, unproven_from: Option<u64>) -> Result<()> {
        let record = slot.known().record.clone();
        if record.unproven_from == unproven_from {
            return Ok(());
        }
        let record = Record {
            unproven_from,
            ..record
        };
        self.save(slot, record).await
    }

    /// Writes a record and takes note of it.
    pub(super) async fn save(&self, slot: &Slot, record: Record) -> Result<()> {
        let (folder, written) = (self.shared.layout.of(slot.id), record.clone());
        blocking(move || written.write(&folder)).await??;
        slot.known().record = record;
        Ok(())
    }
}

/// Why nothing of what came can be kept.
fn judge(sink: &mut Sink, end: End, checksum: Option<&Checksum>) -> Option<Appended> {
    match (end, checksum) {
        (End::TooLong, _) => Some(Appended::TooLong),
        (End::Complete, Some(checksum)) => {
            let is_same = sink.digest().as_deref() == Some(&checksum.digest[..]);
            (!is_same).then_some(Appended::Different)
        }
        _ => None,
    }
}
