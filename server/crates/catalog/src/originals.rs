//! What is known of a file that an upload left with us. What does not belong here: the files, and
//! deciding what becomes of them.

use std::path::Path;

use model::arrival::{Arrival, ArrivalState};
use model::error::Result;
use model::id::TitleId;
use model::title::Identity;

use crate::table::{arrivals, removed_films, titles};
use crate::{Catalog, column};

/// What is known of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A title is made from it, be it one that was removed and can be brought back.
    Source,
    /// The inbox knows it as a copy of the film of this title, which has another file.
    Copy(TitleId),
    /// The inbox knows it otherwise: it waits, or somebody has to decide.
    Arrival,
    /// Nothing is known of it.
    Unknown,
}

impl Catalog {
    /// What is known of the file at `path`.
    ///
    /// # Errors
    /// `InvalidInput` for paths that nothing is known of, else errors of the catalog.
    pub async fn standing(&self, path: &Path) -> Result<Standing> {
        let path = path.to_owned();
        self.read("looking for a file", move |transaction, _| {
            let bytes = column::path_bytes(&path)?;
            if titles::newest_at_path(transaction, bytes)?.is_some() {
                return Ok(Standing::Source);
            }
            let arrival = arrivals::by_path(transaction, bytes)?;
            Ok(arrival.map_or(Standing::Unknown, |arrival| standing_of(&arrival)))
        })
        .await
    }

    /// Whether a film with this content was removed and purged, and did not come back.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn was_purged(&self, identity: Identity) -> Result<bool> {
        self.read("looking for a removed film", move |transaction, _| {
            removed_films::contains(transaction, &identity)
        })
        .await
    }
}

/// No title has this very file.
fn standing_of(arrival: &Arrival) -> Standing {
    use ArrivalState::{Admitted, Duplicate, Refused};
    match (arrival.state, arrival.title) {
        (Duplicate, Some(title)) => Standing::Copy(title),
        // What it became is gone for good.
        (Admitted | Duplicate | Refused, None) => Standing::Unknown,
        _ => Standing::Arrival,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model::arrival::{ArrivalState, Door};
    use model::clock::WallTime;
    use model::id::TitleId;

    use super::Standing;
    use crate::inbox::ArrivalUpdate;
    use crate::testing::{House, candidate};

    async fn arrives(house: &House, path: &str, state: ArrivalState, title: Option<TitleId>) {
        let update = ArrivalUpdate {
            path: path.into(),
            door: Door::Upload,
            state,
            reason: None,
            size_bytes: 4,
            title,
            owner: None,
        };
        house.catalog.record_arrival(update).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_is_a_source_a_copy_or_unknown() {
        let house = House::new();
        let standing = async |path: &str| house.catalog.standing(Path::new(path)).await.unwrap();
        let title = house.admit("/originals/1/a.mp4", "a").await;
        let (admitted, copy) = (ArrivalState::Admitted, ArrivalState::Duplicate);
        arrives(&house, "/originals/1/a.mp4", admitted, Some(title)).await;
        arrives(&house, "/originals/2/a.mp4", copy, Some(title)).await;
        arrives(&house, "/originals/3/b.mp4", ArrivalState::Settling, None).await;
        assert_eq!(standing("/originals/1/a.mp4").await, Standing::Source);
        assert_eq!(standing("/originals/2/a.mp4").await, Standing::Copy(title));
        assert_eq!(standing("/originals/3/b.mp4").await, Standing::Arrival);
        assert_eq!(standing("/originals/4/c.mp4").await, Standing::Unknown);

        house.catalog.delete_title(title, None).await.unwrap();
        let removed = standing("/originals/1/a.mp4").await;
        assert_eq!(removed, Standing::Source, "it can be brought back");
        let identity = candidate("/originals/1/a.mp4", "a").source.identity;
        assert!(!house.catalog.was_purged(identity.clone()).await.unwrap());
        let later = WallTime(i64::MAX);
        assert_eq!(house.catalog.purge_deleted(later).await.unwrap().len(), 1);
        assert!(house.catalog.was_purged(identity).await.unwrap());
        for path in ["/originals/1/a.mp4", "/originals/2/a.mp4"] {
            assert_eq!(standing(path).await, Standing::Unknown, "{path}");
        }
    }
}
