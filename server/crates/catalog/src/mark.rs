//! The name by which this library marks its buckets: given once, and brought back by a backup.

use model::error::Result;

use crate::Catalog;
use crate::table::house;

impl Catalog {
    /// The name, once it has one.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn mark(&self) -> Result<Option<String>> {
        self.read("reading the library's mark", |transaction, _| {
            house::mark(transaction)
        })
        .await
    }

    /// Gives the library this name unless it has one, and returns the one it has.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn keep_mark(&self, proposal: String) -> Result<String> {
        self.write("naming the library", move |write| {
            house::keep_mark(&write.transaction, &proposal)?;
            Ok(house::mark(&write.transaction)?.unwrap_or(proposal))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalog;
    use crate::testing::House;

    #[tokio::test]
    async fn a_name_is_given_once_and_is_in_a_backup() {
        let house = House::new();
        assert_eq!(house.catalog.mark().await.unwrap(), None);
        for proposal in ["first", "second"] {
            let kept = house.catalog.keep_mark(proposal.into()).await.unwrap();
            assert_eq!(kept, "first", "offered {proposal}");
        }
        let copy = house.folder.path().join("copy.db");
        house.catalog.backup_to(&copy).await.unwrap();
        let copy = Catalog::open_read_only(&copy).unwrap();
        assert_eq!(copy.mark().await.unwrap().as_deref(), Some("first"));
    }
}
