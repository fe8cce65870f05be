//! Which store a title's pieces are in: this computer's, or the bucket of the moment. The bucket
//! can be given, changed and taken away while the server runs.
//!
//! What does not belong here: which place a title has (`catalog`), the stores themselves.

use std::sync::{Arc, PoisonError, RwLock};

use model::error::{Error, ErrorKind, Result};
use model::settings::{Bucket, Place};

use crate::Storage;
use crate::bucket::BucketStorage;
use crate::bucket::claims::Claims;

/// All places. Clones are handles to the same ones.
#[derive(Clone, Debug)]
pub struct Places {
    local: Arc<dyn Storage>,
    claims: Option<Claims>,
    bucket: Arc<RwLock<Option<Chosen>>>,
}

#[derive(Clone, Debug)]
struct Chosen {
    /// What the owner gave; absent for a store that a test brought.
    bucket: Option<Bucket>,
    storage: Arc<dyn Storage>,
}

impl Places {
    /// This computer's store, and any bucket that `claims` lets us use.
    pub fn new(local: Arc<dyn Storage>, claims: Claims) -> Self {
        Self {
            local,
            claims: Some(claims),
            bucket: Arc::default(),
        }
    }

    /// Stores that are there already, for tests and for whoever needs no real bucket.
    pub fn of(local: Arc<dyn Storage>, bucket: Option<Arc<dyn Storage>>) -> Self {
        let chosen = bucket.map(|storage| Chosen {
            bucket: None,
            storage,
        });
        Self {
            local,
            claims: None,
            bucket: Arc::new(RwLock::new(chosen)),
        }
    }

    /// The store of a place.
    ///
    /// # Errors
    /// `Unavailable` if it is the bucket and there is none.
    pub fn at(&self, place: Place) -> Result<Arc<dyn Storage>> {
        match place {
            Place::Local => Ok(Arc::clone(&self.local)),
            Place::Bucket => self.chosen().map(|chosen| chosen.storage).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unavailable,
                    "No bucket is set up. Say in the settings where it is.",
                )
            }),
        }
    }

    /// Uses `bucket` from now on; what is under way with another one ends there. One that is in
    /// use already stays as it is.
    ///
    /// # Errors
    /// `InvalidInput` if it cannot be a bucket; then there is none until it is corrected.
    pub fn set_bucket(&self, bucket: Option<Bucket>) -> Result<()> {
        if self.bucket() == bucket {
            return Ok(());
        }
        let chosen = bucket.map(|bucket| self.choose(bucket)).transpose();
        let mut place = self.bucket.write().unwrap_or_else(PoisonError::into_inner);
        let (chosen, outcome) = match chosen {
            Ok(chosen) => (chosen, Ok(())),
            Err(error) => (None, Err(error)),
        };
        *place = chosen;
        outcome
    }

    /// The bucket in use.
    pub fn bucket(&self) -> Option<Bucket> {
        self.chosen().and_then(|chosen| chosen.bucket)
    }

    fn choose(&self, bucket: Bucket) -> Result<Chosen> {
        let claims = self.claims.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "these places cannot have another bucket",
            )
        })?;
        let storage = Arc::new(BucketStorage::new(&bucket, claims)?);
        Ok(Chosen {
            bucket: Some(bucket),
            storage,
        })
    }

    fn chosen(&self) -> Option<Chosen> {
        let chosen = self.bucket.read();
        chosen.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
