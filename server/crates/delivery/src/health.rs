//! Facts about the parts around delivery, for `/healthz` and the library page: which folders are
//! watched, and what does not work at the moment. Whoever knows a fact sets it; nothing here asks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::extract::State;
use catalog::library::TitleQuery;
use catalog::viewer::Viewer;
use model::hardware::Hardware;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Standing;
use crate::problem::Problem;

/// A folder that is being watched, as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchedFolder {
    /// Where it is.
    #[serde(serialize_with = "lossy")]
    #[schema(value_type = String)]
    pub path: PathBuf,
    /// It is there and readable.
    pub online: bool,
    /// If not, why, in a sentence.
    pub reason: Option<String>,
}

/// Something that does not work at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Trouble {
    /// Which part has it, in one word.
    pub(crate) part: &'static str,
    /// A sentence for the owner.
    pub(crate) reason: String,
}

/// What the graphics hardware was found to be good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Hardware)]
pub(crate) struct HardwareView {
    /// The encoder that would be used, by libav's name; null if none works.
    encoder: Option<String>,
    /// What was found, in a line.
    sentence: String,
}

/// A handle on the facts; clones share them.
#[derive(Clone, Debug, Default)]
pub struct HealthFacts(Arc<RwLock<Facts>>);

#[derive(Clone, Debug, Default)]
struct Facts {
    folders: Vec<WatchedFolder>,
    troubles: BTreeMap<&'static str, String>,
    free_bytes: Option<u64>,
    /// The name under which the home network finds us, such as `homereel.local`.
    host_name: Option<String>,
    /// Where other machines reach us, best first.
    addresses: Vec<SocketAddr>,
    /// Where the owner says that people find us.
    public_url: Option<String>,
    /// What the graphics hardware can encode; `None` until it was tried.
    hardware: Option<Hardware>,
}

impl HealthFacts {
    /// Replaces what is known of the watched folders.
    pub fn set_folders(&self, folders: Vec<WatchedFolder>) {
        self.write(|facts| facts.folders = folders);
    }

    /// The name under which the home network finds us, `None` if it is not announced.
    pub fn set_host_name(&self, name: Option<String>) {
        self.write(|facts| facts.host_name = name);
    }

    /// Where other machines reach us, best first; empty if only this machine does.
    pub fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        self.write(|facts| facts.addresses = addresses);
    }

    /// Where the owner says that people find us, whatever this machine knows of its network.
    pub fn set_public_url(&self, url: Option<String>) {
        self.write(|facts| facts.public_url = url);
    }

    /// What the graphics hardware can encode. That there is none is no trouble.
    pub fn set_hardware(&self, hardware: Hardware) {
        self.write(|facts| facts.hardware = Some(hardware));
    }

    pub(crate) fn hardware(&self) -> Option<HardwareView> {
        self.read(|facts| facts.hardware.as_ref().map(HardwareView::of))
    }

    /// What people in the house type or scan, best first: what the owner says, the name, then the
    /// addresses.
    pub fn urls(&self) -> Vec<String> {
        self.read(|facts| {
            let port = facts.addresses.first().map(SocketAddr::port);
            let by_name = facts.host_name.iter().zip(port);
            let said = facts.public_url.iter().cloned();
            said.chain(by_name.map(|(name, port)| format!("http://{name}:{port}")))
                .chain(
                    facts
                        .addresses
                        .iter()
                        .map(|address| format!("http://{address}")),
                )
                .collect()
        })
    }

    /// `part` (one word, such as `worker` or `disk`) does not work; `reason` is a sentence for the
    /// owner and is shown on the library page.
    pub fn degraded(&self, part: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        self.write(|facts| {
            facts.troubles.insert(part, reason);
        });
    }

    /// `part` works again.
    pub fn recovered(&self, part: &'static str) {
        self.write(|facts| {
            facts.troubles.remove(part);
        });
    }

    /// So much space is free where the data folder is.
    pub fn set_free_bytes(&self, bytes: u64) {
        self.write(|facts| facts.free_bytes = Some(bytes));
    }

    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.read(|facts| facts.free_bytes)
    }

    pub(crate) fn folders(&self) -> Vec<WatchedFolder> {
        self.read(|facts| facts.folders.clone())
    }

    /// What does not work, folders that are away included.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.read(|facts| {
            let away = facts.folders.iter().filter(|folder| !folder.online);
            let parts = facts.troubles.iter();
            parts
                .map(|(part, reason)| Trouble {
                    part,
                    reason: reason.clone(),
                })
                .chain(away.map(away_trouble))
                .collect()
        })
    }

    fn write(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn read<T>(&self, look: impl FnOnce(&Facts) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HardwareView {
    fn of(hardware: &Hardware) -> Self {
        Self {
            encoder: hardware.encoder().map(str::to_owned),
            sentence: hardware.sentence(),
        }
    }
}

fn away_trouble(folder: &WatchedFolder) -> Trouble {
    let path = folder.path.display();
    let why = folder.reason.as_deref().unwrap_or("it is not there");
    let why = why.trim_end_matches('.');
    Trouble {
        part: "folder",
        reason: format!("The folder {path} is away: {why}. Films that are ready keep playing."),
    }
}

fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The body of `GET /healthz`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `degraded` when something does not work. The server answers either way.
    status: &'static str,
    version: &'static str,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What is nobody's business but of those who look after the house.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthDetails)]
struct Details {
    /// How many titles there are; absent if the catalog did not answer.
    titles: Option<u64>,
    folders: Vec<WatchedFolder>,
    problems: Vec<Trouble>,
    /// What the graphics hardware was found to be good for; null until it was tried.
    hardware: Option<HardwareView>,
}

/// `GET /healthz`: one counted row and facts in memory, cheap enough to be asked every second.
/// Folders and troubles are for admins, and for everyone until the house is set up.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    operation_id = "health",
    summary = "Whether everything works",
    responses((status = 200, description = "It answers; `status` says how it is.", body = Health))
)]
pub(crate) async fn show(
    State(app): State<App>,
    standing: Result<Standing, Problem>,
) -> Json<Health> {
    let mut problems = app.site.facts.troubles();
    let titles = match app.site.catalog.titles(one_title()).await {
        Ok(page) => Some(page.total),
        Err(error) => {
            tracing::error!(%error, "the catalog did not answer the health check");
            problems.push(Trouble {
                part: "catalog",
                reason: "The catalog does not answer.".into(),
            });
            None
        }
    };
    Json(Health {
        status: if problems.is_empty() {
            "ok"
        } else {
            "degraded"
        },
        version: env!("CARGO_PKG_VERSION"),
        details: standing
            .is_ok_and(|who| who.looks_after_the_house())
            .then(|| Details {
                titles,
                folders: app.site.facts.folders(),
                problems,
                hardware: app.site.facts.hardware(),
            }),
    })
}

fn one_title() -> TitleQuery {
    TitleQuery {
        who: Viewer::EVERYTHING,
        page: 1,
        per_page: 1,
        ..TitleQuery::default()
    }
}

#[cfg(test)]
mod tests {
    use super::HealthFacts;

    #[test]
    fn what_the_owner_says_stands_before_what_the_machine_knows() {
        let facts = HealthFacts::default();
        facts.set_addresses(vec!["172.17.0.2:8096".parse().unwrap()]);
        facts.set_host_name(Some("homereel.local".into()));
        let known = ["http://homereel.local:8096", "http://172.17.0.2:8096"];
        assert_eq!(facts.urls(), known);
        facts.set_public_url(Some("https://films.example.org".into()));
        assert_eq!(facts.urls()[0], "https://films.example.org");
        assert_eq!(facts.urls()[1..], known);
    }
}
