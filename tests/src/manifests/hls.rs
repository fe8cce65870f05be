//! Reads HLS playlists (RFC 8216) through `m3u8-rs`, and the lengths of segments once more from
//! the text, because that crate keeps them in 32-bit floating point, which is too coarse to prove
//! that they add up. What does not belong here: encryption, live playlists.

use anyhow::{Context, Result, anyhow, ensure};
use m3u8_rs::{AlternativeMediaType, MediaPlaylistType};

/// The multivariant playlist.
#[derive(Clone, Debug)]
pub struct Master {
    /// `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub independent_segments: bool,
    /// Its variants, in the playlist's order.
    pub variants: Vec<Variant>,
    /// Its audio renditions.
    pub renditions: Vec<Rendition>,
}

/// One `EXT-X-STREAM-INF`.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Relative URL of its playlist.
    pub url: String,
    /// Peak bits per second of picture and sound together.
    pub bandwidth: u64,
    /// The separate codecs.
    pub codecs: Vec<String>,
    /// Pixels; absent for sound.
    pub resolution: Option<(u64, u64)>,
    /// The group of audio renditions it plays with.
    pub audio_group: Option<String>,
}

/// One `EXT-X-MEDIA` of type AUDIO.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Relative URL of its playlist.
    pub url: String,
    /// Its group.
    pub group: String,
    /// Its language.
    pub language: Option<String>,
    /// Played unless the viewer chooses otherwise.
    pub default: bool,
}

/// A media playlist.
#[derive(Clone, Debug)]
pub struct Media {
    /// `EXT-X-VERSION`
    pub version: Option<usize>,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration_s: u64,
    /// It is VOD and has an end.
    pub complete: bool,
    /// `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub independent_segments: bool,
    /// Relative URL of the init segment.
    pub init_url: String,
    /// Relative URLs of the segments, in playing order.
    pub segment_urls: Vec<String>,
    /// `EXTINF` of each, in microseconds, exactly as written.
    pub durations_us: Vec<i64>,
}

impl Master {
    /// Reads a multivariant playlist.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = m3u8_rs::parse_master_playlist_res(text.as_bytes())
            .map_err(|error| anyhow!("reading the multivariant playlist: {error:?}"))?;
        let variants = parsed.variants.into_iter().filter(|v| !v.is_i_frame);
        let renditions = parsed
            .alternatives
            .into_iter()
            .filter(|media| media.media_type == AlternativeMediaType::Audio);
        Ok(Self {
            independent_segments: parsed.independent_segments,
            variants: variants.map(read_variant).collect::<Result<_>>()?,
            renditions: renditions.map(read_rendition).collect::<Result<_>>()?,
        })
    }

    /// Relative URLs of all media playlists.
    pub fn playlist_urls(&self) -> impl Iterator<Item = &str> {
        let variants = self.variants.iter().map(|variant| variant.url.as_str());
        let renditions = self.renditions.iter().map(|media| media.url.as_str());
        variants.chain(renditions)
    }
}

fn read_variant(variant: m3u8_rs::VariantStream) -> Result<Variant> {
    let codecs = variant
        .codecs
        .with_context(|| format!("variant {} has no CODECS", variant.uri))?;
    Ok(Variant {
        url: variant.uri,
        bandwidth: variant.bandwidth,
        codecs: codecs.split(',').map(|c| c.trim().to_owned()).collect(),
        resolution: variant.resolution.map(|size| (size.width, size.height)),
        audio_group: variant.audio,
    })
}

fn read_rendition(media: m3u8_rs::AlternativeMedia) -> Result<Rendition> {
    Ok(Rendition {
        url: media
            .uri
            .with_context(|| format!("the rendition {:?} has no URI", media.name))?,
        group: media.group_id,
        language: media.language,
        default: media.default,
    })
}

impl Media {
    /// Reads a media playlist.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = m3u8_rs::parse_media_playlist_res(text.as_bytes())
            .map_err(|error| anyhow!("reading a media playlist: {error:?}"))?;
        let durations_us = read_durations(text)?;
        ensure!(
            durations_us.len() == parsed.segments.len(),
            "{} EXTINF for {} segments",
            durations_us.len(),
            parsed.segments.len()
        );
        let map = parsed.segments.first().and_then(|first| first.map.clone());
        Ok(Self {
            version: parsed.version,
            target_duration_s: parsed.target_duration,
            complete: parsed.end_list && parsed.playlist_type == Some(MediaPlaylistType::Vod),
            independent_segments: parsed.independent_segments,
            init_url: map.context("the playlist has no EXT-X-MAP")?.uri,
            segment_urls: parsed.segments.into_iter().map(|s| s.uri).collect(),
            durations_us,
        })
    }
}

fn read_durations(text: &str) -> Result<Vec<i64>> {
    text.lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:"))
        .map(|rest| microseconds(rest.split(',').next().unwrap_or_default()))
        .collect()
}

/// A decimal number of seconds in microseconds, without going through floating point.
fn microseconds(text: &str) -> Result<i64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    ensure!(
        fraction.len() <= 6,
        "EXTINF {text} has more than six decimals, which this reader does not expect"
    );
    let padded = format!("{whole}{fraction:0<6}");
    padded
        .parse()
        .with_context(|| format!("EXTINF {text} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::{Master, Media, microseconds};

    #[test]
    fn lengths_are_kept_to_the_microsecond() {
        for (text, expected) in [("4", 4_000_000), ("4.004", 4_004_000), ("0.033333", 33_333)] {
            assert_eq!(microseconds(text).unwrap(), expected, "EXTINF of {text}");
        }
    }

    #[test]
    fn a_media_playlist_names_its_init_segment() {
        let text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n\
            #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MAP:URI=\"init-stream0.m4s\"\n#EXTINF:4.000000,\nchunk-stream0-00001.m4s\n\
            #EXTINF:1.234567,\nchunk-stream0-00002.m4s\n#EXT-X-ENDLIST\n";
        let media = Media::parse(text).unwrap();
        assert_eq!(media.init_url, "init-stream0.m4s", "EXT-X-MAP is read");
        assert_eq!(media.durations_us, [4_000_000, 1_234_567]);
        assert!(media.complete, "VOD with an end");
    }

    #[test]
    fn a_master_playlist_lists_sound_apart() {
        let text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"German\",LANGUAGE=\"de\",DEFAULT=YES,URI=\"media-1.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1500000,CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=640x360,AUDIO=\"audio\"\n\
            media-0.m3u8\n";
        let master = Master::parse(text).unwrap();
        assert_eq!(master.variants[0].codecs, ["avc1.64001e", "mp4a.40.2"]);
        assert_eq!(master.variants[0].resolution, Some((640, 360)));
        assert_eq!(master.renditions[0].url, "media-1.m3u8");
    }
}
