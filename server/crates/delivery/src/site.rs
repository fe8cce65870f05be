//! What the composition root hands over.

use std::sync::Arc;

use catalog::Catalog;
use storage::Storage;

use crate::health::HealthFacts;

/// Everything delivery serves from.
#[derive(Clone, Debug)]
pub struct Site {
    /// What is known.
    pub catalog: Catalog,
    /// Where finished pieces live.
    pub storage: Arc<dyn Storage>,
    /// What pages and `/healthz` say about the parts around us; the root keeps a clone and updates
    /// it.
    pub facts: HealthFacts,
    /// Names under which this machine is reached, besides addresses, `localhost` and `*.local`:
    /// its host name, and what the owner configured. Requests for other names are refused.
    pub host_names: Vec<String>,
}
