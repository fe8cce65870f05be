//! The units of work and the lanes that do them. What does not belong here: their order
//! (`schedule`).

use catalog::work::Unit;
use model::id::{JobId, TitleId};
use model::settings::Place;
use model::time::VideoTicks;
use tokio_util::sync::CancellationToken;

use crate::standing::Outline;
use crate::trouble::Trouble;

/// A piece of work that is either done or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// Reading the file's structure and drawing the plan.
    Inspect,
    /// The poster.
    Poster,
    /// The sheet of thumbnails with that index, from 0.
    Thumbs(u32),
    /// The chunk with that index, from 0.
    Chunk(u32),
    /// The unit of sound with that number, from 0: a span of an audio stream.
    Audio(u32),
    /// The run of copied segments with that index, from 0.
    Copy(u32),
}

impl Work {
    /// The row that records it; an inspection is recorded by its plan.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Self::Inspect => None,
            Self::Poster => Some(Unit::Poster),
            Self::Thumbs(index) => Some(Unit::Thumbs(index)),
            Self::Chunk(index) => Some(Unit::Chunk(index)),
            Self::Audio(index) => Some(Unit::Audio(index)),
            Self::Copy(index) => Some(Unit::Copy(index)),
        }
    }
}

/// Who does work. Each lane has one worker process at a time, so a title that is looked at does
/// not wait for a film, and the sound of one goes on beside its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Inspections and posters: short.
    Look,
    /// Chunks: most of the work.
    Picture,
    /// Spans of sound: a second or two each.
    Sound,
    /// Sheets of thumbnails: some seconds each, while nobody waits for anything.
    Thumbs,
    /// Copied pictures: an instant each, so no viewer waits for an encoder where nothing has to
    /// be encoded.
    Copy,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 5] = [
        Self::Look,
        Self::Picture,
        Self::Sound,
        Self::Copy,
        Self::Thumbs,
    ];
}

/// Which life of which job work belongs to. A file that is replaced begins a new generation, and
/// reports about the old one must not count for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The job.
    pub job: JobId,
    /// The title it makes.
    pub title: TitleId,
    /// The title's generation when the job was claimed.
    pub generation: u32,
}

/// Where the pieces of a run go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whose pieces.
    pub(crate) run: Run,
    /// In which place.
    pub(crate) place: Place,
}

/// Work given to a lane.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    /// What it is for.
    pub(crate) run: Run,
    /// What to do.
    pub(crate) work: Work,
    /// Counts how often the lane was given work after it had none; tells late reports apart.
    pub(crate) epoch: u64,
    /// Fires when the work is no longer wanted.
    pub(crate) stop: CancellationToken,
}

/// What a lane tells the dispatcher.
#[derive(Debug)]
pub(crate) enum Report {
    /// The plan is saved.
    Inspected(Run, Outline),
    /// A new piece is stored and has its row.
    Stored(Run),
    /// How far the encoder has come.
    Progress(Run, Work, VideoTicks),
    /// All objects and rows of the work are durable.
    Done(Lane, Run, Work),
    /// Nothing is under way in the lane any more: it was stopped, or something went wrong.
    Stopped {
        /// Which lane.
        lane: Lane,
        /// Of the assignments that it stopped.
        epoch: u64,
        /// What went wrong, unless it was told to stop.
        trouble: Option<(Run, Trouble)>,
    },
}
