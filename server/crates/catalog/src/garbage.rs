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

/// Where the next page of keys begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysAfter(PiecePlace);

impl Catalog {
    /// At most `limit` objects that are to be deleted from the store, oldest first.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn garbage(&self, limit: u32) -> Result<Vec<(Place, ObjectKey)>> {
        self.read("reading the garbage", move |transaction, _| {
            garbage::oldest(transaction, limit)
        })
        .await
    }

    /// Forgets garbage. Call it after the objects were deleted, never before.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn garbage_collected(&self, keys: Vec<(Place, ObjectKey)>) -> Result<()> {
        self.write("forgetting garbage", move |write| {
            keys.iter()
                .try_for_each(|(place, key)| garbage::delete(&write.transaction, *place, key))
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
        let first_two = house.catalog.garbage(2).await.unwrap();
        assert_eq!(first_two.len(), 2, "the limit holds");
        house
            .catalog
            .garbage_collected(first_two.clone())
            .await
            .unwrap();
        let rest = house.catalog.garbage(99).await.unwrap();
        assert_eq!(rest.len(), 3);
        assert!(!rest.iter().any(|key| first_two.contains(key)));
        house.catalog.garbage_collected(rest).await.unwrap();
        assert!(house.catalog.garbage(99).await.unwrap().is_empty());
    }
}
