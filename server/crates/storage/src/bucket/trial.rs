//! The test of a connection: does with a small object what Homereel will do with large ones, and
//! says of each step in a sentence how it went. It ends at the first step that fails.
//!
//! What does not belong here: whose bucket it is (`claims`); a test marks nothing.

use std::time::Duration;

use bytes::Bytes;
use model::error::{Error, ErrorKind, Result};
use model::id::TitleId;
use model::settings::Bucket;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use crate::bucket::client::{Client, Patience};
use crate::bucket::public;

/// How long a step may take while somebody looks at the screen.
const STEP_DEADLINE: Duration = Duration::from_secs(15);
/// What is stored for the test.
const WORDS: &[u8] = b"Homereel was here for a test. This object may be deleted.\n";

/// One step of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which step, in a word or two.
    pub what: &'static str,
    /// It went well.
    pub ok: bool,
    /// How it went.
    pub sentence: String,
}

/// Tries `bucket` out. Every check is fine, or the last one says what is wrong.
pub async fn test(bucket: &Bucket) -> Vec<Check> {
    let client = match Client::new(bucket, Patience::None) {
        Ok(client) => client,
        Err(error) => return vec![failed("Address", &error)],
    };
    // Called like a segment: what serves the public may serve nothing else.
    let own_name = format!("homereel-test-{}.m4s", TitleId::generate());
    let mut checks = vec![passed("Address", "The address and the name can be used.")];
    let trial = Trial {
        bucket,
        name: client.path(&own_name),
        own_name,
        client,
    };
    let outcome = trial.run(&mut checks).await;
    if outcome.is_err() && checks.iter().any(|check| check.what == "Write") {
        // What was stored should not stay because a later step failed.
        let _ = tokio::time::timeout(STEP_DEADLINE, trial.delete()).await;
    }
    if let Err(check) = outcome {
        checks.push(check);
    }
    checks
}

struct Trial<'a> {
    bucket: &'a Bucket,
    client: Client,
    /// What the object is called below the prefix, and with it.
    own_name: String,
    name: Path,
}

impl Trial<'_> {
    async fn run(&self, checks: &mut Vec<Check>) -> Result<(), Check> {
        let listed = "The server answers, knows the bucket, and accepts the keys.";
        checks.push(self.step("Connection", listed, self.list()).await?);
        let written = "Objects can be stored.";
        checks.push(self.step("Write", written, self.write()).await?);
        let read = "They come back as they were.";
        checks.push(self.step("Read", read, self.read()).await?);
        let range = "Parts of them can be read, as seeking does.";
        checks.push(self.step("Range", range, self.read_range()).await?);
        if let Some(base) = self.bucket.public_base_url.as_deref() {
            let public = "Players can fetch them from the public address.";
            let fetched = public::try_out(self.bucket, base, &self.own_name, WORDS);
            checks.push(self.step("Public", public, fetched).await?);
        }
        let deleted = "They can be deleted.";
        checks.push(self.step("Delete", deleted, self.delete()).await?);
        Ok(())
    }

    async fn step(
        &self,
        what: &'static str,
        sentence: &str,
        work: impl Future<Output = Result<()>>,
    ) -> Result<Check, Check> {
        match tokio::time::timeout(STEP_DEADLINE, work).await {
            Ok(Ok(())) => Ok(passed(what, sentence)),
            Ok(Err(error)) => Err(failed(what, &error)),
            Err(_elapsed) => Err(failed(what, &self.client.address.silent())),
        }
    }

    async fn list(&self) -> Result<()> {
        let options = PaginatedListOptions {
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        let listed = self.client.store.list_paginated(None, options).await;
        listed.map(|_| ()).map_err(self.trouble("listing objects"))
    }

    async fn write(&self) -> Result<()> {
        let payload = PutPayload::from_static(WORDS);
        let put = self.client.store.put(&self.name, payload).await;
        put.map(|_| ()).map_err(self.trouble("storing an object"))
    }

    async fn read(&self) -> Result<()> {
        let doing = "reading an object";
        let head = self.client.store.head(&self.name).await;
        let head = head.map_err(self.trouble(doing))?;
        let found = self.client.store.get(&self.name).await;
        let bytes = found.map_err(self.trouble(doing))?.bytes().await;
        let bytes = bytes.map_err(self.trouble(doing))?;
        self.expect(head.size == WORDS.len() as u64 && bytes == WORDS, doing)
    }

    async fn read_range(&self) -> Result<()> {
        let doing = "reading a part of an object";
        let range = 9..13_u64;
        let found = self.client.store.get_range(&self.name, range).await;
        let bytes: Bytes = found.map_err(self.trouble(doing))?;
        self.expect(WORDS.get(9..13).is_some_and(|words| bytes == words), doing)
    }

    async fn delete(&self) -> Result<()> {
        let deleted = self.client.store.delete(&self.name).await;
        deleted.map_err(self.trouble("deleting an object"))
    }

    fn expect(&self, holds: bool, doing: &str) -> Result<()> {
        if holds {
            return Ok(());
        }
        Err(self
            .client
            .address
            .unavailable(&format!("gives other bytes than it got ({doing}).")))
    }

    fn trouble(&self, doing: &'static str) -> impl Fn(object_store::Error) -> Error {
        let address = self.client.address.clone();
        move |error| match address.trouble(doing, &error) {
            missing if missing.kind() == ErrorKind::NotFound => {
                address.unavailable(&format!("lost the object of this test ({doing})."))
            }
            trouble => trouble,
        }
    }
}

fn passed(what: &'static str, sentence: &str) -> Check {
    Check {
        what,
        ok: true,
        sentence: sentence.to_owned(),
    }
}

fn failed(what: &'static str, error: &Error) -> Check {
    Check {
        what,
        ok: false,
        sentence: error.message().to_owned(),
    }
}
