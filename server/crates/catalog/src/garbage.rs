//! Objects that belong to nothing any more, and the list of those that belong to something.

use model::error::Result;
use model::segment::ObjectKey;
use model::settings::Place;

use crate::Catalog;
use crate::table::pieces::PiecePlace;
use crate::table::{garbage, pieces};

/// How many keys are read in one transaction.
const KEYS_AT_ONCE: u32 = 10_000;

/// An object that must be stored, as its row describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// In which store.
    pub place: Place,
    /// Its name there.
    pub key: ObjectKey,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// Where the next page of garbage begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GarbageAfter(i64);

/// Where the next page of keys begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysAfter(PiecePlace);

impl Catalog {
    /// At most `limit` objects that are to be deleted from the store at `place`, oldest first,
    /// beginning behind `after`; begin with the default. An empty list is the end.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn garbage(
        &self,
        place: Place,
        after: GarbageAfter,
        limit: u32,
    ) -> Result<(Vec<ObjectKey>, GarbageAfter)> {
        self.read("reading the garbage", move |transaction, _| {
            let rows = garbage::oldest(transaction, place, after.0, limit)?;
            let last = rows.last().map_or(after.0, |(serial, _)| *serial);
            let keys = rows.into_iter().map(|(_, key)| key);
            Ok((keys.collect(), GarbageAfter(last)))
        })
        .await
    }

    /// Forgets garbage. Call it after the objects were deleted, never before.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn garbage_collected(&self, place: Place, keys: Vec<ObjectKey>) -> Result<()> {
        self.write("forgetting garbage", move |write| {
            keys.iter()
                .try_for_each(|key| garbage::delete(&write.transaction, place, key))
        })
        .await
    }

    /// Objects that must be stored, those of removed titles too, some ten thousand from `after`
    /// on; begin with the default. An empty list is the end. What is added meanwhile may be
    /// missing or not.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn stored_keys(&self, after: KeysAfter) -> Result<(Vec<StoredKey>, KeysAfter)> {
        self.read("listing pieces", move |transaction, _| {
            let (stored, last) = pieces::after(transaction, after.0, KEYS_AT_ONCE)?;
            let keys = stored.into_iter().map(|piece| StoredKey {
                place: piece.place,
                key: piece.key,
                size_bytes: piece.size_bytes,
                sha256: piece.sha256,
            });
            Ok((keys.collect(), KeysAfter(last)))
        })
        .await
    }

    /// All of [`Catalog::stored_keys`] at once, some 200 bytes an object.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn every_key(&self) -> Result<Vec<StoredKey>> {
        let (mut every, mut after) = (Vec::new(), KeysAfter::default());
        loop {
            let (keys, next) = self.stored_keys(after).await?;
            if keys.is_empty() {
                return Ok(every);
            }
            every.extend(keys);
            after = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::settings::Place;

    use super::GarbageAfter;
    use crate::testing::{House, OWNER, segment};

    #[tokio::test]
    async fn garbage_stays_until_its_objects_are_known_to_be_gone() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let pieces = vec![segment(title, 0, 1), segment(title, 0, 2)];
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        let stored = house.catalog.every_key().await.unwrap();
        assert_eq!(stored.len(), 5, "three init segments and two segments");
        assert_eq!(
            (stored[2].size_bytes, stored[2].sha256.len()),
            (2_000, 64),
            "as the row has it"
        );

        house.catalog.abandon_plan(job.id, OWNER).await.unwrap();
        assert!(house.catalog.every_key().await.unwrap().is_empty());
        let here = Place::Local;
        let from = async |after, limit| house.catalog.garbage(here, after, limit).await.unwrap();
        let (first_two, after) = from(GarbageAfter::default(), 2).await;
        assert_eq!(first_two.len(), 2, "the limit holds");
        let (next, _) = from(after, 99).await;
        assert_eq!(next.len(), 3, "what cannot be deleted is passed over");
        let collected = house.catalog.garbage_collected(here, first_two.clone());
        collected.await.unwrap();
        let (rest, _) = from(GarbageAfter::default(), 99).await;
        assert_eq!(rest, next);
        let bucket = house
            .catalog
            .garbage(Place::Bucket, GarbageAfter::default(), 99);
        assert!(bucket.await.unwrap().0.is_empty(), "nothing lies there");
        let collected = house.catalog.garbage_collected(here, rest);
        collected.await.unwrap();
        assert!(from(GarbageAfter::default(), 99).await.0.is_empty());
    }
}
