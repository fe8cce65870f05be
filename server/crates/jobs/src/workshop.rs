//! What all lanes share: where rows and bytes go, how workers start, whom to tell.

use catalog::Catalog;
use media::launch::Launch;
use model::error::{Error, ErrorKind};
use model::id::JobId;
use model::plan::Plan;
use model::settings::{Place, Settings};
use model::title::Title;
use std::path::PathBuf;
use std::sync::Arc;
use storage::places::Places;
use tokio::sync::{Mutex, mpsc};

use crate::outage::Outage;
use crate::policy::JobsPolicy;
use crate::scratch::Scratch;
use crate::trouble::Trouble;
use crate::work::{Report, Run};

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) catalog: Catalog,
    pub(crate) places: Places,
    pub(crate) launcher: Arc<dyn Launch>,
    pub(crate) scratch_root: PathBuf,
    pub(crate) shelf_root: PathBuf,
    /// Objects without a row are left alone.
    pub(crate) spare_orphans: bool,
    pub(crate) outage: Outage,
    /// Held while the shelf is emptied.
    pub(crate) shelf_turn: Mutex<()>,
    pub(crate) policy: JobsPolicy,
    /// In whose name leases are held: new at every start, so rows of an earlier life are fenced.
    pub(crate) owner: String,
    pub(crate) reports: mpsc::Sender<Report>,
}

impl Workshop {
    /// Tells the dispatcher. It outlives the lanes; if it is gone, nobody wants to know.
    pub(crate) async fn report(&self, report: Report) {
        let _ = self.reports.send(report).await;
    }

    /// The title of `run`, if that life of it goes on.
    pub(crate) async fn title(&self, run: Run) -> Result<Title, Trouble> {
        let title = self.catalog.title(run.title).await;
        title
            .map_err(|error| self.catalog_trouble(&error))?
            .filter(|title| title.generation == run.generation)
            .ok_or(Trouble::Lost)
    }

    /// The title of `run` together with its plan.
    pub(crate) async fn planned(&self, run: Run) -> Result<(Title, Arc<Plan>), Trouble> {
        let title = self.title(run).await?;
        let plan = title.plan.clone().ok_or(Trouble::Lost)?;
        Ok((title, plan))
    }

    /// What the owner has decided.
    pub(crate) async fn settings(&self) -> Result<Settings, Trouble> {
        let settings = self.catalog.settings().await;
        settings.map_err(|error| self.catalog_trouble(&error))
    }

    /// How many encoders in graphics hardware a worker is given that could use `wanted`.
    pub(crate) async fn encoders(&self, wanted: usize) -> Result<u32, Trouble> {
        let is_of_use = wanted > 0 && self.launcher.hardware().is_some();
        if is_of_use && self.settings().await?.hardware_encoding {
            return Ok(u32::try_from(wanted).unwrap_or(0));
        }
        Ok(0)
    }

    /// An encoder in graphics hardware failed.
    pub(crate) async fn hardware_failed(&self, job: JobId, reason: &str) {
        tracing::warn!(%job, reason, "The graphics hardware failed; software goes on.");
        self.launcher.hardware_did(false);
        let line = format!("{reason} What is missing is encoded by software.");
        self.log(job, &line).await;
    }

    /// The store did not take a piece. A bucket that is away is left alone for longer and longer;
    /// what is encoded already waits here.
    pub(crate) fn store_trouble(&self, place: Place, error: &Error) -> Trouble {
        let passes = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::OutOfSpace);
        if place == Place::Local || !passes {
            return Trouble::at_store(error, &self.policy);
        }
        Trouble::Wait {
            reason: format!(
                "{} Encoded parts wait on this computer; they go there by themselves as soon as \
                 it is possible.",
                error.message()
            ),
            delay: self.outage.failed(self.policy.bucket_retry),
        }
    }

    /// Writes a line into the log of a job that its owner can read.
    pub(crate) async fn log(&self, job: JobId, text: &str) {
        if let Err(error) = self.catalog.log_job(job, text).await {
            tracing::debug!(%job, %error, "A line for the log of a job was lost.");
        }
    }

    /// A fresh folder for a worker.
    pub(crate) fn scratch(&self, run: Run) -> Result<Scratch, Trouble> {
        Scratch::create(&self.scratch_root, run.job).map_err(|error| {
            if model::error::kind_of_io(&error) == ErrorKind::OutOfSpace {
                return Trouble::no_space(&self.policy);
            }
            Trouble::defect(format!("making a scratch folder: {error}"))
        })
    }

    /// What a refusal of the catalog means.
    pub(crate) fn catalog_trouble(&self, error: &Error) -> Trouble {
        Trouble::at_catalog(error, &self.policy)
    }
}
