//! Wishes: segments that somebody waits for and that do not exist yet. They live in memory,
//! since they live no longer than the request that waits. What does not belong here: the
//! waiting, and deciding which chunk to encode next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::change::Change;
use model::error::{Error, ErrorKind, Result};
use model::id::TitleId;
use tokio::sync::broadcast;

use crate::Catalog;

/// How many wishes there may be at once. Far more than people in a house, and
/// few enough to be looked through on every change.
pub const MAX_WISHES: usize = 512;

/// Who waits, as far as it matters: requests with the same number are of the same player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer(pub u64);

/// A segment somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The title it belongs to.
    pub title: TitleId,
    /// Stream number.
    pub stream: u32,
    /// Segment number, from 1.
    pub number: u32,
    /// Who waits.
    pub viewer: Viewer,
}

/// Keeps a wish alive; dropping it withdraws the wish.
#[derive(Debug)]
#[must_use = "dropping the guard withdraws the wish"]
pub struct WishGuard {
    wish: Wish,
    wishes: Arc<Wishes>,
}

/// All wishes, oldest first.
#[derive(Debug)]
pub(crate) struct Wishes {
    entries: Mutex<Vec<Entry>>,
    changes: broadcast::Sender<Change>,
}

/// A wish and how many wait for it.
#[derive(Debug)]
struct Entry {
    wish: Wish,
    waiting: u32,
}

impl Catalog {
    /// Says that somebody waits for a segment, until the guard is dropped. Who asks for the same
    /// one several times has one wish, as old as the first of them.
    ///
    /// A wish is not checked against the plan: ask [`Catalog::title`] first.
    ///
    /// # Errors
    /// `Unavailable` if there are [`MAX_WISHES`] others already.
    pub fn wish(&self, wish: Wish) -> Result<WishGuard> {
        self.wish_list().add(wish)?;
        Ok(WishGuard {
            wish,
            wishes: Arc::clone(self.wish_list()),
        })
    }

    /// Every segment somebody waits for, oldest wish first.
    pub fn wishes(&self) -> Vec<Wish> {
        let entries = self.wish_list().entries();
        entries.iter().map(|entry| entry.wish).collect()
    }
}

impl Drop for WishGuard {
    fn drop(&mut self) {
        self.wishes.withdraw(self.wish);
    }
}

impl Wishes {
    pub(crate) fn new(changes: broadcast::Sender<Change>) -> Self {
        Self {
            entries: Mutex::new(Vec::new()),
            changes,
        }
    }

    fn add(&self, wish: Wish) -> Result<()> {
        let mut entries = self.entries();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.wish == wish) {
            entry.waiting += 1;
            return Ok(());
        }
        if entries.len() >= MAX_WISHES {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("{MAX_WISHES} other parts are waited for already; try again soon"),
            ));
        }
        entries.push(Entry { wish, waiting: 1 });
        drop(entries);
        // Nobody may be listening, which is fine: the list itself is what counts.
        let _ = self.changes.send(Change::Wish(wish.title));
        Ok(())
    }

    fn withdraw(&self, wish: Wish) {
        let mut entries = self.entries();
        let Some(index) = entries.iter().position(|entry| entry.wish == wish) else {
            return;
        };
        let Some(entry) = entries.get_mut(index) else {
            return;
        };
        entry.waiting -= 1;
        if entry.waiting == 0 {
            entries.remove(index);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use model::change::Change;
    use model::error::ErrorKind;
    use model::id::TitleId;

    use super::{MAX_WISHES, Viewer, Wish};
    use crate::testing::House;

    fn wish(title: TitleId, stream: u32, number: u32) -> Wish {
        Wish {
            title,
            stream,
            number,
            viewer: Viewer(1),
        }
    }

    #[tokio::test]
    async fn a_wish_lives_as_long_as_somebody_waits_for_it() {
        let house = House::new();
        let title = TitleId::generate();
        let mut changes = house.catalog.subscribe();
        let first = house.catalog.wish(wish(title, 0, 7)).unwrap();
        assert_eq!(changes.recv().await.unwrap(), Change::Wish(title));
        let other = house.catalog.wish(wish(title, 1, 7)).unwrap();
        let second = house.catalog.wish(wish(title, 0, 7)).unwrap();
        let numbers = || -> Vec<(u32, u32)> {
            let wishes = house.catalog.wishes();
            wishes
                .iter()
                .map(|wish| (wish.stream, wish.number))
                .collect()
        };
        assert_eq!(numbers(), [(0, 7), (1, 7)], "the same segment is one wish");
        drop(first);
        assert_eq!(numbers(), [(0, 7), (1, 7)], "one still waits for it");
        drop(second);
        assert_eq!(numbers(), [(1, 7)], "nobody waits for it any more");
        drop(other);
        assert_eq!(numbers(), [], "the list is empty again");
    }

    #[tokio::test]
    async fn wishes_beyond_the_bound_are_refused() {
        let house = House::new();
        let title = TitleId::generate();
        let guards: Vec<_> = (1..=MAX_WISHES as u32)
            .map(|number| house.catalog.wish(wish(title, 0, number)).unwrap())
            .collect();
        let error = house.catalog.wish(wish(title, 1, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let again = house.catalog.wish(wish(title, 0, 1)).unwrap();
        drop(guards);
        assert_eq!(house.catalog.wishes().len(), 1, "one guard is left");
        drop(again);
        let _later = house.catalog.wish(wish(title, 1, 1)).unwrap();
    }
}
