//! The shapes of JSON answers. Times are RFC 3339, lengths are seconds, sizes are bytes.

use catalog::inbox_page::Seen;
use model::arrival::{ArrivalState, Door};
use model::clock::WallTime;
use model::extras::{Chapter, Tags, TextPlan};
use model::id::{ArrivalId, JobId, TitleId};
use model::job::{Job, JobState, Step};
use model::ladder::Rung;
use model::plan::{AudioSummary, Plan, PlanSummary, SourceFacts, TrackFacts, TrackKind};
use model::rights::Visibility;
use model::segment::Piece;
use model::settings::Place;
use model::title::{Title, TitleState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::onlooker::{May, Onlooker, Owner, Watched};
use crate::api::posters::{self, PosterView};
use crate::api::strip::Strip;
use crate::api::thumbs::ThumbsView;
use crate::api::words;
use crate::rfc3339;

/// A title.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Video {
    #[schema(schema_with = words::identifier)]
    pub(crate) id: TitleId,
    pub(crate) name: String,
    #[schema(schema_with = words::title_state)]
    pub(crate) state: TitleState,
    /// Why it failed, or what it waits for.
    pub(crate) reason: Option<String>,
    /// Counts how often its preparation was begun anew; pieces of two generations do not mix.
    pub(crate) generation: u32,
    #[schema(schema_with = words::instant)]
    pub(crate) added_at: String,
    pub(crate) duration_s: Option<f64>,
    /// Size of the upright picture in the source.
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) size_bytes: u64,
    /// Name of the file it was made from.
    pub(crate) file: String,
    pub(crate) progress: Progress,
    pub(crate) rungs: Vec<RungView>,
    pub(crate) audio: Vec<AudioView>,
    pub(crate) poster: Option<String>,
    /// Only where one title was asked for: what the poster can be chosen from.
    pub(crate) posters: Vec<PosterView>,
    pub(crate) thumbs: Option<ThumbsView>,
    pub(crate) manifest_dash: String,
    pub(crate) manifest_hls: String,
    pub(crate) source: Option<SourceView>,
    /// Only where one title was asked for.
    pub(crate) subtitles: Vec<TextView>,
    /// Only where one title was asked for.
    pub(crate) chapters: Vec<ChapterView>,
    pub(crate) notes: Vec<String>,
    #[schema(schema_with = words::identifier_or_null)]
    pub(crate) job: Option<JobId>,
    /// What exists of an unfinished title over its time; absent once all of it does.
    pub(crate) strip: Option<Strip>,
    pub(crate) description: Option<String>,
    #[schema(schema_with = words::visibility)]
    pub(crate) visibility: Visibility,
    /// Who added it; absent for guests, and where nobody did.
    pub(crate) owner: Option<Owner>,
    pub(crate) may: May,
    /// How far whoever asks watched it.
    pub(crate) watched: Option<Watched>,
    /// Where its pieces lie.
    #[schema(schema_with = words::place)]
    pub(crate) place: Place,
}

/// How far the work on a title has come.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    #[schema(schema_with = words::step)]
    pub(crate) step: Step,
    /// 0 to 1.
    pub(crate) fraction: f64,
    /// Media seconds made in a second.
    pub(crate) speed: f64,
    pub(crate) seconds_left: Option<f64>,
    pub(crate) done_s: f64,
    pub(crate) total_s: f64,
}

/// A quality.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RungView {
    /// Number in segment names.
    pub(crate) stream: u32,
    /// Short side of the picture.
    pub(crate) name: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The source's own picture, not encoded again.
    pub(crate) original: bool,
    /// Part of its segments that exist, 0 to 1.
    pub(crate) ready: f64,
}

/// An audio track.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AudioView {
    /// Number in segment names.
    pub(crate) stream: u32,
    pub(crate) language: String,
    pub(crate) name: Option<String>,
    pub(crate) channels: u32,
    pub(crate) default: bool,
    /// Part of its segments that exist, 0 to 1.
    pub(crate) ready: f64,
}

/// Subtitles that can be shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TextView {
    pub(crate) language: String,
    pub(crate) name: Option<String>,
    pub(crate) default: bool,
    /// Only what must be read to follow the film.
    pub(crate) forced: bool,
    /// Says in words what can only be heard.
    pub(crate) hearing_impaired: bool,
    /// They lie beside the film, not in its file.
    pub(crate) beside: bool,
    /// All of them as WebVTT.
    pub(crate) url: String,
}

/// A chapter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ChapterView {
    pub(crate) start_s: f64,
    pub(crate) name: Option<String>,
}

/// What the file says of itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TagsView {
    pub(crate) title: Option<String>,
    /// As the file has it.
    pub(crate) date: Option<String>,
    pub(crate) artist: Option<String>,
    pub(crate) album: Option<String>,
    pub(crate) comment: Option<String>,
}

/// What the inspection found in the file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SourceView {
    pub(crate) container: String,
    pub(crate) rotation_degrees: u32,
    pub(crate) flipped: bool,
    pub(crate) interlaced: bool,
    pub(crate) hdr: bool,
    pub(crate) variable_frame_rate: bool,
    pub(crate) frames: u64,
    pub(crate) display_width: Option<u32>,
    pub(crate) display_height: Option<u32>,
    pub(crate) video_tracks: usize,
    pub(crate) audio_tracks: usize,
    pub(crate) subtitle_tracks: usize,
    pub(crate) tracks: Vec<TrackView>,
    pub(crate) tags: TagsView,
}

/// One track of the file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TrackView {
    /// Index in the file.
    pub(crate) index: u32,
    #[schema(schema_with = words::track_kind)]
    pub(crate) kind: TrackKind,
    /// Name of the codec.
    pub(crate) codec: String,
    /// ISO 639 as the file has it.
    pub(crate) language: Option<String>,
    /// The track's own title.
    pub(crate) name: Option<String>,
    /// Whether it can be decoded.
    pub(crate) decodable: bool,
    /// Whether the title is made from it.
    pub(crate) used: bool,
}

/// One page of titles.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct VideoList {
    pub(crate) videos: Vec<Video>,
    pub(crate) page: u32,
    pub(crate) per_page: u32,
    /// How many there are in all; of a search, counting ends at a thousand.
    pub(crate) total: u64,
    /// Where the next page begins, if there may be one.
    pub(crate) next_cursor: Option<String>,
}

/// A job.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    #[schema(schema_with = words::identifier)]
    pub(crate) id: JobId,
    #[schema(schema_with = words::identifier)]
    pub(crate) title: TitleId,
    #[schema(schema_with = words::job_state)]
    pub(crate) state: JobState,
    pub(crate) priority: i64,
    pub(crate) attempts: u32,
    pub(crate) reason: Option<String>,
    pub(crate) progress: Progress,
    /// What the title is called.
    pub(crate) title_name: String,
    pub(crate) poster: Option<String>,
    /// The qualities of the title, and how much of each exists; none until it was looked at.
    pub(crate) rungs: Vec<RungView>,
    /// What exists of the title over its time; absent once all of it does.
    pub(crate) strip: Option<Strip>,
    /// When it will be ready at the present speed, as far as that can be told.
    #[schema(schema_with = words::instant_or_null)]
    pub(crate) ready_at: Option<String>,
    #[schema(schema_with = words::instant)]
    pub(crate) run_after: String,
    #[schema(schema_with = words::instant)]
    pub(crate) created_at: String,
    #[schema(schema_with = words::instant_or_null)]
    pub(crate) started_at: Option<String>,
    #[schema(schema_with = words::instant_or_null)]
    pub(crate) finished_at: Option<String>,
}

/// A page of jobs in the order they will run, then finished ones.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    pub(crate) jobs: Vec<JobView>,
    /// Where the next page begins, if there is one.
    pub(crate) next_cursor: Option<String>,
}

/// A file at a door.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ArrivalView {
    /// In URLs of actions.
    #[schema(schema_with = words::identifier)]
    pub(crate) id: ArrivalId,
    pub(crate) path: String,
    pub(crate) file: String,
    #[schema(schema_with = words::door)]
    pub(crate) door: Door,
    #[schema(schema_with = words::arrival_state)]
    pub(crate) state: ArrivalState,
    pub(crate) reason: Option<String>,
    pub(crate) size_bytes: u64,
    #[schema(schema_with = words::instant)]
    pub(crate) first_seen_at: String,
    #[schema(schema_with = words::instant)]
    pub(crate) changed_at: String,
    #[schema(schema_with = words::identifier_or_null)]
    pub(crate) title: Option<TitleId>,
    /// Whoever asks may have it looked at again, dismiss or take it.
    pub(crate) may_decide: bool,
    /// Whoever asks should decide on it.
    pub(crate) needs_you: bool,
}

/// A page of the inbox, newest change first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Inbox {
    pub(crate) arrivals: Vec<ArrivalView>,
    /// How many there are on all pages; counting ends at a thousand.
    pub(crate) total: u64,
    /// How many whoever asks should decide on, on whichever page; counting ends at a thousand.
    pub(crate) needs_you: u64,
    /// Where the next page begins, if there is one.
    pub(crate) next_cursor: Option<String>,
}

impl Video {
    /// The title with its job; `ready` tells for each stream how much of it exists.
    pub(crate) fn new(
        title: &Title,
        job: Option<&Job>,
        ready: &[f64],
        strip: Option<Strip>,
        onlooker: &Onlooker,
    ) -> Self {
        let (plan, summary) = (title.plan.as_deref(), title.summary.as_ref());
        let display = summary.and_then(|plan| plan.display);
        let of_stream = |stream: usize| ready.get(stream).copied().unwrap_or(0.0);
        let media = |name: &str| format!("/media/{}/{name}", title.id);
        Self {
            id: title.id,
            name: title.name.clone(),
            state: title.state,
            reason: title.reason.clone(),
            generation: title.generation,
            added_at: rfc3339::format(title.added_at),
            duration_s: summary.map(|plan| plan.end.seconds()),
            width: display.map(|size| size.width),
            height: display.map(|size| size.height),
            size_bytes: title.source.identity.size_bytes,
            file: file_name(&title.source.path),
            progress: Progress::of_title(title, job),
            rungs: summary
                .map(|plan| rungs(plan, of_stream))
                .unwrap_or_default(),
            audio: summary
                .map(|plan| audio(plan, of_stream))
                .unwrap_or_default(),
            poster: posters::address(title),
            posters: plan.map(|_| posters::choices(title)).unwrap_or_default(),
            thumbs: ThumbsView::of(title),
            manifest_dash: media("manifest.mpd"),
            manifest_hls: media("master.m3u8"),
            source: plan.map(|plan| SourceView::new(&plan.source)),
            subtitles: plan
                .map(|plan| subtitles(title.id, plan))
                .unwrap_or_default(),
            chapters: plan
                .map(|plan| plan.chapters.iter().map(ChapterView::new).collect())
                .unwrap_or_default(),
            notes: summary.map(|plan| plan.notes.clone()).unwrap_or_default(),
            job: title.job,
            strip,
            description: title.description.clone(),
            visibility: title.visibility,
            owner: onlooker.owner(title),
            may: onlooker.may(title),
            watched: onlooker.watched(title),
            place: title.place,
        }
    }
}

fn rungs(plan: &PlanSummary, ready: impl Fn(usize) -> f64) -> Vec<RungView> {
    let last = plan.rungs.len().checked_sub(1);
    let view = |(stream, (index, rung)): (u32, (usize, &Rung))| RungView {
        stream,
        name: rung.name(),
        width: rung.size.width,
        height: rung.size.height,
        original: plan.copied && Some(index) == last,
        ready: ready(index),
    };
    (0..).zip(plan.rungs.iter().enumerate()).map(view).collect()
}

fn audio(plan: &PlanSummary, ready: impl Fn(usize) -> f64) -> Vec<AudioView> {
    let streams = plan.rungs.len()..;
    let view = |(stream, audio): (usize, &AudioSummary)| AudioView {
        stream: u32::try_from(stream).unwrap_or(u32::MAX),
        language: audio.language.clone(),
        name: audio.name.clone(),
        channels: audio.channels,
        default: audio.default,
        ready: ready(stream),
    };
    streams.zip(&plan.audio).map(view).collect()
}

fn subtitles(title: TitleId, plan: &Plan) -> Vec<TextView> {
    let view = |(index, text): (u32, &TextPlan)| TextView {
        language: text.language.clone(),
        name: text.name.clone(),
        default: text.default,
        forced: text.forced,
        hearing_impaired: text.hearing_impaired,
        beside: text.track.is_none(),
        url: format!("/media/{title}/{}", Piece::Subtitle { index }),
    };
    (0..).zip(&plan.text).map(view).collect()
}

impl ChapterView {
    fn new(chapter: &Chapter) -> Self {
        Self {
            start_s: chapter.start.seconds(),
            name: chapter.name.clone(),
        }
    }
}

impl TagsView {
    fn new(tags: &Tags) -> Self {
        Self {
            title: tags.title.clone(),
            date: tags.date.clone(),
            artist: tags.artist.clone(),
            album: tags.album.clone(),
            comment: tags.comment.clone(),
        }
    }
}

impl Progress {
    /// A title's progress is its job's; a finished title has none left.
    fn of_title(title: &Title, job: Option<&Job>) -> Self {
        if let Some(job) = job {
            return Self::of_job(job);
        }
        let finished = title.state == TitleState::Ready;
        let total_s = title
            .summary
            .as_ref()
            .map_or(0.0, |plan| plan.end.seconds());
        Self {
            step: if finished {
                Step::Finished
            } else {
                Step::Waiting
            },
            fraction: f64::from(u8::from(finished)),
            speed: 0.0,
            seconds_left: None,
            done_s: if finished { total_s } else { 0.0 },
            total_s,
        }
    }

    fn of_job(job: &Job) -> Self {
        let progress = &job.progress;
        let done = job.state == JobState::Done;
        Self {
            step: if done { Step::Finished } else { progress.step },
            fraction: if done { 1.0 } else { progress.fraction() },
            speed: progress.speed,
            seconds_left: progress
                .seconds_left()
                .filter(|_| job.state == JobState::Running),
            done_s: progress.done.seconds(),
            total_s: progress.total.seconds(),
        }
    }
}

impl SourceView {
    fn new(source: &SourceFacts) -> Self {
        let count = |kind| {
            source
                .tracks
                .iter()
                .filter(|track| track.kind == kind)
                .count()
        };
        Self {
            container: source.container.clone(),
            rotation_degrees: source.rotation_degrees,
            flipped: source.flipped,
            interlaced: source.interlaced,
            hdr: source.hdr,
            variable_frame_rate: source.variable_frame_rate,
            frames: source.frames,
            display_width: source.display.map(|size| size.width),
            display_height: source.display.map(|size| size.height),
            video_tracks: count(TrackKind::Video),
            audio_tracks: count(TrackKind::Audio),
            subtitle_tracks: count(TrackKind::Subtitle),
            tracks: source.tracks.iter().map(TrackView::new).collect(),
            tags: TagsView::new(&source.tags),
        }
    }
}

impl TrackView {
    fn new(track: &TrackFacts) -> Self {
        Self {
            index: track.index,
            kind: track.kind,
            codec: track.codec.clone(),
            language: track.language.clone(),
            name: track.name.clone(),
            decodable: track.decodable,
            used: track.used,
        }
    }
}

impl JobView {
    /// The job with the title it makes; `ready` tells for each stream how much of it exists.
    pub(crate) fn new(
        job: &Job,
        title: &Title,
        ready: &[f64],
        strip: Option<Strip>,
        ready_at: Option<WallTime>,
    ) -> Self {
        let of_stream = |stream: usize| ready.get(stream).copied().unwrap_or(0.0);
        let summary = title.summary.as_ref();
        Self {
            rungs: summary
                .map(|plan| rungs(plan, of_stream))
                .unwrap_or_default(),
            id: job.id,
            title: job.title,
            state: job.state,
            priority: job.priority,
            attempts: job.attempts,
            reason: job.reason.clone(),
            progress: Progress::of_job(job),
            title_name: title.name.clone(),
            poster: posters::address(title),
            strip,
            ready_at: ready_at.map(rfc3339::format),
            run_after: rfc3339::format(job.run_after),
            created_at: rfc3339::format(job.created_at),
            started_at: job.started_at.map(rfc3339::format),
            finished_at: job.finished_at.map(rfc3339::format),
        }
    }
}

impl ArrivalView {
    pub(crate) fn new(seen: &Seen) -> Self {
        let arrival = &seen.arrival;
        Self {
            may_decide: seen.may_decide,
            needs_you: seen.needs_decision(),
            id: arrival.id,
            path: arrival.path.display().to_string(),
            file: file_name(&arrival.path),
            door: arrival.door,
            state: arrival.state,
            reason: arrival.reason.clone(),
            size_bytes: arrival.size_bytes,
            first_seen_at: rfc3339::format(arrival.first_seen_at),
            changed_at: rfc3339::format(arrival.changed_at),
            title: arrival.title,
        }
    }
}

/// The last part of a path, for people; bytes that are no text become question marks.
fn file_name(path: &std::path::Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
