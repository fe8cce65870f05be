//! Where the house finds this server: its addresses in the home network, as a browser opens them.
//! What does not belong here: announcing them (`discovery`), showing them (`delivery`).

use if_addrs::{IfAddr, Interface, get_if_addrs};
use std::net::{IpAddr, SocketAddr};

/// More than a home machine has; virtual networks of containers can add hundreds.
const MAX_ADDRESSES: usize = 8;

/// Addresses at which other machines reach a server that is bound to `listen`, best first: IPv4
/// before IPv6, because people type them. Empty if it listens to this machine only.
pub(crate) fn in_network(listen: SocketAddr) -> Vec<SocketAddr> {
    if !listen.ip().is_unspecified() {
        let own = (!listen.ip().is_loopback()).then_some(listen);
        return own.into_iter().collect();
    }
    let mut addresses: Vec<IpAddr> = get_if_addrs()
        .unwrap_or_default()
        .iter()
        .filter(|interface| listen.is_ipv6() || interface.ip().is_ipv4())
        .filter(|interface| is_for_neighbours(interface))
        .map(Interface::ip)
        .collect();
    // Stable, so that each look gives the same order.
    addresses.sort();
    addresses.truncate(MAX_ADDRESSES);
    let with_port = |ip| SocketAddr::new(ip, listen.port());
    addresses.into_iter().map(with_port).collect()
}

/// Whether people would type it. Link-local IPv6 needs a scope that browsers do not take.
fn is_for_neighbours(interface: &Interface) -> bool {
    match &interface.addr {
        IfAddr::V4(v4) => !v4.ip.is_loopback() && !v4.ip.is_link_local(),
        IfAddr::V6(v6) => !v6.ip.is_loopback() && !v6.ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_network;

    #[test]
    fn a_server_for_this_machine_has_no_address_in_the_network() {
        assert!(in_network("127.0.0.1:8096".parse().unwrap()).is_empty());
        assert!(in_network("[::1]:8096".parse().unwrap()).is_empty());
    }

    #[test]
    fn a_server_on_one_address_has_that_one() {
        let own = "192.0.2.7:8096".parse().unwrap();
        assert_eq!(in_network(own), [own]);
    }

    #[test]
    fn what_is_found_can_be_opened_from_elsewhere() {
        for address in in_network("0.0.0.0:8096".parse().unwrap()) {
            assert_eq!(address.port(), 8096);
            assert!(
                address.is_ipv4() && !address.ip().is_loopback(),
                "{address}"
            );
        }
    }
}
