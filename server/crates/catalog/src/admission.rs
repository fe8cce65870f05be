//! Admission: a settled, identified file becomes a title with a queued job, in one transaction,
//! or is recognised as something that is already here.

use std::path::Path;

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::id::{JobId, TitleId};
use model::job::JobState;
use model::title::{Identity, NAME_CHARS, Source, TitleState};
use model::upload::{DESCRIPTION_CHARS, Details};

use crate::column::{self, REASON_CHARS, shortened, shortened_lines};
use crate::failure::{Failure, Outcome};
use crate::table::titles::{NewTitle, TitleRow};
use crate::table::{jobs, removed_films, titles, users};
use crate::uploads::remember_upload;
use crate::{Catalog, Write, generation, job_move, recognition, removal};

/// The longest hash of a sample, in bytes; BLAKE3 in hex has 64.
const SAMPLE_HASH_BYTES: usize = 128;

/// A settled, identified file that asks to become a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What people will call the title, unless it exists already or its sender says otherwise.
    pub name: String,
    /// What its sender says of it; the default for a file that came by itself.
    pub details: Details,
    /// The file.
    pub source: Source,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It became a title with a queued job.
    New(TitleId),
    /// The same film is here already, whatever became of it.
    Duplicate(TitleId),
    /// The same film, at a new place. [`Catalog::admit`] does not see whether the old place still
    /// exists; the caller turns [`Admission::Duplicate`] into this after
    /// [`Catalog::source_moved`].
    Moved(TitleId),
    /// The file was replaced before its title was ready; the title begins anew.
    Restarted(TitleId),
    /// Somebody removed this film, so it does not come back by itself. The title, as long as it
    /// can be brought back.
    Removed(Option<TitleId>),
}

impl Catalog {
    /// Admits a file. In this order:
    /// - Somebody sends it who may not watch the title with its content, or may not bring it back:
    ///   that title is none of their business, and the file becomes one of its own.
    /// - Its title was removed: [`Admission::Removed`], unless somebody sends the film again, which
    ///   brings the title back.
    /// - Its content is known (also from a title that failed): [`Admission::Duplicate`], and
    ///   nothing is tried again. If it is the very file of that title, its stamp is brought up to
    ///   date, and a job that waits is due at once.
    /// - Its path is known, with other content, from a title that is not ready:
    ///   [`Admission::Restarted`]. The title keeps its id and name; its pieces become garbage.
    /// - Otherwise [`Admission::New`].
    ///
    /// # Errors
    /// `InvalidInput` if a field is too long, else errors of the catalog.
    pub async fn admit(&self, candidate: Candidate) -> Result<Admission> {
        self.write("admitting a file", move |write| {
            let admission = admit(write, &candidate)?;
            remember_upload(write, &candidate, admission.title())?;
            Ok(admission)
        })
        .await
    }

    /// Records a file that cannot become a title as a failed one, so that its owner sees it with
    /// `reason`. The same path with the same content is recorded once; a file that replaced the
    /// one of a title that is not ready takes that title over.
    ///
    /// # Errors
    /// `InvalidInput` if a field is too long, else errors of the catalog.
    pub async fn refuse(&self, candidate: Candidate, reason: &str) -> Result<TitleId> {
        let reason = shortened(reason, REASON_CHARS);
        self.write("refusing a file", move |write| {
            let title = refuse(write, &candidate, &reason)?;
            remember_upload(write, &candidate, Some(title))?;
            Ok(title)
        })
        .await
    }

    /// Notes that the file of a title lies somewhere else now. A job that waits for it is due at
    /// once.
    ///
    /// # Errors
    /// `NotFound` if there is no such title, `Conflict` if `source` has other content.
    pub async fn source_moved(&self, title: TitleId, source: Source) -> Result<()> {
        self.write("moving a source", move |write| {
            move_source(write, title, &source)
        })
        .await
    }

    /// The newest title that is made from the file at `path`.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn source_by_path(&self, path: &Path) -> Result<Option<(TitleId, Source)>> {
        let path = path.to_owned();
        self.read("looking up a source", move |transaction, _| {
            let row = titles::newest_at_path(transaction, column::path_bytes(&path)?)?;
            Ok(row.map(|row| (row.title.id, row.title.source)))
        })
        .await
    }

    /// The title with this content; one that did not fail, if there are several.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn sources_of_identity(&self, identity: &Identity) -> Result<Option<TitleId>> {
        let identity = identity.clone();
        self.read("looking up a film", move |transaction, _| {
            let rows = titles::of_identity(transaction, &identity, &[])?;
            Ok(rows.first().map(|row| row.title.id))
        })
        .await
    }
}

fn admit(write: &mut Write<'_>, candidate: &Candidate) -> Outcome<Admission> {
    let source = &candidate.source;
    let path = checked_path(source)?;
    if let Some(known) = recognition::known_to_sender(write, candidate, path)? {
        if known.title.deleted_at.is_some() {
            if candidate.details.owner.is_none() {
                return Ok(Admission::Removed(Some(known.title.id)));
            }
            removal::bring_back(write, &known)?;
        }
        update_stamp(write, &known, source)?;
        return Ok(Admission::Duplicate(known.title.id));
    }
    if removed_films::contains(&write.transaction, &source.identity)? {
        if candidate.details.owner.is_none() {
            return Ok(Admission::Removed(None));
        }
        removed_films::delete(&write.transaction, &source.identity)?;
    }
    if let Some(old) = replaceable(write, path)? {
        let now = write.now;
        replace(write, &old, source, |job| job_move::start_over(job, now))?;
        return Ok(Admission::Restarted(old.title.id));
    }
    add(write, candidate, None).map(Admission::New)
}

fn refuse(write: &mut Write<'_>, candidate: &Candidate, reason: &str) -> Outcome<TitleId> {
    let source = &candidate.source;
    let path = checked_path(source)?;
    let known = titles::of_identity(&write.transaction, &source.identity, path)?;
    let known = known.into_iter().next();
    if let Some(known) = known.filter(|known| known.title.source.path == source.path) {
        if known.title.deleted_at.is_none() {
            refuse_again(write, &known, source, reason)?;
        }
        return Ok(known.title.id);
    }
    if let Some(old) = replaceable(write, path)? {
        let now = write.now;
        replace(write, &old, source, |job| {
            job_move::start_over(job, now);
            job_move::finish(job, JobState::Failed, Some(reason), now);
        })?;
        return Ok(old.title.id);
    }
    add(write, candidate, Some(reason))
}

fn move_source(write: &mut Write<'_>, title: TitleId, source: &Source) -> Outcome<()> {
    checked_path(source)?;
    let Some(row) = titles::by_id(&write.transaction, title)? else {
        let message = format!("there is no title {title}");
        return Err(Failure::rule(ErrorKind::NotFound, message));
    };
    if row.title.source.identity != source.identity {
        let message = format!(
            "{} is not the file that title {title} is made from",
            source.path.display()
        );
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    if row.title.source == *source {
        return Ok(());
    }
    titles::set_source(&write.transaction, row.serial, source)?;
    write.announce(Change::Title(title));
    job_move::wake(write, row.serial)
}

/// The title whose file at `path` was replaced: a ready one stays as it is, because its film
/// can still be watched.
fn replaceable(write: &Write<'_>, path: &[u8]) -> Outcome<Option<TitleRow>> {
    let newest = titles::newest_at_path(&write.transaction, path)?;
    let is_replaceable =
        |row: &TitleRow| row.title.state != TitleState::Ready && row.title.deleted_at.is_none();
    Ok(newest.filter(is_replaceable))
}

/// The same file was seen again, perhaps after it was touched or put back.
fn update_stamp(write: &mut Write<'_>, known: &TitleRow, source: &Source) -> Outcome<()> {
    let same_path = known.title.source.path == source.path;
    if !same_path || known.title.source.stamp == source.stamp {
        return Ok(());
    }
    titles::set_source(&write.transaction, known.serial, source)?;
    job_move::wake(write, known.serial)
}

fn refuse_again(
    write: &mut Write<'_>,
    known: &TitleRow,
    source: &Source,
    reason: &str,
) -> Outcome<()> {
    update_stamp(write, known, source)?;
    let mut job = jobs::of_title(&write.transaction, known.serial)?;
    if job.job.state != JobState::Failed || job.job.reason.as_deref() == Some(reason) {
        return Ok(());
    }
    job.job.reason = Some(reason.to_owned());
    job_move::save(write, &job)
}

/// Begins the title anew from another file. If a worker is busy with the old one, its lease
/// stays noted, so that it learns of this before it can claim the job again.
fn replace(
    write: &mut Write<'_>,
    old: &TitleRow,
    source: &Source,
    move_job: impl FnOnce(&mut jobs::JobRow),
) -> Outcome<()> {
    generation::begin(write, old)?;
    titles::set_source(&write.transaction, old.serial, source)?;
    let mut job = jobs::of_title(&write.transaction, old.serial)?;
    job.job.started_at = None;
    move_job(&mut job);
    job_move::save(write, &job)
}

fn add(
    write: &mut Write<'_>,
    candidate: &Candidate,
    failed_because: Option<&str>,
) -> Outcome<TitleId> {
    let (title, job) = (TitleId::generate(), JobId::generate());
    let state = match failed_because {
        Some(_) => TitleState::Failed,
        None => TitleState::Waiting,
    };
    let details = &candidate.details;
    let name = details.name.as_deref().unwrap_or(&candidate.name);
    let description = details.description.as_deref().map(tidy_description);
    // Whoever sent it may be gone by now.
    let owner = match details.owner {
        Some(owner) => users::by_id(&write.transaction, owner)?.map(|owner| owner.serial),
        None => None,
    };
    let serial = titles::insert(
        &write.transaction,
        &NewTitle {
            id: title,
            name: &shortened(name, NAME_CHARS),
            description: description.as_deref().filter(|text| !text.is_empty()),
            visibility: details.visibility,
            owner_serial: owner,
            place: write.settings.place,
            added_at: write.now,
            source: &candidate.source,
            state,
            reason: failed_because,
        },
    )?;
    jobs::insert(&write.transaction, job, serial, write.now, failed_because)?;
    write.announce(Change::Title(title));
    write.announce(Change::Job(job, title));
    Ok(title)
}

/// A description as it is stored: bounded, and without blanks around it.
pub(crate) fn tidy_description(text: &str) -> String {
    shortened_lines(text.trim(), DESCRIPTION_CHARS)
}

fn checked_path(source: &Source) -> Outcome<&[u8]> {
    if source.identity.sample_hash.len() > SAMPLE_HASH_BYTES {
        let message = "the hash of a file's samples is too long";
        return Err(Failure::rule(ErrorKind::InvalidInput, message));
    }
    column::path_bytes(&source.path)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use model::clock::WallTime;
    use model::error::ErrorKind;
    use model::job::{JobState, Progress};
    use model::title::TitleState;
    use model::upload::Details;

    use super::{Admission, Candidate};
    use crate::testing::{House, LEASE, OWNER, candidate, segment, source};

    #[tokio::test]
    async fn a_new_file_becomes_a_waiting_title_with_a_queued_job() {
        let house = House::new();
        let id = house.admit("/films/Alpen.mp4", "alps").await;
        let title = house.title(id).await;
        assert_eq!(title.state, TitleState::Waiting, "nobody looked at it yet");
        assert_eq!(title.source, candidate("/films/Alpen.mp4", "alps").source);
        assert_eq!((title.generation, title.plan.is_none()), (1, true));
        let job = house.job_of(id).await;
        assert_eq!(job.state, JobState::Queued);
        assert_eq!(
            (job.title, job.attempts, job.created_at),
            (id, 0, title.added_at)
        );
        assert_eq!(job.progress, Progress::default());
    }

    #[tokio::test]
    async fn a_rescan_changes_and_announces_nothing() {
        let house = House::new();
        let id = house.admit("/films/a.mp4", "a").await;
        let before = house.title(id).await;
        let mut changes = house.catalog.subscribe();
        let again = house.catalog.admit(candidate("/films/a.mp4", "a")).await;
        assert_eq!(again.unwrap(), Admission::Duplicate(id));
        assert!(changes.is_empty(), "{:?}", changes.try_recv());
        assert_eq!(house.title(id).await.source, before.source);
    }

    #[tokio::test]
    async fn a_copy_of_a_film_is_a_duplicate_and_the_title_keeps_its_file() {
        let house = House::new();
        let id = house.admit("/films/a.mp4", "a").await;
        let copy = house.catalog.admit(candidate("/other/copy.mp4", "a")).await;
        assert_eq!(copy.unwrap(), Admission::Duplicate(id));
        let title = house.title(id).await;
        assert_eq!(title.source.path, Path::new("/films/a.mp4"));
        let identity = &title.source.identity;
        let found = house.catalog.sources_of_identity(identity).await.unwrap();
        assert_eq!(found, Some(id), "the film is found by its content");
    }

    #[tokio::test]
    async fn a_touched_file_keeps_its_title_and_wakes_a_job_that_waited_for_it() {
        let house = House::new();
        let id = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        let later = WallTime(i64::MAX);
        let waits = house
            .catalog
            .job_waiting(job.id, OWNER, "The file is away", later);
        waits.await.unwrap();
        assert!(house.claim().await.is_empty(), "it waits");

        let touched = Candidate {
            name: "a".to_owned(),
            details: Details::default(),
            source: source("/films/a.mp4", "a", 8),
        };
        let seen = house.catalog.admit(touched.clone()).await.unwrap();
        assert_eq!(seen, Admission::Duplicate(id));
        assert_eq!(house.title(id).await.source, touched.source);
        assert_eq!(
            house.claim().await.len(),
            1,
            "the file is back, so it is due"
        );
    }

    #[tokio::test]
    async fn a_file_replaced_before_it_is_ready_begins_its_title_anew() {
        let house = House::new();
        let (id, job) = house.planned("/films/a.mp4", 4).await;
        let first_segment = segment(id, 0, 1);
        let pieces = vec![first_segment.clone()];
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        let replaced = candidate("/films/a.mp4", "another film");
        let admission = house.catalog.admit(replaced.clone()).await.unwrap();
        assert_eq!(
            admission,
            Admission::Restarted(id),
            "the link stays the same"
        );

        let title = house.title(id).await;
        assert_eq!((title.state, title.generation), (TitleState::Waiting, 2));
        assert!(title.plan.is_none(), "the plan was one for the old file");
        assert_eq!(title.source, replaced.source);
        assert!(house.catalog.pieces(id).await.unwrap().is_empty());
        let garbage = house.garbage().await;
        assert_eq!(garbage.len(), 4, "three init segments and one segment");
        assert!(garbage.contains(&first_segment.key));
        let moved = house.job_of(id).await;
        assert_eq!((moved.id, moved.state), (job.id, JobState::Queued));
        assert_eq!(moved.progress, Progress::default(), "nothing is made yet");
    }

    #[tokio::test]
    async fn late_work_on_a_replaced_file_cannot_reach_the_new_one() {
        let house = House::new();
        let (id, job) = house.planned("/films/a.mp4", 4).await;
        house
            .catalog
            .admit(candidate("/films/a.mp4", "new"))
            .await
            .unwrap();
        assert!(
            house.claim().await.is_empty(),
            "its owner was not told yet that it lost the job"
        );
        let late = house
            .catalog
            .job_failed(job.id, OWNER, "The file is damaged");
        assert_eq!(late.await.unwrap_err().kind(), ErrorKind::Conflict);
        let held = house.catalog.renew(OWNER, LEASE).await.unwrap();
        assert_eq!(held, [], "now it knows");
        assert_eq!(house.claim().await.len(), 1, "and may begin anew");
        let pieces = vec![segment(id, 0, 1)];
        let late = house.catalog.add_pieces(job.id, OWNER, pieces).await;
        assert_eq!(
            late.unwrap_err().kind(),
            ErrorKind::Conflict,
            "a segment of the old file must not be taken for one of the new"
        );
    }

    #[tokio::test]
    async fn a_ready_title_stays_when_its_file_is_replaced() {
        let house = House::new();
        let (old, job) = house.planned("/films/a.mp4", 1).await;
        let pieces = (0..3).map(|stream| segment(old, stream, 1)).collect();
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        house.catalog.job_done(job.id, OWNER).await.unwrap();
        let new = house.admit("/films/a.mp4", "another film").await;
        assert_ne!(new, old, "the old film can still be watched");
        assert_eq!(house.title(old).await.state, TitleState::Ready);
        let at_path = house
            .catalog
            .source_by_path(Path::new("/films/a.mp4"))
            .await;
        assert_eq!(at_path.unwrap().map(|(id, _)| id), Some(new));
    }

    #[tokio::test]
    async fn a_failed_film_is_not_tried_again_by_a_rescan() {
        let house = House::new();
        let id = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        house
            .catalog
            .job_failed(job.id, OWNER, "It has no picture and no sound")
            .await
            .unwrap();
        let seen = house.catalog.admit(candidate("/films/a.mp4", "a")).await;
        assert_eq!(seen.unwrap(), Admission::Duplicate(id));
        assert!(house.claim().await.is_empty(), "only a user may retry it");
        let better = house
            .catalog
            .admit(candidate("/films/a.mp4", "repaired"))
            .await;
        assert_eq!(better.unwrap(), Admission::Restarted(id));
        let title = house.title(id).await;
        assert_eq!((title.state, title.reason), (TitleState::Waiting, None));
    }

    #[tokio::test]
    async fn a_refused_file_is_shown_once_with_its_reason() {
        let house = House::new();
        let empty = candidate("/films/empty.mp4", "");
        let refuse = |reason| house.catalog.refuse(empty.clone(), reason);
        let id = refuse("The file is empty").await.unwrap();
        let mut changes = house.catalog.subscribe();
        assert_eq!(refuse("The file is empty").await.unwrap(), id);
        assert!(changes.is_empty(), "{:?}", changes.try_recv());
        assert_eq!(refuse("The file is still empty").await.unwrap(), id);
        let title = house.title(id).await;
        assert_eq!(title.state, TitleState::Failed);
        assert_eq!(title.reason.as_deref(), Some("The file is still empty"));
        assert_eq!(house.job_of(id).await.state, JobState::Failed);

        let elsewhere = candidate("/films/empty too.mp4", "");
        let other = house.catalog.refuse(elsewhere, "The file is empty").await;
        assert_ne!(other.unwrap(), id, "each empty file is shown to its owner");
        let filled = house
            .catalog
            .admit(candidate("/films/empty.mp4", "film"))
            .await;
        assert_eq!(
            filled.unwrap(),
            Admission::Restarted(id),
            "it was filled later"
        );
    }

    #[tokio::test]
    async fn a_refused_file_that_replaced_an_unfinished_film_fails_its_title() {
        let house = House::new();
        let (id, _) = house.planned("/films/a.mp4", 4).await;
        let text = candidate("/films/a.mp4", "a text");
        let refused = house.catalog.refuse(text, "This is a text file").await;
        assert_eq!(refused.unwrap(), id);
        let title = house.title(id).await;
        assert_eq!((title.state, title.generation), (TitleState::Failed, 2));
        assert_eq!(house.garbage().await.len(), 3);
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_moved_file_is_noted_and_its_waiting_job_woken() {
        let house = House::new();
        let id = house.admit("/films/a.mp4", "a").await;
        let job = house.claim().await.pop().unwrap();
        let later = house
            .catalog
            .job_waiting(job.id, OWNER, "away", WallTime(i64::MAX));
        later.await.unwrap();
        let moved = source("/other/b.mp4", "a", 7);
        house.catalog.source_moved(id, moved.clone()).await.unwrap();
        assert_eq!(house.title(id).await.source, moved);
        assert_eq!(house.claim().await.len(), 1, "the job finds its file again");
        let other_film = source("/other/b.mp4", "b", 7);
        let error = house
            .catalog
            .source_moved(id, other_film)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "that is another film");
    }

    #[tokio::test]
    async fn any_file_name_comes_back_byte_for_byte() {
        let house = House::new();
        let names: [&[u8]; 4] = [
            b"/x/\xff\xfe.mp4",
            b"/x/a\nb.mp4",
            b"/x/ ",
            "/x/ü.mp4".as_bytes(),
        ];
        for name in names {
            let path = Path::new(OsStr::from_bytes(name));
            let mut file = candidate("/x/placeholder", &format!("{name:?}"));
            file.source.path = path.to_owned();
            let Admission::New(id) = house.catalog.admit(file).await.unwrap() else {
                panic!("{path:?} is new");
            };
            let found = house.catalog.source_by_path(path).await.unwrap().unwrap();
            assert_eq!((found.0, found.1.path.as_path()), (id, path));
        }
    }

    #[tokio::test]
    async fn names_are_bounded_and_paths_must_be() {
        let house = House::new();
        let mut file = candidate("/x/long.mp4", "a");
        file.name = "ü\u{7}".repeat(10_000);
        let Admission::New(id) = house.catalog.admit(file.clone()).await.unwrap() else {
            panic!("it is new");
        };
        let name = house.title(id).await.name;
        assert_eq!(name.chars().count(), 300, "a name is cut, not refused");
        assert!(!name.chars().any(char::is_control), "no bells in a name");
        file.source.path = "/x".repeat(100_000).into();
        let error = house.catalog.admit(file).await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidInput,
            "a path cannot be cut"
        );
    }
}
