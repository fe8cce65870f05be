//! Who may use the processor: tests that only wait share it, tests that depend on timing have
//! it alone. What does not belong here: anything but this one lock.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static STAGE: RwLock<()> = RwLock::new(());

/// A turn among other tests.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    STAGE.read().unwrap_or_else(PoisonError::into_inner)
}

/// A turn with nobody else: for playback and for kills at given moments.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    STAGE.write().unwrap_or_else(PoisonError::into_inner)
}
