//! What a title is offered in: rungs, channels, rates, languages. Pure rules, used on the way to
//! the plan. What does not belong here: cut times (`draw`, `audio_grid`).

use media_proto::message::{AudioInspection, Inspection, Track};
use model::ladder::{Rung, Size, rungs_for};

use crate::demand::Demand;

/// Characters of a name, a codec or a note that a plan keeps.
const MAX_TEXT_CHARACTERS: usize = 300;

/// Characters of a tag or of a chapter's name that a plan keeps.
const MAX_TAG_CHARACTERS: usize = 200;

/// The qualities a title will be offered in; empty for sound alone.
pub(super) fn ladder(inspection: &Inspection, demand: Demand) -> Vec<Rung> {
    inspection.video.as_ref().map_or_else(Vec::new, |video| {
        let display = Size {
            width: video.display_width,
            height: video.display_height,
        };
        rungs_for(display, demand.top_rung)
    })
}

pub(super) fn track(inspection: &Inspection, index: u32) -> Option<&Track> {
    inspection.tracks.iter().find(|track| track.index == index)
}

/// As the file has it, `und` where it says nothing.
pub(super) fn language(inspection: &Inspection, index: u32) -> String {
    track(inspection, index)
        .and_then(|track| track.language.as_deref())
        .filter(|language| !language.is_empty())
        .map_or_else(|| "und".into(), clipped)
}

/// The `mdhd` box holds three letters and nothing else (ISO/IEC 14496-12, 8.4.2).
pub(super) fn init_language(language: &str) -> String {
    let fits = language.len() == 3 && language.bytes().all(|byte| byte.is_ascii_lowercase());
    if fits { language.into() } else { "und".into() }
}

/// One form in which a track is offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rendition<'a> {
    /// The track.
    pub(super) audio: &'a AudioInspection,
    pub(super) channels: u32,
    pub(super) bit_rate_bps: u32,
}

/// The audio streams of a title in the order of their numbers: every track in stereo at most,
/// which every screen can play, and beside it in 5.1 if the file has as much.
pub(super) fn renditions(inspection: &Inspection) -> Vec<Rendition<'_>> {
    let of_track = |audio| {
        let forms = forms(audio).into_iter();
        forms.map(move |(channels, bit_rate_bps)| Rendition {
            audio,
            channels,
            bit_rate_bps,
        })
    };
    inspection.audio.iter().flat_map(of_track).collect()
}

/// Channels and bits per second. One channel needs more than half of what two need.
fn forms(audio: &AudioInspection) -> Vec<(u32, u32)> {
    match audio.channels {
        0 | 1 => vec![(1, 96_000)],
        2..6 => vec![(2, 128_000)],
        _ => vec![(2, 128_000), (6, 384_000)],
    }
}

/// A text of the file's as a whole: without what is not to be seen, and nothing if it is empty.
pub(super) fn tag(text: &str) -> Option<String> {
    let printable: String = text
        .chars()
        .filter(|char| !turns_text_around(*char))
        .map(|char| if char.is_control() { ' ' } else { char })
        .take(MAX_TAG_CHARACTERS)
        .collect();
    let trimmed = printable.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Unicode's bidirectional overrides can make a text read as another (CVE-2021-42574).
fn turns_text_around(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn clipped(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::forms;
    use media_proto::message::AudioInspection;

    #[test]
    fn surround_sound_is_offered_beside_stereo() {
        for (channels, expected) in [
            (1, vec![(1, 96_000)]),
            (2, vec![(2, 128_000)]),
            (5, vec![(2, 128_000)]),
            (6, vec![(2, 128_000), (6, 384_000)]),
            (8, vec![(2, 128_000), (6, 384_000)]),
        ] {
            let audio = AudioInspection {
                track: 1,
                channels,
                default: false,
                entries: Vec::new(),
                anchor: None,
            };
            assert_eq!(forms(&audio), expected, "{channels} channels");
        }
    }
}
