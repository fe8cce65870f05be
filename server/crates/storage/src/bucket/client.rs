//! From what the owner typed to a client: checks the address, the name and the prefix, and says
//! in a sentence what is wrong with them. What does not belong here: talking to the bucket.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use model::error::{Error, ErrorKind, Result};
use model::settings::Bucket;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, RetryConfig};
use url::Url;

use crate::bucket::trouble::Address;
use crate::bucket::wire::Connector;

/// How a failed request is tried again, before anybody hears of it. Longer troubles are the
/// business of those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A short burst: a server that restarts, a lost packet.
    Burst,
    /// None, for somebody who looks at the screen.
    None,
}

/// A client and what belongs to it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) store: AmazonS3,
    pub(super) address: Address,
    pub(super) prefix: Path,
    /// Set when a connection failed.
    pub(super) shaken: Arc<AtomicBool>,
}

impl Client {
    pub(super) fn new(bucket: &Bucket, patience: Patience) -> Result<Self> {
        let endpoint = endpoint(bucket)?;
        check_name(&bucket.name)?;
        check_keys(bucket)?;
        let shaken = Arc::new(AtomicBool::new(false));
        let connector = Connector {
            shaken: Arc::clone(&shaken),
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(spelled(&endpoint, bucket))
            .with_allow_http(endpoint.scheme() == "http")
            .with_bucket_name(&bucket.name)
            .with_region(region(bucket))
            .with_access_key_id(&bucket.access_key)
            .with_secret_access_key(&bucket.secret_key)
            .with_virtual_hosted_style_request(!bucket.path_style)
            // Servers at home differ in how they take many deletions at once.
            .with_disable_bulk_delete(true)
            .with_disable_tagging(true)
            .with_retry(retries(patience))
            .with_http_connector(connector)
            .build()
            .map_err(|error| invalid(format!("This bucket cannot be used: {error}")))?;
        Ok(Self {
            store,
            address: Address::new(&endpoint, &bucket.name),
            prefix: prefix(&bucket.prefix)?,
            shaken,
        })
    }

    /// Where an object lies that we call `name`.
    pub(super) fn path(&self, name: &str) -> Path {
        name.split('/')
            .fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

fn retries(patience: Patience) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 3.0,
        },
        max_retries: match patience {
            Patience::Burst => 4,
            Patience::None => 0,
        },
        retry_timeout: Duration::from_secs(4),
    }
}

fn invalid(sentence: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, sentence)
}

fn endpoint(bucket: &Bucket) -> Result<Url> {
    let typed = bucket.endpoint.trim();
    let url = Url::parse(typed).map_err(|_| {
        invalid(format!(
            "{typed:?} is not an address. It looks like http://nas.local:9000."
        ))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid(format!(
            "{typed:?} is not the address of an S3 server. It begins with http:// or https://."
        )));
    }
    let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if !bare {
        return Err(invalid(format!(
            "The address {typed:?} says too much: give only the server, such as {}; the bucket \
             has a field of its own.",
            url.origin().ascii_serialization()
        )));
    }
    Ok(url)
}

/// The endpoint as the client wants it, which is with the bucket in it or without.
fn spelled(endpoint: &Url, bucket: &Bucket) -> String {
    let origin = endpoint.origin().ascii_serialization();
    if bucket.path_style {
        return origin;
    }
    origin.replacen("://", &format!("://{}.", bucket.name), 1)
}

fn check_name(name: &str) -> Result<()> {
    let usual = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    if (3..=63).contains(&name.len()) && name.chars().all(usual) {
        return Ok(());
    }
    Err(invalid(format!(
        "{name:?} cannot be the name of a bucket: it has 3 to 63 letters, digits, dots and hyphens."
    )))
}

fn check_keys(bucket: &Bucket) -> Result<()> {
    let printable =
        |key: &str| !key.is_empty() && key.chars().all(|letter| letter.is_ascii_graphic());
    if printable(&bucket.access_key) && printable(&bucket.secret_key) {
        return Ok(());
    }
    Err(invalid(
        "The access key and the secret key of the bucket are both needed, without spaces.",
    ))
}

fn region(bucket: &Bucket) -> &str {
    match bucket.region.trim() {
        "" => "us-east-1",
        region => region,
    }
}

fn prefix(typed: &str) -> Result<Path> {
    Path::parse(typed.trim_matches('/')).map_err(|_| {
        invalid(format!(
            "{typed:?} cannot come before the objects' names. Use words, divided by slashes."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{Client, Patience};
    use crate::bucket::tests::bucket;
    use model::error::ErrorKind;
    use model::settings::Bucket;

    #[test]
    fn what_cannot_be_a_bucket_is_refused_with_a_sentence() {
        type Change = fn(&mut Bucket);
        let cases: [(&str, Change, &str); 7] = [
            (
                "no address",
                |b| b.endpoint = "nas".into(),
                "not an address",
            ),
            (
                "another scheme",
                |b| b.endpoint = "ftp://nas".into(),
                "http://",
            ),
            (
                "a path",
                |b| b.endpoint = "http://nas/films".into(),
                "too much",
            ),
            (
                "a password",
                |b| b.endpoint = "http://me:x@nas".into(),
                "too much",
            ),
            (
                "a bad name",
                |b| b.name = "my films".into(),
                "cannot be the name",
            ),
            ("no key", |b| b.access_key = String::new(), "both needed"),
            (
                "a bad prefix",
                |b| b.prefix = "a/../b".into(),
                "come before",
            ),
        ];
        for (what, change, words) in cases {
            let mut bucket = bucket("http://127.0.0.1:9");
            change(&mut bucket);
            let error = Client::new(&bucket, Patience::None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{what}");
            assert!(error.message().contains(words), "{what}: {error}");
            assert!(
                !error.to_string().contains("hush"),
                "{what} shows the secret"
            );
        }
    }

    #[test]
    fn objects_lie_below_the_prefix() {
        let mut bucket = bucket("http://127.0.0.1:9");
        bucket.prefix = "/media/homereel/".into();
        let client = Client::new(&bucket, Patience::None).unwrap();
        assert_eq!(
            client.path("t/1/poster.jpg").as_ref(),
            "media/homereel/t/1/poster.jpg"
        );
        bucket.prefix = String::new();
        let client = Client::new(&bucket, Patience::None).unwrap();
        assert_eq!(client.path("t/1/poster.jpg").as_ref(), "t/1/poster.jpg");
    }
}
