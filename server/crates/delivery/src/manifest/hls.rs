//! The HLS playlists (RFC 8216, version 7): one multivariant playlist, and one media playlist per
//! stream over the same CMAF segments as the DASH manifest.

use std::fmt::Write;

use model::language;
use model::plan::{AudioPlan, Plan, VideoRung};

use crate::manifest::bandwidth::Rate;
use crate::manifest::timeline::Timeline;

/// Name of the group that holds all subtitles.
const TEXT_GROUP: &str = "text";

/// Audio streams of which a player chooses one.
struct Group {
    name: &'static str,
    /// Indices into the plan's audio streams.
    members: Vec<usize>,
}

/// Every track in stereo at most; beside it, if any track has more, every track with the most
/// channels it has. A player takes the variants of the group that suits its speakers.
fn groups(plan: &Plan) -> Vec<Group> {
    let audio = || plan.audio.iter().enumerate();
    let sound = audio().filter(|(_, audio)| audio.channels <= 2);
    let richest = audio().filter(|(_, audio)| {
        let mut others = plan.audio.iter();
        !others.any(|other| other.track == audio.track && other.channels > audio.channels)
    });
    let indices = |(index, _)| index;
    let mut groups = vec![Group {
        name: "sound",
        members: sound.map(indices).collect(),
    }];
    if plan.audio.iter().any(|audio| audio.channels > 2) {
        groups.push(Group {
            name: "surround",
            members: richest.map(indices).collect(),
        });
    }
    groups.retain(|group| !group.members.is_empty());
    groups
}

impl Group {
    /// A single track of a title without a picture is the variant itself and needs no group.
    fn is_needed(&self, plan: &Plan) -> bool {
        plan.video.is_some() || self.members.len() > 1
    }

    fn audio<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a AudioPlan> {
        self.members
            .iter()
            .filter_map(|index| plan.audio.get(*index))
    }

    fn rates(&self, audio_rates: &[Rate]) -> Vec<Rate> {
        let rates = self
            .members
            .iter()
            .filter_map(|index| audio_rates.get(*index));
        rates.copied().collect()
    }
}

/// The multivariant playlist of `plan`; `rates` holds one entry per stream.
pub(crate) fn master(plan: &Plan, rates: &[Rate]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let split = plan.rungs().len().min(rates.len());
    let (video_rates, audio_rates) = rates.split_at(split);
    let groups = groups(plan);
    for group in groups.iter().filter(|group| group.is_needed(plan)) {
        text.extend(audio_media(plan, group));
    }
    text.extend(text_media(plan));
    let Some(video) = &plan.video else {
        let variants = groups.iter();
        text.extend(variants.filter_map(|group| sound_variant(plan, group, audio_rates)));
        return text;
    };
    // Every picture once with each group; a silent title has none.
    let choices: Vec<Option<&Group>> = if groups.is_empty() {
        vec![None]
    } else {
        groups.iter().map(Some).collect()
    };
    for group in choices {
        let sounds = group.map_or_else(Vec::new, |group| group.rates(audio_rates));
        let rungs = video.rungs.iter().zip(video_rates).enumerate();
        text.extend(rungs.map(|(stream, (rung, rate))| {
            let rate = with_loudest(*rate, &sounds);
            video_variant(plan, stream, rung, rate, group, video.frame_rate)
        }));
    }
    text
}

/// One `EXT-X-MEDIA` line per member. Names are unique in a group, as RFC 8216 asks.
fn audio_media<'a>(plan: &'a Plan, group: &'a Group) -> impl Iterator<Item = String> + 'a {
    let names = group.audio(plan).map(|audio| audio.name.as_deref());
    let names: Vec<Option<&str>> = names.collect();
    let members = group.members.iter().enumerate();
    members.filter_map(move |(place, index)| {
        let audio = plan.audio.get(*index)?;
        let language = language::tag(&audio.language);
        let mut line = format!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{}\",NAME=\"{}\"",
            group.name,
            unique_name(&names, place, language.as_deref().unwrap_or("Sound"))
        );
        if let Some(language) = language {
            line += &format!(",LANGUAGE=\"{language}\"");
        }
        let default = if audio.default { "YES" } else { "NO" };
        line += &format!(
            ",DEFAULT={default},AUTOSELECT=YES,CHANNELS=\"{}\",URI=\"media-{}.m3u8\"\n",
            audio.channels,
            plan.audio_stream(*index)
        );
        Some(line)
    })
}

/// One `EXT-X-MEDIA` line per text track. None is on by itself, except for what is forced: files
/// mark subtitles as their default whether people want any or not.
fn text_media(plan: &Plan) -> impl Iterator<Item = String> + '_ {
    let names: Vec<Option<&str>> = plan.text.iter().map(|text| text.name.as_deref()).collect();
    plan.text.iter().enumerate().map(move |(index, text)| {
        let language = language::tag(&text.language);
        let mut line = format!(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{TEXT_GROUP}\",NAME=\"{}\"",
            unique_name(&names, index, language.as_deref().unwrap_or("Subtitles"))
        );
        if let Some(language) = language {
            line += &format!(",LANGUAGE=\"{language}\"");
        }
        let forced = if text.forced { "YES" } else { "NO" };
        line += &format!(",DEFAULT=NO,AUTOSELECT=YES,FORCED={forced}");
        if text.hearing_impaired {
            line += ",CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,\
                     public.accessibility.describes-music-and-sound\"";
        }
        line + &format!(",URI=\"subtitle-{index}.m3u8\"\n")
    })
}

/// The track's own name, else `otherwise`; numbered unless nothing else has it.
fn unique_name(names: &[Option<&str>], index: usize, otherwise: &str) -> String {
    let name = |name: &Option<&str>| name.map(quotable).filter(|name| !name.is_empty());
    let own = names.get(index).and_then(name);
    let mut others = names
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index);
    let taken = others.any(|(_, other)| name(other) == own);
    match own {
        Some(name) if !taken => name,
        Some(name) => format!("{name} ({})", index + 1),
        None if names.len() == 1 => otherwise.to_owned(),
        None => format!("{otherwise} ({})", index + 1),
    }
}

/// A quoted string may hold neither quotes nor line ends (RFC 8216 §4.2).
fn quotable(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c {
            '"' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    plain.trim().to_owned()
}

fn video_variant(
    plan: &Plan,
    stream: usize,
    rung: &VideoRung,
    with_sound: Rate,
    group: Option<&Group>,
    (frames, seconds): (u32, u32),
) -> String {
    let sounds = group.into_iter().flat_map(|group| group.audio(plan));
    let all = std::iter::once(rung.codec.as_str()).chain(sounds.map(|audio| audio.codec.as_str()));
    let mut line = format!(
        "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},RESOLUTION={}x{},FRAME-RATE={:.3},CODECS=\"{}\"",
        with_sound.peak_bps,
        with_sound.average_bps,
        rung.rung.size.width,
        rung.rung.size.height,
        f64::from(frames) / f64::from(seconds.max(1)),
        codecs(all),
    );
    if let Some(group) = group {
        line += &format!(",AUDIO=\"{}\"", group.name);
    }
    line + with_words(plan) + &format!("\nmedia-{stream}.m3u8\n")
}

/// Sound alone: the variant is the default track, the others are reached through the group.
fn sound_variant(plan: &Plan, group: &Group, audio_rates: &[Rate]) -> Option<String> {
    let is_default = |index: &&usize| plan.audio.get(**index).is_some_and(|audio| audio.default);
    let default = group.members.iter().find(is_default);
    let index = default.or_else(|| group.members.first())?;
    let silence = Rate {
        peak_bps: 0,
        average_bps: 0,
    };
    let loudest = with_loudest(silence, &group.rates(audio_rates));
    let mut line = format!(
        "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
        loudest.peak_bps,
        loudest.average_bps,
        codecs(group.audio(plan).map(|audio| audio.codec.as_str())),
    );
    if group.is_needed(plan) {
        line += &format!(",AUDIO=\"{}\"", group.name);
    }
    Some(line + with_words(plan) + &format!("\nmedia-{}.m3u8\n", plan.audio_stream(*index)))
}

fn with_words(plan: &Plan) -> &'static str {
    if plan.text.is_empty() {
        ""
    } else {
        ",SUBTITLES=\"text\""
    }
}

/// The playlist of text track `index`, if the title has it: one segment as long as the title.
/// Without `X-TIMESTAMP-MAP` its zero is the title's (RFC 8216 §3.5).
pub(crate) fn words(plan: &Plan, index: u32) -> Option<String> {
    plan.text.get(index as usize)?;
    let length_us = Timeline::of_picture(plan, 0).microseconds().iter().sum();
    let (seconds, rest_us) = (length_us / 1_000_000, length_us % 1_000_000);
    Some(format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:1\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{seconds}.{rest_us:06},\nsubtitle-{index}.vtt\n\
         #EXT-X-ENDLIST\n",
        rounded_seconds(length_us)
    ))
}

/// A variant is played with one of the tracks, so it is charged for the most expensive one.
fn with_loudest(rate: Rate, audio_rates: &[Rate]) -> Rate {
    let peak = audio_rates
        .iter()
        .map(|rate| rate.peak_bps)
        .max()
        .unwrap_or(0);
    let average = audio_rates
        .iter()
        .map(|rate| rate.average_bps)
        .max()
        .unwrap_or(0);
    Rate {
        peak_bps: rate.peak_bps.saturating_add(peak),
        average_bps: rate.average_bps.saturating_add(average),
    }
}

/// Each codec once, in order.
fn codecs<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for codec in all {
        if !distinct.contains(&codec) {
            distinct.push(codec);
        }
    }
    distinct.join(",")
}

/// The media playlist of stream number `stream`, if the title has it. The sum of the first `n`
/// durations is the `n`-th boundary to the microsecond.
pub(crate) fn media(plan: &Plan, stream: u32) -> Option<String> {
    let lengths_us = Timeline::of_stream(plan, stream)?.microseconds();
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:1\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init-stream{stream}.m4s\"\n",
        target_duration(plan)
    );
    for (number, length_us) in (1_u32..).zip(&lengths_us) {
        let (seconds, rest_us) = (length_us / 1_000_000, length_us % 1_000_000);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "#EXTINF:{seconds}.{rest_us:06},\nchunk-stream{stream}-{number:05}.m4s\n"
        );
    }
    text.push_str("#EXT-X-ENDLIST\n");
    Some(text)
}

/// No duration, rounded to whole seconds, may exceed the target (RFC 8216 §4.3.3.1), which is the
/// same for all streams of a title (§6.2.4).
fn target_duration(plan: &Plan) -> u64 {
    let timelines = (0..plan.stream_count()).filter_map(|stream| Timeline::of_stream(plan, stream));
    let longest = timelines.filter_map(|timeline| timeline.microseconds().into_iter().max());
    rounded_seconds(longest.max().unwrap_or(0))
}

fn rounded_seconds(length_us: u64) -> u64 {
    ((length_us + 500_000) / 1_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::{master, media, words};
    use crate::manifest::bandwidth::rates;
    use crate::manifest::samples::{film, film_apart, film_with_words, sound_only};
    use model::plan::AudioPlan;
    use model::time::Ticks;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn a_film_with_two_rungs_and_two_tracks() {
        let plan = film();
        let text = master(&plan, &rates(&plan, &[]));
        assert_eq!(
            text,
            include_str!("golden/film-master.m3u8"),
            "the playlist changed"
        );
        let text = media(&plan, 0).unwrap();
        assert_eq!(
            text,
            include_str!("golden/film-media-0.m3u8"),
            "the playlist changed"
        );
        let text = media(&plan, 3).unwrap();
        assert_eq!(
            text,
            include_str!("golden/film-media-3.m3u8"),
            "the playlist changed"
        );
        assert_eq!(media(&plan, 4), None, "the film has four streams");
    }

    #[test]
    fn a_copy_that_stands_apart_has_its_own_segments_and_the_target_of_all() {
        let plan = film_apart();
        let copy = media(&plan, 2).unwrap();
        let lengths: Vec<&str> = copy
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:"))
            .collect();
        assert_eq!(lengths, ["4.000000,", "7.000000,"]);
        for stream in 0..plan.stream_count() {
            let playlist = media(&plan, stream).unwrap();
            assert!(playlist.contains("#EXT-X-TARGETDURATION:7\n"), "{playlist}");
        }
        assert!(master(&plan, &rates(&plan, &[])).contains("\nmedia-2.m3u8\n"));
    }

    #[test]
    fn sound_alone_is_a_variant_without_a_group() {
        let plan = sound_only();
        let text = master(&plan, &rates(&plan, &[]));
        assert_eq!(
            text,
            include_str!("golden/sound-master.m3u8"),
            "the playlist changed"
        );
    }

    #[test]
    fn words_are_a_group_of_their_own() {
        let plan = film_with_words();
        let text = master(&plan, &rates(&plan, &[]));
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("SUBTITLES,"))
            .collect();
        assert_eq!(
            lines,
            [
                "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"en (1)\",LANGUAGE=\"en\",\
                 DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"subtitle-0.m3u8\"",
                "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"Für 'alle' & jeden\",\
                 LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,\
                 CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,\
                 public.accessibility.describes-music-and-sound\",URI=\"subtitle-1.m3u8\"",
                "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"Subtitles (3)\",DEFAULT=NO,\
                 AUTOSELECT=YES,FORCED=YES,URI=\"subtitle-2.m3u8\"",
            ]
        );
        assert_eq!(
            text.matches(",SUBTITLES=\"text\"\n").count(),
            2,
            "on every variant"
        );
        let playlist = words(&plan, 2).unwrap();
        assert!(
            playlist.contains("#EXT-X-TARGETDURATION:11\n")
                && playlist.contains("#EXTINF:11.000000,\nsubtitle-2.vtt\n#EXT-X-ENDLIST\n"),
            "one segment as long as the title: {playlist}"
        );
        assert_eq!(words(&plan, 3), None, "there are three");
    }

    #[test]
    fn several_tracks_alone_form_a_group() {
        let mut plan = sound_only();
        let other = AudioPlan {
            track: 2,
            ..plan.audio[0].clone()
        };
        plan.audio.push(other);
        let text = master(&plan, &rates(&plan, &[]));
        assert!(
            text.contains("NAME=\"Sound (1)\""),
            "names are unique: {text}"
        );
        assert!(
            text.contains("NAME=\"Sound (2)\""),
            "names are unique: {text}"
        );
        assert!(text.contains(",AUDIO=\"sound\"\nmedia-0.m3u8\n"), "{text}");
    }

    #[test]
    fn surround_sound_has_a_group_and_variants_of_its_own() {
        let mut plan = film();
        let surround = AudioPlan {
            channels: 6,
            bit_rate_bps: 384_000,
            ..plan.audio[0].clone()
        };
        plan.audio.insert(1, surround);
        let text = master(&plan, &rates(&plan, &[]));
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("TYPE=AUDIO"))
            .collect();
        let expected = [
            ("\"sound\",NAME=\"en (1)\"", "YES", "2", "media-2.m3u8"),
            (
                "\"sound\",NAME=\"Regie 'im Gespräch'\"",
                "NO",
                "2",
                "media-4.m3u8",
            ),
            ("\"surround\",NAME=\"en (1)\"", "YES", "6", "media-3.m3u8"),
            (
                "\"surround\",NAME=\"Regie 'im Gespräch'\"",
                "NO",
                "2",
                "media-4.m3u8",
            ),
        ];
        assert_eq!(lines.len(), expected.len(), "{text}");
        for (line, (name, default, channels, uri)) in lines.iter().zip(expected) {
            assert!(line.contains(name), "{name} in {line}");
            let rest =
                format!("DEFAULT={default},AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{uri}\"");
            assert!(line.ends_with(&rest), "{rest} in {line}");
        }
        let variants: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("STREAM-INF"))
            .collect();
        let bandwidth = |line: &str| -> u32 {
            let rest = line.split_once("BANDWIDTH=").unwrap().1;
            rest.split(',').next().unwrap().parse().unwrap()
        };
        assert_eq!(variants.len(), 4, "two rungs with each group: {text}");
        assert!(
            variants[0].ends_with("AUDIO=\"sound\"") && variants[3].ends_with("AUDIO=\"surround\"")
        );
        assert!(
            bandwidth(variants[2]) > bandwidth(variants[0]) + 256_000,
            "each is charged for its own group: {text}"
        );
    }

    #[test]
    fn a_song_in_stereo_and_surround_is_two_variants() {
        let mut plan = sound_only();
        let surround = AudioPlan {
            channels: 6,
            ..plan.audio[0].clone()
        };
        plan.audio.push(surround);
        let text = master(&plan, &rates(&plan, &[]));
        assert!(
            !text.contains("EXT-X-MEDIA"),
            "neither is a choice of tracks: {text}"
        );
        assert!(
            text.contains("media-0.m3u8\n") && text.contains("media-1.m3u8\n"),
            "{text}"
        );
    }

    #[test]
    fn names_from_files_cannot_leave_their_quotes() {
        let mut plan = film();
        plan.audio[0].name = Some("a\",URI=\"//evil\"\n#EXT-X-ENDLIST".into());
        let text = master(&plan, &rates(&plan, &[]));
        assert!(
            text.contains("NAME=\"a',URI='//evil' #EXT-X-ENDLIST\""),
            "the name must stay inside: {text}"
        );
    }

    proptest! {
        #[test]
        fn durations_add_up_to_the_end_of_media(lengths in prop::collection::vec(900_i64..900_000, 1..300)) {
            let mut plan = film();
            let mut end = 0;
            plan.cuts = std::iter::once(0)
                .chain(lengths.iter().map(|length| { end += length; end }))
                .map(Ticks)
                .collect();
            let text = media(&plan, 0).unwrap();
            let lengths_us: Vec<u64> = text
                .lines()
                .filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','))
                .map(|seconds| seconds.replace('.', "").parse().unwrap())
                .collect();
            let target: f64 = text
                .lines()
                .find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"))
                .unwrap()
                .parse()
                .unwrap();
            prop_assert_eq!(lengths_us.len(), lengths.len());
            let sum_us: u64 = lengths_us.iter().sum();
            prop_assert!((sum_us as f64 - plan.end().seconds() * 1e6).abs() <= 0.500_1);
            prop_assert!(lengths_us.iter().all(|us| (*us as f64 / 1e6).round() <= target));
        }
    }
}
