//! Who may use a route. Every route names its policy where it is declared; there is no default.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everyone who can reach the server: watching needs no login.
    Anyone,
    /// People at the machine itself. Until there are accounts this is what the owner is known by.
    OwnerMachine,
}

/// The other end of the connection, as the socket knows it. Headers that claim another address
/// have no effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Headers by which proxies say that they speak for somebody else. A proxy on this machine makes
/// everyone look local, so its requests are never the owner's.
const FORWARDED: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

impl Access {
    /// Lets the request through or answers it.
    pub(crate) async fn check(self, request: Request, next: Next) -> Response {
        let peer = request.extensions().get::<Peer>().copied();
        if self.allows(peer, request.headers()) {
            return next.run(request).await;
        }
        Problem::forbidden(
            "This can only be done on the computer Homereel runs on. Open the page there.",
        )
        .into_response()
    }

    /// Whether a request from `peer` with `headers` may use the route.
    pub(crate) fn allows(self, peer: Option<Peer>, headers: &HeaderMap) -> bool {
        match self {
            Self::Anyone => true,
            Self::OwnerMachine => {
                peer.is_some_and(|Peer(address)| address.ip().to_canonical().is_loopback())
                    && FORWARDED.iter().all(|name| !headers.contains_key(*name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Peer};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn only_the_machine_itself_is_the_owners() {
        let none = HeaderMap::new();
        for (address, expected) in [
            ("127.0.0.1:5000", true),
            ("127.9.9.9:5000", true),
            ("[::1]:5000", true),
            ("[::ffff:127.0.0.1]:5000", true),
            ("192.168.1.2:5000", false),
            ("[fe80::1]:5000", false),
            ("0.0.0.0:5000", false),
        ] {
            let peer = Some(Peer(address.parse().unwrap()));
            assert_eq!(
                Access::OwnerMachine.allows(peer, &none),
                expected,
                "{address}"
            );
            assert!(
                Access::Anyone.allows(peer, &none),
                "anyone may watch from {address}"
            );
        }
        assert!(
            !Access::OwnerMachine.allows(None, &none),
            "an unknown peer is a stranger"
        );
    }

    #[test]
    fn what_a_proxy_forwards_is_not_the_owners() {
        let peer = Some(Peer("127.0.0.1:5000".parse().unwrap()));
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static("127.0.0.1"),
            );
            assert!(
                !Access::OwnerMachine.allows(peer, &headers),
                "{name} was overlooked"
            );
        }
    }
}
