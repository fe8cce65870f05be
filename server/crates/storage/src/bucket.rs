//! Objects in an S3-compatible bucket: `{prefix}/{title}/{generation}/{piece}`.
//!
//! Short troubles are bridged here by a few quick retries; longer ones come out as `Unavailable`
//! with a sentence that the owner reads. Suggested reading order: `client`, `upload`, `body`,
//! `claims`, `trouble`, `wire`. What does not belong here: which bucket is in use (`places`).

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt;
use futures::stream::{self, StreamExt};
use model::error::{Context, Error, ErrorKind, Result};
use model::segment::ObjectKey;
use model::settings::Bucket;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};

use crate::bucket::claims::{Claim, Claims};
use crate::bucket::client::{Client, Patience};
use crate::bucket::wire::{SILENCE, time_for};
use crate::{ObjectBody, ObjectBytes, Storage, StoredObject, Verdict, check_range};

mod body;
pub mod claims;
mod client;
mod public;
#[cfg(test)]
mod stories;
pub mod trial;
mod trouble;
mod upload;
mod wire;

/// How long one question without many bytes may take, its retries included.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
/// How long the whole of a listing may take.
const LISTING_DEADLINE: Duration = Duration::from_secs(300);
/// A listing with more pages than this does not end.
const MAX_PAGES: usize = 10_000;

/// A store in a bucket.
#[derive(Debug)]
pub struct BucketStorage {
    client: Client,
    claim: Claim,
}

impl BucketStorage {
    /// A store in `bucket`, which is not asked for anything yet.
    ///
    /// # Errors
    /// `InvalidInput` if no bucket can be described like this.
    pub fn new(bucket: &Bucket, claims: Claims) -> Result<Self> {
        let client = Client::new(bucket, Patience::Burst)?;
        let claim = Claim::new(claims, &client);
        Ok(Self { client, claim })
    }

    /// Asks whether the bucket answers and is ours.
    ///
    /// # Errors
    /// `Unavailable` with a sentence for the owner.
    pub async fn reach(&self) -> Result<()> {
        self.in_time(ANSWER_DEADLINE, self.claim.ensure(&self.client))
            .await
    }

    async fn in_time<T>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::time::timeout(deadline, work)
            .await
            .unwrap_or_else(|_elapsed| Err(self.client.address.silent()))
    }

    async fn length(&self, key: &ObjectKey) -> Result<u64> {
        let path = self.client.path(key.as_str());
        let found = self.client.store.head(&path).await;
        let found = found.map_err(|error| self.trouble("opening", key, &error))?;
        Ok(found.size)
    }

    async fn open(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody> {
        self.claim.ensure(&self.client).await?;
        // S3 has no word for nothing, and would cut a range that is too long.
        if let Some(range) = range.as_ref().filter(|range| range.is_empty()) {
            let size_bytes = self.length(key).await?;
            check_range(key, range, size_bytes)?;
            return Ok(ObjectBody {
                size_bytes,
                bytes: ObjectBytes::Stream(stream::empty().boxed()),
            });
        }
        let options = GetOptions {
            range: range.clone().map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let path = self.client.path(key.as_str());
        let found = match self.client.store.get_opts(&path, options).await {
            Ok(found) => found,
            Err(error) => return Err(self.not_opened(key, range, &error).await),
        };
        let size_bytes = found.meta.size;
        let wanted = range.unwrap_or(0..size_bytes);
        check_range(key, &wanted, size_bytes)?;
        let stream = body::exactly(found.into_stream(), wanted.end - wanted.start);
        Ok(ObjectBody {
            size_bytes,
            bytes: ObjectBytes::Stream(stream),
        })
    }

    /// Tells a range outside of the object from other failures.
    async fn not_opened(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
        error: &object_store::Error,
    ) -> Error {
        let trouble = self.trouble("opening", key, error);
        let Some(range) = range.filter(|_| trouble.kind() == ErrorKind::Unavailable) else {
            return trouble;
        };
        let size_bytes = self.length(key).await;
        let outside = size_bytes.and_then(|size_bytes| check_range(key, &range, size_bytes));
        match outside {
            Err(error) if error.kind() == ErrorKind::InvalidInput => error,
            _ => trouble,
        }
    }

    async fn remove(&self, key: &ObjectKey) -> Result<()> {
        self.claim.ensure(&self.client).await?;
        let path = self.client.path(key.as_str());
        match self.client.store.delete(&path).await {
            Ok(()) => Ok(()),
            Err(error) => match self.trouble("deleting", key, &error) {
                gone if gone.kind() == ErrorKind::NotFound => Ok(()),
                trouble => Err(trouble),
            },
        }
    }

    async fn list_all(&self) -> Result<Vec<(ObjectKey, u64)>> {
        self.claim.ensure(&self.client).await?;
        let prefix = match self.client.prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let (mut objects, mut tokens) = (Vec::new(), HashSet::new());
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions {
                page_token: page_token.take(),
                ..PaginatedListOptions::default()
            };
            let wanted = (!prefix.is_empty()).then_some(prefix.as_str());
            let page = self.client.store.list_paginated(wanted, options).await;
            let page = page.map_err(|error| self.client.address.trouble("listing", &error))?;
            objects.extend(page.result.objects.iter().filter_map(|found| {
                let name = found.location.as_ref().strip_prefix(&prefix)?;
                Some((ObjectKey::parse(name)?, found.size))
            }));
            let Some(token) = page.page_token.filter(|token| !token.is_empty()) else {
                return Ok(objects);
            };
            if tokens.len() >= MAX_PAGES || !tokens.insert(token.clone()) {
                return Err(self
                    .client
                    .address
                    .unavailable("lists its objects without end."));
            }
            page_token = Some(token);
        }
    }

    fn trouble(&self, doing: &str, key: &ObjectKey, error: &object_store::Error) -> Error {
        let doing = format!("{doing} {key}");
        self.client.address.trouble(&doing, error)
    }
}

#[async_trait::async_trait]
impl Storage for BucketStorage {
    async fn put_file(&self, key: &ObjectKey, file: &Path) -> Result<StoredObject> {
        self.reach().await?;
        // Sending has its own deadline, which depends on the length.
        let put = upload::put_file(&self.client, key, file).await;
        put.inspect_err(|error| tracing::debug!(%error, %key, "A put failed."))
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody> {
        if let Some(range) = range.as_ref().filter(|range| range.start > range.end) {
            check_range(key, range, u64::MAX)?;
        }
        self.in_time(ANSWER_DEADLINE, self.open(key, range)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.in_time(ANSWER_DEADLINE, self.remove(key)).await
    }

    async fn list(&self) -> Result<Vec<(ObjectKey, u64)>> {
        self.in_time(LISTING_DEADLINE, self.list_all()).await
    }

    async fn verify(&self, key: &ObjectKey, size_bytes: u64, sha256: &str) -> Result<Verdict> {
        let body = match self.get(key, None).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Verdict::Missing),
            Err(error) => return Err(error),
        };
        if body.size_bytes != size_bytes {
            return Ok(Verdict::Different);
        }
        let deadline = time_for(size_bytes) + SILENCE;
        let hash = tokio::time::timeout(deadline, hash(body)).await;
        let hash = hash
            .unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
            .with_context(ErrorKind::Unavailable, || {
                format!(
                    "{} broke off while {key} was read",
                    self.client.address.bucket()
                )
            })?;
        Ok(if hash.eq_ignore_ascii_case(sha256) {
            Verdict::Intact
        } else {
            Verdict::Different
        })
    }
}

async fn hash(body: ObjectBody) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut blocks = body.bytes.into_stream();
    while let Some(block) = blocks.try_next().await? {
        hash.update(&block);
    }
    Ok(format!("{:x}", hash.finalize()))
}

#[cfg(test)]
mod tests {
    use model::settings::Bucket;

    /// A bucket as tests have it.
    pub(crate) fn bucket(endpoint: &str) -> Bucket {
        Bucket {
            endpoint: endpoint.to_owned(),
            name: "films".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "homereel".to_owned(),
            secret_key: "hush-hush".to_owned(),
            path_style: true,
            prefix: String::new(),
            public_base_url: None,
        }
    }
}
