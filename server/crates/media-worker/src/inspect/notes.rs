//! What a title's owner is told of tracks that are left out. What does not belong here: whether the
//! file is shorter than it should be (`shortfall`).

use media_proto::message::Cause;

use crate::av::stream::{Kind, Stream};
use crate::failure::Failure;
use crate::inspect::MAX_AUDIO_TRACKS;
use crate::inspect::scan::TrackScan;

/// What is left out, in sentences.
pub(super) fn left_out<'a>(
    streams: &[Stream],
    scanned: impl Fn(usize) -> Option<&'a TrackScan>,
    main: Option<usize>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for stream in streams {
        let scan = scanned(stream.index);
        if scan.is_some_and(|scan| scan.decodable) {
            continue;
        }
        let track = match stream.kind {
            Kind::Audio => format!("The audio track {}", stream.index),
            Kind::Video if !stream.is_cover && main.is_none() => {
                format!("The picture (track {})", stream.index)
            }
            _ => continue,
        };
        notes.push(format!("{track} is left out: {}", why(stream, scan)));
    }
    let is_audio = |stream: &&Stream| stream.kind == Kind::Audio;
    if streams.iter().filter(is_audio).count() > MAX_AUDIO_TRACKS {
        notes.push(format!(
            "Only the first {MAX_AUDIO_TRACKS} audio tracks are kept."
        ));
    }
    notes
}

/// Why a track of which nothing could be decoded is left out.
fn why(stream: &Stream, scan: Option<&TrackScan>) -> String {
    let codec = &stream.codec_name;
    if !stream.has_decoder() {
        return format!("its format ({codec}) cannot be decoded.");
    }
    if scan.is_none_or(TrackScan::is_empty) {
        return "nothing of it is in the file, which may be cut off.".into();
    }
    format!("what there is of it ({codec}) cannot be decoded. The file may be damaged or cut off.")
}

/// Why there is nothing to play.
pub(super) fn nothing_to_play(streams: &[Stream], scans: &[TrackScan]) -> Failure {
    let mut playable = streams
        .iter()
        .filter(|stream| matches!(stream.kind, Kind::Video | Kind::Audio) && !stream.is_cover);
    let Some(first) = playable.next() else {
        return Failure::new(
            Cause::NotMedia,
            "There is neither a picture nor sound in this file.",
        );
    };
    let codec = &first.codec_name;
    if !first.has_decoder() {
        return Failure::new(
            Cause::NoDecoder,
            format!("The format of this file ({codec}) is not supported."),
        );
    }
    if scans.iter().all(TrackScan::is_empty) {
        return Failure::new(
            Cause::NoData,
            "The file ends before its first picture or sound. Copy it again?",
        );
    }
    Failure::new(
        Cause::Damaged,
        format!("Nothing in this file ({codec}) can be decoded. It may be damaged."),
    )
}
