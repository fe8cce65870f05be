//! *Inspect*: what is in the file, when it is shown, and where it should be cut.
//!
//! Reads the file once, long ones in part, and writes its subtitles. What does not belong here: the
//! ladder and everything else that is policy of the server; it draws the plan from what this
//! reports.

mod about;
pub mod copied_grid;
pub mod grid;
mod notes;
mod pace;
pub mod rates;
pub mod scan;
mod shortfall;
pub mod sound_index;
pub mod steps;
pub mod text;

use media_proto::message::{
    AudioInspection, Cause, EntryPoint, GridPolicy, Inspection, Track, TrackKind, VideoInspection,
};
use media_proto::{AUDIO_TIMESCALE, VIDEO_TIMESCALE};
use std::fs::File;

use crate::av::error::AvError;
use crate::av::input::{Input, OnRead};
use crate::av::stream::{Kind, Stream};
use crate::copy::propose::{Offer, Refusal, propose};
use crate::descriptors;
use crate::failure::Failure;
use crate::geometry::{display_size, orientation};
use crate::isobmff::read::{Outline, outline};
use crate::output::Output;
use crate::source_file::SourceFile;
use crate::timeline::Timeline;
use grid::{Keyframe, Picture};
use pace::{frame_rate, is_variable, usual_step};
use scan::{Scan, TrackScan, scan};

/// The longest title, in seconds. It bounds the plan.
const MAX_SECONDS: i64 = 48 * 3600;
/// From this size on a file is not read as a whole, if that is not needed: 32 MiB are read in a
/// third of a second from a usual disk.
const LONG_FILE_BYTES: u64 = 32 * 1024 * 1024;
/// The most audio tracks that are kept.
const MAX_AUDIO_TRACKS: usize = 8;
/// What a lone picture without a duration is shown for, in video ticks: 40 ms.
const DEFAULT_FRAME_TICKS: i64 = 3_600;

/// How libav opens a file.
pub type Open = fn(File, OnRead) -> Result<Input, AvError>;

/// Opens `file` by `open`, refusing what cannot be media with a sentence for its owner.
pub fn open(file: File, on_read: OnRead, open: Open) -> Result<Input, Failure> {
    let outline = outline(&file).unwrap_or_default();
    if outline.is_encrypted {
        return Err(Failure::new(
            Cause::Encrypted,
            "This file is encrypted (DRM). Homereel cannot play it without its key.",
        ));
    }
    if outline.is_elsewhere {
        return Err(Failure::new(
            Cause::NoData,
            "The picture and sound of this film lie in other files, to which it only points. \
             Export it as one file that holds everything.",
        ));
    }
    open(file, on_read).map_err(|error| refusal(error, outline))
}

fn refusal(error: AvError, outline: Outline) -> Failure {
    if outline.is_isobmff && !outline.has_movie {
        return Failure::new(
            Cause::NotMedia,
            "This MP4 file has no readable header (moov not found). It may be cut off or damaged.",
        );
    }
    match error {
        // More tracks than the limit are the same error.
        AvError::NO_MEMORY => Failure::new(
            Cause::NotMedia,
            "Reading this file takes more memory than a film may need. It may be damaged, or have \
             more than a thousand tracks.",
        ),
        AvError::END => Failure::new(
            Cause::NotMedia,
            "This file ends before it says what is in it. It may be cut off. Copy it again?",
        ),
        error if scan::is_io(error) => scan::unreadable(error),
        _ => Failure::new(
            Cause::NotMedia,
            "This is not a video or audio file that Homereel can read. It may be damaged.",
        ),
    }
}

/// Inspects a file from its beginning; its subtitles go to `output`. A long film whose tables say
/// all of its packets is read here and there only: reading four gigabytes takes half a minute from a
/// usual disk. Where that casts doubt on the tables, it is read as a whole after all.
pub fn inspect(
    file: &SourceFile,
    policy: &GridPolicy,
    output: &Output,
) -> Result<Inspection, Failure> {
    let reading = Reading::of(file.whole());
    match look(file, reading, policy, output)? {
        Some(inspection) => Ok(inspection),
        None => look(file, Reading::Whole, policy, output)?.ok_or_else(|| {
            Failure::new(
                Cause::Internal,
                "A film that was read as a whole was doubted.",
            )
        }),
    }
}

/// How much of the file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Every byte of the tracks that count.
    Whole,
    /// The tables, and a few packets.
    Skimming,
}

impl Reading {
    fn of(file: &File) -> Self {
        let is_long = descriptors::size_bytes(file).is_ok_and(|size| size >= LONG_FILE_BYTES);
        let is_indexed = || outline(file).is_ok_and(|outline| outline.is_indexed);
        if is_long && is_indexed() {
            Self::Skimming
        } else {
            Self::Whole
        }
    }
}

/// Inspects a file, reading that much of it; `None` if it must be read as a whole.
pub fn look(
    file: &SourceFile,
    reading: Reading,
    policy: &GridPolicy,
    output: &Output,
) -> Result<Option<Inspection>, Failure> {
    let input = &mut match reading {
        Reading::Whole => file.open()?,
        Reading::Skimming => file.skim()?,
    };
    let streams = input
        .streams()
        .map_err(|error| Failure::internal("describing the tracks", error))?;
    let main = main_video(input, &streams);
    let wanted = wanted_tracks(&streams, main);
    refuse_exclusive(main.and_then(|track| streams.get(track)))?;
    let mut texts = text::probes(&streams, &input.container());
    let are_told = |track: &usize| streams.get(*track).is_some_and(Stream::is_told_by_tables);
    if reading == Reading::Skimming && !wanted.iter().all(are_told) {
        return Ok(None);
    }
    let mut scanned = scan(input, &streams, &wanted, main, &mut texts)?;
    if !scanned.clock_steps.is_empty() {
        *input = file.open()?;
        input.step_over(&scanned.clock_steps);
        texts = text::probes(&streams, &input.container());
        scanned = scan(input, &streams, &wanted, main, &mut texts)?;
    }
    let Scan {
        tracks: scans,
        is_partial,
        is_doubtful,
        ..
    } = scanned;
    if is_doubtful {
        return Ok(None);
    }
    let scanned = |track: usize| {
        wanted
            .iter()
            .position(|wanted| *wanted == track)
            .and_then(|index| scans.get(index))
    };
    let main = main.filter(|track| scanned(*track).is_some_and(|scan| scan.decodable));
    let kept: Vec<usize> = streams
        .iter()
        .filter(|stream| stream.kind == Kind::Audio)
        .filter(|stream| {
            scanned(stream.index).is_some_and(|scan| scan.decodable && scan.start.is_some())
        })
        .map(|stream| stream.index)
        .take(MAX_AUDIO_TRACKS)
        .collect();
    if main.is_none() && kept.is_empty() {
        return Err(notes::nothing_to_play(&streams, &scans));
    }
    let span = span(&streams, main.iter().chain(&kept), scanned)?;
    let tracks = describe(&streams, scanned);
    let mut notes = notes::left_out(&streams, scanned, main);
    if is_partial {
        notes.push("The file is damaged; what comes after the damage is left out.".into());
    }
    let end = span.origin.saturating_add(span.length).max(span.length);
    notes.extend(shortfall::note(input, file.whole(), end));
    let mut inspection = Inspection {
        container: input.container(),
        origin: span.origin,
        clock_steps: input.clock_steps().to_vec(),
        cuts: Vec::new(),
        sound_spans: Vec::new(),
        video: None,
        audio: Vec::new(),
        text: Vec::new(),
        chapters: about::chapters(input, span),
        tags: about::tags(input),
        tracks,
        notes,
    };
    match main.and_then(|track| Some((streams.get(track)?, scanned(track)?))) {
        Some((stream, scan)) => add_picture(&mut inspection, stream, scan, span, policy)?,
        None => inspection.cuts = grid::sound_only(span.length, policy),
    }
    let sound = kept
        .iter()
        .filter_map(|track| Some((streams.get(*track)?, scanned(*track)?)));
    add_sound(&mut inspection, &sound.collect::<Vec<_>>(), policy);
    text::add(&mut inspection, &streams, texts, span, output)?;
    Ok(Some(inspection))
}

/// Divides the sound into spans and says where decoding starts for each. Where the clock of a
/// track cannot be believed, nothing but the start of the file leads to its middle, so the whole
/// title is one span.
fn add_sound(inspection: &mut Inspection, tracks: &[(&Stream, &TrackScan)], policy: &GridPolicy) {
    let origin = inspection.origin;
    let clock = |stream: &Stream| Timeline::new(stream.time_base, origin, AUDIO_TIMESCALE);
    let steady = |(stream, scan): &(&Stream, &TrackScan)| scan.sound.is_steady(&clock(stream));
    inspection.sound_spans = if tracks.iter().all(steady) {
        grid::sound_spans(&inspection.cuts, policy)
    } else {
        let segments = inspection.cuts.len().saturating_sub(1);
        vec![u32::try_from(segments).unwrap_or(u32::MAX)]
    };
    let starts = span_starts(&inspection.cuts, &inspection.sound_spans);
    let audio = tracks.iter().map(|(stream, scan)| AudioInspection {
        track: track_number(stream.index),
        channels: scan.channels.max(1),
        default: stream.is_default,
        entries: starts
            .iter()
            .map(|start| scan.sound.entry_for(*start, &clock(stream)))
            .collect(),
        anchor: scan.sound.anchor(),
    });
    inspection.audio = audio.collect();
}

/// Where each span begins, in samples at 48 kHz.
fn span_starts(cuts: &[i64], spans: &[u32]) -> Vec<i64> {
    let mut first = 0;
    let starts = spans.iter().map(|count| {
        let start = cuts.get(first).copied().unwrap_or(0);
        first += *count as usize;
        start.saturating_mul(i64::from(AUDIO_TIMESCALE)) / i64::from(VIDEO_TIMESCALE)
    });
    starts.collect()
}

fn track_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The picture libav would play; an attached cover is not a picture.
fn main_video(input: &Input, streams: &[Stream]) -> Option<usize> {
    let best = input.best_stream(Kind::Video)?;
    let is_film = |stream: &&Stream| stream.kind == Kind::Video && !stream.is_cover;
    let best = streams
        .get(best)
        .filter(is_film)
        .or_else(|| streams.iter().find(is_film));
    best.map(|stream| stream.index)
}

/// Pictures that only Dolby Vision can show right come out green and purple without it.
fn refuse_exclusive(main: Option<&Stream>) -> Result<(), Failure> {
    let exclusive = main
        .and_then(|stream| stream.dolby_vision)
        .filter(|dolby_vision| dolby_vision.is_exclusive());
    exclusive.map_or(Ok(()), |dolby_vision| {
        let message = format!(
            "This film is Dolby Vision profile {} without a picture for other screens, so its \
             colours would be wrong. A copy in HDR10 or SDR can be shown.",
            dolby_vision.profile
        );
        Err(Failure::new(Cause::NoDecoder, message))
    })
}

fn wanted_tracks(streams: &[Stream], main: Option<usize>) -> Vec<usize> {
    streams
        .iter()
        .filter(|stream| Some(stream.index) == main || stream.kind == Kind::Audio)
        .map(|stream| stream.index)
        .collect()
}

/// Where the title lies on the source's clock, in video ticks.
#[derive(Clone, Copy, Debug)]
struct Span {
    origin: i64,
    length: i64,
}

fn span<'a>(
    streams: &[Stream],
    tracks: impl Iterator<Item = &'a usize>,
    scanned: impl Fn(usize) -> Option<&'a TrackScan>,
) -> Result<Span, Failure> {
    let spans: Vec<(i64, i64)> = tracks
        .filter_map(|track| {
            let (stream, scan) = (streams.get(*track)?, scanned(*track)?);
            let clock = Timeline::new(stream.time_base, 0, VIDEO_TIMESCALE);
            let end = scan
                .end
                .map(|end| clock.ticks(end).saturating_add(missing_tail(scan, &clock)));
            Some((clock.ticks(scan.start?), end?))
        })
        .collect();
    let origin = spans.iter().map(|span| span.0).min();
    let end = spans.iter().map(|span| span.1).max();
    let (Some(origin), Some(end)) = (origin, end) else {
        return Err(no_timeline());
    };
    let length = end.saturating_sub(origin);
    if length <= 0 || length / i64::from(VIDEO_TIMESCALE) > MAX_SECONDS {
        return Err(no_timeline());
    }
    Ok(Span { origin, length })
}

/// How long the last frame is shown where its packet does not say: as long as is usual in this
/// file.
fn missing_tail(scan: &TrackScan, clock: &Timeline) -> i64 {
    let last = scan
        .packets
        .iter()
        .filter(|packet| !packet.is_discarded)
        .max_by_key(|packet| packet.pts);
    match last {
        Some(last) if last.duration <= 0 => {
            usual_step(&shown_times(scan, clock)).unwrap_or(DEFAULT_FRAME_TICKS)
        }
        _ => 0,
    }
}

fn no_timeline() -> Failure {
    Failure::new(
        Cause::NoTimeline,
        "This file has no usable timestamps: all of its frames claim the same moment, or an absurd one.",
    )
}

/// When frames are shown, in order, each time once.
fn shown_times(scan: &TrackScan, clock: &Timeline) -> Vec<i64> {
    let shown = scan.packets.iter().filter(|packet| !packet.is_discarded);
    let mut times: Vec<i64> = shown.map(|packet| clock.ticks(packet.pts)).collect();
    times.sort_unstable();
    times.dedup();
    times
}

fn add_picture(
    inspection: &mut Inspection,
    stream: &Stream,
    scan: &TrackScan,
    span: Span,
    policy: &GridPolicy,
) -> Result<(), Failure> {
    let clock = Timeline::new(stream.time_base, span.origin, VIDEO_TIMESCALE);
    let frames = shown_times(scan, &clock);
    let packets = scan
        .packets
        .iter()
        .filter(|packet| !packet.is_discarded)
        .count();
    if frames.is_empty() || (frames.len() == 1 && packets > 1) {
        return Err(no_timeline());
    }
    let keyframes = trusted_keyframes(scan, &clock);
    inspection
        .notes
        .extend(left_out_note(scan, &clock, &frames));
    let picture = Picture {
        frames: &frames,
        keyframes: &keyframes,
        end: span.length,
    };
    let offer = propose(stream, scan, &clock, &picture, policy);
    let refusal = offer.as_ref().err().copied();
    let note = refusal.and_then(Refusal::note);
    inspection.notes.extend(note.map(str::to_owned));
    let (grid, copy) = match offer {
        Ok(Offer { grid, facts }) => (grid, Some(facts)),
        Err(_) => (grid::with_picture(&picture, policy, &[]), None),
    };
    let turn = orientation(stream);
    let aspect = Some(stream.sample_aspect_ratio)
        .filter(|aspect| aspect.0 > 0)
        .or(scan.sample_aspect_ratio)
        .unwrap_or((1, 1));
    let coded = scan.size.unwrap_or_else(|| stream.coded_size());
    let (display_width, display_height) = display_size(coded, aspect, turn);
    let rates = rates::when_cut(scan, &clock, &grid.cuts);
    inspection.cuts = grid.cuts;
    inspection.video = Some(VideoInspection {
        track: track_number(stream.index),
        display_width,
        display_height,
        rotation_degrees: turn.rotation_degrees,
        flipped: turn.flipped,
        interlaced: scan.interlaced,
        hdr: scan.hdr || stream.is_hdr(),
        variable_frame_rate: is_variable(&frames),
        frame_rate: frame_rate(&frames),
        frames: frames.len() as u64,
        rates,
        chunks: grid.chunks,
        copy,
    });
    Ok(())
}

/// Keyframes to seek to, in the order they are shown; none where packets lack times or the
/// clock jumps back, because then a seek cannot be verified and decoding starts at the beginning.
fn trusted_keyframes(scan: &TrackScan, clock: &Timeline) -> Vec<Keyframe> {
    let jumps_back = scan.packets.windows(2).any(|pair| {
        clock.length(pair[1].dts.saturating_sub(pair[0].dts)) < -i64::from(VIDEO_TIMESCALE)
    });
    if scan.untimed > 0 || scan.without_pts > 0 || jumps_back {
        return Vec::new();
    }
    let mut keyframes: Vec<Keyframe> = scan
        .packets
        .iter()
        .filter(|packet| packet.is_key)
        .map(|packet| Keyframe {
            shown_at: clock.ticks(packet.pts),
            entry: EntryPoint {
                pts: packet.pts,
                dts: packet.dts,
                position: packet.position,
            },
        })
        .collect();
    keyframes.sort_by_key(|keyframe| keyframe.shown_at);
    keyframes
}

/// Pictures a second or more before one that came earlier in the file cannot be shown after it.
fn left_out_note(scan: &TrackScan, clock: &Timeline, frames: &[i64]) -> Option<String> {
    let mut latest = i64::MIN;
    let mut left_out = 0;
    for packet in scan.packets.iter().filter(|packet| !packet.is_discarded) {
        let shown_at = clock.ticks(packet.pts);
        latest = latest.max(shown_at);
        left_out += i64::from(shown_at <= latest.saturating_sub(VIDEO_TIMESCALE.into()));
    }
    let seconds = left_out * usual_step(frames)? / i64::from(VIDEO_TIMESCALE);
    (left_out > 0).then(|| {
        format!(
            "The clock of this recording goes back, and nothing says where what follows belongs: \
             about {} s of the picture are left out.",
            seconds.max(1)
        )
    })
}

fn describe<'a>(
    streams: &[Stream],
    scanned: impl Fn(usize) -> Option<&'a TrackScan>,
) -> Vec<Track> {
    streams
        .iter()
        .map(|stream| Track {
            index: track_number(stream.index),
            kind: track_kind(stream),
            codec: stream.codec_name.clone(),
            language: stream.language.clone(),
            name: stream.title.clone(),
            decodable: scanned(stream.index).is_some_and(|scan| scan.decodable),
        })
        .collect()
}

fn track_kind(stream: &Stream) -> TrackKind {
    match stream.kind {
        Kind::Video if stream.is_cover => TrackKind::Cover,
        Kind::Video => TrackKind::Video,
        Kind::Audio => TrackKind::Audio,
        Kind::Subtitle => TrackKind::Subtitle,
        Kind::Data => TrackKind::Data,
    }
}
