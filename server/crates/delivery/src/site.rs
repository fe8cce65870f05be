//! What the composition root hands over.

use std::path::PathBuf;
use std::sync::Arc;

use catalog::Catalog;
use model::clock::Clock;
use storage::places::Places;

use crate::doors::Doors;
use crate::folders::WatchRules;
use crate::health::HealthFacts;
use crate::origin::Network;
use crate::setup_token::SetupToken;

/// Everything delivery serves from.
#[derive(Clone, Debug)]
pub struct Site {
    /// What is known.
    pub catalog: Catalog,
    /// Where finished pieces live.
    pub places: Places,
    /// What pages and `/healthz` say about the parts around us; the root keeps a clone and updates
    /// it.
    pub facts: HealthFacts,
    /// Where bytes come in over HTTP.
    pub doors: Doors,
    /// Names under which this machine is reached, besides addresses, `localhost` and `*.local`:
    /// its host name, and what the owner configured. Requests for other names are refused.
    pub host_names: Vec<String>,
    /// Which folders may be watched.
    pub folders: WatchRules,
    /// Where uploads keep their files, which are ours to delete.
    pub originals: PathBuf,
    /// Proxies that are believed when they say from whom a request comes, and how.
    pub trusted_proxies: Vec<Network>,
    /// How many files and connections this process may have open.
    pub descriptors: u64,
    /// When sign-ins, tokens and invitations end is measured by it.
    pub clock: Arc<dyn Clock>,
    /// What programs of this machine show to prove that they can read the data folder.
    pub key: String,
    /// Makes somebody the owner; absent once somebody is.
    pub setup: Option<SetupToken>,
}
