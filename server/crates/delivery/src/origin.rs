//! Where a request comes from: whose household it is and whether it travelled encrypted, as the
//! socket knows it or as a proxy says that the owner trusts. What does not belong here: what
//! follows from it (`throttle`, `room`, `cookie`), and who sits at the machine itself (`policy`).

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::app::App;
use crate::policy::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Proxies in a row that are listened to.
const MOST_HOPS: usize = 16;

/// Addresses that begin alike, such as those of a network with proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits they share.
    bits: u8,
}

/// A household: an address, or the /64 that one has of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// From whom.
    pub(crate) origin: Origin,
    /// Nobody between the client and the nearest proxy could read it.
    pub(crate) encrypted: bool,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let (ours, theirs) = (ours.to_bits().into(), theirs.to_bits().into());
                begin_alike(ours, theirs, 32 - self.bits)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                begin_alike(ours.to_bits(), theirs.to_bits(), 128 - self.bits)
            }
            _ => false,
        }
    }
}

/// Whether two addresses are the same but for their last bits.
fn begin_alike(first: u128, second: u128, last_bits: u8) -> bool {
    let shared = |bits: u128| bits.checked_shr(last_bits.into()).unwrap_or(0);
    shared(first) == shared(second)
}

/// Whether the owner trusts what `address` says of others.
pub(crate) fn is_trusted(trusted: &[Network], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

impl Origin {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(ip) => {
                let network = ip.to_bits() >> 64 << 64;
                Self(IpAddr::V6(network.into()))
            }
            ip => Self(ip),
        }
    }
}

impl Way {
    /// What the socket says, and the headers of proxies as far as they are trusted.
    pub(crate) fn of(peer: Option<Peer>, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let peer = peer.map_or(unknown, |Peer(address)| address.ip());
        if !is_trusted(trusted, peer) {
            return Self {
                origin: Origin::of(peer),
                encrypted: false,
            };
        }
        let proto = items_from_the_right(headers, &FORWARDED_PROTO).next();
        Self {
            origin: Origin::of(client_behind(peer, headers, trusted)),
            encrypted: proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
        }
    }
}

/// Each proxy adds on the right whom it heard. What stands left of the first one that is not
/// trusted was written by a stranger.
fn client_behind(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut nearest = peer;
    for item in items_from_the_right(headers, &FORWARDED_FOR).take(MOST_HOPS) {
        let Some(address) = address_in(item) else {
            return nearest;
        };
        nearest = address;
        if !is_trusted(trusted, address) {
            return nearest;
        }
    }
    nearest
}

/// The items of a list in one or several headers, the last one first.
fn items_from_the_right<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    let from_the_right = values.into_iter().rev();
    from_the_right.flat_map(|value| value.rsplit(',').map(str::trim))
}

/// Some proxies write the port, too.
fn address_in(item: &str) -> Option<IpAddr> {
    let bare = item.trim_start_matches('[').trim_end_matches(']');
    let with_port = || item.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

impl FromRequestParts<App> for Way {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().copied();
        Ok(known.unwrap_or_else(|| Self::of(None, &parts.headers, &[])))
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Way::from_request_parts(parts, app).await?.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Origin, Way};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use crate::policy::Peer;

    fn way(peer: &str, sent: &[(&'static str, &str)]) -> Way {
        let trusted = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].map(|it| Network::parse(it).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        Way::of(Some(Peer(peer.parse().unwrap())), &headers, &trusted)
    }

    fn origin(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    #[test]
    fn networks_are_read_and_compared() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("fd00::/8", "fd12::1", true),
            ("::1", "::2", false),
        ] {
            let parsed = Network::parse(network).unwrap();
            let found = parsed.contains(address.parse().unwrap());
            assert_eq!(found, expected, "{address} in {network}");
        }
        for text in ["", "10.0.0.0/33", "::1/129", "10.0.0.0/", "proxy", "10/8"] {
            assert_eq!(Network::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        let list = "x-forwarded-for";
        for (peer, sent, expected) in [
            // A stranger, or a neighbour, claims to be somebody else.
            ("203.0.113.9:1", vec![(list, "198.51.100.1")], "203.0.113.9"),
            ("10.0.0.1:1", vec![], "10.0.0.1"),
            ("10.0.0.1:1", vec![(list, "198.51.100.1")], "198.51.100.1"),
            // What the client wrote itself stands on the left.
            (
                "10.0.0.1:1",
                vec![(list, "1.1.1.1, 198.51.100.1")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1:1",
                vec![(list, "198.51.100.1,10.0.0.2")],
                "198.51.100.1",
            ),
            (
                "127.0.0.1:1",
                vec![(list, "1.1.1.1"), (list, "198.51.100.1")],
                "198.51.100.1",
            ),
            ("10.0.0.1:1", vec![(list, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            ("10.0.0.1:1", vec![(list, "1.1.1.1, nonsense")], "10.0.0.1"),
            (
                "10.0.0.1:1",
                vec![(list, "198.51.100.1:4711")],
                "198.51.100.1",
            ),
            (
                "10.0.0.1:1",
                vec![(list, "[2001:db8::1]:80")],
                "2001:db8::2",
            ),
            ("10.0.0.1:1", vec![(list, "2001:db8::1")], "2001:db8::2"),
            ("[fd00::1]:1", vec![(list, "198.51.100.1")], "198.51.100.1"),
        ] {
            assert_eq!(way(peer, &sent).origin, origin(expected), "{peer} {sent:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_that_the_way_was_encrypted() {
        let proto = "x-forwarded-proto";
        for (peer, sent, expected) in [
            ("10.0.0.1:1", vec![(proto, "https")], true),
            ("10.0.0.1:1", vec![(proto, "HTTPS")], true),
            ("10.0.0.1:1", vec![(proto, "http")], false),
            ("10.0.0.1:1", vec![(proto, "https, http")], false),
            ("10.0.0.1:1", vec![], false),
            ("203.0.113.9:1", vec![(proto, "https")], false),
        ] {
            assert_eq!(way(peer, &sent).encrypted, expected, "{peer} {sent:?}");
        }
    }

    #[test]
    fn a_household_is_one_origin() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
        assert_ne!(origin("10.0.0.1"), origin("10.0.0.2"));
    }
}
