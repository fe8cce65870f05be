//! What becomes of a file at rest, or of one that went away, and how its owner hears of it.

use catalog::inbox::ArrivalUpdate;
use model::arrival::ArrivalState;
use model::error::{Error, ErrorKind, Result};
use model::id::TitleId;
use model::title::Source;
use model::upload::Details;
use std::path::Path;
use tokio::time::Instant;

use crate::admit::{Outcome, admit, refuse};
use crate::complete::Completeness;
use crate::desk::Desk;
use crate::disk;
use crate::examine::{Finding, examine};
use crate::files::{Entry, Stage};
use crate::look::{Look, Version};
use crate::settle::Settling;
use crate::words;

impl Desk {
    /// Two looks found the same version of a file.
    pub(crate) async fn at_rest(
        &mut self,
        path: &Path,
        settling: Settling,
        now: Instant,
    ) -> Result<()> {
        let is_finished = self.files.get(path).is_some_and(Entry::is_finished);
        let is_last_look = is_finished || settling.still_for(now) >= self.policy.patience;
        if settling.is_unfinished && !is_last_look {
            self.files.schedule(path, now + self.policy.settle);
            return Ok(());
        }
        let wanted = path.to_owned();
        match disk::ask(path, move || examine(&wanted, settling.version())).await? {
            Finding::Examined(source, completeness) => {
                self.weigh(source, completeness, is_last_look, now).await
            }
            Finding::Changed => {
                self.files.schedule(path, now + self.policy.settle);
                Ok(())
            }
            Finding::Gone => self.vanished(path, now).await,
            Finding::Unreadable(why) => self.hold_off(path, why, now).await,
        }
    }

    /// Takes a file, refuses it, or gives it more time.
    async fn weigh(
        &mut self,
        source: Source,
        completeness: Completeness,
        is_last_look: bool,
        now: Instant,
    ) -> Result<()> {
        match completeness {
            Completeness::Complete => self.take(source).await,
            // Only a doubt: the worker knows better.
            Completeness::Doubtful(_) if is_last_look => self.take(source).await,
            Completeness::Unfinished(why) if is_last_look => self.turn_away(source, why).await,
            Completeness::Unfinished(why) | Completeness::Doubtful(why) => {
                self.give_time(&source.path, why, now).await
            }
            Completeness::Foreign(what) => {
                let name = words::file_name(&source.path);
                self.turn_away(source, format!("{name} is {what}, not a video."))
                    .await
            }
        }
    }

    async fn give_time(&mut self, path: &Path, why: String, now: Instant) -> Result<()> {
        self.files.schedule(path, now + self.policy.settle);
        if let Some(entry) = self.files.get_mut(path)
            && let Stage::Settling(settling) = &mut entry.stage
        {
            settling.is_unfinished = true;
        }
        self.record(path, ArrivalState::Settling, Some(why)).await
    }

    async fn take(&mut self, source: Source) -> Result<()> {
        let path = source.path.clone();
        let details = self.details_of(&path);
        match admit(&self.catalog, source, details).await? {
            Outcome::Admitted(title) => {
                tracing::info!(%title, path = %path.display(), "A file was taken in.");
                self.conclude(&path, title, ArrivalState::Admitted, None)
                    .await
            }
            Outcome::Moved { title, from } => {
                tracing::info!(%title, from = %from.display(), path = %path.display(), "A film lies elsewhere now.");
                self.forget(&from).await?;
                self.conclude(&path, title, ArrivalState::Admitted, None)
                    .await
            }
            Outcome::Copy { title, name } => {
                let reason = format!("The same film is already in the library as “{name}”.");
                self.conclude(&path, title, ArrivalState::Duplicate, Some(reason))
                    .await?;
                self.copies.entry(title).or_default().insert(path);
                Ok(())
            }
            Outcome::Removed(title) => self.leave_removed(&path, title).await,
        }
    }

    /// Somebody removed this film: its file stays where it is, and does not come back by itself.
    async fn leave_removed(&mut self, path: &Path, title: Option<TitleId>) -> Result<()> {
        const WHY: &str = "You removed this film. Take it from here to have it back.";
        self.no_longer_a_copy(path);
        if let Some(entry) = self.files.get_mut(path) {
            entry.title = title;
        }
        let why = Some(WHY.to_owned());
        self.record(path, ArrivalState::Removed, why).await?;
        if let Some(entry) = self.files.get_mut(path)
            && let Stage::Settling(settling) = entry.stage
        {
            entry.stage = Stage::Concluded(settling.version());
            entry.details = None;
        }
        self.answer(path, || Err(Error::new(ErrorKind::Conflict, WHY)));
        Ok(())
    }

    async fn turn_away(&mut self, source: Source, reason: String) -> Result<()> {
        let path = source.path.clone();
        tracing::info!(path = %path.display(), reason, "A file was refused.");
        let details = self.details_of(&path);
        let title = refuse(&self.catalog, source, details, &reason).await?;
        self.conclude(&path, title, ArrivalState::Refused, Some(reason))
            .await
    }

    /// What whoever brought the file says of it.
    fn details_of(&self, path: &Path) -> Details {
        let entry = self.files.get(path);
        let details = entry.and_then(|entry| entry.details.as_deref());
        details.cloned().unwrap_or_default()
    }

    /// This version of the file is dealt with.
    async fn conclude(
        &mut self,
        path: &Path,
        title: TitleId,
        state: ArrivalState,
        reason: Option<String>,
    ) -> Result<()> {
        self.no_longer_a_copy(path);
        let refusal = (state == ArrivalState::Refused)
            .then(|| reason.clone())
            .flatten();
        if let Some(entry) = self.files.get_mut(path) {
            entry.title = Some(title);
        }
        // The row first: should this fail, the file is examined again.
        self.record(path, state, reason).await?;
        if let Some(entry) = self.files.get_mut(path)
            && let Stage::Settling(settling) = entry.stage
        {
            entry.stage = Stage::Concluded(settling.version());
            entry.details = None;
        }
        self.answer(path, || match &refusal {
            Some(reason) => Err(Error::new(ErrorKind::Unsupported, reason)),
            None => Ok(title),
        });
        Ok(())
    }

    /// What lies there is no regular file.
    pub(crate) async fn met_no_file(
        &mut self,
        path: &Path,
        look: Look,
        now: Instant,
    ) -> Result<()> {
        match look {
            Look::Special(version, why) => self.pass_over(path, version, why).await,
            Look::Unreachable(why) => self.hold_off(path, why, now).await,
            Look::Folder => {
                let why = "This is a folder. Give its files, or watch it.";
                self.answer(path, || Err(Error::new(ErrorKind::InvalidInput, why)));
                self.vanished(path, now).await
            }
            Look::File(_) | Look::Gone => self.vanished(path, now).await,
        }
    }

    async fn pass_over(&mut self, path: &Path, version: Version, why: &'static str) -> Result<()> {
        self.answer(path, || Err(Error::new(ErrorKind::InvalidInput, why)));
        let Some(entry) = self.files.get_mut(path) else {
            return Ok(());
        };
        if matches!(entry.stage, Stage::Concluded(concluded) if concluded == version) {
            return Ok(());
        }
        entry.stage = Stage::Concluded(version);
        self.record(path, ArrivalState::Ignored, Some(why.to_owned()))
            .await
    }

    /// The file cannot be read for now.
    async fn hold_off(&mut self, path: &Path, why: String, now: Instant) -> Result<()> {
        self.answer(path, || Err(Error::new(ErrorKind::Unavailable, &why)));
        if let Some(entry) = self.files.get_mut(path) {
            entry.stage = Stage::Remembered(ArrivalState::Settling);
        }
        self.files.schedule(path, now + self.policy.patience);
        self.record(path, ArrivalState::Settling, Some(why)).await
    }

    /// The file went away. What it became stays.
    pub(crate) async fn vanished(&mut self, path: &Path, now: Instant) -> Result<()> {
        self.answer(path, || {
            Err(Error::new(ErrorKind::NotFound, "There is no such file."))
        });
        let was_copy = self.no_longer_a_copy(path);
        let Some(entry) = self.files.get_mut(path) else {
            return Ok(());
        };
        let Some(title) = entry.title.filter(|_| !was_copy) else {
            return self.forget(path).await;
        };
        entry.stage = Stage::Missing;
        self.files.unschedule(path);
        let reason = "The file is gone. What it became stays in the library.".to_owned();
        self.record(path, ArrivalState::Missing, Some(reason))
            .await?;
        self.look_at_copies(title, now);
        Ok(())
    }

    /// Nothing tells any more that this file ever was.
    async fn forget(&mut self, path: &Path) -> Result<()> {
        self.no_longer_a_copy(path);
        self.catalog.forget_arrival(path).await?;
        self.files.remove(path);
        Ok(())
    }

    /// True if `path` was a copy of a title's own file.
    fn no_longer_a_copy(&mut self, path: &Path) -> bool {
        let Some(entry) = self.files.get(path) else {
            return false;
        };
        let was_remembered = matches!(entry.stage, Stage::Remembered(ArrivalState::Duplicate));
        let Some(title) = entry.title else {
            return false;
        };
        let copies = self.copies.get_mut(&title);
        was_remembered || copies.is_some_and(|copies| copies.remove(path))
    }

    /// The title's own file went away: one of its copies may take over.
    fn look_at_copies(&mut self, title: TitleId, now: Instant) {
        for path in self.copies.remove(&title).unwrap_or_default() {
            if let Some(entry) = self.files.get_mut(&path) {
                entry.stage = Stage::Remembered(ArrivalState::Duplicate);
            }
            self.files.schedule(&path, now);
        }
    }

    /// Writes the row of a file as its entry and these say.
    pub(crate) async fn record(
        &self,
        path: &Path,
        state: ArrivalState,
        reason: Option<String>,
    ) -> Result<()> {
        let Some(entry) = self.files.get(path) else {
            return Ok(());
        };
        let update = ArrivalUpdate {
            path: path.to_owned(),
            door: entry.door,
            state,
            reason,
            size_bytes: entry.size_bytes,
            title: entry.title,
            owner: entry.details.as_deref().and_then(|details| details.owner),
        };
        self.catalog.record_arrival(update).await
    }

    /// Tells whoever waits for this file.
    fn answer(&mut self, path: &Path, outcome: impl Fn() -> Result<TitleId>) {
        let Some(entry) = self.files.get_mut(path) else {
            return;
        };
        for waiting in entry.waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = waiting.send(outcome());
        }
    }
}
