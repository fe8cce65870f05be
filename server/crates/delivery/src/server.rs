//! The accept loop: connections in, answers out, within limits.
//!
//! [`serve`] owns the listener and every connection. It ends when told to: no new connections,
//! held requests and event streams are answered at once, running answers get a moment to finish.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use model::error::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::{App, Limits};
use crate::origin::{Network, Origin, is_trusted};
use crate::patient_body::PatientBody;
use crate::patient_io::PatientIo;
use crate::policy::Peer;
use crate::room::{Full, Place, Room};
use crate::router;
use crate::site::Site;
use crate::wire::{Lane, Wire};

/// A client that reads nothing for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// A request's head may not be larger; browsers stay far below.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
/// Pause after a failed accept, such as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests on `listener` from `site` until `shutdown` is cancelled; then returns within
/// about three seconds.
///
/// # Errors
/// None today: trouble with single connections is logged and passes. The result is there so that
/// callers handle what a later transport may report.
pub async fn serve(listener: TcpListener, site: Site, shutdown: CancellationToken) -> Result<()> {
    let limits = Limits::within(site.descriptors);
    run(listener, App::new(site, limits, shutdown)).await;
    Ok(())
}

/// The same within other limits, until `app` is stopping.
pub(crate) async fn run(listener: TcpListener, app: App) {
    acceptor(app).run(listener).await;
}

pub(crate) fn acceptor(app: App) -> Acceptor {
    let limits = app.limits;
    Acceptor {
        limits,
        shutdown: app.stopping.clone(),
        trusted_proxies: app.site.trusted_proxies.clone(),
        router: router::service(app),
        room: Arc::new(Semaphore::new(limits.connections)),
        households: Arc::new(Room::new(limits.connections, limits.connections_of_one)),
        tasks: TaskTracker::new(),
        give_up: CancellationToken::new(),
    }
}

/// Everything a new connection needs.
pub(crate) struct Acceptor {
    router: Router,
    limits: Limits,
    trusted_proxies: Vec<Network>,
    room: Arc<Semaphore>,
    /// Whose connections they are.
    households: Arc<Room<Origin>>,
    tasks: TaskTracker,
    /// Stop taking requests.
    shutdown: CancellationToken,
    /// Drop what is still open.
    give_up: CancellationToken,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                accepted = self.accept(&listener) => {
                    if let Some((stream, peer, permit)) = accepted {
                        self.spawn(stream, peer, permit);
                    }
                }
            }
        }
        // Closing the listener first: whoever tries now is refused at once.
        drop(listener);
        self.tasks.close();
        if tokio::time::timeout(self.limits.grace, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(connections = self.tasks.len(), "some answers were cut off");
            self.give_up.cancel();
        }
    }

    /// The next connection, once there is room for one.
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    fn spawn(&self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        let Ok(place) = self.place(peer.ip()) else {
            tracing::debug!(%peer, "a household has too many connections already");
            return;
        };
        // Small answers should not wait for more (Nagle); failure costs only latency.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let (shutdown, give_up) = (self.shutdown.clone(), self.give_up.clone());
        let limits = self.limits;
        self.tasks.spawn(async move {
            tokio::select! {
                () = converse(stream, peer, router, limits, shutdown) => {}
                () = give_up.cancelled() => {}
            }
            drop((permit, place));
        });
    }

    /// A place among the connections of the household. This machine and proxies speak for many.
    pub(crate) fn place(&self, peer: IpAddr) -> Result<Option<Place<Origin>>, Full> {
        let loopback = peer.to_canonical().is_loopback();
        if loopback || is_trusted(&self.trusted_proxies, peer) {
            return Ok(None);
        }
        self.households.admit(Origin::of(peer)).map(Some)
    }
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let lane = Lane::default();
    let wire = Wire::new(stream, lane.clone());
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(lane.clone());
        request.map(|body| Body::new(PatientBody::new(body, limits.read_patience)))
    });
    let io = TokioIo::new(PatientIo::new(wire, WRITE_PATIENCE));
    let builder = builder(limits.head_deadline);
    let connection = builder.serve_connection(io, TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients come and go; this is worth a line only to somebody who looks for it.
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

fn builder(head_deadline: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_deadline)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
}
