//! What a title is offered in: rungs, channels, rates, languages. Pure rules, used on the way to
//! the plan. What does not belong here: cut times (`draw`, `audio_grid`).

use media_proto::message::{AudioInspection, Inspection, Track, VideoInspection};
use model::ladder::{HIGHEST_STEP, Rung, Size, rungs_for};
use model::pruning::{Pruned, Rates, Reason, Supply, prune};

use crate::demand::Demand;

/// Characters of a name, a codec or a note that a plan keeps.
const MAX_TEXT_CHARACTERS: usize = 300;

/// Characters of a tag or of a chapter's name that a plan keeps.
const MAX_TAG_CHARACTERS: usize = 200;

/// A copied picture may exceed by this much what the encoded rung in its place would, in percent.
const COPY_PEAK_PERCENT: u64 = 125;
/// A picture beside the ladder is copied up to this average, in bits per second: more than a
/// house's network carries to a screen.
const MOST_COPIED_BPS: u32 = 40_000_000;

/// The qualities a title will be offered in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Qualities {
    /// Those that are encoded, lowest first; none for sound alone.
    pub(super) encoded: Vec<Rung>,
    /// The source's own picture, if it is copied.
    pub(super) copied: Option<Rung>,
    /// The names of what would add nothing and is not made, lowest first.
    pub(super) left_out: Vec<(u32, Reason)>,
}

impl Qualities {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.encoded.len() + usize::from(self.copied.is_some())
    }
}

/// The ladder as far as it adds anything, and the picture as it is where it can be copied: instead
/// of the highest rung if it asks for hardly more, else beside the ladder. What stands apart never
/// stands in for a rung, since players cannot change to it anywhere.
pub(super) fn qualities(inspection: &Inspection, demand: Demand) -> Qualities {
    let Some(video) = &inspection.video else {
        return Qualities::default();
    };
    let display = Size {
        width: video.display_width,
        height: video.display_height,
    };
    let mut encoded = rungs_for(display, demand.top_rung);
    let offer = video.copy.as_ref().filter(|_| demand.may_copy);
    let copied = offer.map(|copy| Rung {
        size: display,
        average_bps: copy.average_bps,
        peak_bps: copy.peak_bps,
    });
    let takes_place = |copied: &Rung, top: &Rung| {
        let limit = u64::from(top.peak_bps) * COPY_PEAK_PERCENT / 100;
        copied.size == top.size && u64::from(copied.peak_bps) <= limit
    };
    let stands_apart = offer.is_some_and(|copy| copy.apart.is_some());
    let is_lean = copied
        .zip(encoded.last())
        .is_some_and(|(copied, top)| !stands_apart && takes_place(&copied, top));
    if is_lean && encoded.len() > 1 {
        encoded.pop();
    }
    // Whoever leaves the highest rungs out does not want the source instead.
    let is_wanted = |copied: &Rung| {
        let is_high = copied.size.short_side() > demand.top_rung && demand.top_rung < HIGHEST_STEP;
        is_lean || (copied.average_bps <= MOST_COPIED_BPS && !is_high)
    };
    let copied = copied.filter(is_wanted);
    let supply = supply(video, display, track(inspection, video.track));
    let stand_in = copied.filter(|_| !stands_apart);
    let Pruned { encoded, left_out } = prune(&encoded, stand_in.as_ref(), supply);
    Qualities {
        encoded,
        copied,
        left_out,
    }
}

fn supply(video: &VideoInspection, size: Size, track: Option<&Track>) -> Supply {
    let percent = track.map_or(100, |track| h264_percent(&track.codec));
    let as_h264 = |bps: u32| u32::try_from(u64::from(bps) * percent / 100).unwrap_or(u32::MAX);
    Supply {
        size,
        rates: Rates {
            average_bps: as_h264(video.rates.average_bps),
            peak_bps: as_h264(video.rates.peak_bps),
        },
    }
}

/// How many bytes our rungs take at most for a hundred of another encoder's. Measured on real
/// recordings at low rates, where much of what we encode are the traces of the first encoding.
fn h264_percent(codec: &str) -> u64 {
    match codec {
        "hevc" | "vp8" | "vp9" | "av1" | "vvc" => 350,
        "h264" => 175,
        _ => 125,
    }
}

/// What is left out, in sentences for the owner, one for each reason.
pub(super) fn left_out_notes(left_out: &[(u32, Reason)]) -> Vec<String> {
    let of_one_reason = left_out.chunk_by(|one, next| one.1 == next.1);
    of_one_reason
        .filter_map(|group| Some(left_out_note(group, group.first()?.1)))
        .collect()
}

fn left_out_note(group: &[(u32, Reason)], reason: Reason) -> String {
    let names: Vec<String> = group.iter().map(|(name, _)| format!("{name}p")).collect();
    let (names, are, they) = match names.as_slice() {
        [name] => (name.clone(), "is", "it"),
        [first @ .., last] => (format!("{} and {last}", first.join(", ")), "are", "they"),
        [] => (String::new(), "is", "it"),
    };
    match reason {
        Reason::Light(above) => format!(
            "{names} {are} left out: this film is so light that {above}p loads on any connection."
        ),
        Reason::NoCheaper(above) => format!(
            "{names} {are} left out: {they} would load hardly sooner than {above}p and look worse."
        ),
    }
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
    use super::{forms, left_out_notes, qualities};
    use media_proto::message::AudioInspection;
    use media_proto::rates::PictureRates;
    use model::pruning::Reason;

    use crate::planner::samples::{apart, copied, demand, film};

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

    /// The short sides of what is encoded, and whether the source is copied.
    fn offer(side: u32, peak_bps: u32, average_bps: u32, top_rung: u32) -> (Vec<u32>, bool) {
        let mut film = film();
        if let Some(video) = &mut film.video {
            (video.display_width, video.display_height) = (side * 2, side);
            video.copy = Some(copied(average_bps, peak_bps));
        }
        let mut demand = demand();
        demand.top_rung = top_rung;
        let qualities = qualities(&film, demand);
        let names = qualities.encoded.iter().map(|rung| rung.name());
        (names.collect(), qualities.copied.is_some())
    }

    #[test]
    fn a_copy_takes_the_place_of_the_highest_rung_or_stands_beside_the_ladder() {
        let cases = [
            (
                "lean",
                (1080, 10_000_000, 5_000_000, 1080),
                vec![360, 480, 720],
                true,
            ),
            (
                "fat",
                (1080, 10_000_001, 5_000_000, 1080),
                vec![360, 480, 720, 1080],
                true,
            ),
            (
                "too fat",
                (1080, 90_000_000, 40_000_001, 1080),
                vec![360, 480, 720, 1080],
                false,
            ),
            (
                "between steps",
                (600, 1_000_000, 900_000, 1080),
                vec![360, 480],
                true,
            ),
            (
                "above all steps",
                (2160, 30_000_000, 20_000_000, 1080),
                vec![360, 480, 720, 1080],
                true,
            ),
            (
                "above the owner's top",
                (1080, 5_000_000, 4_000_000, 720),
                vec![360, 480, 720],
                false,
            ),
            (
                "the lowest step",
                (360, 900_000, 800_000, 1080),
                vec![360],
                true,
            ),
        ];
        for (what, (side, peak, average, top), encoded, is_copied) in cases {
            assert_eq!(
                offer(side, peak, average, top),
                (encoded, is_copied),
                "{what}"
            );
        }
    }

    #[test]
    fn a_copy_that_stands_apart_leaves_the_ladder_whole() {
        let offer = |peak_bps: u32, average_bps: u32| {
            let mut film = film();
            if let Some(video) = &mut film.video {
                video.copy = Some(apart(average_bps, peak_bps));
            }
            let qualities = qualities(&film, demand());
            (qualities.encoded.len(), qualities.copied.is_some())
        };
        assert_eq!(offer(900_000, 800_000), (2, true), "however lean it is");
        assert_eq!(
            offer(500_000, 200_000),
            (2, true),
            "even if it would load anywhere"
        );
        assert_eq!(offer(90_000_000, 50_000_000), (2, false), "too fat");
    }

    #[test]
    fn what_cannot_be_copied_gets_the_ladder() {
        let qualities = qualities(&film(), demand());
        assert_eq!((qualities.encoded.len(), qualities.copied), (2, None));
    }

    #[test]
    fn what_adds_nothing_is_not_made() {
        let mut film = film();
        if let Some(video) = &mut film.video {
            video.rates = PictureRates {
                average_bps: 90_000,
                peak_bps: 170_000,
            };
        }
        let mut offer = |codec: &str| {
            film.tracks[0].codec = codec.into();
            let qualities = qualities(&film, demand());
            let names = qualities.encoded.iter().map(|rung| rung.name());
            (names.collect::<Vec<_>>(), qualities.left_out)
        };
        let light = vec![(360, Reason::Light(480))];
        assert_eq!(offer("h264"), (vec![480], light.clone()));
        assert_eq!(offer("mpeg2video"), (vec![480], light));
        assert_eq!(
            offer("av1"),
            (vec![360, 480], Vec::new()),
            "what a thrifty codec says takes us more bytes"
        );
    }

    #[test]
    fn what_is_left_out_is_told_in_sentences() {
        let left_out = [
            (360, Reason::Light(720)),
            (480, Reason::Light(720)),
            (800, Reason::NoCheaper(900)),
        ];
        assert_eq!(
            left_out_notes(&left_out),
            [
                "360p and 480p are left out: this film is so light that 720p loads on any \
                 connection.",
                "800p is left out: it would load hardly sooner than 900p and look worse.",
            ]
        );
        assert!(left_out_notes(&[]).is_empty());
    }
}
