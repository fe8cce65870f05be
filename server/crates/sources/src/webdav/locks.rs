//! Locks of clients: the library's own in memory, but few, and each with an end. (dav-server 0.11
//! keeps a lock without a `Timeout` for ever, and never looks at the end of any.)

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use model::id::UserId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use webdav_handler::davpath::DavPath;
use webdav_handler::ls::DavLockSystem;
use webdav_handler::memls::MemLs;

use crate::webdav::PREFIX;

/// Most locks of one person.
const MOST_OF_ONE: usize = 64;
/// Most locks.
const MOST: usize = 1_024;
/// No lock lasts longer without being refreshed.
const LONGEST: Duration = Duration::from_secs(600);
const TIMEOUT: HeaderName = HeaderName::from_static("timeout");
const LOCK_TOKEN: HeaderName = HeaderName::from_static("lock-token");

/// The locks. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Locks {
    system: Box<MemLs>,
    kept: Arc<Mutex<Vec<Kept>>>,
}

/// What has to be known to end a lock.
#[derive(Clone, Debug)]
struct Kept {
    path: String,
    token: String,
    person: UserId,
    ends_at: Instant,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            system: MemLs::new(),
            kept: Arc::default(),
        }
    }
}

impl Locks {
    /// As the library wants it.
    pub(crate) fn system(&self) -> Box<dyn DavLockSystem> {
        self.system.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the locks whose time is over.
    pub(crate) async fn end_old(&self) {
        let now = Instant::now();
        let old: Vec<Kept> = {
            let mut kept = self.kept();
            kept.extract_if(.., |lock| lock.ends_at <= now).collect()
        };
        for lock in old {
            let Ok(mut path) = DavPath::new(&lock.path) else {
                continue;
            };
            if path.set_prefix(PREFIX).is_ok() {
                // It may be gone with its file.
                let _ = self.system.unlock(&path, &lock.token).await;
            }
        }
    }

    /// Every lock gets an end that is not far away; nobody gets too many.
    ///
    /// # Errors
    /// The status for a client that has enough.
    pub(crate) fn admit(&self, person: UserId, headers: &mut HeaderMap) -> Result<(), StatusCode> {
        let wanted = headers.get(&TIMEOUT).and_then(|value| value.to_str().ok());
        let seconds = wanted
            .and_then(|text| text.strip_prefix("Second-"))
            .and_then(|text| text.parse().ok())
            .map_or(LONGEST.as_secs(), |seconds: u64| {
                seconds.clamp(1, LONGEST.as_secs())
            });
        if let Ok(timeout) = HeaderValue::from_str(&format!("Second-{seconds}")) {
            headers.insert(TIMEOUT, timeout);
        }
        let kept = self.kept();
        let own = kept.iter().filter(|lock| lock.person == person).count();
        if kept.len() >= MOST || own >= MOST_OF_ONE {
            return Err(StatusCode::INSUFFICIENT_STORAGE);
        }
        Ok(())
    }

    /// A lock was made, or those that `asked` names were refreshed.
    pub(crate) fn made(&self, person: UserId, path: &str, asked: &HeaderMap, answered: &HeaderMap) {
        let ends_at = Instant::now() + LONGEST;
        let mut kept = self.kept();
        if let Some(token) = token(answered) {
            kept.push(Kept {
                path: path.to_owned(),
                token,
                person,
                ends_at,
            });
            return;
        }
        let conditions = asked.get("if").and_then(|value| value.to_str().ok());
        let conditions = conditions.unwrap_or_default();
        for lock in kept.iter_mut() {
            if conditions.contains(&lock.token) {
                lock.ends_at = ends_at;
            }
        }
    }

    /// The lock that `asked` names was ended by its owner.
    pub(crate) fn ended(&self, asked: &HeaderMap) {
        let token = token(asked);
        self.kept()
            .retain(|lock| Some(&lock.token) != token.as_ref());
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(LOCK_TOKEN)?.to_str().ok()?;
    Some(text.trim_matches(['<', '>', ' ']).to_owned())
}
