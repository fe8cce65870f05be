//! What the worker is asked: before there is a plan from the inspection, afterwards from the plan.
//! Pure functions. What does not belong here: sending (`worker`).

use media_proto::clock::ClockStep;
use media_proto::copy::CopySpec;
use media_proto::message::{
    AudioSpec, ChunkSpec, EntryPoint, GridPolicy, Inspection, Request, RungSpec, SoundAnchor,
    VideoSpec,
};
use media_proto::pictures::{PosterSource, PosterSpec, SheetSpec};
use model::extras::ThumbsPlan;
use model::ladder::Rung;
use model::plan::{AudioPlan, Entry, Plan, TrackKind, VideoPlan};
use model::segment::POSTER_CHOICES;
use model::time::VideoTicks;

use crate::demand::{Demand, preset};
use crate::planner::selection::{init_language, language, qualities, renditions};

/// Segments of 4 s after two of 2 s for a fast start, and chunks of about 8 s: at most that much
/// is encoded again after a power cut.
pub const GRID: GridPolicy = GridPolicy {
    segment: VideoTicks::from_seconds(4).0,
    opening_segment: VideoTicks::from_seconds(2).0,
    opening_segments: 2,
    // Encoders left to themselves put a keyframe at least every 250 frames, some every 300: 12.5 s
    // of a film at 23.976 a second.
    longest_copied: VideoTicks::from_seconds(13).0,
    // After a jump, browsers decode everything from the keyframe before it, some hundred pictures a
    // second, and keep whole segments: two of the largest must fit into the hundred megabytes that
    // the thriftiest of them has for a picture.
    longest_apart: VideoTicks::from_seconds(90).0,
    largest_apart_bytes: 32 * 1024 * 1024,
    chunk: VideoTicks::from_seconds(8).0,
    // Encoded in a second or two, so that a jump into what is not there yet has its sound soon.
    sound_span: VideoTicks::from_seconds(60).0,
};

/// Longest side of a poster, in pixels.
const POSTER_LONG_SIDE: u32 = 960;

/// How many places of a stretch of the title are looked at for its best picture.
const PLACES_IN_A_STRETCH: u32 = 3;

/// The second round trip: try the encoders and write the init segments.
pub fn prepare_request(inspection: &Inspection, demand: Demand) -> Request {
    let qualities = qualities(inspection, demand);
    let first_stream = qualities.count();
    let audio = renditions(inspection).into_iter().enumerate();
    Request::Prepare {
        video: inspection.video.as_ref().map(|video| VideoSpec {
            track: video.track,
            origin: inspection.origin,
            clock_steps: Vec::new(),
            frame_rate: video.frame_rate,
            interlaced: video.interlaced,
            hdr: video.hdr,
            rungs: qualities
                .encoded
                .iter()
                .map(|rung| rung_spec(rung, "", None))
                .collect(),
            preset: preset(demand.speed),
        }),
        copied: qualities.copied.is_some(),
        audio: audio
            .map(|(index, rendition)| AudioSpec {
                track: rendition.audio.track,
                stream: number(first_stream + index),
                origin: inspection.origin,
                clock_steps: Vec::new(),
                channels: rendition.channels,
                bit_rate_bps: rendition.bit_rate_bps,
                first_segment: 1,
                cuts: Vec::new(),
                entry: None,
                anchor: None,
                language: init_language(&language(inspection, rendition.audio.track)),
            })
            .collect(),
    }
}

/// What every chunk of the title has in common; `None` for sound alone.
pub fn video_spec(plan: &Plan) -> Option<VideoSpec> {
    let video = plan.video.as_ref()?;
    let rungs = plan.encoded().iter();
    Some(VideoSpec {
        track: video.track,
        origin: plan.origin.0,
        clock_steps: clock_steps(plan, video.track),
        frame_rate: video.frame_rate,
        interlaced: plan.source.interlaced,
        hdr: plan.source.hdr,
        rungs: rungs
            .map(|rung| rung_spec(&rung.rung, &rung.parameter_sets, rung.hardware_sets.clone()))
            .collect(),
        preset: preset(video.speed),
    })
}

/// The chunk with that index (from 0), if the plan has it.
pub fn chunk_spec(plan: &Plan, index: u32) -> Option<ChunkSpec> {
    let index = usize::try_from(index).ok()?;
    let chunk = plan.chunks().get(index)?;
    Some(ChunkSpec {
        first_segment: chunk.first_segment,
        cuts: plan.chunk_cuts(chunk).iter().map(|cut| cut.0).collect(),
        frames: chunk.frames,
        last: index + 1 == plan.chunks().len(),
        entries: chunk.entries.iter().copied().map(entry_point).collect(),
    })
}

/// The run of copied segments with that index (from 0), if the plan has it.
pub fn copy_spec(plan: &Plan, index: u32) -> Option<CopySpec> {
    let video = plan.video.as_ref()?;
    let run = video.copies.get(usize::try_from(index).ok()?)?;
    Some(CopySpec {
        track: video.track,
        stream: plan.copied_stream()?,
        origin: plan.origin.0,
        first_segment: run.first_segment,
        cuts: plan.copy_cuts(run).iter().map(|cut| cut.0).collect(),
        frames: run.frames,
        entries: run.entries.iter().copied().map(entry_point).collect(),
    })
}

/// The unit of sound with that number (from 0), if the plan has it.
pub fn audio_spec(plan: &Plan, number: u32) -> Option<AudioSpec> {
    let (index, span_index) = plan.sound_unit(number)?;
    let audio = plan.audio.get(index)?;
    let span = plan.sound_spans.get(span_index)?;
    let first = usize::try_from(span.first_segment.checked_sub(1)?).ok()?;
    let last = first + usize::try_from(span.segment_count).ok()?;
    Some(AudioSpec {
        track: audio.track,
        stream: plan.audio_stream(index),
        origin: plan.origin.0,
        clock_steps: clock_steps(plan, audio.track),
        channels: audio.channels,
        bit_rate_bps: audio.bit_rate_bps,
        first_segment: span.first_segment,
        cuts: audio
            .cuts
            .get(first..=last)?
            .iter()
            .map(|cut| cut.0)
            .collect(),
        entry: audio.entries.get(span_index).copied()?.map(entry_point),
        anchor: audio.anchor.map(anchor),
        language: init_language(&audio.language),
    })
}

/// The request for a poster; `None` for a plan without streams.
pub fn poster_request(plan: &Plan) -> Option<Request> {
    let covers = plan.source.tracks.iter();
    let covers = covers.filter(|track| track.kind == TrackKind::Cover);
    let covers: Vec<u32> = covers.map(|track| track.index).collect();
    let end = plan.end().0;
    let (track, from) = match (&plan.video, plan.audio.first()) {
        (Some(VideoPlan { track, .. }), _) => {
            // A cover takes one of the places.
            let count = POSTER_CHOICES - u32::from(!covers.is_empty());
            let (track, stretches) = (*track, stretches(end, count));
            (track, PosterSource::Film { track, stretches })
        }
        (None, Some(AudioPlan { track, .. })) => {
            let track = *track;
            (track, PosterSource::Sound { track, end })
        }
        (None, None) => return None,
    };
    Some(Request::MakePoster(PosterSpec {
        from,
        covers,
        origin: plan.origin.0,
        clock_steps: clock_steps(plan, track),
        long_side: POSTER_LONG_SIDE,
    }))
}

/// As many stretches of the middle of a title, each with the places to look at: titles often begin
/// in black and end in credits.
fn stretches(end: i64, count: u32) -> Vec<Vec<i64>> {
    let places = i64::from(count * PLACES_IN_A_STRETCH);
    let (first, last) = (end / 100 * 3, end / 100 * 85);
    let place = |number: i64| first + (last - first) / places * number;
    let places: Vec<i64> = (0..places).map(place).collect();
    let stretches = places.chunks(PLACES_IN_A_STRETCH as usize);
    stretches.map(<[i64]>::to_vec).collect()
}

/// The request for the sheet of thumbnails with that index (from 0), if the plan has it.
pub fn thumbs_request(plan: &Plan, index: u32) -> Option<Request> {
    let thumbs = plan.thumbs.filter(|thumbs| index < thumbs.sheets())?;
    let on_a_sheet = ThumbsPlan::COLUMNS * ThumbsPlan::ROWS;
    let first = index * on_a_sheet;
    let tiles = first..thumbs.tiles.min(first.saturating_add(on_a_sheet));
    let times: Vec<i64> = tiles.map(|tile| thumbs.shows(tile, plan.end()).0).collect();
    Some(Request::MakeThumbs {
        video: video_spec(plan)?,
        sheet: SheetSpec {
            number: index + 1,
            tile_width: thumbs.tile.width,
            tile_height: thumbs.tile.height,
            columns: ThumbsPlan::COLUMNS,
            rows: ThumbsPlan::ROWS,
            every: thumbs.every.0,
            entries: entries_around(plan, &times),
            times,
        },
    })
}

/// The nearest keyframe before each chunk that touches the times, each once, rising.
fn entries_around(plan: &Plan, times: &[i64]) -> Vec<EntryPoint> {
    let (first, last) = (times.first().copied(), times.last().copied());
    let touches = |cuts: &[VideoTicks]| {
        let ends = cuts.last().is_some_and(|end| Some(end.0) > first);
        ends && cuts.first().is_some_and(|begin| Some(begin.0) <= last)
    };
    let chunks = plan.chunks().iter();
    let touched = chunks.filter(|chunk| touches(plan.chunk_cuts(chunk)));
    let mut entries: Vec<EntryPoint> = touched
        .filter_map(|chunk| chunk.entries.first().copied().map(entry_point))
        .collect();
    entries.sort_by_key(|entry| entry.pts);
    entries.dedup();
    entries
}

fn rung_spec(rung: &Rung, parameter_sets: &str, hardware_sets: Option<String>) -> RungSpec {
    RungSpec {
        width: rung.size.width,
        height: rung.size.height,
        peak_bps: rung.peak_bps,
        parameter_sets: parameter_sets.into(),
        hardware_sets,
    }
}

/// Where the clock of that track steps.
fn clock_steps(plan: &Plan, track: u32) -> Vec<ClockStep> {
    let steps = plan.clock_steps.iter().filter(|step| step.track == track);
    let steps = steps.map(|step| ClockStep {
        track: step.track,
        position: step.position,
        offset: step.offset,
    });
    steps.collect()
}

fn entry_point(entry: Entry) -> EntryPoint {
    EntryPoint {
        pts: entry.pts,
        dts: entry.dts,
        position: entry.position,
    }
}

fn anchor(anchor: model::plan::SoundAnchor) -> SoundAnchor {
    SoundAnchor {
        pts: anchor.pts,
        samples: anchor.samples,
        sample_rate: anchor.sample_rate,
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        GRID, audio_spec, chunk_spec, copy_spec, poster_request, prepare_request, video_spec,
    };
    use media_proto::message::{Preset, Request};
    use media_proto::pictures::{PosterSource, PosterSpec};

    use crate::planner::draw::draw;
    use crate::planner::samples::{copied, demand, film, prepared};

    #[test]
    fn a_request_drawn_from_the_plan_says_what_the_plan_says() {
        let plan = draw(&film(), &prepared(), demand()).unwrap();
        let video = video_spec(&plan).unwrap();
        assert_eq!(video.origin, 126_000);
        assert_eq!(
            video.preset,
            Preset::Fast,
            "the whole title at the speed it was planned at"
        );
        assert!(
            video.interlaced,
            "the decoder's findings travel to the encoder"
        );
        assert_eq!(video.rungs[1].parameter_sets, "fingerprint-1f");
        let middle = chunk_spec(&plan, 1).unwrap();
        assert_eq!(middle.cuts, [8, 12, 16].map(|second| second * 90_000));
        assert!(!middle.last, "a chunk follows");
        assert!(chunk_spec(&plan, 2).unwrap().last, "nothing follows");
        assert_eq!(chunk_spec(&plan, 3), None, "there is no fourth chunk");
        let comment = audio_spec(&plan, 5).unwrap();
        assert_eq!(
            (comment.track, comment.stream),
            (2, 4),
            "streams count after the rungs, and the first track has two"
        );
        assert_eq!(
            (comment.first_segment, comment.cuts.len()),
            (5, 3),
            "the second span has two segments"
        );
        assert_eq!(comment.cuts.last(), Some(&(20 * 48_000)));
        assert_eq!(comment.entry.map(|entry| entry.position), Some(48));
        assert_eq!(comment.anchor.map(|anchor| anchor.samples), Some(648));
        let main = audio_spec(&plan, 0).unwrap();
        assert_eq!((main.stream, main.first_segment), (2, 1));
        assert_eq!(main.cuts.len(), 5, "the first span has four segments");
        assert_eq!(main.entry, None, "it begins with the file");
        let surround = audio_spec(&plan, 2).unwrap();
        assert_eq!(
            (surround.track, surround.stream, surround.channels),
            (1, 3, 6)
        );
        assert_eq!(
            audio_spec(&plan, 6),
            None,
            "three streams of two spans are six"
        );
        let Some(Request::MakePoster(PosterSpec {
            from: PosterSource::Film { stretches, .. },
            ..
        })) = poster_request(&plan)
        else {
            panic!("a film has a poster of its pictures");
        };
        assert_eq!(stretches.len(), 5, "five can be chosen from");
        let places: Vec<i64> = stretches.concat();
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        assert!(
            places.iter().all(|place| (0..20 * 90_000).contains(place)),
            "{places:?}"
        );
    }

    #[test]
    fn preparing_asks_for_every_rung_and_track_without_fingerprints() {
        let Request::Prepare { video, audio, .. } = prepare_request(&film(), demand()) else {
            panic!("preparing is a prepare request");
        };
        let video = video.unwrap();
        assert!(
            video
                .rungs
                .iter()
                .all(|rung| rung.parameter_sets.is_empty())
        );
        let streams: Vec<u32> = audio.iter().map(|audio| audio.stream).collect();
        assert_eq!(
            streams,
            [2, 3, 4],
            "audio streams are numbered after two rungs"
        );
        let languages: Vec<&str> = audio.iter().map(|audio| audio.language.as_str()).collect();
        assert_eq!(languages, ["eng", "eng", "und"]);
    }

    #[test]
    fn a_copied_picture_is_asked_for_beside_what_is_encoded() {
        let mut film = film();
        if let Some(video) = &mut film.video {
            video.copy = Some(copied(1_000_000, 2_000_000));
        }
        let Request::Prepare {
            video,
            copied,
            audio,
        } = prepare_request(&film, demand())
        else {
            panic!("preparing is a prepare request");
        };
        assert!(copied, "480 lines at two megabits a second are kept");
        assert_eq!(video.unwrap().rungs.len(), 1, "instead of the highest rung");
        assert_eq!(audio[0].stream, 2, "sound follows both");
        let plan = draw(&film, &prepared(), demand()).unwrap();
        assert_eq!(video_spec(&plan).unwrap().rungs.len(), 1);
        let second = copy_spec(&plan, 1).unwrap();
        assert_eq!((second.stream, second.first_segment), (1, 5));
        assert_eq!(second.cuts, [12, 16, 20].map(|second| second * 90_000));
        assert_eq!((second.frames, second.entries[0].position), (192, 48));
        assert_eq!(copy_spec(&plan, 2), None, "there are two runs");
    }

    #[test]
    fn the_grid_opens_with_short_segments() {
        assert_eq!((GRID.segment, GRID.chunk), (360_000, 720_000));
        assert_eq!((GRID.opening_segment, GRID.opening_segments), (180_000, 2));
    }
}
