//! The DASH manifest: static, full length, SegmentTemplate with an exact SegmentTimeline
//! (ISO/IEC 23009-1, profile isoff-live). Element and attribute order follow DASH-MPD.xsd.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use model::error::{Context, ErrorKind, Result};
use model::extras::{TextPlan, ThumbsPlan};
use model::language;
use model::plan::{AudioPlan, Plan, VideoPlan};
use model::segment::Piece;
use model::time::{AudioTicks, VideoTicks};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::manifest::bandwidth::Rate;
use crate::manifest::timeline::Timeline;

/// What words take in a second: next to nothing, but the attribute is mandatory.
const TEXT_BPS: u32 = 1_000;

/// What thumbnails take in a second: a sheet of a megabyte every thousand.
const THUMBS_BPS: u32 = 8_000;

type Xml = Writer<Vec<u8>>;

/// The manifest of `plan`; `rates` holds one entry per stream.
pub(crate) fn manifest(plan: &Plan, rates: &[Rate]) -> Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    write_manifest(&mut xml, plan, rates)
        .context(ErrorKind::Internal, "writing a DASH manifest")?;
    String::from_utf8(xml.into_inner()).context(ErrorKind::Internal, "writing a DASH manifest")
}

fn write_manifest(xml: &mut Xml, plan: &Plan, rates: &[Rate]) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("MPD")
        .with_attribute(("xmlns", "urn:mpeg:dash:schema:mpd:2011"))
        .with_attribute(("profiles", "urn:mpeg:dash:profile:isoff-live:2011"))
        .with_attribute(("type", "static"))
        .with_attribute(("mediaPresentationDuration", &*duration(plan.end())))
        .with_attribute(("minBufferTime", "PT2S"))
        .write_inner_content(|xml| {
            xml.create_element("Period")
                .with_attribute(("id", "0"))
                .with_attribute(("start", "PT0S"))
                .write_inner_content(|xml| write_sets(xml, plan, rates))?;
            Ok(())
        })?;
    Ok(())
}

/// One set for the picture with all its rungs, and one for the source's own if it stands apart, then
/// one for each audio track, then the words, then the thumbnails.
fn write_sets(xml: &mut Xml, plan: &Plan, rates: &[Rate]) -> io::Result<()> {
    let split = plan.rungs().len().min(rates.len());
    let (video_rates, audio_rates) = rates.split_at(split);
    if let Some(video) = &plan.video {
        write_video_sets(xml, plan, video, video_rates)?;
    }
    for (index, (audio, rate)) in plan.audio.iter().zip(audio_rates).enumerate() {
        write_audio_set(xml, audio, plan.audio_stream(index), *rate)?;
    }
    // Ids of sets count on behind those of the streams.
    let first = u64::from(plan.stream_count()) + 1;
    for (index, text) in (0..).zip(&plan.text) {
        write_text_set(xml, text, index, first + u64::from(index))?;
    }
    if let Some(thumbs) = &plan.thumbs {
        write_thumbs_set(xml, thumbs, first + plan.text.len() as u64)?;
    }
    Ok(())
}

/// Players change by themselves only within a set, where all is cut at the same times, and take the
/// main one. What stands apart is a set of its own.
fn write_video_sets(
    xml: &mut Xml,
    plan: &Plan,
    video: &VideoPlan,
    rates: &[Rate],
) -> io::Result<()> {
    let streams = rates.len();
    let together = match plan.apart_segments() {
        Some(_) => plan.encoded().len().min(streams),
        None => streams,
    };
    write_video_set(xml, plan, video, rates, 0..together)?;
    if together < streams {
        write_video_set(xml, plan, video, rates, together..streams)?;
    }
    Ok(())
}

fn write_video_set(
    xml: &mut Xml,
    plan: &Plan,
    video: &VideoPlan,
    rates: &[Rate],
    streams: Range<usize>,
) -> io::Result<()> {
    let first = u32::try_from(streams.start).unwrap_or(u32::MAX);
    // As with sound, the stream's number and one; the ladder's set has zero.
    let (id, role) = match first {
        0 => (0, "main"),
        _ => (u64::from(first) + 1, "alternate"),
    };
    let rungs = video.rungs.iter().zip(rates).enumerate();
    xml.create_element("AdaptationSet")
        .with_attribute(("id", &*id.to_string()))
        .with_attribute(("contentType", "video"))
        .with_attribute(("mimeType", "video/mp4"))
        .with_attribute(("segmentAlignment", "true"))
        .with_attribute(("startWithSAP", "1"))
        .write_inner_content(|xml| {
            write_role(xml, role)?;
            write_template(xml, &Timeline::of_picture(plan, first))?;
            for (stream, (rung, rate)) in rungs.filter(|(stream, _)| streams.contains(stream)) {
                xml.create_element("Representation")
                    .with_attribute(("id", &*stream.to_string()))
                    .with_attribute(("bandwidth", &*rate.peak_bps.to_string()))
                    .with_attribute(("codecs", rung.codec.as_str()))
                    .with_attribute(("width", &*rung.rung.size.width.to_string()))
                    .with_attribute(("height", &*rung.rung.size.height.to_string()))
                    .with_attribute(("sar", "1:1"))
                    .with_attribute(("frameRate", &*frame_rate(video.frame_rate)))
                    .write_empty()?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_audio_set(xml: &mut Xml, audio: &AudioPlan, stream: u32, rate: Rate) -> io::Result<()> {
    let mut set = xml.create_element("AdaptationSet");
    // The picture's set has id 0; ids of sets are unique in a period.
    set = set.with_attribute(("id", &*(u64::from(stream) + 1).to_string()));
    if let Some(tag) = language::tag(&audio.language) {
        set = set.with_attribute(("lang", tag.as_str()));
    }
    set.with_attribute(("contentType", "audio"))
        .with_attribute(("mimeType", "audio/mp4"))
        .with_attribute(("segmentAlignment", "true"))
        .with_attribute(("startWithSAP", "1"))
        .write_inner_content(|xml| {
            if let Some(name) = &audio.name {
                xml.create_element("Label")
                    .write_text_content(BytesText::new(&xml_text(name)))?;
            }
            write_role(xml, if audio.default { "main" } else { "alternate" })?;
            write_template(xml, &Timeline::of_audio(audio))?;
            write_audio_representation(xml, audio, stream, rate)
        })?;
    Ok(())
}

/// A whole WebVTT file: players fetch it once.
fn write_text_set(xml: &mut Xml, text: &TextPlan, index: u32, id: u64) -> io::Result<()> {
    let mut set = xml.create_element("AdaptationSet");
    set = set.with_attribute(("id", &*id.to_string()));
    if let Some(tag) = language::tag(&text.language) {
        set = set.with_attribute(("lang", tag.as_str()));
    }
    set.with_attribute(("contentType", "text"))
        .with_attribute(("mimeType", "text/vtt"))
        .write_inner_content(|xml| {
            if let Some(name) = &text.name {
                xml.create_element("Label")
                    .write_text_content(BytesText::new(&xml_text(name)))?;
            }
            write_role(xml, text_role(text))?;
            xml.create_element("Representation")
                .with_attribute(("id", &*format!("text{index}")))
                .with_attribute(("bandwidth", &*TEXT_BPS.to_string()))
                .write_inner_content(|xml| {
                    let name = Piece::Subtitle { index }.to_string();
                    xml.create_element("BaseURL")
                        .write_text_content(BytesText::new(&name))?;
                    Ok(())
                })?;
            Ok(())
        })?;
    Ok(())
}

/// Sheets of tiles (DASH-IF IOP 4.3, 6.2.6); players cut them up by themselves.
fn write_thumbs_set(xml: &mut Xml, thumbs: &ThumbsPlan, id: u64) -> io::Result<()> {
    let (columns, rows) = (ThumbsPlan::COLUMNS, ThumbsPlan::ROWS);
    let sheet_ticks = thumbs.every.0.saturating_mul(i64::from(columns * rows));
    xml.create_element("AdaptationSet")
        .with_attribute(("id", &*id.to_string()))
        .with_attribute(("contentType", "image"))
        .with_attribute(("mimeType", "image/jpeg"))
        .write_inner_content(|xml| {
            xml.create_element("SegmentTemplate")
                .with_attribute(("timescale", &*VideoTicks::TIMESCALE.to_string()))
                .with_attribute(("media", "thumbs-$Number$.jpg"))
                .with_attribute(("startNumber", "1"))
                .with_attribute(("duration", &*sheet_ticks.to_string()))
                .write_empty()?;
            xml.create_element("Representation")
                .with_attribute(("id", "thumbs"))
                .with_attribute(("bandwidth", &*THUMBS_BPS.to_string()))
                .with_attribute(("width", &*(thumbs.tile.width * columns).to_string()))
                .with_attribute(("height", &*(thumbs.tile.height * rows).to_string()))
                .write_inner_content(|xml| {
                    xml.create_element("EssentialProperty")
                        .with_attribute((
                            "schemeIdUri",
                            "http://dashif.org/guidelines/thumbnail_tile",
                        ))
                        .with_attribute(("value", &*format!("{columns}x{rows}")))
                        .write_empty()?;
                    Ok(())
                })?;
            Ok(())
        })?;
    Ok(())
}

fn text_role(text: &TextPlan) -> &'static str {
    match text {
        text if text.forced => "forced-subtitle",
        text if text.hearing_impaired => "caption",
        _ => "subtitle",
    }
}

fn write_audio_representation(
    xml: &mut Xml,
    audio: &AudioPlan,
    stream: u32,
    rate: Rate,
) -> io::Result<()> {
    xml.create_element("Representation")
        .with_attribute(("id", &*stream.to_string()))
        .with_attribute(("bandwidth", &*rate.peak_bps.to_string()))
        .with_attribute(("codecs", audio.codec.as_str()))
        .with_attribute(("audioSamplingRate", &*AudioTicks::TIMESCALE.to_string()))
        .write_inner_content(|xml| {
            xml.create_element("AudioChannelConfiguration")
                .with_attribute((
                    "schemeIdUri",
                    "urn:mpeg:dash:23003:3:audio_channel_configuration:2011",
                ))
                .with_attribute(("value", &*audio.channels.to_string()))
                .write_empty()?;
            Ok(())
        })?;
    Ok(())
}

fn write_role(xml: &mut Xml, value: &str) -> io::Result<()> {
    xml.create_element("Role")
        .with_attribute(("schemeIdUri", "urn:mpeg:dash:role:2011"))
        .with_attribute(("value", value))
        .write_empty()?;
    Ok(())
}

/// Names and exact times of the segments of a set.
fn write_template(xml: &mut Xml, timeline: &Timeline) -> io::Result<()> {
    xml.create_element("SegmentTemplate")
        .with_attribute(("timescale", &*timeline.timescale().to_string()))
        .with_attribute(("initialization", "init-stream$RepresentationID$.m4s"))
        .with_attribute(("media", "chunk-stream$RepresentationID$-$Number%05d$.m4s"))
        .with_attribute(("startNumber", "1"))
        .write_inner_content(|xml| {
            xml.create_element("SegmentTimeline")
                .write_inner_content(|xml| write_runs(xml, timeline))?;
            Ok(())
        })?;
    Ok(())
}

/// Segments follow each other without a gap, so only the first needs its time.
fn write_runs(xml: &mut Xml, timeline: &Timeline) -> io::Result<()> {
    for (index, run) in timeline.runs().iter().enumerate() {
        let mut element = xml.create_element("S");
        if index == 0 {
            element = element.with_attribute(("t", "0"));
        }
        element = element.with_attribute(("d", &*run.ticks.to_string()));
        if run.count > 1 {
            element = element.with_attribute(("r", &*(run.count - 1).to_string()));
        }
        element.write_empty()?;
    }
    Ok(())
}

/// An `xs:duration` in seconds, to the nearest nanosecond; a tick of 1/90000 s has no finite
/// decimal of its own.
fn duration(length: VideoTicks) -> String {
    let timescale = i128::from(VideoTicks::TIMESCALE);
    let nanoseconds = (i128::from(length.0.max(0)) * 2_000_000_000 + timescale) / (timescale * 2);
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let fraction = format!("{rest:09}");
    match fraction.trim_end_matches('0') {
        "" => format!("PT{seconds}S"),
        fraction => format!("PT{seconds}.{fraction}S"),
    }
}

/// `24000/1001` or `25`, in lowest terms.
fn frame_rate((frames, seconds): (u32, u32)) -> String {
    let divisor = greatest_common_divisor(frames, seconds).max(1);
    match (frames / divisor, seconds / divisor) {
        (frames, 0 | 1) => frames.to_string(),
        (frames, seconds) => format!("{frames}/{seconds}"),
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// Escaping cannot help characters that XML 1.0 has no place for; a track's name may hold them.
fn xml_text(text: &str) -> Cow<'_, str> {
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        Cow::Owned(text.replace(forbidden, " "))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, frame_rate, manifest};
    use crate::manifest::bandwidth::rates;
    use crate::manifest::samples::{film, film_apart, film_with_words, sound_only};
    use model::extras::ThumbsPlan;
    use model::time::Ticks;

    #[test]
    fn a_film_with_two_rungs_and_two_tracks() {
        let plan = film();
        let text = manifest(&plan, &rates(&plan, &[])).unwrap();
        assert_eq!(
            text,
            include_str!("golden/film.mpd"),
            "the manifest changed"
        );
    }

    #[test]
    fn a_copy_that_stands_apart_is_a_set_of_its_own() {
        let plan = film_apart();
        let text = manifest(&plan, &rates(&plan, &[])).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let sets: Vec<&str> = text.split("<AdaptationSet ").skip(1).collect();
        assert_eq!(sets.len(), 4, "the ladder, the copy and two audio tracks");
        let heads = sets.iter().map(|set| set.split(' ').next());
        assert_eq!(
            heads.collect::<Vec<_>>(),
            ["id=\"0\"", "id=\"3\"", "id=\"4\"", "id=\"5\""].map(Some)
        );
        assert!(sets[0].contains("value=\"main\"") && sets[1].contains("value=\"alternate\""));
        assert_eq!(sets[0].matches("<Representation").count(), 2);
        assert_eq!(sets[1].matches("<Representation").count(), 1);
        assert!(
            sets[1].contains("<S t=\"0\" d=\"360000\"/> <S d=\"630000\"/> </SegmentTimeline>"),
            "{}",
            sets[1]
        );
    }

    #[test]
    fn words_are_sets_of_one_file_each() {
        let plan = film_with_words();
        let text = manifest(&plan, &rates(&plan, &[])).unwrap();
        let (_, words) = text.split_once("id=\"5\"").unwrap();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text.matches("contentType=\"text\"").count(), 3);
        assert!(
            words.starts_with(
                "lang=\"en\" contentType=\"text\" mimeType=\"text/vtt\"> \
                 <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"subtitle\"/> \
                 <Representation id=\"text0\" bandwidth=\"1000\"> \
                 <BaseURL>subtitle-0.vtt</BaseURL>"
            ),
            "{words}"
        );
        assert!(
            words.contains("<Label>Für &quot;alle&quot; &amp; jeden</Label>"),
            "{words}"
        );
        assert!(words.contains("value=\"caption\"") && words.contains("\"forced-subtitle\""));
    }

    #[test]
    fn thumbnails_are_a_set_of_tiles() {
        let mut plan = film_with_words();
        let display = plan.source.display.unwrap();
        plan.thumbs = Some(ThumbsPlan::of(display, plan.end()));
        let text = manifest(&plan, &rates(&plan, &[])).unwrap();
        let (_, thumbs) = text.split_once("id=\"8\"").unwrap();
        let thumbs = thumbs.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            thumbs.starts_with(
                "contentType=\"image\" mimeType=\"image/jpeg\"> \
                 <SegmentTemplate timescale=\"90000\" media=\"thumbs-$Number$.jpg\" \
                 startNumber=\"1\" duration=\"90000000\"/> \
                 <Representation id=\"thumbs\" bandwidth=\"8000\" width=\"3200\" height=\"1780\"> \
                 <EssentialProperty schemeIdUri=\"http://dashif.org/guidelines/thumbnail_tile\" \
                 value=\"10x10\"/>"
            ),
            "{thumbs}"
        );
    }

    #[test]
    fn sound_alone_has_no_picture_set() {
        let plan = sound_only();
        let text = manifest(&plan, &rates(&plan, &[])).unwrap();
        assert_eq!(
            text,
            include_str!("golden/sound.mpd"),
            "the manifest changed"
        );
    }

    #[test]
    fn names_from_files_stay_text() {
        let mut plan = film();
        plan.audio[0].name = Some("</Label><script>\u{0}&".into());
        plan.audio[0].language = "\"/><x".into();
        let text = manifest(&plan, &rates(&plan, &[])).unwrap();
        assert!(
            text.contains("<Label>&lt;/Label&gt;&lt;script&gt; &amp;</Label>"),
            "the name must be escaped: {text}"
        );
        assert!(!text.contains("<x"), "a language that is none is left out");
    }

    #[test]
    fn durations_are_exact_to_the_nanosecond() {
        for (ticks, expected) in [
            (0, "PT0S"),
            (90_000, "PT1S"),
            (990_000, "PT11S"),
            (135_000, "PT1.5S"),
            (1, "PT0.000011111S"),
            (324_000_001, "PT3600.000011111S"),
        ] {
            assert_eq!(duration(Ticks(ticks)), expected, "{ticks} ticks");
        }
    }

    #[test]
    fn frame_rates_are_in_lowest_terms() {
        for (fraction, expected) in [
            ((25, 1), "25"),
            ((48_000, 2_002), "24000/1001"),
            ((30, 0), "1"),
            ((0, 0), "0"),
        ] {
            assert_eq!(frame_rate(fraction), expected, "{fraction:?}");
        }
    }
}
