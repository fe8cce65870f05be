//! Reads an MPD (ISO/IEC 23009-1) as far as a static presentation with segment timelines needs.
//! What does not belong here: other ways to address segments, which are refused, and sets of text
//! and pictures, which are not made of segments.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A static presentation of one period.
#[derive(Clone, Debug)]
pub struct Presentation {
    /// `mediaPresentationDuration` in seconds.
    pub duration_s: f64,
    /// Every representation, in the manifest's order.
    pub representations: Vec<Representation>,
}

/// One stream as the manifest describes it.
#[derive(Clone, Debug)]
pub struct Representation {
    /// Its `id`.
    pub id: String,
    /// `video` or `audio`.
    pub content_type: String,
    /// Its set is there beside the main one, and players do not change to it by themselves.
    pub is_alternate: bool,
    /// Language of its adaptation set.
    pub language: Option<String>,
    /// Bits per second.
    pub bandwidth: u64,
    /// RFC 6381.
    pub codecs: String,
    /// Pixels; absent for sound.
    pub width: Option<u32>,
    /// Pixels; absent for sound.
    pub height: Option<u32>,
    /// Ticks in a second.
    pub timescale: i64,
    /// Relative URL of the init segment.
    pub init_url: String,
    /// Its segments in playing order.
    pub segments: Vec<Segment>,
}

/// One segment as the manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Relative URL.
    pub url: String,
    /// Begin, in ticks, on the presentation's timeline.
    pub start: i64,
    /// Length in ticks.
    pub duration: i64,
}

impl Presentation {
    /// Reads an MPD.
    pub fn parse(text: &str) -> Result<Self> {
        let document: Document = quick_xml::de::from_str(text).context("reading the MPD")?;
        ensure!(
            document.kind.as_deref().unwrap_or("static") == "static",
            "the MPD is not static"
        );
        ensure!(
            document.periods.len() == 1,
            "the MPD has {} periods",
            document.periods.len()
        );
        let sets = document.periods.iter().flat_map(|period| &period.sets);
        let sets = sets.filter(|set| !set.is_beside());
        Ok(Self {
            duration_s: parse_duration(&document.duration)?,
            representations: sets.flat_map(SetElement::flatten).collect::<Result<_>>()?,
        })
    }
}

/// Reads an ISO 8601 duration of hours, minutes and seconds.
fn parse_duration(text: &str) -> Result<f64> {
    let mut rest = text
        .strip_prefix("PT")
        .with_context(|| format!("{text:?} is no duration of hours, minutes and seconds"))?;
    let mut seconds = 0.0;
    for (unit, factor) in [('H', 3600.0), ('M', 60.0), ('S', 1.0)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds += number.parse::<f64>().with_context(|| text.to_owned())? * factor;
            rest = after;
        }
    }
    ensure!(rest.is_empty(), "{text:?} has something after its seconds");
    Ok(seconds)
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "@type")]
    kind: Option<String>,
    #[serde(rename = "@mediaPresentationDuration")]
    duration: String,
    #[serde(rename = "Period")]
    periods: Vec<PeriodElement>,
}

#[derive(Debug, Deserialize)]
struct PeriodElement {
    #[serde(rename = "AdaptationSet")]
    sets: Vec<SetElement>,
}

#[derive(Debug, Deserialize)]
struct SetElement {
    #[serde(rename = "@contentType")]
    content_type: Option<String>,
    #[serde(rename = "@mimeType")]
    mime_type: Option<String>,
    #[serde(rename = "@codecs")]
    codecs: Option<String>,
    #[serde(rename = "@lang")]
    language: Option<String>,
    #[serde(rename = "Role", default)]
    roles: Vec<RoleElement>,
    #[serde(rename = "SegmentTemplate")]
    template: Option<TemplateElement>,
    #[serde(rename = "Representation")]
    representations: Vec<RepresentationElement>,
}

#[derive(Debug, Deserialize)]
struct RoleElement {
    #[serde(rename = "@value")]
    value: String,
}

#[derive(Debug, Deserialize)]
struct RepresentationElement {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@bandwidth")]
    bandwidth: u64,
    #[serde(rename = "@codecs")]
    codecs: Option<String>,
    #[serde(rename = "@mimeType")]
    mime_type: Option<String>,
    #[serde(rename = "@width")]
    width: Option<u32>,
    #[serde(rename = "@height")]
    height: Option<u32>,
    #[serde(rename = "SegmentTemplate")]
    template: Option<TemplateElement>,
}

#[derive(Clone, Debug, Deserialize)]
struct TemplateElement {
    #[serde(rename = "@timescale")]
    timescale: Option<i64>,
    /// Thumbnails have none.
    #[serde(rename = "@initialization")]
    initialization: Option<String>,
    #[serde(rename = "@media")]
    media: String,
    #[serde(rename = "@startNumber")]
    start_number: Option<u32>,
    #[serde(rename = "@presentationTimeOffset")]
    presentation_time_offset: Option<i64>,
    /// Thumbnails have none.
    #[serde(rename = "SegmentTimeline")]
    timeline: Option<TimelineElement>,
}

#[derive(Clone, Debug, Deserialize)]
struct TimelineElement {
    #[serde(rename = "S")]
    runs: Vec<RunElement>,
}

#[derive(Clone, Debug, Deserialize)]
struct RunElement {
    #[serde(rename = "@t")]
    time: Option<i64>,
    #[serde(rename = "@d")]
    duration: i64,
    #[serde(rename = "@r")]
    repeat: Option<u32>,
}

impl SetElement {
    /// Words or thumbnails.
    fn is_beside(&self) -> bool {
        matches!(self.content_type.as_deref(), Some("text" | "image"))
    }

    /// Its representations, each with what it inherits from the set.
    fn flatten(&self) -> impl Iterator<Item = Result<Representation>> {
        self.representations.iter().map(|element| {
            self.inherit(element)
                .with_context(|| format!("representation {:?} of the MPD", element.id))
        })
    }

    fn inherit(&self, element: &RepresentationElement) -> Result<Representation> {
        let template = element
            .template
            .as_ref()
            .or(self.template.as_ref())
            .context("it has no SegmentTemplate")?;
        let mime_type = element.mime_type.as_ref().or(self.mime_type.as_ref());
        let content_type = self
            .content_type
            .clone()
            .or_else(|| Some(mime_type?.split('/').next()?.to_owned()))
            .context("neither contentType nor mimeType says what it is")?;
        let init = template.initialization.as_deref();
        let init = init.context("its SegmentTemplate has no init segment")?;
        Ok(Representation {
            segments: template.segments(&element.id)?,
            timescale: template.timescale.unwrap_or(1),
            init_url: fill_in(init, &element.id, 0),
            id: element.id.clone(),
            content_type,
            is_alternate: self.roles.iter().any(|role| role.value == "alternate"),
            language: self.language.clone(),
            bandwidth: element.bandwidth,
            codecs: element
                .codecs
                .clone()
                .or_else(|| self.codecs.clone())
                .context("it has no CODECS")?,
            width: element.width,
            height: element.height,
        })
    }
}

impl TemplateElement {
    fn segments(&self, id: &str) -> Result<Vec<Segment>> {
        let offset = self.presentation_time_offset.unwrap_or(0);
        let mut number = self.start_number.unwrap_or(1);
        let mut time = 0;
        let mut segments = Vec::new();
        let timeline = self.timeline.as_ref();
        let timeline = timeline.context("its SegmentTemplate has no timeline")?;
        for run in &timeline.runs {
            ensure!(run.duration > 0, "an S element has no length");
            time = run.time.unwrap_or(time);
            for _ in 0..=run.repeat.unwrap_or(0) {
                segments.push(Segment {
                    url: fill_in(&self.media, id, number),
                    start: time - offset,
                    duration: run.duration,
                });
                time += run.duration;
                number += 1;
            }
        }
        Ok(segments)
    }
}

/// Replaces `$RepresentationID$`, `$Number$` and `$Number%0Nd$`.
fn fill_in(template: &str, id: &str, number: u32) -> String {
    let mut filled = String::new();
    for (index, part) in template.split('$').enumerate() {
        if index % 2 == 0 {
            filled.push_str(part);
        } else if part == "RepresentationID" {
            filled.push_str(id);
        } else if let Some(format) = part.strip_prefix("Number") {
            let width = format
                .strip_prefix("%0")
                .and_then(|rest| rest.strip_suffix('d'))
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(1);
            filled.push_str(&format!("{number:0width$}"));
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::{Presentation, parse_duration};

    const TWO_STREAMS: &str = r#"<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1M10.5S" minBufferTime="PT2S" profiles="urn:mpeg:dash:profile:isoff-live:2011">
 <Period>
  <AdaptationSet contentType="video" mimeType="video/mp4">
   <SegmentTemplate timescale="90000" initialization="init-stream$RepresentationID$.m4s" media="chunk-stream$RepresentationID$-$Number%05d$.m4s" startNumber="1">
    <SegmentTimeline><S t="0" d="180000" r="1"/><S d="90000"/></SegmentTimeline>
   </SegmentTemplate>
   <Representation id="0" bandwidth="1000" codecs="avc1.64001e" width="640" height="360"/>
  </AdaptationSet>
  <AdaptationSet mimeType="audio/mp4" lang="de">
   <Representation id="1" bandwidth="500" codecs="mp4a.40.2">
    <SegmentTemplate timescale="48000" initialization="i$RepresentationID$" media="m$Number$">
     <SegmentTimeline><S t="0" d="96256"/></SegmentTimeline>
    </SegmentTemplate>
   </Representation>
  </AdaptationSet>
 </Period>
</MPD>"#;

    #[test]
    fn a_template_may_stand_at_either_level() {
        let presentation = Presentation::parse(TWO_STREAMS).unwrap();
        let [video, audio] = &presentation.representations[..] else {
            panic!("two representations were written");
        };
        let urls: Vec<&str> = video.segments.iter().map(|s| s.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "chunk-stream0-00001.m4s",
                "chunk-stream0-00002.m4s",
                "chunk-stream0-00003.m4s"
            ],
            "r=\"1\" means two segments"
        );
        assert_eq!(video.segments[2].start, 360_000, "starts add up");
        assert_eq!(
            (audio.init_url.as_str(), audio.segments[0].url.as_str()),
            ("i1", "m1"),
            "numbers begin at 1 unless the manifest says otherwise"
        );
        assert_eq!(audio.content_type, "audio", "taken from the MIME type");
    }

    #[test]
    fn durations_are_read_with_their_fraction() {
        for (text, expected) in [
            ("PT1M10.5S", 70.5),
            ("PT2H", 7200.0),
            ("PT0.033333S", 0.033_333),
        ] {
            assert!(
                (parse_duration(text).unwrap() - expected).abs() < 1e-9,
                "{text} is {expected} s"
            );
        }
        assert!(parse_duration("P1D").is_err(), "days are not expected here");
    }
}
