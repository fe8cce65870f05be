//! Which titles uploads became, so that clients that know only the upload find its title, also after
//! a restart. What does not belong here: uploads that are still coming in.

use model::error::Result;
use model::id::{TitleId, UploadId};

use crate::admission::{Admission, Candidate};
use crate::failure::Outcome;
use crate::table::uploads;
use crate::{Catalog, Write};

impl Catalog {
    /// The title that an upload became, or is a copy of; it may be removed.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn title_of_upload(&self, upload: UploadId) -> Result<Option<TitleId>> {
        self.read("looking up an upload", move |transaction, _| {
            uploads::title_of(transaction, upload)
        })
        .await
    }
}

impl Admission {
    /// The title that there is in any case.
    pub(crate) fn title(self) -> Option<TitleId> {
        match self {
            Self::New(title)
            | Self::Duplicate(title)
            | Self::Moved(title)
            | Self::Restarted(title) => Some(title),
            Self::Removed(title) => title,
        }
    }
}

/// Clients that know the upload find its title, also after a restart.
pub(crate) fn remember_upload(
    write: &Write<'_>,
    candidate: &Candidate,
    title: Option<TitleId>,
) -> Outcome<()> {
    match (candidate.details.upload, title) {
        (Some(upload), Some(title)) => uploads::put(&write.transaction, upload, title),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::clock::SystemClock;
    use model::id::UploadId;

    use crate::Catalog;
    use crate::admission::Admission;
    use crate::testing::{House, candidate};

    #[tokio::test]
    async fn an_upload_leads_to_its_title_whatever_becomes_of_it() {
        let house = House::new();
        let sent = |path: &str, content: &str| {
            let upload = UploadId::generate();
            let mut film = candidate(path, content);
            film.details.upload = Some(upload);
            (upload, film)
        };
        let (first, film) = sent("/originals/1/a.mp4", "a");
        let Admission::New(title) = house.catalog.admit(film).await.unwrap() else {
            panic!("it is new");
        };
        let (copy, film) = sent("/originals/2/a.mp4", "a");
        house.catalog.admit(film).await.unwrap();
        let (broken, film) = sent("/originals/3/b.mp4", "b");
        let failed = house.catalog.refuse(film, "It is broken").await.unwrap();
        house.catalog.close().await;
        let clock = Arc::new(SystemClock);
        let again = Catalog::open(&house.path(), clock).unwrap();
        for (upload, expected) in [
            (first, Some(title)),
            (copy, Some(title)),
            (broken, Some(failed)),
            (UploadId::generate(), None),
        ] {
            assert_eq!(again.title_of_upload(upload).await.unwrap(), expected);
        }
    }
}
