//! `endpoint.json` in the data folder: where the running server is reached. Written when it
//! listens, removed when it stops; whoever finds it without a running server ignores it.

use delivery::secret::Secret;
use model::error::{Error, ErrorKind, Result, kind_of_io};
use serde::{Deserialize, Serialize};
use sources::durable::replace;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Its name in the data folder.
pub const FILE_NAME: &str = "endpoint.json";
/// It is one short line.
const MAX_BYTES: u64 = 4096;

/// Where a server is reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// For a browser on this machine, without a slash at its end.
    pub url: String,
    /// Address and port as bound.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// What programs show to prove that they can read this file.
    pub key: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The endpoint of this process, which listens on `address` and knows `key`.
    pub fn of_this_process(address: SocketAddr, key: &Secret) -> Self {
        Self {
            url: format!("http://{}", reachable(address)),
            address,
            pid: std::process::id(),
            key: key.reveal().to_owned(),
        }
    }

    /// Writes it whole, for us alone. Blocks.
    ///
    /// # Errors
    /// As the file system has it.
    pub fn write(&self, data_dir: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|error| {
            Error::caused_by(ErrorKind::Internal, "writing the endpoint", error)
        })?;
        replace(&data_dir.join(FILE_NAME), &text).map_err(|error| {
            let message = format!("writing {}", data_dir.join(FILE_NAME).display());
            Error::caused_by(kind_of_io(&error), message, error)
        })
    }

    /// What lies in the data folder, if it can be read. Blocks.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let path = data_dir.join(FILE_NAME);
        let metadata = fs::metadata(&path).ok()?;
        if metadata.len() > MAX_BYTES {
            return None;
        }
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Removes it. Blocks.
    pub fn remove(data_dir: &Path) {
        // A file that stays behind is harmless: the lock says whether a server runs.
        let _ = fs::remove_file(data_dir.join(FILE_NAME));
    }
}

/// An address that a browser can open: "all addresses" is not one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use delivery::secret::Secret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_endpoint_can_be_opened_in_a_browser_and_is_read_back() {
        let cases = [
            ("0.0.0.0:8096", "http://127.0.0.1:8096"),
            ("192.168.1.5:80", "http://192.168.1.5:80"),
            ("[::]:8096", "http://[::1]:8096"),
        ];
        for (address, url) in cases {
            let folder = tempfile::tempdir().unwrap();
            let key = Secret::long("").unwrap();
            let endpoint = Endpoint::of_this_process(address.parse().unwrap(), &key);
            assert_eq!(endpoint.url, url);
            endpoint.write(folder.path()).unwrap();
            let file = std::fs::metadata(folder.path().join("endpoint.json")).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "it holds a key");
            assert!(
                !format!("{endpoint:?}").contains(key.reveal()),
                "never logged"
            );
            assert_eq!(Endpoint::read(folder.path()), Some(endpoint));
            Endpoint::remove(folder.path());
            assert_eq!(Endpoint::read(folder.path()), None);
        }
    }

    #[test]
    fn rubbish_in_its_place_is_no_endpoint() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", "{\"url\":1}", &"x".repeat(10_000)] {
            std::fs::write(folder.path().join("endpoint.json"), text).unwrap();
            assert_eq!(Endpoint::read(folder.path()), None);
        }
    }
}
