//! The storage part of `homereel doctor`: is there room here, does the bucket do what is needed,
//! is it ours, and do titles lie where nobody can reach them.
//!
//! What does not belong here: printing, and comparing rows with objects (`check`).

use catalog::Catalog;
use model::error::Result;
use model::settings::{Place, Settings};
use storage::bucket::BucketStorage;
use storage::bucket::claims::Claims;
use storage::bucket::trial::{self, Check};

use crate::data_dir::Paths;
use crate::first_start;

/// Below this much free space encoding stops soon.
const LITTLE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Looks at all places where pieces lie. Writes nothing but one object for a test, which it
/// deletes again.
///
/// # Errors
/// Errors of the catalog.
pub(super) async fn examine(paths: &Paths, catalog: &Catalog) -> Result<Vec<Check>> {
    let settings = catalog.settings().await?;
    let mut checks = vec![room(paths)];
    checks.extend(spared(paths));
    match &settings.bucket {
        Some(bucket) => {
            checks.extend(trial::test(bucket).await);
            if checks.iter().all(|check| check.ok) {
                checks.push(whose(paths, &settings, catalog.mark().await?).await);
            }
        }
        None => checks.push(no_bucket(catalog, &settings).await?),
    }
    Ok(checks)
}

fn room(paths: &Paths) -> Check {
    let (ok, sentence) = match rustix::fs::statvfs(paths.root()) {
        Ok(volume) => {
            let free_bytes = volume.f_bavail.saturating_mul(volume.f_frsize);
            let gigabytes = free_bytes / (1024 * 1024 * 1024);
            let sentence = format!(
                "{gigabytes} GB are free where {} lies.",
                paths.root().display()
            );
            (free_bytes >= LITTLE_BYTES, sentence)
        }
        Err(error) => (
            false,
            format!("{} cannot be looked at: {error}.", paths.root().display()),
        ),
    };
    Check {
        what: "Room",
        ok,
        sentence,
    }
}

/// What a library left whose catalog is gone.
fn spared(paths: &Paths) -> Option<Check> {
    first_start::spared_sentence(paths).map(|sentence| Check {
        what: "Store",
        ok: false,
        sentence,
    })
}

async fn whose(paths: &Paths, settings: &Settings, mark: Option<String>) -> Check {
    let ours = async {
        let Some(bucket) = &settings.bucket else {
            return Ok(());
        };
        let claims = Claims::look(&paths.buckets(), mark)?;
        BucketStorage::new(bucket, claims)?.reach().await
    };
    let outcome = ours.await;
    Check {
        what: "Owner",
        ok: outcome.is_ok(),
        sentence: match outcome {
            Ok(()) => "The bucket is this library's.".to_owned(),
            Err(error) => error.message().to_owned(),
        },
    }
}

/// Without a bucket nothing may need one.
async fn no_bucket(catalog: &Catalog, settings: &Settings) -> Result<Check> {
    let rows = catalog.every_key().await?;
    let lost = rows.iter().filter(|row| row.place == Place::Bucket).count();
    let (ok, sentence) = match (settings.place, lost) {
        (Place::Local, 0) => (true, "No bucket is set up, and none is needed.".to_owned()),
        (Place::Bucket, 0) => (
            false,
            "New titles are to lie in a bucket, but none is set up.".to_owned(),
        ),
        (_, lost) => (
            false,
            format!("{lost} objects lie in a bucket, but none is set up. Say where it is."),
        ),
    };
    Ok(Check {
        what: "Bucket",
        ok,
        sentence,
    })
}
