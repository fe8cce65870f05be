//! CuteTube's limits for clients, as token buckets for each address.

use std::time::Duration;

use axum::response::Response;
use model::error::Result;
use model::settings::RateProfile;

use crate::allowance::Allowance;
use crate::app::App;
use crate::cutetube::shape::too_many;
use crate::origin::Origin;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    Metadata,
    Upload,
}

impl Door {
    /// CuteTube's values for the open, more than a household needs otherwise.
    fn allowance(self, profile: RateProfile) -> Allowance {
        let (burst, seconds) = match (profile, self) {
            (RateProfile::Public, Self::Metadata) => (3, 20),
            (RateProfile::Public, Self::Upload) => (1, 1_200),
            (RateProfile::Home, Self::Metadata) => (120, 1),
            (RateProfile::Home, Self::Upload) => (60, 5),
        };
        Allowance {
            burst,
            every: Duration::from_secs(seconds),
        }
    }
}

/// Takes one use; the answer to give if there is none left.
pub(crate) async fn take(app: &App, door: Door, origin: Origin) -> Result<Option<Response>> {
    let profile = app.site.catalog.settings().await?.rates;
    let taken = app.clients.take((door, origin), door.allowance(profile));
    Ok(taken.err().map(too_many))
}
