//! Objects that belong to nothing any more, and the list of those that belong to something.

use model::error::Result;
use model::segment::ObjectKey;

use crate::Catalog;
use crate::table::{garbage, pieces};

impl Catalog {
    /// At most `limit` objects that are to be deleted from the store, oldest first.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn garbage(&self, limit: u32) -> Result<Vec<ObjectKey>> {
        self.read("reading the garbage", move |transaction, _| {
            garbage::oldest(transaction, limit)
        })
        .await
    }

    /// Forgets garbage. Call it after the objects were deleted, never before.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn garbage_collected(&self, keys: Vec<ObjectKey>) -> Result<()> {
        self.write("forgetting garbage", move |write| {
            keys.iter()
                .try_for_each(|key| garbage::delete(&write.transaction, key))
        })
        .await
    }

    /// Key, length and SHA-256 of every object that must be stored, for `homereel check`. Holds
    /// all of it in memory, some 200 bytes an object.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn every_key(&self) -> Result<Vec<(ObjectKey, u64, String)>> {
        self.read("listing all pieces", |transaction, _| {
            let stored = pieces::all(transaction)?.into_iter();
            Ok(stored
                .map(|piece| (piece.key, piece.size_bytes, piece.sha256))
                .collect())
        })
        .await
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
        let (_, size_bytes, sha256) = &stored[2];
        assert_eq!(
            (*size_bytes, sha256.len()),
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
