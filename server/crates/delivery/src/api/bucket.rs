//! A bucket as clients see it and describe it: its secret comes in and never goes out.

use model::settings::Bucket;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;

/// Longest address, in bytes.
const URL_BYTES: usize = 500;
/// Longest word of any other kind, in bytes.
const WORD_BYTES: usize = 250;

/// An S3-compatible bucket, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bucket)]
pub(crate) struct BucketView {
    endpoint: String,
    name: String,
    region: String,
    access_key: String,
    path_style: bool,
    prefix: String,
    public_base_url: Option<String>,
}

/// An S3-compatible bucket.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketChange {
    /// Such as `http://nas.local:9000`.
    #[schema(max_length = 500, pattern = "^https?://")]
    endpoint: String,
    #[schema(min_length = 3, max_length = 63, pattern = "^[a-z0-9][a-z0-9.-]*$")]
    name: String,
    /// `us-east-1` if not given.
    #[schema(max_length = 250)]
    region: Option<String>,
    #[schema(min_length = 1, max_length = 250)]
    access_key: String,
    /// Null keeps the one that was given before for the same endpoint.
    #[schema(max_length = 250)]
    secret_key: Option<String>,
    /// The bucket is part of the path, not of the host name; true if not given.
    path_style: Option<bool>,
    /// Comes before every object's name.
    #[schema(max_length = 250)]
    prefix: Option<String>,
    /// Where players fetch the pieces of titles that everyone may watch.
    #[schema(max_length = 500)]
    public_base_url: Option<String>,
}

impl BucketView {
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self {
            endpoint: bucket.endpoint,
            name: bucket.name,
            region: bucket.region,
            access_key: bucket.access_key,
            path_style: bucket.path_style,
            prefix: bucket.prefix,
            public_base_url: bucket.public_base_url,
        }
    }
}

impl BucketChange {
    /// The bucket that is described; what is left out comes from the `present` one.
    pub(crate) fn apply(self, present: Option<&Bucket>) -> Result<Bucket, Problem> {
        let endpoint = url("endpoint", &self.endpoint)?;
        // Otherwise whoever may change settings could have the secret sent to a server of theirs.
        let kept = present.filter(|present| present.endpoint == endpoint);
        let secret_key = self
            .secret_key
            .or_else(|| kept.map(|present| present.secret_key.clone()))
            .filter(|secret| !secret.is_empty());
        let secret_key = secret_key.ok_or_else(|| {
            Problem::bad_request("Give the secret key that belongs to this endpoint.")
        })?;
        let public_base_url = self.public_base_url.filter(|base| !base.trim().is_empty());
        let prefix = self.prefix.unwrap_or_default();
        Ok(Bucket {
            endpoint,
            name: bucket_name(&self.name)?,
            region: word("region", self.region.as_deref().unwrap_or("us-east-1"))?,
            access_key: word("access key", &self.access_key)?,
            secret_key: word("secret key", &secret_key)?,
            path_style: self.path_style.unwrap_or(true),
            prefix: prefix_of(&prefix)?,
            public_base_url: public_base_url
                .map(|base| url("public base URL", &base))
                .transpose()?,
        })
    }
}

fn url(what: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim().trim_end_matches('/');
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let fine = text.len() <= URL_BYTES
        && text.chars().all(|letter| letter.is_ascii_graphic())
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', '?', '#']));
    if fine {
        return Ok(text.to_owned());
    }
    Err(Problem::bad_request(format!(
        "The {what} begins with http:// or https://, such as http://nas.local:9000."
    )))
}

/// The rules of Amazon, which others follow.
fn bucket_name(name: &str) -> Result<String, Problem> {
    let fine = (3..=63).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
        && !name.contains("..")
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
        });
    if fine {
        return Ok(name.to_owned());
    }
    Err(Problem::bad_request(
        "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens.",
    ))
}

fn word(what: &str, text: &str) -> Result<String, Problem> {
    let fine = !text.is_empty()
        && text.len() <= WORD_BYTES
        && text.chars().all(|letter| letter.is_ascii_graphic());
    if fine {
        return Ok(text.to_owned());
    }
    Err(Problem::bad_request(format!(
        "The {what} is 1 to {WORD_BYTES} letters and signs without blanks."
    )))
}

fn prefix_of(text: &str) -> Result<String, Problem> {
    let text = text.trim().trim_matches('/');
    let fine = text.len() <= WORD_BYTES
        && text.split('/').all(|part| part != "." && part != "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/'));
    if fine && !text.contains("//") {
        return Ok(text.to_owned());
    }
    Err(Problem::bad_request(
        "A prefix is made of letters, digits, dots, hyphens, underscores and slashes.",
    ))
}
