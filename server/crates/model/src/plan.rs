//! The plan of a title: everything that must be known before the first frame is encoded, and
//! that never changes afterwards. It is persisted, so every later step is idempotent.
//!
//! All rungs cut segments at the plan's [`cuts`](Plan::cuts); the source's own picture may have
//! fewer, where its keyframes are far apart: it *stands apart*. A *chunk* is the unit of encoding
//! and of loss: a few segments that one worker makes from one decode. What does not belong here:
//! how a plan is drawn from an inspection (`media`), and how far the work has come (`catalog`).

pub mod parts;

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::extras::{Chapter, Tags, TextPlan, ThumbsPlan};
use crate::ladder::{Rung, Size};
use crate::settings::Speed;
use crate::source_clock::ClockStep;
use crate::time::{AudioTicks, VideoTicks};

/// Written into every plan; a plan of another version is drawn anew.
pub const PLAN_VERSION: u32 = 5;

/// The persisted decisions about one title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] at the time of drawing.
    pub version: u32,
    /// What the inspection found, for the API and the title page.
    pub source: SourceFacts,
    /// The instant of the source, in ticks of its own clock, that is zero on our timeline.
    pub origin: VideoTicks,
    /// Where the source's clock steps; all times of this plan count on over these.
    #[serde(default)]
    pub clock_steps: Vec<ClockStep>,
    /// Segment boundaries from zero to the end of media; strictly increasing, at least two.
    ///
    /// Invariant: `cuts[0]` is zero and segment `n` (from 1) is `cuts[n-1]..cuts[n]`.
    pub cuts: Vec<VideoTicks>,
    /// The picture, unless the title is only sound.
    pub video: Option<VideoPlan>,
    /// One entry per audio track that is kept and each number of channels it is offered in, in
    /// the source's order, fewest channels first.
    pub audio: Vec<AudioPlan>,
    /// Consecutive runs of segments that cover the whole title: into these the sound is divided,
    /// the same for all of [`audio`](Self::audio).
    pub sound_spans: Vec<SoundSpan>,
    /// One entry per text track that can be shown; its index is the number in `subtitle-{N}.vtt`.
    pub text: Vec<TextPlan>,
    /// Small pictures for the seek bar, unless the title is only sound.
    pub thumbs: Option<ThumbsPlan>,
    /// In the order in which they begin.
    pub chapters: Vec<Chapter>,
    /// What was left out or looks damaged, in sentences for the owner.
    pub notes: Vec<String>,
}

/// How the picture is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// The track's index in the source file.
    pub track: u32,
    /// The qualities: those that are encoded, lowest first, then the source's own picture if it is
    /// copied.
    pub rungs: Vec<VideoRung>,
    /// Consecutive runs of segments that are copied as one unit each and cover the whole title;
    /// empty unless the last rung is copied. They count the segments of the copy.
    pub copies: Vec<Chunk>,
    /// Segment boundaries of a copy that stands apart: some of [`Plan::cuts`], the first and the
    /// last included. Absent where the copy is cut as the other rungs are.
    pub copied_cuts: Option<Vec<VideoTicks>>,
    /// Consecutive runs of segments that cover the whole title.
    pub chunks: Vec<Chunk>,
    /// Frames per second as a fraction, for manifests; an average where it varies.
    pub frame_rate: (u32, u32),
    /// As the owner wanted it when the plan was drawn: the encoder's parameter sets depend on it,
    /// so it holds for the whole title.
    pub speed: Speed,
}

/// How a quality comes into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Made {
    /// Decoded, scaled and encoded.
    Encoded,
    /// The source's own coded pictures in our segments.
    Copied,
}

/// One quality together with what its encoder said of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoRung {
    /// Size and rates.
    pub rung: Rung,
    /// How it comes into being.
    pub made: Made,
    /// RFC 6381, read from the avcC bytes of the init segment, such as `avc1.64001f`.
    pub codec: String,
    /// Fingerprint of the encoder's parameter sets, in hex: a chunk whose encoder says otherwise
    /// must not be joined to the others.
    pub parameter_sets: String,
    /// The same of the encoder in graphics hardware for which the plan was drawn, too: its
    /// parameter sets stand beside the others in the init segment, so segments of both make one
    /// stream. Absent where all is encoded by software.
    pub hardware_sets: Option<String>,
}

/// The unit of encoding: what one decode makes for all rungs; or of copying.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Number of its first segment, from 1.
    pub first_segment: u32,
    /// How many segments it makes, at least 1.
    pub segment_count: u32,
    /// How many frames the packet index promises between its first and last cut.
    pub frames: u32,
    /// Keyframes to start decoding from, nearest first. Where the first does not deliver the
    /// chunk's first frame, the next one is tried; an empty list means the start of the file.
    pub entries: Vec<Entry>,
}

/// A packet of the source from which decoding can start, in the track's own time base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Presentation time.
    pub pts: i64,
    /// Decoding time, which seeking goes by.
    pub dts: i64,
    /// Byte position in the file; negative where the container does not tell.
    pub position: i64,
}

/// The unit of encoding of sound: about a minute of one audio stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundSpan {
    /// Number of its first segment, from 1.
    pub first_segment: u32,
    /// How many segments it makes, at least 1.
    pub segment_count: u32,
}

/// How one audio stream is encoded: to AAC at 48 kHz, span by span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// The track's index in the source file.
    pub track: u32,
    /// BCP 47 or ISO 639 as the file has it; `und` where it says nothing.
    pub language: String,
    /// The track's own title, such as "Director's commentary".
    pub name: Option<String>,
    /// Of the track a player should start with.
    pub default: bool,
    /// Channels after mixing.
    pub channels: u32,
    /// Bits per second.
    pub bit_rate_bps: u32,
    /// RFC 6381, read from the AudioSpecificConfig, such as `mp4a.40.2`.
    pub codec: String,
    /// Segment boundaries on the grid of 1024-sample frames, from zero to the end of media; as
    /// many segments as the picture has. Only the last frame may be cut short.
    pub cuts: Vec<AudioTicks>,
    /// Where decoding starts for each span, a little before it; absent for the start of the file.
    pub entries: Vec<Option<Entry>>,
    /// What all later blocks of the track follow, if it begins with whole ones.
    pub anchor: Option<SoundAnchor>,
}

/// The first decoded block of a track. Containers with a coarse clock say of the blocks after it
/// only about when they are heard; counted from here it is known to the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundAnchor {
    /// When it is heard, in the track's own time base.
    pub pts: i64,
    /// How many samples it has.
    pub samples: u32,
    /// Samples a second.
    pub sample_rate: u32,
}

/// What the inspection found out about the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// libav's name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// The upright picture with square pixels; absent for sound alone.
    pub display: Option<Size>,
    /// Clockwise quarter turns are 90, 180 and 270.
    pub rotation_degrees: u32,
    /// The picture is mirrored left to right before it is turned.
    pub flipped: bool,
    /// Decoded frames carry the interlaced flag.
    pub interlaced: bool,
    /// PQ or HLG transfer, or Dolby Vision.
    pub hdr: bool,
    /// Steps between frames differ by more than rounding.
    pub variable_frame_rate: bool,
    /// Frames the packet index counts in the main video track.
    pub frames: u64,
    /// Every track of the file, in its order.
    pub tracks: Vec<TrackFacts>,
    /// What the file says of itself.
    pub tags: Tags,
}

/// One track of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackFacts {
    /// Index in the file.
    pub index: u32,
    /// What it carries.
    pub kind: TrackKind,
    /// libav's name of the codec, or the four-character code where libav has no name.
    pub codec: String,
    /// ISO 639 as the file has it.
    pub language: Option<String>,
    /// The track's own title.
    pub name: Option<String>,
    /// A decoder exists and delivered at least one frame; always false for data.
    pub decodable: bool,
    /// The main video track, or an audio or text track that is kept.
    pub used: bool,
}

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackKind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Words over the picture.
    Subtitle,
    /// A still picture attached to the file, such as an album cover.
    Cover,
    /// Timed metadata and everything else.
    Data,
}

/// What a card in the library shows of a plan: small, however long the film is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// End of media on our timeline.
    pub end: VideoTicks,
    /// How many segments every stream has, but a copy that stands apart.
    pub segment_count: u32,
    /// The upright picture with square pixels; absent for sound alone.
    pub display: Option<Size>,
    /// Size and rates of the qualities, in the order of [`VideoPlan::rungs`].
    pub rungs: Vec<Rung>,
    /// The last of them is the source's own picture.
    pub copied: bool,
    /// How many segments that has if it stands apart.
    pub apart_segments: Option<u32>,
    /// The audio streams.
    pub audio: Vec<AudioSummary>,
    /// As in [`Plan`].
    pub thumbs: Option<ThumbsPlan>,
    /// What was left out or looks damaged, in sentences for the owner.
    pub notes: Vec<String>,
}

impl PlanSummary {
    /// How many segments the stream with that index has; a copy is the last of the pictures.
    pub fn segment_count_of(&self, stream: usize) -> u32 {
        match self.apart_segments {
            Some(segments) if stream + 1 == self.rungs.len() => segments,
            _ => self.segment_count,
        }
    }
}

/// What a card shows of an audio stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioSummary {
    /// As in [`AudioPlan`].
    pub language: String,
    /// As in [`AudioPlan`].
    pub name: Option<String>,
    /// As in [`AudioPlan`].
    pub channels: u32,
    /// As in [`AudioPlan`].
    pub default: bool,
}

/// Which of a title's streams a segment belongs to. Numbered as in the URLs: the rungs lowest
/// first, then the audio streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Index into [`VideoPlan::rungs`].
    Video(usize),
    /// Index into [`Plan::audio`].
    Audio(usize),
}

impl Plan {
    /// End of media on our timeline.
    pub fn end(&self) -> VideoTicks {
        self.cuts.last().copied().unwrap_or_default()
    }

    /// How many segments every stream has, but a copy that stands apart.
    pub fn segment_count(&self) -> u32 {
        segments_between(&self.cuts)
    }

    /// How many segments stream number `stream` has; none if the title has no such stream.
    pub fn segment_count_of(&self, stream: u32) -> u32 {
        match self.stream(stream) {
            Some(_) if self.copied_stream() == Some(stream) => segments_between(self.copied_cuts()),
            Some(_) => self.segment_count(),
            None => 0,
        }
    }

    /// Segment boundaries of the picture of stream number `stream`.
    pub fn picture_cuts(&self, stream: u32) -> &[VideoTicks] {
        if self.copied_stream() == Some(stream) {
            self.copied_cuts()
        } else {
            &self.cuts
        }
    }

    /// Segment boundaries of what is copied.
    pub fn copied_cuts(&self) -> &[VideoTicks] {
        self.apart_cuts().unwrap_or(&self.cuts)
    }

    /// The same, if it stands apart.
    pub fn apart_cuts(&self) -> Option<&[VideoTicks]> {
        self.video.as_ref()?.copied_cuts.as_deref()
    }

    /// How many segments a copy that stands apart has.
    pub fn apart_segments(&self) -> Option<u32> {
        self.apart_cuts().map(segments_between)
    }

    /// The qualities, lowest first; empty for sound alone.
    pub fn rungs(&self) -> &[VideoRung] {
        self.video.as_ref().map_or(&[], |video| &video.rungs)
    }

    /// The qualities that are encoded, lowest first; the others follow them.
    pub fn encoded(&self) -> &[VideoRung] {
        let rungs = self.rungs();
        let copied = rungs.iter().position(|rung| rung.made == Made::Copied);
        &rungs[..copied.unwrap_or(rungs.len())]
    }

    /// The number in URLs of the stream that is copied, if there is one.
    pub fn copied_stream(&self) -> Option<u32> {
        let encoded = self.encoded().len();
        (encoded < self.rungs().len()).then(|| u32::try_from(encoded).unwrap_or(u32::MAX))
    }

    /// The runs of segments that are copied, in playing order.
    pub fn copies(&self) -> &[Chunk] {
        self.video.as_ref().map_or(&[], |video| &video.copies)
    }

    /// The chunks in playing order; empty for sound alone.
    pub fn chunks(&self) -> &[Chunk] {
        self.video.as_ref().map_or(&[], |video| &video.chunks)
    }

    /// How many streams the title has in all.
    pub fn stream_count(&self) -> u32 {
        u32::try_from(self.rungs().len() + self.audio.len()).unwrap_or(u32::MAX)
    }

    /// How many sheets of thumbnails the title has.
    pub fn thumb_sheets(&self) -> u32 {
        self.thumbs.map_or(0, |thumbs| thumbs.sheets())
    }

    /// What stream number `stream` carries, if the title has it.
    pub fn stream(&self, stream: u32) -> Option<StreamKind> {
        let index = usize::try_from(stream).ok()?;
        let rungs = self.rungs().len();
        if index < rungs {
            Some(StreamKind::Video(index))
        } else if index - rungs < self.audio.len() {
            Some(StreamKind::Audio(index - rungs))
        } else {
            None
        }
    }

    /// How many audio tracks of the file are kept.
    pub fn audio_tracks(&self) -> usize {
        let tracks: BTreeSet<u32> = self.audio.iter().map(|audio| audio.track).collect();
        tracks.len()
    }

    /// The number in URLs of the `index`-th audio stream.
    pub fn audio_stream(&self, index: usize) -> u32 {
        u32::try_from(self.rungs().len() + index).unwrap_or(u32::MAX)
    }

    /// Which audio stream, by its index in [`audio`](Self::audio), and which of its spans the
    /// `number`-th unit of sound is: all spans of the first stream, then of the second.
    pub fn sound_unit(&self, number: u32) -> Option<(usize, usize)> {
        let number = usize::try_from(number).ok()?;
        let spans = self.sound_spans.len();
        let stream = number.checked_div(spans)?;
        (stream < self.audio.len()).then_some((stream, number % spans))
    }

    /// The segments that the `number`-th unit of sound makes: stream number and span.
    pub fn sound_segments(&self, number: u32) -> Option<(u32, SoundSpan)> {
        let (index, span) = self.sound_unit(number)?;
        Some((self.audio_stream(index), *self.sound_spans.get(span)?))
    }

    /// Which chunk makes segment `number` (from 1) of the picture.
    pub fn chunk_of_segment(&self, number: u32) -> Option<usize> {
        self.chunks().iter().position(|chunk| {
            number >= chunk.first_segment && number - chunk.first_segment < chunk.segment_count
        })
    }

    /// What a card shows.
    pub fn summary(&self) -> PlanSummary {
        let audio = self.audio.iter().map(|audio| AudioSummary {
            language: audio.language.clone(),
            name: audio.name.clone(),
            channels: audio.channels,
            default: audio.default,
        });
        PlanSummary {
            end: self.end(),
            segment_count: self.segment_count(),
            display: self.source.display,
            rungs: self.rungs().iter().map(|rung| rung.rung).collect(),
            copied: self.copied_stream().is_some(),
            apart_segments: self.apart_segments(),
            audio: audio.collect(),
            thumbs: self.thumbs,
            notes: self.notes.clone(),
        }
    }

    /// The boundaries of `chunk`'s segments: `segment_count + 1` cuts.
    pub fn chunk_cuts(&self, chunk: &Chunk) -> &[VideoTicks] {
        cuts_of(&self.cuts, chunk)
    }

    /// The same of a run of copied segments.
    pub fn copy_cuts(&self, run: &Chunk) -> &[VideoTicks] {
        cuts_of(self.copied_cuts(), run)
    }
}

fn segments_between(cuts: &[VideoTicks]) -> u32 {
    u32::try_from(cuts.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

fn cuts_of<'a>(cuts: &'a [VideoTicks], chunk: &Chunk) -> &'a [VideoTicks] {
    let first = chunk.first_segment.saturating_sub(1) as usize;
    let last = first + chunk.segment_count as usize;
    cuts.get(first..=last).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::{AudioPlan, Plan, SoundSpan, SourceFacts};
    use crate::extras::Tags;
    use crate::time::Ticks;

    fn stream(track: u32) -> AudioPlan {
        AudioPlan {
            track,
            language: "und".into(),
            name: None,
            default: track == 0,
            channels: 2,
            bit_rate_bps: 128_000,
            codec: "mp4a.40.2".into(),
            cuts: [0, 1024, 2048, 3072].map(Ticks).to_vec(),
            entries: vec![None, None],
            anchor: None,
        }
    }

    #[test]
    fn units_of_sound_count_the_spans_of_one_stream_after_the_other() {
        let span = |first_segment, segment_count| SoundSpan {
            first_segment,
            segment_count,
        };
        let plan = Plan {
            version: super::PLAN_VERSION,
            source: SourceFacts {
                container: "wav".into(),
                display: None,
                rotation_degrees: 0,
                flipped: false,
                interlaced: false,
                hdr: false,
                variable_frame_rate: false,
                frames: 0,
                tracks: Vec::new(),
                tags: Tags::default(),
            },
            origin: Ticks::ZERO,
            clock_steps: Vec::new(),
            cuts: [0, 1920, 3840, 5760].map(Ticks).to_vec(),
            video: None,
            audio: vec![stream(0), stream(1)],
            sound_spans: vec![span(1, 2), span(3, 1)],
            text: Vec::new(),
            thumbs: None,
            chapters: Vec::new(),
            notes: Vec::new(),
        };
        let cases = [
            (0, Some((0, span(1, 2)))),
            (1, Some((0, span(3, 1)))),
            (2, Some((1, span(1, 2)))),
            (3, Some((1, span(3, 1)))),
            (4, None),
        ];
        for (number, expected) in cases {
            assert_eq!(plan.sound_segments(number), expected, "unit {number}");
        }
        let silent = Plan {
            sound_spans: Vec::new(),
            ..plan
        };
        assert_eq!(
            silent.sound_unit(0),
            None,
            "nothing is divided into nothing"
        );
    }
}
