//! `GET /settings`: everything an admin decides. The page shows what holds now; its script saves
//! through the API.

use axum::extract::State;
use axum::response::Response;
use model::settings::{Bucket, Settings};
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;
use crate::health::{HardwareView, WatchedFolder};
use crate::pages::{PageProblem, page};

/// What the page shows.
#[derive(Debug, Serialize)]
struct SettingsPage {
    settings: Settings,
    /// Folders that are watched because the configuration says so.
    configured: Vec<WatchedFolder>,
    /// What the graphics hardware was found to be good for, once it was tried.
    hardware: Option<HardwareView>,
    version: &'static str,
}

/// `GET /settings`
pub(crate) async fn show(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    let own = app.site.catalog.folders().await?;
    let mut configured = app.site.facts.folders();
    configured.retain(|folder| own.iter().all(|own| own.path != folder.path));
    let facts = SettingsPage {
        settings: without_secret(app.site.catalog.settings().await?),
        configured,
        hardware: app.site.facts.hardware(),
        version: env!("CARGO_PKG_VERSION"),
    };
    page(&app, &standing, "settings.html", &facts).await
}

/// The bucket's secret never leaves the server again.
fn without_secret(settings: Settings) -> Settings {
    let hide = |bucket| Bucket {
        secret_key: String::new(),
        ..bucket
    };
    Settings {
        bucket: settings.bucket.map(hide),
        ..settings
    }
}
