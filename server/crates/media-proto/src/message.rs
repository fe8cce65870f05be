//! The messages. All are self-contained: a worker that was just started can answer any of them.

use serde::{Deserialize, Serialize};

use crate::clock::ClockStep;
use crate::copy::{CopyFacts, CopySpec};
use crate::pictures::{PosterSpec, SheetSpec};
use crate::rates::PictureRates;
use crate::sidecar::SidecarSpec;

/// A request with the number that its events repeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberedRequest {
    /// Chosen by the client; never reused within one worker's life.
    pub number: u32,
    /// What is wanted.
    pub request: Request,
}

/// An event with the number of the request it belongs to; 0 for [`Event::Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberedEvent {
    /// The request's number.
    pub number: u32,
    /// What happened.
    pub event: Event,
}

/// What the server can ask of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Read the structure of the input and propose a grid. Answered by [`Event::Inspected`].
    Inspect {
        /// How long segments and chunks should be.
        grid: GridPolicy,
    },
    /// Open the encoders once, write the init segments, say what they are. Answered by
    /// [`Event::Prepared`].
    Prepare {
        /// The picture, if there is one.
        video: Option<VideoSpec>,
        /// The picture is offered as it is, too, as the stream behind those of `video`.
        copied: bool,
        /// The audio streams, in the order of their numbers.
        audio: Vec<AudioSpec>,
    },
    /// Make one chunk in all rungs. Answered by [`Event::Segment`]s and [`Event::ChunkDone`].
    /// A further request may be sent before that, so that decoding never pauses.
    EncodeChunk {
        /// The picture.
        video: VideoSpec,
        /// Which part of it.
        chunk: ChunkSpec,
    },
    /// Make a span of segments of one audio stream. Answered by [`Event::Segment`]s and
    /// [`Event::AudioDone`]. A further request may be sent before that.
    EncodeAudio {
        /// The stream and the span.
        audio: AudioSpec,
    },
    /// Write `poster.jpg`, and the pictures it can be chosen from as `poster-{N}.jpg`. Answered by
    /// [`Event::PosterDone`].
    MakePoster(PosterSpec),
    /// Write one sheet of thumbnails as `thumbs-{N}.jpg`. Answered by [`Event::ThumbsDone`].
    MakeThumbs {
        /// The picture; its rungs do not matter.
        video: VideoSpec,
        /// Which part of it.
        sheet: SheetSpec,
    },
    /// Write the source's own pictures as segments. Answered by [`Event::Segment`]s and
    /// [`Event::CopyDone`].
    CopySegments(CopySpec),
    /// Read the input as a file of subtitles and write it as `subtitle-{N}.vtt`. Answered by
    /// [`Event::SidecarDone`].
    ReadSidecar(SidecarSpec),
}

/// How long segments and chunks should be, in video ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridPolicy {
    /// Nominal length of a segment.
    pub segment: i64,
    /// Length of the first segments, shorter for a fast start.
    pub opening_segment: i64,
    /// How many opening segments there are.
    pub opening_segments: u32,
    /// The longest segment of a title whose rungs are cut at the keyframes of the source.
    pub longest_copied: i64,
    /// The longest segment of a copied picture that has cuts of its own.
    pub longest_apart: i64,
    /// The largest such segment, in bytes.
    pub largest_apart_bytes: u64,
    /// Nominal length of a chunk.
    pub chunk: i64,
    /// Nominal length of a span of sound.
    pub sound_span: i64,
}

/// What a worker needs to know to encode a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoSpec {
    /// The track's index in the source.
    pub track: u32,
    /// Zero of the timeline on the source's clock, in video ticks.
    pub origin: i64,
    /// Where the track's clock steps; all times here count on over these.
    pub clock_steps: Vec<ClockStep>,
    /// Frames per second as a fraction; an average where it varies. It only guides rate control.
    pub frame_rate: (u32, u32),
    /// Decoded frames are interlaced.
    pub interlaced: bool,
    /// Decoded frames are PQ or HLG and must be tone-mapped.
    pub hdr: bool,
    /// The qualities, lowest first; the index is the stream number.
    pub rungs: Vec<RungSpec>,
    /// Speed against size.
    pub preset: Preset,
}

/// One quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungSpec {
    /// Pixels from left to right, even.
    pub width: u32,
    /// Pixels from top to bottom, even.
    pub height: u32,
    /// What the buffer model never lets the encoder exceed for long, in bits per second.
    pub peak_bps: u32,
    /// Fingerprint of the parameter sets that [`Event::Prepared`] reported, in hex;
    /// empty only in [`Request::Prepare`].
    pub parameter_sets: String,
    /// Fingerprint of the parameter sets of the encoder in graphics hardware, if segments of it may
    /// stand beside the others; always absent in [`Request::Prepare`].
    pub hardware_sets: Option<String>,
}

/// Speed against size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Fastest to be ready.
    Fast,
    /// The default.
    Balanced,
    /// Fewest bytes.
    Small,
}

/// One chunk of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkSpec {
    /// Number of its first segment, from 1.
    pub first_segment: u32,
    /// `segment_count + 1` boundaries, in video ticks.
    pub cuts: Vec<i64>,
    /// Frames that the packet index promises.
    pub frames: u32,
    /// The chunk is the title's last; it also takes frames at its end cut.
    pub last: bool,
    /// Keyframes to start from, nearest first; see `model::plan::Chunk::entries`.
    pub entries: Vec<EntryPoint>,
}

/// A packet from which decoding can start, in the track's own time base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryPoint {
    /// Presentation time.
    pub pts: i64,
    /// Decoding time.
    pub dts: i64,
    /// Byte position, negative if unknown.
    pub position: i64,
}

/// What a worker needs to know to encode an audio track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioSpec {
    /// The track's index in the source.
    pub track: u32,
    /// Stream number in segment names.
    pub stream: u32,
    /// Zero of the timeline on the source's clock, in video ticks.
    pub origin: i64,
    /// Where the track's clock steps; all times here count on over these.
    pub clock_steps: Vec<ClockStep>,
    /// Channels to mix to.
    pub channels: u32,
    /// Bits per second.
    pub bit_rate_bps: u32,
    /// Number of the span's first segment, from 1.
    pub first_segment: u32,
    /// The span's segment boundaries in samples at 48 kHz; empty only in [`Request::Prepare`].
    pub cuts: Vec<i64>,
    /// Where to start decoding; absent for the start of the file.
    pub entry: Option<EntryPoint>,
    /// What all later blocks follow; see `model::plan::SoundAnchor`.
    pub anchor: Option<SoundAnchor>,
    /// ISO 639-2/T language for the init segment.
    pub language: String,
}

/// The first decoded block of an audio track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundAnchor {
    /// When it is heard, in the track's own time base.
    pub pts: i64,
    /// How many samples it has.
    pub samples: u32,
    /// Samples a second.
    pub sample_rate: u32,
}

/// What a worker reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first words of a worker.
    Hello {
        /// [`crate::VERSION`] of the worker.
        version: u32,
        /// libav's own version, for the log.
        libav: String,
    },
    /// Answer to [`Request::Inspect`].
    Inspected(Box<Inspection>),
    /// Answer to [`Request::Prepare`].
    Prepared {
        /// One per rung.
        video: Vec<PreparedVideo>,
        /// RFC 6381 codec of each audio stream.
        audio: Vec<String>,
    },
    /// A segment lies complete in the output folder.
    Segment {
        /// Stream number.
        stream: u32,
        /// Segment number, from 1.
        number: u32,
        /// Its length.
        size_bytes: u64,
    },
    /// A sign of life while a file is read for longer than the server waits for silence.
    Reading {
        /// Bytes read for this request so far, those that were read twice counted twice.
        bytes: u64,
    },
    /// How far the encoder has come, in video ticks on the timeline.
    Progress {
        /// Presentation time of the newest encoded frame.
        position: i64,
    },
    /// The encoder in graphics hardware failed; what is missing of this chunk, and all others, are
    /// encoded by software. While it is prepared: the title is one for software alone.
    FellBack {
        /// What was wrong, in a sentence.
        reason: String,
    },
    /// All segments of the chunk are out.
    ChunkDone {
        /// Frames that were encoded.
        frames: u32,
        /// Frames that the index promised but no decoder delivered.
        missing: u32,
    },
    /// All segments of the span of sound are out.
    AudioDone {
        /// Samples of silence put in for sound that was missing, at 48 kHz.
        silence: i64,
    },
    /// All copied segments are out, with so many pictures.
    CopyDone { frames: u32 },
    /// `poster.jpg` lies complete in the output folder, and beside it `poster-{N}.jpg`, from 1, the
    /// best first, which is the poster itself.
    PosterDone {
        /// Length of the poster.
        size_bytes: u64,
        /// Lengths of those to choose from; none where there is only one.
        choices: Vec<u64>,
    },
    /// `thumbs-{N}.jpg` lies complete in the output folder.
    ThumbsDone {
        /// Its length.
        size_bytes: u64,
    },
    /// `subtitle-{N}.vtt` lies complete in the output folder.
    SidecarDone {
        /// Its length.
        size_bytes: u64,
    },
    /// The request cannot be fulfilled. The worker lives on.
    Failed {
        /// For the server.
        cause: Cause,
        /// For the owner: what is wrong with this file, in a sentence.
        message: String,
    },
}

impl Event {
    /// Nothing more comes for this request.
    pub fn is_last(&self) -> bool {
        !matches!(
            self,
            Self::Hello { .. }
                | Self::Reading { .. }
                | Self::Segment { .. }
                | Self::FellBack { .. }
                | Self::Progress { .. }
        )
    }
}

/// What an encoder said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedVideo {
    /// RFC 6381, read from the avcC bytes.
    pub codec: String,
    /// Fingerprint of the parameter sets, in hex.
    pub parameter_sets: String,
    /// Fingerprint of those of the encoder in graphics hardware, which stand beside the former in
    /// the init segment, if the worker had one and could use it.
    pub hardware_sets: Option<String>,
}

/// Why a request cannot be fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No container that we take.
    NotMedia,
    /// A container without a picture or sound that can be decoded.
    NoDecoder,
    /// Protected content.
    Encrypted,
    /// The structure promises samples that are not there.
    NoData,
    /// No usable timestamps.
    NoTimeline,
    /// More pixels than we take.
    TooLarge,
    /// Too much damage to go on.
    Damaged,
    /// The output folder is full.
    OutOfSpace,
    /// Reading or writing failed.
    Io,
    /// An encoder disagreed with its own preparation, or another defect of ours.
    Internal,
}

impl Cause {
    /// The same file will fail the same way, so trying again is of no use.
    pub fn is_permanent(self) -> bool {
        match self {
            Self::NotMedia
            | Self::NoDecoder
            | Self::Encrypted
            | Self::NoData
            | Self::NoTimeline
            | Self::TooLarge
            | Self::Damaged => true,
            Self::OutOfSpace | Self::Io | Self::Internal => false,
        }
    }
}

/// What an inspection found, and the grid it proposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// libav's name of the container.
    pub container: String,
    /// Every track in the file's order.
    pub tracks: Vec<Track>,
    /// Zero of the timeline on the source's clock, in video ticks.
    pub origin: i64,
    /// Where the source's clock steps; its times count on over these.
    pub clock_steps: Vec<ClockStep>,
    /// Segment boundaries in video ticks, from 0 to the end of media.
    pub cuts: Vec<i64>,
    /// Consecutive runs of segments, by their number of segments: into these sound is divided.
    pub sound_spans: Vec<u32>,
    /// The main picture, unless there is only sound.
    pub video: Option<VideoInspection>,
    /// The audio tracks that can be kept, in the file's order.
    pub audio: Vec<AudioInspection>,
    /// The text tracks, in the file's order; each lies as `subtitle-{N}.vtt`, from 0, complete in
    /// the output folder.
    pub text: Vec<TextInspection>,
    /// In the order in which they begin.
    pub chapters: Vec<ChapterInspection>,
    /// What the file says of itself.
    pub tags: TagsInspection,
    /// What is left out or damaged, in sentences for the owner.
    pub notes: Vec<String>,
}

/// One track of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// Index in the file.
    pub index: u32,
    /// `video`, `audio`, `subtitle`, `cover` or `data`.
    pub kind: TrackKind,
    /// libav's name of the codec, or its four-character code.
    pub codec: String,
    /// As the file has it.
    pub language: Option<String>,
    /// As the file has it.
    pub name: Option<String>,
    /// A decoder delivered at least one frame; for subtitles: it is among the text tracks.
    pub decodable: bool,
}

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Words over the picture.
    Subtitle,
    /// An attached picture.
    Cover,
    /// Everything else.
    Data,
}

/// The main picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoInspection {
    /// Index in the file.
    pub track: u32,
    /// Upright width with square pixels.
    pub display_width: u32,
    /// Upright height with square pixels.
    pub display_height: u32,
    /// Clockwise quarter turns, after the flip.
    pub rotation_degrees: u32,
    /// Mirrored left to right, before the turn.
    pub flipped: bool,
    /// A decoded frame carried the interlaced flag.
    pub interlaced: bool,
    /// PQ or HLG transfer.
    pub hdr: bool,
    /// Steps between frames differ by more than rounding.
    pub variable_frame_rate: bool,
    /// Average frames per second as a fraction.
    pub frame_rate: (u32, u32),
    /// Frames in the packet index.
    pub frames: u64,
    /// What the coded picture would ask of the network, cut into our segments.
    pub rates: PictureRates,
    /// Consecutive runs of segments, each with its frame count and entry points.
    pub chunks: Vec<ChunkProposal>,
    /// Present if the picture can be offered as it is.
    pub copy: Option<CopyFacts>,
}

/// A run of segments that one decode should make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkProposal {
    /// How many segments.
    pub segment_count: u32,
    /// How many frames.
    pub frames: u32,
    /// Keyframes to start from, nearest first.
    pub entries: Vec<EntryPoint>,
}

/// An audio track that can be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioInspection {
    /// Index in the file.
    pub track: u32,
    /// Channels in the source.
    pub channels: u32,
    /// The file marks it as the default.
    pub default: bool,
    /// Where to start decoding for each span; absent for the start of the file.
    pub entries: Vec<Option<EntryPoint>>,
    /// Its first decoded block, where that has a time.
    pub anchor: Option<SoundAnchor>,
}

/// A text track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInspection {
    /// Index in the file.
    pub track: u32,
    /// The file marks it as the default.
    pub default: bool,
    /// To be shown even if nobody asked for subtitles.
    pub forced: bool,
    /// Says what can only be heard.
    pub hearing_impaired: bool,
}

/// A chapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChapterInspection {
    /// Begin in video ticks on the timeline.
    pub start: i64,
    /// As the file has it.
    pub title: Option<String>,
}

/// Tags of the whole file, as it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagsInspection {
    /// What it is called.
    pub title: Option<String>,
    /// When it was made.
    pub date: Option<String>,
    /// Who made it.
    pub artist: Option<String>,
    /// What it is a part of.
    pub album: Option<String>,
    /// A text about it.
    pub comment: Option<String>,
}
