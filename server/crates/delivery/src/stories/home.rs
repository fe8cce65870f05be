//! A small household to tell stories about.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use catalog::Catalog;
use catalog::admission::{Admission, Candidate};
use http_body_util::BodyExt;
use model::clock::{SimulatedClock, WallTime};
use model::id::{JobId, TitleId};
use model::plan::Plan;
use model::segment::{ObjectKey, Piece, StoredPiece};
use model::settings::Place;
use model::title::{FileStamp, Identity, Source};
use model::upload::Details;
use serde_json::Value;
use storage::memory::MemoryStorage;
use storage::places::Places;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::{App, Limits};
use crate::doors::Doors;
use crate::folders::WatchRules;
use crate::health::HealthFacts;
use crate::manifest::samples::film;
use crate::origin::Network;
use crate::original::stamp_of;
use crate::passwords::{Cost, Passwords};
use crate::policy::Peer;
use crate::router;
use crate::setup_token::SetupToken;
use crate::site::Site;

/// Who works on jobs in these stories.
pub(crate) const WORKER: &str = "worker";
/// 2025-11-23T19:40:00Z
const NOW: WallTime = WallTime(1_763_926_800_000);

/// What programs of the machine show.
pub(crate) const KEY: &str = "the key in the data folder";

/// A household: catalog, store, service.
pub(crate) struct Home {
    pub(crate) app: App,
    pub(crate) service: Router,
    clock: Arc<SimulatedClock>,
    folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Limits that let stories end quickly.
pub(crate) fn brisk() -> Limits {
    Limits {
        held_requests: 3,
        held_of_one: 2,
        hold_deadline: Duration::from_secs(30),
        listeners: 2,
        listeners_of_one: 3,
        gather: Duration::from_millis(5),
        ..Limits::default()
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::with(brisk())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SimulatedClock::at(NOW));
        let catalog = Catalog::open(&folder.path().join("homereel.db"), clock.clone()).unwrap();
        let site = Site {
            doors: Doors::default(),
            places: Places::of(Arc::new(MemoryStorage::new()), None),
            facts: HealthFacts::default(),
            host_names: vec!["nas".into()],
            folders: WatchRules {
                catalog: catalog.clone(),
                configured: Vec::new(),
                data_dir: folder.path().to_owned(),
            },
            originals: folder.path().join("originals"),
            catalog,
            descriptors: 65_536,
            trusted_proxies: vec![Network::parse("10.9.9.9").unwrap()],
            clock: clock.clone(),
            key: KEY.into(),
            setup: Some(SetupToken::new().unwrap()),
        };
        let mut app = App::new(site, limits, CancellationToken::new());
        app.passwords = Passwords::new(Cost::BRISK);
        let service = router::service(app.clone());
        Self {
            app,
            service,
            clock,
            folder,
        }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.app.site.catalog
    }

    /// A file named `name` arrived and was accepted.
    pub(crate) async fn admit(&self, name: &str) -> TitleId {
        self.admit_with(name, Details::default()).await
    }

    /// The same, with what its sender says of it.
    pub(crate) async fn admit_with(&self, name: &str, details: Details) -> TitleId {
        self.clock.advance(Duration::from_secs(1));
        let candidate = Candidate {
            name: name.to_owned(),
            details,
            source: Source {
                path: format!("/films/{}.mp4", name.len()).into(),
                identity: Identity {
                    size_bytes: 1_000_000,
                    sample_hash: TitleId::generate().to_string(),
                },
                stamp: FileStamp {
                    device: 1,
                    inode: 1,
                    size_bytes: 1_000_000,
                    modified_ns: 0,
                },
            },
        };
        match self.catalog().admit(candidate).await.unwrap() {
            Admission::New(title) => title,
            other => panic!("a new file became {other:?}"),
        }
    }

    /// Somebody begins to work on the title and draws its plan.
    pub(crate) async fn plan(&self, title: TitleId) -> JobId {
        self.plan_as(title, &film()).await
    }

    pub(crate) async fn plan_as(&self, title: TitleId, plan: &Plan) -> JobId {
        let lease = Duration::from_secs(3_600);
        let jobs = self.catalog().claim(WORKER, lease, 10).await.unwrap();
        let job = jobs
            .iter()
            .find(|job| job.title == title)
            .expect("the job is queued")
            .id;
        let mut inits = Vec::new();
        for stream in 0..plan.stream_count() {
            inits.push(self.store(title, Piece::Init { stream }, b"init").await);
        }
        self.catalog()
            .save_plan(job, WORKER, plan, inits)
            .await
            .unwrap();
        job
    }

    /// A new title with the plan of a film.
    pub(crate) async fn planned_film(&self, name: &str) -> (TitleId, JobId) {
        let title = self.admit(name).await;
        let job = self.plan(title).await;
        (title, job)
    }

    /// Segment `number` of `stream` was encoded and stored.
    pub(crate) async fn land(&self, title: TitleId, job: JobId, stream: u32, number: u32) {
        let bytes = format!("segment {number} of stream {stream}");
        let piece = Piece::Media { stream, number };
        let stored = self.store(title, piece, bytes.as_bytes()).await;
        self.catalog()
            .add_pieces(job, WORKER, vec![stored])
            .await
            .unwrap();
    }

    /// A picture was made and stored.
    pub(crate) async fn land_piece(&self, title: TitleId, job: JobId, piece: Piece) {
        let stored = self.store(title, piece, b"a picture").await;
        let added = self.catalog().add_pieces(job, WORKER, vec![stored]);
        added.await.unwrap();
    }

    /// Every segment of the film landed, and the job is done.
    pub(crate) async fn finish(&self, title: TitleId, job: JobId) {
        for stream in 0..4 {
            for number in 1..=4 {
                self.land(title, job, stream, number).await;
            }
        }
        self.catalog().job_done(job, WORKER).await.unwrap();
    }

    async fn store(&self, title: TitleId, piece: Piece, bytes: &[u8]) -> StoredPiece {
        let key = ObjectKey::of_piece(title, self.generation(title).await, piece);
        let file = self.folder.path().join("outgoing");
        tokio::fs::write(&file, bytes).await.unwrap();
        let storage = self.app.site.places.at(Place::Local).unwrap();
        let object = storage.put_file(&key, &file).await.unwrap();
        StoredPiece {
            piece,
            place: Place::Local,
            key,
            size_bytes: object.size_bytes,
            sha256: object.sha256,
        }
    }

    async fn generation(&self, title: TitleId) -> u32 {
        self.catalog()
            .title(title)
            .await
            .unwrap()
            .unwrap()
            .generation
    }

    /// Somebody in the living room asks for `path`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, "192.168.1.7:5000", headers)
            .await
    }

    /// The same with a body of JSON, from the living room.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        let service = self.service.clone();
        send(
            service,
            method,
            path,
            "192.168.1.7:5000",
            &headers,
            body.to_string().into(),
        )
        .await
    }

    /// The same from `peer`, with any body.
    pub(crate) async fn send_from(
        &self,
        peer: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let service = self.service.clone();
        send(service, method, path, peer, headers, body.into()).await
    }

    /// A film that lies on the disk, with a plan; nobody looks into it.
    pub(crate) async fn film_on_disk(&self, name: &str, bytes: &[u8], details: Details) -> TitleId {
        let path = self.folder.path().canonicalize().unwrap().join(name);
        tokio::fs::write(&path, bytes).await.unwrap();
        let stamp = stamp_of(&std::fs::metadata(&path).unwrap());
        let title = self.admit_with(name, details).await;
        let identity = self.catalog().title(title).await.unwrap().unwrap();
        let source = Source {
            path,
            identity: identity.source.identity,
            stamp,
        };
        self.catalog().source_moved(title, source).await.unwrap();
        title
    }

    /// Time goes by, for sign-ins and invitations.
    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// `method path` from `peer`; the host is ours unless `headers` say otherwise.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        peer: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        ask(self.service.clone(), method, path, peer, headers).await
    }
}

/// Sends one request without a body through `service` and reads the answer.
pub(crate) async fn ask(
    service: Router,
    method: Method,
    path: &str,
    peer: &str,
    headers: &[(&str, &str)],
) -> Answer {
    send(service, method, path, peer, headers, Body::empty()).await
}

/// Sends one request through `service` and reads the answer.
pub(crate) async fn send(
    service: Router,
    method: Method,
    path: &str,
    peer: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Answer {
    let peer: SocketAddr = peer.parse().unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .extension(Peer(peer));
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "192.168.1.2:8096");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = service.oneshot(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}
