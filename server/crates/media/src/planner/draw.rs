//! Draws the persisted plan from the worker's two answers. Pure functions.
//!
//! A worker reads hostile files, so what it says is checked here before it becomes a plan: counts
//! must agree, times must rise, texts have a limit. What does not belong here: requests.

use media_proto::message::{
    ChunkProposal, EntryPoint, Inspection, PreparedVideo, TagsInspection, Track, TrackKind,
    VideoInspection,
};
use model::error::{Error, ErrorKind, Result};
use model::extras::{Chapter, Tags, TextPlan, ThumbsPlan};
use model::ladder::Size;
use model::plan::{
    AudioPlan, Chunk, Entry, Made, PLAN_VERSION, Plan, SoundAnchor, SoundSpan, SourceFacts,
    TrackFacts, VideoPlan, VideoRung,
};
use model::source_clock::ClockStep;
use model::time::{AudioTicks, Ticks, VideoTicks};

use crate::demand::Demand;
use crate::planner::audio_grid::audio_cuts;
use crate::planner::selection::{
    Rendition, clipped, language, left_out_notes, qualities, renditions, tag, track,
};

/// Tracks that a plan lists.
const MAX_TRACKS: usize = 64;

/// Text tracks that a plan keeps.
const MAX_TEXT_TRACKS: usize = 32;

/// Chapters that a plan keeps.
const MAX_CHAPTERS: usize = 500;

/// Notes that a plan keeps.
const MAX_NOTES: usize = 50;

/// What the second round trip said: one entry per rung and per kept audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The encoders of the picture, lowest rung first.
    pub video: Vec<PreparedVideo>,
    /// RFC 6381 codecs of the audio streams.
    pub audio: Vec<String>,
}

/// Draws the plan from the two answers. `Internal` if they contradict themselves or each other.
pub fn draw(inspection: &Inspection, prepared: &Prepared, demand: Demand) -> Result<Plan> {
    check_cuts(&inspection.cuts)?;
    check_counts(inspection, prepared, demand)?;
    let cuts: Vec<VideoTicks> = inspection.cuts.iter().copied().map(Ticks).collect();
    Ok(Plan {
        version: PLAN_VERSION,
        source: source_facts(inspection),
        origin: Ticks(inspection.origin),
        clock_steps: inspection.clock_steps.iter().map(clock_step).collect(),
        video: match &inspection.video {
            Some(video) => Some(video_plan(inspection, video, prepared, demand)?),
            None => None,
        },
        audio: audio_plans(inspection, prepared, &audio_cuts(&cuts))?,
        sound_spans: sound_spans(&inspection.sound_spans, inspection.cuts.len() - 1)?,
        text: text_plans(inspection),
        thumbs: display(inspection).map(|display| ThumbsPlan::of(display, end(&cuts))),
        chapters: chapters(inspection),
        cuts,
        notes: notes(inspection, demand),
    })
}

/// What the worker tells, and which rungs would add nothing.
fn notes(inspection: &Inspection, demand: Demand) -> Vec<String> {
    let told = inspection.notes.iter().take(MAX_NOTES);
    told.map(|note| clipped(note))
        .chain(left_out_notes(&qualities(inspection, demand).left_out))
        .collect()
}

fn check_cuts(cuts: &[i64]) -> Result<()> {
    let rising = cuts.windows(2).all(|pair| pair[0] < pair[1]);
    if cuts.len() >= 2 && cuts[0] == 0 && rising {
        return Ok(());
    }
    Err(contradiction("its cut times do not rise from zero"))
}

fn check_counts(inspection: &Inspection, prepared: &Prepared, demand: Demand) -> Result<()> {
    if inspection.video.is_none() && inspection.audio.is_empty() {
        return Err(contradiction(
            "it found nothing to encode and said so to nobody",
        ));
    }
    if prepared.video.len() != qualities(inspection, demand).count() {
        return Err(contradiction(
            "it prepared another number of rungs than asked",
        ));
    }
    if prepared.audio.len() != renditions(inspection).len() {
        return Err(contradiction(
            "it prepared another number of audio streams than asked",
        ));
    }
    Ok(())
}

fn contradiction(what: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("homereel-worker contradicts itself: {what}"),
    )
}

fn video_plan(
    inspection: &Inspection,
    video: &VideoInspection,
    prepared: &Prepared,
    demand: Demand,
) -> Result<VideoPlan> {
    let qualities = qualities(inspection, demand);
    let segment_count = inspection.cuts.len() - 1;
    let copy = video.copy.as_ref().filter(|_| qualities.copied.is_some());
    let apart = copy.and_then(|copy| copy.apart.as_deref());
    let copied_cuts = apart.map(|cuts| apart_cuts(inspection, cuts)).transpose()?;
    let copies = match copy {
        Some(copy) => chunks(
            &copy.spans,
            apart.map_or(segment_count, |cuts| cuts.len() - 1),
        )?,
        None => Vec::new(),
    };
    let encoded = qualities
        .encoded
        .into_iter()
        .map(|rung| (rung, Made::Encoded));
    let copied = qualities.copied.map(|rung| (rung, Made::Copied));
    let rungs = encoded.chain(copied).zip(&prepared.video);
    Ok(VideoPlan {
        track: video.track,
        rungs: rungs
            .map(|((rung, made), prepared)| VideoRung {
                rung,
                made,
                codec: clipped(&prepared.codec),
                parameter_sets: clipped(&prepared.parameter_sets),
                hardware_sets: prepared.hardware_sets.as_deref().map(clipped),
            })
            .collect(),
        copies,
        copied_cuts,
        chunks: chunks(&video.chunks, segment_count)?,
        frame_rate: video.frame_rate,
        speed: demand.speed,
    })
}

/// The boundaries of a copy that stands apart: some of those of the rungs, first and last included.
fn apart_cuts(inspection: &Inspection, cuts: &[i64]) -> Result<Vec<VideoTicks>> {
    check_cuts(cuts)?;
    let is_shared = |cut: &i64| inspection.cuts.binary_search(cut).is_ok();
    if cuts.last() == inspection.cuts.last() && cuts.iter().all(is_shared) {
        return Ok(cuts.iter().copied().map(Ticks).collect());
    }
    Err(contradiction(
        "its copy stands apart at times of which its rungs know nothing",
    ))
}

/// Numbers the proposed chunks; together they must cover every segment exactly once.
fn chunks(proposals: &[ChunkProposal], segment_count: usize) -> Result<Vec<Chunk>> {
    let mut first_segment: u32 = 1;
    let mut chunks = Vec::with_capacity(proposals.len());
    for proposal in proposals {
        if proposal.segment_count == 0 {
            return Err(contradiction("it proposed a chunk without segments"));
        }
        chunks.push(Chunk {
            first_segment,
            segment_count: proposal.segment_count,
            frames: proposal.frames,
            entries: proposal.entries.iter().copied().map(entry).collect(),
        });
        first_segment = first_segment.saturating_add(proposal.segment_count);
    }
    if usize::try_from(first_segment - 1) == Ok(segment_count) {
        Ok(chunks)
    } else {
        Err(contradiction("its chunks do not cover its segments"))
    }
}

/// Numbers the proposed spans of sound; together they must cover every segment exactly once.
fn sound_spans(counts: &[u32], segment_count: usize) -> Result<Vec<SoundSpan>> {
    let mut first_segment: u32 = 1;
    let mut spans = Vec::with_capacity(counts.len());
    for count in counts {
        if *count == 0 {
            return Err(contradiction("it proposed a span without segments"));
        }
        spans.push(SoundSpan {
            first_segment,
            segment_count: *count,
        });
        first_segment = first_segment.saturating_add(*count);
    }
    if usize::try_from(first_segment - 1) == Ok(segment_count) {
        Ok(spans)
    } else {
        Err(contradiction(
            "its spans of sound do not cover its segments",
        ))
    }
}

fn audio_plans(
    inspection: &Inspection,
    prepared: &Prepared,
    cuts: &[AudioTicks],
) -> Result<Vec<AudioPlan>> {
    let spans = inspection.sound_spans.len();
    if inspection
        .audio
        .iter()
        .any(|audio| audio.entries.len() != spans)
    {
        return Err(contradiction(
            "it names another number of places than it has spans of sound",
        ));
    }
    let default = inspection
        .audio
        .iter()
        .position(|audio| audio.default)
        .unwrap_or(0);
    let default = inspection.audio.get(default).map(|audio| audio.track);
    let streams = renditions(inspection).into_iter().zip(&prepared.audio);
    let plans = streams
        .map(
            |(
                Rendition {
                    audio,
                    channels,
                    bit_rate_bps,
                },
                codec,
            )| AudioPlan {
                track: audio.track,
                language: language(inspection, audio.track),
                name: track(inspection, audio.track)
                    .and_then(|track| track.name.as_deref())
                    .map(clipped),
                default: Some(audio.track) == default,
                channels,
                bit_rate_bps,
                codec: clipped(codec),
                cuts: cuts.to_vec(),
                entries: audio.entries.iter().map(|point| point.map(entry)).collect(),
                anchor: audio.anchor.map(anchor),
            },
        )
        .collect();
    Ok(plans)
}

/// One track is the default: files often mark all of them.
fn text_plans(inspection: &Inspection) -> Vec<TextPlan> {
    let texts = inspection.text.iter().take(MAX_TEXT_TRACKS);
    let default = texts.clone().position(|text| text.default && !text.forced);
    texts
        .enumerate()
        .map(|(index, text)| TextPlan {
            track: Some(text.track),
            language: language(inspection, text.track),
            name: track(inspection, text.track)
                .and_then(|track| track.name.as_deref())
                .map(clipped),
            default: Some(index) == default,
            forced: text.forced,
            hearing_impaired: text.hearing_impaired,
        })
        .collect()
}

/// Those within the title, rising.
fn chapters(inspection: &Inspection) -> Vec<Chapter> {
    let end = inspection.cuts.last().copied().unwrap_or(0);
    let mut latest = -1;
    let rising = inspection.chapters.iter().filter(|chapter| {
        let fits = chapter.start > latest && chapter.start < end;
        latest = if fits { chapter.start } else { latest };
        fits
    });
    rising
        .take(MAX_CHAPTERS)
        .map(|chapter| Chapter {
            start: Ticks(chapter.start),
            name: chapter.title.as_deref().and_then(tag),
        })
        .collect()
}

fn tags(found: &TagsInspection) -> Tags {
    let tag = |text: &Option<String>| text.as_deref().and_then(tag);
    Tags {
        title: tag(&found.title),
        date: tag(&found.date),
        artist: tag(&found.artist),
        album: tag(&found.album),
        comment: tag(&found.comment),
    }
}

fn display(inspection: &Inspection) -> Option<Size> {
    inspection.video.as_ref().map(|video| Size {
        width: video.display_width,
        height: video.display_height,
    })
}

fn end(cuts: &[VideoTicks]) -> VideoTicks {
    cuts.last().copied().unwrap_or_default()
}

fn source_facts(inspection: &Inspection) -> SourceFacts {
    let video = inspection.video.as_ref();
    SourceFacts {
        container: clipped(&inspection.container),
        display: display(inspection),
        rotation_degrees: video.map_or(0, |video| video.rotation_degrees),
        flipped: video.is_some_and(|video| video.flipped),
        interlaced: video.is_some_and(|video| video.interlaced),
        hdr: video.is_some_and(|video| video.hdr),
        variable_frame_rate: video.is_some_and(|video| video.variable_frame_rate),
        frames: video.map_or(0, |video| video.frames),
        tracks: inspection
            .tracks
            .iter()
            .take(MAX_TRACKS)
            .map(|track| track_facts(inspection, track))
            .collect(),
        tags: tags(&inspection.tags),
    }
}

fn track_facts(inspection: &Inspection, track: &Track) -> TrackFacts {
    let is_picture = inspection
        .video
        .as_ref()
        .is_some_and(|video| video.track == track.index);
    let is_sound = inspection
        .audio
        .iter()
        .any(|audio| audio.track == track.index);
    let is_text = inspection.text.iter().any(|text| text.track == track.index);
    TrackFacts {
        index: track.index,
        kind: kind(track.kind),
        codec: clipped(&track.codec),
        language: track.language.as_deref().map(clipped),
        name: track.name.as_deref().map(clipped),
        decodable: track.decodable,
        used: is_picture || is_sound || is_text,
    }
}

fn kind(kind: TrackKind) -> model::plan::TrackKind {
    match kind {
        TrackKind::Video => model::plan::TrackKind::Video,
        TrackKind::Audio => model::plan::TrackKind::Audio,
        TrackKind::Subtitle => model::plan::TrackKind::Subtitle,
        TrackKind::Cover => model::plan::TrackKind::Cover,
        TrackKind::Data => model::plan::TrackKind::Data,
    }
}

fn anchor(anchor: media_proto::message::SoundAnchor) -> SoundAnchor {
    SoundAnchor {
        pts: anchor.pts,
        samples: anchor.samples,
        sample_rate: anchor.sample_rate,
    }
}

fn clock_step(step: &media_proto::clock::ClockStep) -> ClockStep {
    ClockStep {
        track: step.track,
        position: step.position,
        offset: step.offset,
    }
}

fn entry(point: EntryPoint) -> Entry {
    Entry {
        pts: point.pts,
        dts: point.dts,
        position: point.position,
    }
}

#[cfg(test)]
mod tests {
    use super::{Prepared, draw};
    use media_proto::message::{ChapterInspection, Inspection, Request};
    use media_proto::pictures::PosterSource;

    use crate::planner::requests::{copy_spec, poster_request};
    use crate::planner::samples::{apart, demand, film, prepared, proposal};

    #[test]
    fn both_answers_together_make_a_plan() {
        let plan = draw(&film(), &prepared(), demand()).unwrap();
        assert_eq!(plan.segment_count(), 6, "seven cuts bound six segments");
        assert_eq!(
            plan.rungs().len(),
            2,
            "480 lines are offered as 360 and 480"
        );
        assert_eq!(plan.rungs()[1].codec, "avc1.64001f");
        let firsts: Vec<u32> = plan
            .chunks()
            .iter()
            .map(|chunk| chunk.first_segment)
            .collect();
        assert_eq!(
            firsts,
            [1, 4, 6],
            "each chunk begins where the last one ended"
        );
        let defaults: Vec<bool> = plan.audio.iter().map(|audio| audio.default).collect();
        assert_eq!(
            defaults,
            [false, false, true],
            "the file's own default is kept"
        );
        let channels: Vec<u32> = plan.audio.iter().map(|audio| audio.channels).collect();
        assert_eq!(channels, [2, 6, 1], "5.1 is offered beside stereo");
        assert_eq!(plan.audio[2].bit_rate_bps, 96_000, "mono needs less");
        assert_eq!(
            plan.audio[2].language, "und",
            "no language is said to be unknown"
        );
        let used: Vec<bool> = plan.source.tracks.iter().map(|track| track.used).collect();
        assert_eq!(used, [true, true, true, true]);
    }

    #[test]
    fn exactly_one_audio_track_is_the_default() {
        for (flags, expected) in [([false, false], 1), ([true, true], 1), ([false, true], 2)] {
            let mut film = film();
            film.audio[0].default = flags[0];
            film.audio[1].default = flags[1];
            let plan = draw(&film, &prepared(), demand()).unwrap();
            let defaults = plan.audio.iter().filter(|audio| audio.default);
            let mut tracks: Vec<u32> = defaults.map(|audio| audio.track).collect();
            tracks.dedup();
            assert_eq!(tracks, [expected], "flags in the file: {flags:?}");
        }
    }

    #[test]
    fn sound_alone_makes_a_plan_without_chunks() {
        let mut film = film();
        film.video = None;
        let mut prepared = prepared();
        prepared.video.clear();
        let plan = draw(&film, &prepared, demand()).unwrap();
        assert!(plan.chunks().is_empty() && plan.rungs().is_empty());
        assert_eq!(plan.audio_stream(0), 0, "without rungs audio is stream 0");
        let poster = poster_request(&plan);
        assert!(
            matches!(&poster, Some(Request::MakePoster(spec)) if matches!(spec.from, PosterSource::Sound { .. })),
            "there is only sound to show: {poster:?}"
        );
    }

    #[test]
    fn a_copy_that_stands_apart_has_cuts_of_its_own() {
        let plan = |cuts: Vec<i64>| {
            let (mut film, mut prepared) = (film(), prepared());
            let facts = media_proto::copy::CopyFacts {
                apart: Some(cuts.iter().map(|second| second * 90_000).collect()),
                ..apart(800_000, 900_000)
            };
            film.video.as_mut().unwrap().copy = Some(facts);
            prepared.video.push(prepared.video[1].clone());
            draw(&film, &prepared, demand())
        };
        let drawn = plan(vec![0, 8, 20]).unwrap();
        assert_eq!((drawn.encoded().len(), drawn.copied_stream()), (2, Some(2)));
        let counts = [0, 1, 2, 3, 6].map(|stream| drawn.segment_count_of(stream));
        assert_eq!(counts, [6, 6, 2, 6, 0], "rungs, copy, sound, nothing");
        let second = copy_spec(&drawn, 1).unwrap();
        assert_eq!(second.cuts, [8, 20].map(|second| second * 90_000));
        for (what, cuts) in [
            ("another end", vec![0, 8, 16]),
            ("a cut between those of the rungs", vec![0, 9, 20]),
            ("runs for another number of segments", vec![0, 8, 16, 20]),
            ("cuts that fall", vec![0, 8, 8, 20]),
            ("no segment", vec![0]),
        ] {
            assert!(plan(cuts).is_err(), "{what} must not become a plan");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        type Change = fn(&mut Inspection, &mut Prepared);
        let cases: [(&str, Change); 10] = [
            ("cuts that fall", |film, _| film.cuts[3] = film.cuts[2]),
            ("cuts that begin late", |film, _| film.cuts[0] = 1),
            ("a single cut", |film, _| film.cuts.truncate(1)),
            ("too few chunks", |film, _| {
                film.video.as_mut().unwrap().chunks.truncate(2)
            }),
            ("an empty chunk", |film, _| {
                film.video.as_mut().unwrap().chunks.insert(1, proposal(0));
            }),
            ("too few spans", |film, _| film.sound_spans.truncate(1)),
            ("an empty span", |film, _| {
                film.sound_spans.push(0);
                for audio in &mut film.audio {
                    audio.entries.push(None);
                }
            }),
            ("a span that nothing leads to", |film, _| {
                film.audio[1].entries.truncate(1)
            }),
            ("a missing rung", |_, prepared| prepared.video.truncate(1)),
            ("a missing audio stream", |_, prepared| {
                prepared.audio.truncate(2)
            }),
        ];
        for (name, change) in cases {
            let (mut film, mut prepared) = (film(), prepared());
            change(&mut film, &mut prepared);
            assert!(
                draw(&film, &prepared, demand()).is_err(),
                "{name} must not become a plan"
            );
        }
    }

    #[test]
    fn what_goes_with_picture_and_sound_is_in_the_plan() {
        let mut film = film();
        film.chapters = [-5, 0, 0, 90_000, 80_000, 20 * 90_000]
            .map(|start| ChapterInspection {
                start,
                title: Some(" One\u{202e} ".into()),
            })
            .to_vec();
        film.tags.title = Some("\n".into());
        film.tags.date = Some("1936".into());
        let plan = draw(&film, &prepared(), demand()).unwrap();
        let starts: Vec<i64> = plan
            .chapters
            .iter()
            .map(|chapter| chapter.start.0)
            .collect();
        assert_eq!(starts, [0, 90_000], "rising, and within the title");
        assert_eq!(plan.chapters[0].name.as_deref(), Some("One"));
        assert_eq!(
            (plan.source.tags.title, plan.source.tags.date.as_deref()),
            (None, Some("1936"))
        );
        let text = &plan.text[0];
        assert_eq!(
            (text.track, text.language.as_str(), text.default),
            (Some(3), "ger", true)
        );
        assert!(plan.source.tracks[3].used, "its words are shown");
    }

    #[test]
    fn long_texts_from_a_file_are_cut() {
        let mut film = film();
        film.tracks[1].name = Some("ä".repeat(100_000));
        let plan = draw(&film, &prepared(), demand()).unwrap();
        let name = plan.audio[0].name.as_deref().unwrap_or_default();
        assert_eq!(
            name.chars().count(),
            300,
            "a name must not fill the catalog"
        );
    }
}
