//! What can be tuned about the work, with its defaults. What does not belong here: rules of the
//! domain (`model::job`) and limits of a worker (`media::limits`).

use media::limits::Patience;
use std::time::Duration;

/// Tuning of the work.
#[derive(Clone, Copy, Debug)]
pub struct JobsPolicy {
    /// How long a claim lasts without renewal.
    pub lease: Duration,
    /// How often claims are renewed; a third of the lease, so two renewals may be missed.
    pub renew_every: Duration,
    /// How often the catalog is asked for due jobs, besides at every change.
    pub poll_every: Duration,
    /// Jobs whose lease is held at once. Each costs a few kilobytes.
    pub jobs_in_hand: usize,
    /// No new chunk is begun with less free space than this, in bytes.
    pub reserve_bytes: u64,
    /// How long a job waits when there was no space, or the store did not answer.
    pub space_retry: Duration,
    /// How long a job waits at first when the bucket is away; doubles up to a minute.
    pub bucket_retry: Duration,
    /// How long a job waits for a file that is not there.
    pub source_retry: Duration,
    /// How long a job waits for a worker that is missing or of another version.
    pub worker_retry: Duration,
    /// How long a worker without work is kept for the next unit of the same title.
    pub idle_worker: Duration,
    /// How often garbage is looked for, besides at every change of a title.
    pub garbage_every: Duration,
    /// How long lanes may take at the end to stop their workers and to store what those had
    /// delivered.
    pub stop_deadline: Duration,
    /// How long workers may be silent.
    pub patience: Patience,
}

impl Default for JobsPolicy {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            renew_every: Duration::from_secs(10),
            poll_every: Duration::from_secs(1),
            jobs_in_hand: 256,
            reserve_bytes: 200 * 1024 * 1024,
            space_retry: Duration::from_secs(10),
            bucket_retry: Duration::from_secs(2),
            source_retry: Duration::from_secs(30),
            worker_retry: Duration::from_secs(30),
            idle_worker: Duration::from_secs(2),
            garbage_every: Duration::from_secs(30),
            stop_deadline: Duration::from_secs(3),
            patience: Patience::default(),
        }
    }
}
