//! The plan of a title: written down once, before the first frame is encoded, and given up only
//! together with everything that was made from it. Fenced like all that a worker writes down
//! (see [`work`](crate::work)). What does not belong here: what a plan says.

use model::change::Change;
use model::error::{ErrorKind, Result};
use model::extras::Tags;
use model::id::JobId;
use model::plan::Plan;
use model::segment::{Piece, StoredPiece};
use model::title::NAME_CHARS;

use crate::column::shortened;
use crate::failure::{Failure, Outcome};
use crate::plan_cache::serial_list;
use crate::recording::put_piece;
use crate::table::plans::{Excerpt, Outline, PlanRow};
use crate::table::titles::TitleRow;
use crate::table::{plans, titles};
use crate::{Catalog, Write, generation, job_move};

/// The longest plan, in bytes of JSON; a film of a whole day has a tenth of it.
const PLAN_BYTES: usize = 32 * 1024 * 1024;

impl Catalog {
    /// Persists the plan of the title's present generation together with what was stored before
    /// it: the init segments of all its streams, and its subtitles. The same plan may be saved
    /// again.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job, if the title has another plan (abandon that
    /// one first), or if a piece belongs to another generation; `InvalidInput` if the plan has no
    /// segments, or a stream has no init segment, or a text track no file.
    pub async fn save_plan(
        &self,
        job: JobId,
        owner: &str,
        plan: &Plan,
        pieces: Vec<StoredPiece>,
    ) -> Result<()> {
        let drawn = Drawn::from_plan(plan)?;
        let owner = owner.to_owned();
        self.write("saving a plan", move |write| {
            save_plan(write, job, &owner, &drawn, &pieces)
        })
        .await
    }

    /// Gives up the title's plan, because it cannot be carried on: another encoder is at work
    /// now, or the plan is of another version. Its pieces become garbage. Returns the new
    /// generation; the job goes on running.
    ///
    /// # Errors
    /// `Conflict` if `owner` does not hold the job.
    pub async fn abandon_plan(&self, job: JobId, owner: &str) -> Result<u32> {
        let owner = owner.to_owned();
        self.write("abandoning a plan", move |write| {
            abandon(write, job, &owner)
        })
        .await
    }

    /// Gives up the title's plan, because its picture cannot be copied as that says. The next plan
    /// must do without a copy, see [`Title::copy_refused`](model::title::Title::copy_refused).
    ///
    /// # Errors
    /// As [`abandon_plan`](Self::abandon_plan).
    pub async fn refuse_copy(&self, job: JobId, owner: &str) -> Result<u32> {
        let owner = owner.to_owned();
        self.write("refusing to copy a picture", move |write| {
            let held = job_move::held(write, job, &owner)?;
            titles::refuse_copy(&write.transaction, held.title_serial)?;
            abandon(write, job, &owner)
        })
        .await
    }
}

/// A plan as it will be written.
struct Drawn {
    version: u32,
    tags: Tags,
    outline: Outline,
    excerpt: Excerpt,
    json: String,
}

impl Drawn {
    fn from_plan(plan: &Plan) -> Result<Self> {
        let refuse = |message: &str| model::error::Error::new(ErrorKind::InvalidInput, message);
        let outline = Outline {
            video_streams: u32::try_from(plan.rungs().len()).unwrap_or(u32::MAX),
            copied_streams: u32::from(plan.copied_stream().is_some()),
            audio_streams: u32::try_from(plan.audio.len()).unwrap_or(u32::MAX),
            segment_count: plan.segment_count(),
            apart_segments: plan.apart_segments(),
            text_tracks: u32::try_from(plan.text.len()).unwrap_or(u32::MAX),
            thumb_sheets: plan.thumb_sheets(),
        };
        if outline.segment_count == 0 || plan.stream_count() == 0 {
            return Err(refuse("a plan without segments cannot be saved"));
        }
        let broken = |error: serde_json::Error| refuse(&error.to_string());
        let json = serde_json::to_string(plan).map_err(broken)?;
        let excerpt = Excerpt {
            summary: serde_json::to_string(&plan.summary()).map_err(broken)?,
            parts: serde_json::to_string(&plan.parts()).map_err(broken)?,
        };
        if json.len() > PLAN_BYTES {
            return Err(refuse("the plan is too long to be saved"));
        }
        Ok(Self {
            version: plan.version,
            tags: plan.source.tags.clone(),
            outline,
            excerpt,
            json,
        })
    }
}

fn abandon(write: &mut Write<'_>, job: JobId, owner: &str) -> Outcome<u32> {
    let job = job_move::held(write, job, owner)?;
    let title = titles::by_serial(&write.transaction, job.title_serial)?;
    let generation = generation::begin(write, &title)?;
    job_move::settle_title(write, &job)?;
    Ok(generation)
}

fn save_plan(
    write: &mut Write<'_>,
    job: JobId,
    owner: &str,
    drawn: &Drawn,
    pieces: &[StoredPiece],
) -> Outcome<()> {
    let job = job_move::held(write, job, owner)?;
    let mut title = titles::by_serial(&write.transaction, job.title_serial)?;
    check_pieces(drawn.outline, pieces)?;
    settle_place(write, &mut title, pieces)?;
    put_plan(write, &title, drawn)?;
    rename(write, &mut title, &drawn.tags)?;
    for piece in pieces {
        put_piece(write, &title, drawn.outline, piece)?;
    }
    job_move::settle_title(write, &job)
}

fn put_plan(write: &mut Write<'_>, title: &TitleRow, drawn: &Drawn) -> Outcome<()> {
    let serials = serial_list(std::iter::once(&title.serial));
    if let Some(known) = plans::of_titles(&write.transaction, &serials)?.pop() {
        if known.json == drawn.json {
            return Ok(());
        }
        let message = format!("title {} has another plan already", title.title.id);
        return Err(Failure::rule(ErrorKind::Conflict, message));
    }
    let row = PlanRow {
        title_serial: title.serial,
        generation: title.title.generation,
        version: drawn.version,
        json: drawn.json.clone(),
    };
    plans::insert(&write.transaction, &row, drawn.outline, &drawn.excerpt)?;
    write.announce(Change::Title(title.title.id));
    Ok(())
}

/// A title that nobody named is called what its file calls itself.
fn rename(write: &mut Write<'_>, title: &mut TitleRow, tags: &Tags) -> Outcome<()> {
    let Some(name) = title.title.name_by(tags) else {
        return Ok(());
    };
    title.title.name = shortened(&name, NAME_CHARS);
    titles::set_words(&write.transaction, title.serial, &title.title)
}

/// The pieces that come with a plan say where all others of its title go. Whoever stored them
/// asked the settings; asking again here could answer differently.
fn settle_place(
    write: &mut Write<'_>,
    title: &mut TitleRow,
    pieces: &[StoredPiece],
) -> Outcome<()> {
    let Some(place) = pieces.first().map(|piece| piece.place) else {
        return Ok(());
    };
    if title.has_plan || place == title.title.place {
        return Ok(());
    }
    title.title.place = place;
    titles::set_place(&write.transaction, title.serial, place)
}

/// Without its init segment no stream can be played, whatever else is stored; and a text track is
/// nothing but its file.
fn check_pieces(outline: Outline, pieces: &[StoredPiece]) -> Outcome<()> {
    let inits = (0..outline.stream_count()).map(|stream| Piece::Init { stream });
    let texts = (0..outline.text_tracks).map(|index| Piece::Subtitle { index });
    let missing = inits
        .chain(texts)
        .find(|wanted| !pieces.iter().any(|stored| stored.piece == *wanted));
    match missing {
        None => Ok(()),
        Some(missing) => Err(Failure::rule(
            ErrorKind::InvalidInput,
            format!("the plan promises {missing}, which was not stored before it"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use model::change::Change;
    use model::error::ErrorKind;
    use model::id::{JobId, TitleId};
    use model::plan::Plan;
    use model::time::VideoTicks;
    use model::title::TitleState;

    use crate::editing::TitleChange;
    use crate::testing::{House, OWNER, candidate, inits_of, plan_of, segment, text};
    use crate::work::Unit;

    /// Admits and claims a film without planning it.
    async fn claimed(house: &House) -> (TitleId, JobId) {
        let title = house.admit("/films/a.mp4", "a").await;
        (title, house.claim().await[0].id)
    }

    #[tokio::test]
    async fn a_plan_is_saved_once_and_comes_back_whole() {
        let house = House::new();
        let (title, job) = claimed(&house).await;
        let plan = plan_of(2, 1, 5);
        let inits = inits_of(title, 1, &plan);
        let mut changes = house.catalog.subscribe();
        for _ in 0..2 {
            let saving = house.catalog.save_plan(job, OWNER, &plan, inits.clone());
            saving.await.unwrap();
        }
        assert_eq!(changes.recv().await.unwrap(), Change::Title(title));
        for stream in 0..3 {
            let number = 0;
            let init = Change::Segment {
                title,
                stream,
                number,
            };
            assert_eq!(changes.recv().await.unwrap(), init);
        }
        assert!(changes.is_empty(), "the second time changed nothing");
        assert_eq!(house.title(title).await.plan.as_deref(), Some(&plan));
        let other = plan_of(2, 1, 6);
        let error = house
            .catalog
            .save_plan(job, OWNER, &other, inits)
            .await
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Conflict,
            "cuts never change: {error}"
        );
    }

    #[tokio::test]
    async fn a_title_that_nobody_named_is_called_what_its_file_says() {
        let named = |name| TitleChange {
            name,
            ..TitleChange::default()
        };
        for (given, expected) in [(None, "Modern Times"), (Some("Mine"), "Mine")] {
            let house = House::new();
            let (title, job) = claimed(&house).await;
            let name = given.unwrap_or("a").to_owned();
            let change = house.catalog.change_title(title, named(Some(name)));
            change.await.unwrap();
            let mut plan = plan_of(1, 0, 5);
            plan.source.tags.title = Some("Modern Times".to_owned());
            let inits = inits_of(title, 1, &plan);
            let saving = house.catalog.save_plan(job, OWNER, &plan, inits);
            saving.await.unwrap();
            assert_eq!(house.title(title).await.name, expected, "{given:?}");
        }
    }

    #[tokio::test]
    async fn a_plan_that_could_not_be_played_is_refused() {
        let house = House::new();
        let (title, job) = claimed(&house).await;
        let plan = plan_of(2, 1, 5);
        let no_segments = Plan {
            cuts: vec![VideoTicks::ZERO],
            ..plan.clone()
        };
        let no_streams = plan_of(0, 0, 5);
        let no_words = Plan {
            text: vec![text("eng")],
            ..plan_of(1, 0, 5)
        };
        let mut inits = inits_of(title, 1, &plan);
        inits.pop();
        for (what, plan) in [
            ("no segments", &no_segments),
            ("no streams", &no_streams),
            ("no init segment for the sound", &plan),
            ("no file for the subtitles", &no_words),
        ] {
            let refused = house
                .catalog
                .save_plan(job, OWNER, plan, inits.clone())
                .await;
            assert_eq!(
                refused.unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{what}"
            );
        }
        assert!(house.title(title).await.plan.is_none(), "nothing was saved");
        assert!(house.catalog.pieces(title).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_refused_copy_is_remembered_as_long_as_the_file() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        assert!(!house.title(title).await.copy_refused);
        let generation = house.catalog.refuse_copy(job.id, OWNER).await.unwrap();
        let refused = house.title(title).await;
        assert_eq!((generation, refused.copy_refused), (2, true));
        assert!(refused.plan.is_none(), "the next one does without");
        let other = candidate("/films/a.mp4", "another film");
        house.catalog.admit(other).await.unwrap();
        assert!(
            !house.title(title).await.copy_refused,
            "another file, another try"
        );
    }

    #[tokio::test]
    async fn an_abandoned_plan_leaves_garbage_and_room_for_another() {
        let house = House::new();
        let (title, job) = house.planned("/films/a.mp4", 4).await;
        let pieces = vec![segment(title, 0, 1), segment(title, 2, 1)];
        house
            .catalog
            .add_pieces(job.id, OWNER, pieces)
            .await
            .unwrap();
        house
            .catalog
            .unit_done(job.id, OWNER, Unit::Poster)
            .await
            .unwrap();
        let generation = house.catalog.abandon_plan(job.id, OWNER).await.unwrap();
        assert_eq!(generation, 2);
        let shown = house.title(title).await;
        assert_eq!((shown.generation, shown.state), (2, TitleState::Processing));
        assert!(shown.plan.is_none());
        assert!(house.catalog.units_done(title).await.unwrap().is_empty());
        assert_eq!(house.garbage().await.len(), 5);
        let plan = plan_of(1, 1, 9);
        let inits = inits_of(title, 2, &plan);
        house
            .catalog
            .save_plan(job.id, OWNER, &plan, inits)
            .await
            .unwrap();
        assert_eq!(house.title(title).await.plan.as_deref(), Some(&plan));
        assert!(house.catalog.integrity().await.unwrap().is_empty());
    }
}
