//! What the tests of this crate share: a catalog in a temporary folder with a clock that stands
//! still, and small plans and pieces.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::clock::{SimulatedClock, WallTime};
use model::extras::{Tags, TextPlan, ThumbsPlan};
use model::id::TitleId;
use model::job::Job;
use model::ladder::{Rung, Size};
use model::people::{Role, User};
use model::plan::{
    AudioPlan, Chunk, Made, PLAN_VERSION, Plan, SoundSpan, SourceFacts, VideoPlan, VideoRung,
};
use model::segment::{ObjectKey, Piece, StoredPiece};
use model::settings::{Place, Speed};
use model::time::{Ticks, VideoTicks};
use model::title::{FileStamp, Identity, Source, Title};
use model::upload::Details;
use tempfile::TempDir;

use crate::Catalog;
use crate::admission::{Admission, Candidate};
use crate::board::BoardQuery;
use crate::garbage::GarbageAfter;
use crate::inbox_page::{InboxQuery, Seen};
use crate::people::NewUser;
use crate::viewer::Viewer;

/// The worker of most tests.
pub(crate) const OWNER: &str = "worker-1";
/// How long a lease is in tests.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How many segments a chunk of [`plan_of`] has.
pub(crate) const CHUNK_SEGMENTS: u32 = 2;

/// A catalog and its clock.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) catalog: Catalog,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SimulatedClock::at(WallTime(1_000_000)));
        let catalog = Catalog::open(&folder.path().join("homereel.db"), clock.clone()).unwrap();
        Self {
            folder,
            clock,
            catalog,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("homereel.db")
    }

    /// Admits a new film and returns its title.
    pub(crate) async fn admit(&self, path: &str, content: &str) -> TitleId {
        match self.catalog.admit(candidate(path, content)).await.unwrap() {
            Admission::New(title) => title,
            other => panic!("{path} must be new, not {other:?}"),
        }
    }

    pub(crate) async fn title(&self, id: TitleId) -> Title {
        self.catalog.title(id).await.unwrap().unwrap()
    }

    pub(crate) async fn job_of(&self, title: TitleId) -> Job {
        let id = self.title(title).await.job.unwrap();
        self.catalog.job(id).await.unwrap().unwrap()
    }

    /// What an admin sees in the inbox.
    pub(crate) async fn inbox(&self) -> Vec<Seen> {
        let query = InboxQuery {
            who: Viewer::EVERYTHING,
            limit: 100,
            ..InboxQuery::default()
        };
        self.catalog.inbox(query).await.unwrap().arrivals
    }

    /// The jobs as an admin sees them.
    pub(crate) async fn jobs(&self, open_only: bool) -> Vec<Job> {
        let query = BoardQuery {
            who: Viewer::EVERYTHING,
            open_only,
            after: None,
            limit: 100,
        };
        let board = self.catalog.board(query).await.unwrap();
        board.works.into_iter().map(|work| work.job).collect()
    }

    /// Objects on this computer that are to be deleted.
    pub(crate) async fn garbage(&self) -> Vec<ObjectKey> {
        let everything = GarbageAfter::default();
        let garbage = self.catalog.garbage(Place::Local, everything, 1_000);
        garbage.await.unwrap().0
    }

    /// Makes an account.
    pub(crate) async fn person(&self, name: &str, role: Role) -> User {
        self.catalog.add_user(new_user(name, role)).await.unwrap()
    }

    /// Claims everything that is due for [`OWNER`].
    pub(crate) async fn claim(&self) -> Vec<Job> {
        self.catalog.claim(OWNER, LEASE, 100).await.unwrap()
    }

    /// Admits a film, claims its job and saves a plan of `segments` segments in two rungs and
    /// one audio track.
    pub(crate) async fn planned(&self, path: &str, segments: u32) -> (TitleId, Job) {
        self.planned_as(path, plan_of(2, 1, segments)).await
    }

    /// The same with another plan.
    pub(crate) async fn planned_as(&self, path: &str, plan: Plan) -> (TitleId, Job) {
        let title = self.admit(path, path).await;
        let job = self.claim().await.pop().unwrap();
        let inits = inits_of(title, 1, &plan);
        self.catalog
            .save_plan(job.id, OWNER, &plan, inits)
            .await
            .unwrap();
        (title, job)
    }
}

/// Somebody who is to have an account.
pub(crate) fn new_user(name: &str, role: Role) -> NewUser {
    NewUser {
        name: name.to_owned(),
        email: None,
        first_name: String::new(),
        last_name: String::new(),
        password_hash: "$argon2id$x".to_owned(),
        role,
    }
}

/// A file at `path`; `content` stands for its bytes.
pub(crate) fn candidate(path: &str, content: &str) -> Candidate {
    Candidate {
        name: path.trim_start_matches('/').to_owned(),
        details: Details::default(),
        source: source(path, content, 7),
    }
}

/// The same with a stamp of one's own.
pub(crate) fn source(path: &str, content: &str, modified_ns: i64) -> Source {
    let size_bytes = 1_000 + content.len() as u64;
    Source {
        path: PathBuf::from(path),
        identity: Identity {
            size_bytes,
            sample_hash: format!("{content:0>64}"),
        },
        stamp: FileStamp {
            // Some file systems use the highest bit.
            device: u64::MAX,
            inode: u64::MAX - 1,
            size_bytes,
            modified_ns,
        },
    }
}

/// A plan with that many rungs, audio tracks and segments of 4 s.
pub(crate) fn plan_of(rungs: u32, audio_tracks: u32, segments: u32) -> Plan {
    let cuts = |hz: i64| (0..=i64::from(segments)).map(move |number| number * 4 * hz);
    Plan {
        version: PLAN_VERSION,
        source: facts(),
        origin: VideoTicks::ZERO,
        clock_steps: Vec::new(),
        cuts: cuts(90_000).map(Ticks).collect(),
        video: (rungs > 0).then(|| video_plan(rungs, segments)),
        audio: (0..audio_tracks)
            .map(|track| AudioPlan {
                track,
                language: "und".to_owned(),
                name: None,
                default: track == 0,
                channels: 2,
                bit_rate_bps: 128_000,
                codec: "mp4a.40.2".to_owned(),
                cuts: cuts(48_000).map(Ticks).collect(),
                entries: Vec::new(),
                anchor: None,
            })
            .collect(),
        sound_spans: (1..=segments)
            .step_by(CHUNK_SEGMENTS as usize)
            .map(|first_segment| SoundSpan {
                first_segment,
                segment_count: CHUNK_SEGMENTS.min(segments + 1 - first_segment),
            })
            .collect(),
        text: Vec::new(),
        thumbs: None,
        chapters: Vec::new(),
        notes: Vec::new(),
    }
}

/// The same with a second picture that is copied in one segment, whatever the others have.
pub(crate) fn plan_apart(segments: u32) -> Plan {
    let mut plan = plan_of(2, 1, segments);
    if let Some(video) = &mut plan.video {
        video.rungs[1].made = Made::Copied;
        video.copied_cuts = Some(vec![VideoTicks::ZERO, plan.cuts[segments as usize]]);
        video.copies = vec![Chunk {
            first_segment: 1,
            segment_count: 1,
            frames: 96 * segments,
            entries: Vec::new(),
        }];
    }
    plan
}

/// A text track from a file beside the film.
pub(crate) fn text(language: &str) -> TextPlan {
    TextPlan {
        track: None,
        language: language.to_owned(),
        name: None,
        default: false,
        forced: false,
        hearing_impaired: false,
    }
}

/// That many small pictures.
pub(crate) fn thumbs(tiles: u32) -> ThumbsPlan {
    ThumbsPlan {
        tile: Size {
            width: 320,
            height: 180,
        },
        every: VideoTicks::from_seconds(10),
        tiles,
    }
}

/// The init segments of every stream.
pub(crate) fn inits_of(title: TitleId, generation: u32, plan: &Plan) -> Vec<StoredPiece> {
    (0..plan.stream_count())
        .map(|stream| stored(title, generation, Piece::Init { stream }, 700))
        .collect()
}

/// A piece with `size_bytes` bytes, whose hash depends on them.
pub(crate) fn stored(
    title: TitleId,
    generation: u32,
    piece: Piece,
    size_bytes: u64,
) -> StoredPiece {
    StoredPiece {
        piece,
        place: Place::Local,
        key: ObjectKey::of_piece(title, generation, piece),
        size_bytes,
        sha256: format!("{size_bytes:064x}"),
    }
}

/// A segment of the first generation.
pub(crate) fn segment(title: TitleId, stream: u32, number: u32) -> StoredPiece {
    let piece = Piece::Media { stream, number };
    stored(title, 1, piece, 1_000 * u64::from(number))
}

fn video_plan(rungs: u32, segments: u32) -> VideoPlan {
    let rung = VideoRung {
        rung: Rung {
            size: Size {
                width: 640,
                height: 360,
            },
            average_bps: 800_000,
            peak_bps: 1_400_000,
        },
        made: Made::Encoded,
        codec: "avc1.64001f".to_owned(),
        parameter_sets: "00".to_owned(),
        hardware_sets: None,
    };
    let chunk = |first: u32| Chunk {
        first_segment: first,
        segment_count: CHUNK_SEGMENTS.min(segments + 1 - first),
        frames: 192,
        entries: Vec::new(),
    };
    VideoPlan {
        track: 0,
        rungs: vec![rung; rungs as usize],
        copies: Vec::new(),
        copied_cuts: None,
        chunks: (1..=segments)
            .step_by(CHUNK_SEGMENTS as usize)
            .map(chunk)
            .collect(),
        frame_rate: (24, 1),
        speed: Speed::Balanced,
    }
}

fn facts() -> SourceFacts {
    SourceFacts {
        container: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        display: None,
        rotation_degrees: 0,
        flipped: false,
        interlaced: false,
        hdr: false,
        variable_frame_rate: false,
        frames: 0,
        tracks: Vec::new(),
        tags: Tags::default(),
    }
}
