//! What all lanes share: where rows and bytes go, how workers start, whom to tell.

use catalog::Catalog;
use media::launch::Launch;
use model::plan::Plan;
use model::title::Title;
use std::path::PathBuf;
use std::sync::Arc;
use storage::Storage;
use tokio::sync::mpsc;

use crate::policy::JobsPolicy;
use crate::scratch::Scratch;
use crate::trouble::Trouble;
use crate::work::{Report, Run};

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) catalog: Catalog,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) launcher: Arc<dyn Launch>,
    pub(crate) scratch_root: PathBuf,
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

    /// A fresh folder for a worker.
    pub(crate) fn scratch(&self, run: Run) -> Result<Scratch, Trouble> {
        Scratch::create(&self.scratch_root, run.job).map_err(|error| {
            if model::error::kind_of_io(&error) == model::error::ErrorKind::OutOfSpace {
                return Trouble::no_space(&self.policy);
            }
            Trouble::defect(format!("making a scratch folder: {error}"))
        })
    }

    /// What a refusal of the catalog means.
    pub(crate) fn catalog_trouble(&self, error: &model::error::Error) -> Trouble {
        Trouble::at_catalog(error, &self.policy)
    }
}
