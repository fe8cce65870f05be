//! A server's life: every part in its order, and back.
//!
//! Start: lock, port, catalog, store, jobs, ingest, sources, delivery; what fails leaves nothing
//! running. Stop: sources, ingest, then jobs and delivery side by side, the catalog, the endpoint
//! file, the lock. What does not belong here: signals, printing, what the parts do.

use catalog::Catalog;
use delivery::folders::WatchRules;
use delivery::health::HealthFacts;
use delivery::secret::Secret;
use delivery::server::serve;
use delivery::setup_token::SetupToken;
use delivery::site::Site;
use ingest::{Ingest, IngestPolicy};
use jobs::start::{Jobs, JobsHandle};
use media::spawn::ProcessLauncher;
use model::clock::SystemClock;
use model::error::{Context, ErrorKind, Result};
use model::settings::{Place, Settings};
use sources::spool::{Spool, SpoolPolicy};
use sources::watch::{Watch, WatchHandle, WatchPolicy};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::bucket::claims::Claims;
use storage::local::LocalStorage;
use storage::places::Places;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::addresses;
use crate::ballast::Ballast;
use crate::buckets;
use crate::claim;
use crate::config::Config;
use crate::data_dir::{DataDir, Paths};
use crate::desk::Desk;
use crate::discovery::{self, Discovery};
use crate::doors::OpenDoors;
use crate::endpoint::Endpoint;
use crate::first_start;
use crate::folders::Folders;
use crate::janitor::{self, Janitor};
use crate::originals::Originals;
use crate::vitals::{self, Vitals};
use crate::wiring;

/// Everything stops within this time; what does not is broken off, which costs no more than a
/// crash does.
const STOP_DEADLINE: Duration = Duration::from_millis(4_500);

/// Brings servers to life.
#[derive(Debug)]
pub struct Server;

/// A living server. Dropping it breaks everything off; [`Running::shutdown`] stops in good order.
#[derive(Debug)]
pub struct Running {
    endpoint: Endpoint,
    setup: Option<SetupToken>,
    data_dir: DataDir,
    catalog: Catalog,
    folders: WatchRules,
    facts: HealthFacts,
    parts: Parts,
}

/// What has to be stopped.
#[derive(Debug)]
struct Parts {
    spool: Spool,
    doors: OpenDoors,
    ingest: Ingest,
    jobs: JobsHandle,
    vitals: JoinHandle<WatchHandle>,
    discovery: JoinHandle<()>,
    folders: JoinHandle<()>,
    buckets: JoinHandle<()>,
    janitor: JoinHandle<()>,
    stop_vitals: CancellationToken,
    delivery: JoinHandle<Result<()>>,
    stop_delivery: CancellationToken,
}

/// What the parts are made of.
struct Ground {
    catalog: Catalog,
    places: Places,
    launcher: Arc<ProcessLauncher>,
}

/// What people and programs show to prove where they sit.
struct Proofs {
    key: String,
    setup: Option<SetupToken>,
}

impl Server {
    /// Starts a server and returns once it answers. Must be called within a runtime.
    ///
    /// # Errors
    /// With a sentence for the owner: another server has the folder, the port is taken, the
    /// catalog is damaged or too new.
    pub async fn start(config: Config) -> Result<Running> {
        let data_dir = open_data_dir(&config).await?;
        // Before the catalog: a port in use should be told without touching anything.
        let listener = wiring::listen(config.listen).await?;
        let ground = lay_ground(&config, data_dir.paths()).await?;
        let setup = claim::offer(&ground.catalog, data_dir.paths().setup_token()).await?;
        let endpoint = announce(&listener, data_dir.paths()).await?;
        let catalog = ground.catalog.clone();
        let proofs = Proofs {
            key: endpoint.key.clone(),
            setup: setup.clone(),
        };
        let facts = facts(&config, endpoint.address);
        let site = site(&config, data_dir.paths(), &ground, facts.clone(), proofs);
        let folders = site.folders.clone();
        match start_parts(&config, data_dir.paths(), ground, site, listener).await {
            Ok(parts) => Ok(Running {
                facts,
                folders,
                endpoint,
                setup,
                data_dir,
                catalog,
                parts,
            }),
            Err(error) => {
                Endpoint::remove(data_dir.paths().root());
                catalog.close().await;
                Err(error)
            }
        }
    }
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.endpoint.address
    }

    /// What a browser on this machine opens.
    pub fn url(&self) -> &str {
        &self.endpoint.url
    }

    /// What other screens of the house open, best first; none if only this machine reaches it. The
    /// name in the home network comes a moment after the start.
    pub fn urls(&self) -> Vec<String> {
        self.facts.urls()
    }

    /// What somebody on this machine opens to become the owner, as long as nobody is.
    pub fn setup_url(&self) -> Option<String> {
        let token = self.setup.as_ref()?;
        Some(format!("{}{}", self.url(), token.link()))
    }

    /// What the process around it may ask of it.
    pub fn desk(&self) -> Desk {
        Desk::new(self.folders.clone())
    }

    /// Stops everything in good order and returns within five seconds.
    pub async fn shutdown(self) {
        let root = self.data_dir.paths().root().to_owned();
        if tokio::time::timeout(STOP_DEADLINE, stop(self.parts, self.catalog))
            .await
            .is_err()
        {
            tracing::warn!("Not everything stopped in time; the rest is broken off.");
        }
        Endpoint::remove(&root);
        claim::withdraw(&self.data_dir.paths().setup_token());
        // The lock goes last: whoever comes next finds everything at rest.
        drop(self.data_dir);
    }
}

async fn open_data_dir(config: &Config) -> Result<DataDir> {
    let config = config.clone();
    blocking("opening the data folder", move || {
        wiring::make_drop_folder(&config);
        DataDir::open(&config.data_dir)
    })
    .await
}

async fn lay_ground(config: &Config, paths: &Paths) -> Result<Ground> {
    let (here, marked) = (paths.clone(), paths.buckets());
    let (catalog, storage) = blocking("opening the catalog", move || {
        let catalog = first_start::open_catalog(&here)?;
        let storage = LocalStorage::open(&here.store())?;
        let leftovers = storage.remove_leftovers()?;
        if leftovers > 0 {
            tracing::info!(leftovers, "What a crash left half stored was removed.");
        }
        Ok((catalog, storage))
    })
    .await?;
    keep_first_settings(config, &catalog).await?;
    let places = Places::new(Arc::new(storage), claims(&catalog, marked).await?);
    buckets::adopt(&catalog, &places).await;
    Ok(Ground {
        catalog,
        places,
        launcher: Arc::new(wiring::launcher(config)?),
    })
}

/// Whose the buckets must be. A catalog of before it had a name takes the one on its buckets.
async fn claims(catalog: &Catalog, marked: PathBuf) -> Result<Claims> {
    let file = marked.clone();
    let found = blocking("reading the marks", move || Claims::library_in(&file)).await?;
    let proposal = found.unwrap_or_else(Claims::new_library);
    let library = catalog.keep_mark(proposal).await?;
    blocking("opening the marks", move || Claims::open(&marked, library)).await
}

/// What the configuration says of speed and bucket holds for a new library, until somebody decides
/// otherwise on the settings page.
async fn keep_first_settings(config: &Config, catalog: &Catalog) -> Result<()> {
    let place = match config.bucket {
        Some(_) => Place::Bucket,
        None => Place::Local,
    };
    let settings = Settings {
        speed: config.speed,
        place,
        bucket: config.bucket.clone(),
        ..catalog.settings().await?
    };
    catalog.save_first_settings(settings).await?;
    Ok(())
}

async fn start_parts(
    config: &Config,
    paths: &Paths,
    ground: Ground,
    site: Site,
    listener: TcpListener,
) -> Result<Parts> {
    let jobs = start_jobs(config, paths, &ground).await?;
    let ingest = Ingest::start(ground.catalog.clone(), ingest_policy(config)).await?;
    let watch = Watch::start(config.watch.clone(), &ingest.handle(), watch_policy(config))?;
    let doors = OpenDoors::open(config, paths, &ingest.handle()).await?;
    let facts = site.facts.clone();
    if let Some(sentence) = first_start::spared_sentence(paths) {
        facts.degraded("store", sentence);
    }
    let listen = local_address(&listener)?;
    let (stop_vitals, stop_delivery) = (CancellationToken::new(), CancellationToken::new());
    let site = Site {
        doors: doors.doors(),
        ..site
    };
    let ballast = Ballast::at(paths.ballast());
    let janitor = Janitor {
        catalog: ground.catalog.clone(),
        originals: Originals {
            folder: paths.originals(),
            catalog: ground.catalog.clone(),
            uploads: doors.uploads.clone(),
            ingest: ingest.handle(),
        },
        ballast: ballast.clone(),
    };
    let discovery = Discovery {
        catalog: ground.catalog.clone(),
        listen,
        facts: facts.clone(),
    };
    let folders = Folders {
        catalog: ground.catalog.clone(),
        configured: config.watch.clone(),
        data_dir: paths.root().to_owned(),
        watch: watch.clone(),
        webdav: doors.webdav.clone(),
    };
    let buckets = buckets::follow(ground.catalog, ground.places, stop_vitals.clone());
    let buckets = tokio::spawn(buckets);
    let vitals = Vitals {
        facts,
        watch,
        launcher: ground.launcher,
        hardware: config.hardware.clone(),
        data_dir: paths.root().to_owned(),
        ballast,
        reserve_bytes: config.reserve_bytes,
        listen,
    };
    Ok(Parts {
        spool: Spool::start(paths.spool(), ingest.handle(), SpoolPolicy::default()),
        doors,
        ingest,
        jobs,
        janitor: tokio::spawn(janitor::follow(janitor, stop_vitals.clone())),
        discovery: tokio::spawn(discovery::follow(discovery, stop_vitals.clone())),
        folders: tokio::spawn(folders.follow(stop_vitals.clone())),
        vitals: tokio::spawn(vitals::follow(vitals, stop_vitals.clone())),
        buckets,
        stop_vitals,
        delivery: tokio::spawn(serve(listener, site, stop_delivery.clone())),
        stop_delivery,
    })
}

/// What is known from the start; the rest is found out while it runs.
fn facts(config: &Config, listen: SocketAddr) -> HealthFacts {
    let facts = HealthFacts::default();
    facts.set_public_url(config.public_url.clone());
    facts.set_addresses(addresses::in_network(listen));
    facts
}

fn site(
    config: &Config,
    paths: &Paths,
    ground: &Ground,
    facts: HealthFacts,
    proofs: Proofs,
) -> Site {
    Site {
        folders: WatchRules {
            catalog: ground.catalog.clone(),
            configured: config.watch.clone(),
            data_dir: paths.root().to_owned(),
        },
        catalog: ground.catalog.clone(),
        places: ground.places.clone(),
        facts,
        doors: delivery::doors::Doors::default(),
        host_names: wiring::host_names(config),
        originals: paths.originals(),
        descriptors: wiring::descriptors(),
        trusted_proxies: config.trusted_proxies.clone(),
        clock: Arc::new(SystemClock),
        key: proofs.key,
        setup: proofs.setup,
    }
}

async fn start_jobs(config: &Config, paths: &Paths, ground: &Ground) -> Result<JobsHandle> {
    let jobs = Jobs {
        catalog: ground.catalog.clone(),
        places: ground.places.clone(),
        launcher: ground.launcher.clone(),
        scratch_root: paths.scratch(),
        shelf_root: paths.shelf(),
        spare_orphans: first_start::spares_orphans(paths),
        clock: Arc::new(SystemClock),
        policy: wiring::jobs_policy(config),
    };
    jobs.start().await
}

fn ingest_policy(config: &Config) -> IngestPolicy {
    IngestPolicy {
        settle: config.settle,
        patience: config.patience,
    }
}

fn watch_policy(config: &Config) -> WatchPolicy {
    WatchPolicy {
        scan_interval: config.scan_interval,
        ..WatchPolicy::default()
    }
}

async fn announce(listener: &TcpListener, paths: &Paths) -> Result<Endpoint> {
    let address = local_address(listener)?;
    let endpoint = Endpoint::of_this_process(address, &Secret::long("")?);
    let (written, root) = (endpoint.clone(), paths.root().to_owned());
    blocking("writing the endpoint", move || written.write(&root)).await?;
    Ok(endpoint)
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr> {
    listener
        .local_addr()
        .context(ErrorKind::Internal, "asking for the port that we got")
}

async fn stop(parts: Parts, catalog: Catalog) {
    parts.stop_vitals.cancel();
    // Goodbye first, so that nobody is sent to a server that is about to go.
    if let Err(error) = parts.discovery.await {
        tracing::warn!(%error, "Announcing the server ended badly.");
    }
    if let Err(error) = parts.janitor.await {
        tracing::warn!(%error, "Purging deleted titles ended badly.");
    }
    if let Err(error) = parts.folders.await {
        tracing::warn!(%error, "Following the folders ended badly.");
    }
    if let Ok(watch) = parts.vitals.await {
        watch.shutdown().await;
    }
    // It ends at its next breath; how does not matter.
    let _ = parts.buckets.await;
    parts.spool.shutdown().await;
    parts.doors.shutdown().await;
    parts.ingest.shutdown().await;
    parts.stop_delivery.cancel();
    let (_, delivered) = tokio::join!(parts.jobs.shutdown(), parts.delivery);
    if let Ok(Err(error)) = delivered {
        tracing::warn!(%error, "Answering requests ended badly.");
    }
    catalog.close().await;
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context(ErrorKind::Internal, doing)?
}
