//! The accept loop: connections in, answers out, within limits.
//!
//! [`serve`] owns the listener and every connection. It ends when told to: no new connections,
//! held requests and event streams are answered at once, running answers get [`GRACE`] to finish.

use std::net::SocketAddr;
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
use crate::patient_body::PatientBody;
use crate::patient_io::PatientIo;
use crate::policy::Peer;
use crate::router;
use crate::site::Site;

/// Connections open at the same time; further ones wait in the listener's backlog. A browser opens
/// six, so this is some seven hundred players.
const MAX_CONNECTIONS: usize = 4096;
/// A request's head must be complete by then, and an idle connection is closed after it.
const HEAD_DEADLINE: Duration = Duration::from_secs(12);
/// A client that sends nothing of its body for this long is gone.
const READ_PATIENCE: Duration = Duration::from_secs(60);
/// A client that reads nothing for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// A request's head may not be larger; browsers stay far below.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
/// How long running answers may take once the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept, such as when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests on `listener` from `site` until `shutdown` is cancelled; then returns within
/// about three seconds.
///
/// # Errors
/// None today: trouble with single connections is logged and passes. The result is there so that
/// callers handle what a later transport may report.
pub async fn serve(listener: TcpListener, site: Site, shutdown: CancellationToken) -> Result<()> {
    let app = App::new(site, Limits::default(), shutdown.clone());
    let acceptor = Acceptor {
        router: router::service(app),
        room: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        tasks: TaskTracker::new(),
        shutdown,
        give_up: CancellationToken::new(),
    };
    acceptor.run(listener).await;
    Ok(())
}

/// Everything a new connection needs.
struct Acceptor {
    router: Router,
    room: Arc<Semaphore>,
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
        if tokio::time::timeout(GRACE, self.tasks.wait())
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
        // Small answers should not wait for more (Nagle); failure costs only latency.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let (shutdown, give_up) = (self.shutdown.clone(), self.give_up.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = converse(stream, peer, router, shutdown) => {}
                () = give_up.cancelled() => {}
            }
            drop(permit);
        });
    }
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.map(|body| Body::new(PatientBody::new(body, READ_PATIENCE)))
    });
    let io = TokioIo::new(PatientIo::new(stream, WRITE_PATIENCE));
    let builder = builder();
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

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    builder
}
