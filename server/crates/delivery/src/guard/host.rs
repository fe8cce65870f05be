//! Requests are answered only for names that are ours. A page of a stranger can make its own name
//! point to this machine (DNS rebinding), but then `Host` carries that name. Addresses cannot be
//! rebound, and `.local` names are only given out in the home network.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Longest name DNS allows.
const MAX_NAME_BYTES: usize = 253;

/// Names this machine is reached by, besides addresses, `localhost` and `*.local`.
#[derive(Debug)]
pub(crate) struct HostNames(BTreeSet<String>);

/// What a `Host` header is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Ours,
    Foreign,
    Malformed,
}

impl HostNames {
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| canonical(name)).collect())
    }

    fn judge(&self, headers: &HeaderMap) -> Host {
        let mut hosts = headers.get_all(header::HOST).iter();
        match (hosts.next().map(|host| host.to_str()), hosts.next()) {
            (Some(Ok(host)), None) => self.judge_text(host),
            _ => Host::Malformed,
        }
    }

    fn judge_text(&self, text: &str) -> Host {
        let Some(name) = without_port(text) else {
            return Host::Malformed;
        };
        if let Some(address) = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            // Scoped addresses such as `[::1%eth0]` do not belong in a header (RFC 6874).
            return address
                .parse::<Ipv6Addr>()
                .map_or(Host::Malformed, |_| Host::Ours);
        }
        if name.parse::<Ipv4Addr>().is_ok() {
            return Host::Ours;
        }
        if !is_name(name) {
            return Host::Malformed;
        }
        let name = canonical(name);
        let local = name
            .strip_suffix(".local")
            .is_some_and(|label| !label.is_empty());
        if local || name == "localhost" || self.0.contains(&name) {
            Host::Ours
        } else {
            Host::Foreign
        }
    }
}

/// Lower case, without the trailing dot of a full name.
fn canonical(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.strip_suffix('.').unwrap_or(&lower).to_owned()
}

/// The host without `:port`; `None` if what follows the colon is no port.
fn without_port(text: &str) -> Option<&str> {
    let start_of_port = match text.rfind(']') {
        Some(end) => text[end + 1..].strip_prefix(':').map(|_| end + 1),
        None => text.find(':'),
    };
    let Some(colon) = start_of_port else {
        return Some(text);
    };
    let port = &text[colon + 1..];
    let valid = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    valid.then(|| &text[..colon])
}

/// Letters, digits, hyphens, underscores and dots, as names in a network have them.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(allowed)
}

/// Answers requests for names that are not ours; lets the others through.
pub(crate) async fn check(names: Arc<HostNames>, request: Request, next: Next) -> Response {
    // We are no proxy: a target that names a host of its own is not for us.
    if request.uri().authority().is_some() {
        return Problem::bad_request("This server does not fetch other addresses.").into_response();
    }
    match names.judge(request.headers()) {
        Host::Ours => next.run(request).await,
        Host::Malformed => {
            Problem::bad_request("The request does not say which host it is for.").into_response()
        }
        Host::Foreign => Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Homereel does not answer to this name. Use the machine's address, or add the name to \
             `host_names` in the configuration.",
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, HostNames};

    #[test]
    fn addresses_and_names_of_home_are_ours() {
        let names = HostNames::new(&["NAS".into(), "films.example.org".into()]);
        for host in [
            "192.168.1.5",
            "192.168.1.5:8096",
            "[::1]:8096",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:80",
            "localhost.",
            "homereel.local",
            "homereel.local.:8096",
            "nas",
            "Films.Example.Org:443",
        ] {
            assert_eq!(names.judge_text(host), Host::Ours, "{host}");
        }
    }

    #[test]
    fn strangers_names_are_refused() {
        let names = HostNames::new(&["nas".into()]);
        for host in [
            "evil.example",
            "192.168.1.5.evil.example",
            "media.local.evil",
            "127.1",
            "2130706433",
            "0x7f.1",
            "nas.evil.example",
            ".local",
            "local",
        ] {
            assert_eq!(names.judge_text(host), Host::Foreign, "{host}");
        }
    }

    #[test]
    fn nonsense_is_nonsense() {
        let names = HostNames::new(&[]);
        for host in [
            "",
            ":8096",
            "media.local:80@evil",
            "media.local:99999",
            "[::1%eth0]",
            "[::1",
            "[::1]x",
            "a b",
            "localhost/x",
            "evil.example#.local",
        ] {
            assert_eq!(names.judge_text(host), Host::Malformed, "{host}");
        }
    }
}
