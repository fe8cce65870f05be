//! Keeps the bucket in use the one of the settings, from the start on and after every change.
//!
//! What does not belong here: talking to buckets (`storage`), and keeping settings (`catalog`).

use catalog::Catalog;
use model::change::Change;
use storage::places::Places;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Uses the bucket that the settings name at this moment. One that cannot be used is told in the
/// log; titles that lie there wait until it is corrected.
pub async fn adopt(catalog: &Catalog, places: &Places) {
    let outcome = match catalog.settings().await {
        Ok(settings) => places.set_bucket(settings.bucket),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::warn!(%error, "The bucket of the settings cannot be used.");
    }
}

/// Follows the settings until `stop` is cancelled.
pub async fn follow(catalog: Catalog, places: Places, stop: CancellationToken) {
    let mut changes = catalog.subscribe();
    // Between the first adoption and the subscription something may have changed.
    adopt(&catalog, &places).await;
    loop {
        let change = tokio::select! {
            () = stop.cancelled() => return,
            change = changes.recv() => change,
        };
        match change {
            Ok(Change::Settings) | Err(RecvError::Lagged(_)) => adopt(&catalog, &places).await,
            Ok(_) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::follow;
    use catalog::Catalog;
    use model::clock::SystemClock;
    use model::settings::{Bucket, Settings};
    use std::sync::Arc;
    use storage::bucket::claims::Claims;
    use storage::memory::MemoryStorage;
    use storage::places::Places;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn a_bucket_is_used_as_soon_as_it_is_in_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("homereel.db");
        let catalog = Catalog::open(&file, Arc::new(SystemClock)).unwrap();
        let library = Claims::new_library();
        let claims = Claims::open(&folder.path().join("buckets"), library).unwrap();
        let places = Places::new(Arc::new(MemoryStorage::new()), claims);
        let stop = CancellationToken::new();
        let following = tokio::spawn(follow(catalog.clone(), places.clone(), stop.clone()));
        let bucket = Bucket {
            endpoint: "http://127.0.0.1:9".into(),
            name: "films".into(),
            region: String::new(),
            access_key: "me".into(),
            secret_key: "hush".into(),
            path_style: true,
            prefix: String::new(),
            public_base_url: None,
        };
        for wanted in [Some(bucket), None] {
            let settings = Settings {
                bucket: wanted.clone(),
                ..Settings::default()
            };
            catalog.save_settings(settings).await.unwrap();
            while places.bucket() != wanted {
                tokio::task::yield_now().await;
            }
        }
        stop.cancel();
        following.await.unwrap();
    }
}
