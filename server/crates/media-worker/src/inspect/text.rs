//! Text tracks: their packets are taken along while the file is scanned, and written as WebVTT
//! once its timeline is known. What does not belong here: the formats (`text`).

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{Inspection, TextInspection, Track, TrackKind};

use crate::av::packet::Packet;
use crate::av::stream::{Kind, Stream, TimeBase};
use crate::failure::Failure;
use crate::inspect::{Span, track_number};
use crate::output::{Output, subtitle_name};
use crate::text::{Cue, MAX_BYTES, Packets, vtt};
use crate::timeline::Timeline;

/// The most text tracks that are kept.
pub const MAX_TEXT_TRACKS: usize = 32;

/// A text track under observation.
#[derive(Debug)]
pub struct TextProbe {
    /// Its index in the file.
    pub track: usize,
    format: Packets,
    time_base: TimeBase,
    /// In the track's own time base.
    cues: Vec<Cue>,
    bytes: usize,
    unreadable: usize,
}

/// Probes for the tracks of `streams` that hold words.
pub fn probes(streams: &[Stream], container: &str) -> Vec<TextProbe> {
    let probes = streams.iter().filter_map(|stream| {
        let format = Packets::of_codec(&stream.codec_name, container)?;
        (stream.kind == Kind::Subtitle).then(|| TextProbe::new(stream, format))
    });
    probes.take(MAX_TEXT_TRACKS).collect()
}

impl TextProbe {
    fn new(stream: &Stream, format: Packets) -> Self {
        Self {
            track: stream.index,
            format,
            time_base: stream.time_base,
            cues: Vec::new(),
            bytes: 0,
            unreadable: 0,
        }
    }

    /// Takes a packet along, within bounds.
    pub fn observe(&mut self, packet: &Packet) {
        let Some(start) = packet.pts().or_else(|| packet.dts()) else {
            return;
        };
        let data = packet.data();
        self.bytes = self.bytes.saturating_add(data.len());
        if self.bytes > MAX_BYTES {
            return;
        }
        match self.format.read(data) {
            Some(words) if words.text.is_empty() => {}
            Some(words) => self.cues.push(Cue {
                start,
                end: start.saturating_add(packet.duration()),
                words,
            }),
            None => self.unreadable += 1,
        }
    }

    /// The file for a title of length `end` whose zero is at `origin`; `None` if there is nothing
    /// to read, or if most of it is no text at all.
    pub fn finish(self, origin: i64, end: i64) -> Option<String> {
        if self.unreadable > self.cues.len() {
            return None;
        }
        let clock = Timeline::new(self.time_base, origin, VIDEO_TIMESCALE);
        let cues = self.cues.into_iter().map(|cue| Cue {
            start: clock.ticks(cue.start),
            end: clock.ticks(cue.end),
            words: cue.words,
        });
        vtt::write(cues.collect(), end)
    }
}

/// Writes the text tracks and says of the others why they are left out.
pub(super) fn add(
    inspection: &mut Inspection,
    streams: &[Stream],
    probes: Vec<TextProbe>,
    span: Span,
    output: &Output,
) -> Result<(), Failure> {
    for probe in probes {
        let stream = streams.get(probe.track);
        let written = probe.finish(span.origin, span.length);
        let (Some(stream), Some(words)) = (stream, written) else {
            continue;
        };
        let name = subtitle_name(track_number(inspection.text.len()));
        output
            .write(&name, words.as_bytes())
            .map_err(|error| Failure::writing(&name, &error))?;
        inspection.text.push(TextInspection {
            track: track_number(stream.index),
            default: stream.is_default,
            forced: stream.is_forced,
            hearing_impaired: stream.is_for_hearing_impaired,
        });
    }
    let kept = &inspection.text;
    let is_kept = |track: &Track| kept.iter().any(|text| text.track == track.index);
    for track in &mut inspection.tracks {
        if track.kind == TrackKind::Subtitle {
            track.decodable = is_kept(track);
        }
    }
    let subtitles = inspection.tracks.iter();
    let left_out = subtitles
        .filter(|track| track.kind == TrackKind::Subtitle && !track.decodable)
        .map(left_out);
    inspection.notes.extend(left_out);
    Ok(())
}

/// Why a subtitle track is not shown.
fn left_out(track: &Track) -> String {
    let which = match &track.language {
        Some(language) => format!("Track {} ({language})", track.index),
        None => format!("Track {}", track.index),
    };
    match track.codec.as_str() {
        "hdmv_pgs_subtitle" | "dvd_subtitle" | "dvb_subtitle" | "xsub" => {
            format!("{which} is a picture subtitle and cannot be shown.")
        }
        codec => format!("{which} is a subtitle without words that can be read ({codec})."),
    }
}
