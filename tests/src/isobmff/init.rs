//! Init segments: what a player learns before the first frame. What does not belong here:
//! fragments.

use anyhow::{Context, Result, bail, ensure};

use super::boxes::{FoundBox, Reader, descend, only, walk};

/// An init segment, which must hold exactly one track.
#[derive(Clone, Debug)]
pub struct Init {
    /// Major brand and compatible brands.
    pub brands: Vec<String>,
    /// Number of the track; fragments repeat it.
    pub track_id: u32,
    /// Ticks in a second.
    pub timescale: u32,
    /// `vide` or `soun`.
    pub handler: String,
    /// The track shifts its samples by an edit list, which ours never do.
    pub has_edit_list: bool,
    /// Size in pixels of the coded picture; zero for sound.
    pub width: u16,
    /// See `width`.
    pub height: u16,
    /// What the decoder is told.
    pub codec: CodecConfig,
    /// Defaults from `trex`: duration, size and flags of a sample.
    pub(super) sample_defaults: (u32, u32, u32),
}

/// What the decoder is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecConfig {
    /// H.264
    Avc(AvcConfig),
    /// AAC
    Aac(AacConfig),
}

/// The avcC box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    /// Profile, compatibility flags, level: what `CODECS` repeats in hex.
    pub profile_compatibility_level: [u8; 3],
    /// Bytes of a NAL unit's length field.
    pub length_bytes: usize,
    /// Sequence parameter sets.
    pub sequence_sets: Vec<Vec<u8>>,
    /// Picture parameter sets.
    pub picture_sets: Vec<Vec<u8>>,
}

/// The AudioSpecificConfig inside esds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacConfig {
    /// MPEG-4 audio object type; 2 is AAC-LC.
    pub object_type: u8,
    /// The configuration's bytes.
    pub specific: Vec<u8>,
}

impl CodecConfig {
    /// The string that manifests must carry (RFC 6381).
    pub fn rfc6381(&self) -> String {
        match self {
            Self::Avc(avc) => {
                let [profile, compatibility, level] = avc.profile_compatibility_level;
                format!("avc1.{profile:02x}{compatibility:02x}{level:02x}")
            }
            Self::Aac(aac) => format!("mp4a.40.{}", aac.object_type),
        }
    }
}

impl Init {
    /// Reads an init segment.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let movie = descend(bytes, &[b"moov"])?;
        let track = only(&walk(movie.body)?, b"trak").context("inside moov")?;
        let media = descend(track.body, &[b"mdia"])?;
        let entry = sample_entry(descend(media.body, &[b"minf", b"stbl", b"stsd"])?)?;
        let (width, height, codec) = read_entry(entry)?;
        Ok(Self {
            brands: read_brands(descend(bytes, &[b"ftyp"])?)?,
            track_id: read_track_id(descend(track.body, &[b"tkhd"])?)?,
            timescale: read_timescale(descend(media.body, &[b"mdhd"])?)?,
            handler: read_handler(descend(media.body, &[b"hdlr"])?)?,
            has_edit_list: walk(track.body)?.iter().any(|found| &found.name == b"edts"),
            width,
            height,
            codec,
            sample_defaults: read_defaults(descend(movie.body, &[b"mvex", b"trex"])?)?,
        })
    }

    /// The avcC, if the track is H.264.
    pub fn avc(&self) -> Result<&AvcConfig> {
        match &self.codec {
            CodecConfig::Avc(avc) => Ok(avc),
            CodecConfig::Aac(_) => bail!("the track is sound, not H.264"),
        }
    }
}

fn read_brands(found: FoundBox<'_>) -> Result<Vec<String>> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(found.body.len() >= 8, "ftyp is too short");
    let compatible = found.body[8..].chunks(4).map(text);
    Ok([text(&found.body[..4])]
        .into_iter()
        .chain(compatible)
        .collect())
}

fn read_track_id(found: FoundBox<'_>) -> Result<u32> {
    let mut reader = Reader::new(found.body);
    let (version, _) = reader.version_and_flags()?;
    reader.skip(if version == 0 { 8 } else { 16 })?;
    reader.u32()
}

fn read_timescale(found: FoundBox<'_>) -> Result<u32> {
    let mut reader = Reader::new(found.body);
    let (version, _) = reader.version_and_flags()?;
    reader.skip(if version == 0 { 8 } else { 16 })?;
    let timescale = reader.u32()?;
    ensure!(timescale > 0, "mdhd has a timescale of zero");
    Ok(timescale)
}

fn read_handler(found: FoundBox<'_>) -> Result<String> {
    let mut reader = Reader::new(found.body);
    reader.skip(8)?;
    Ok(String::from_utf8_lossy(reader.take(4)?).into_owned())
}

fn read_defaults(found: FoundBox<'_>) -> Result<(u32, u32, u32)> {
    let mut reader = Reader::new(found.body);
    // Version and flags, track, description index.
    reader.skip(12)?;
    Ok((reader.u32()?, reader.u32()?, reader.u32()?))
}

/// The only sample entry of stsd.
fn sample_entry(found: FoundBox<'_>) -> Result<FoundBox<'_>> {
    let mut reader = Reader::new(found.body);
    reader.version_and_flags()?;
    let count = reader.u32()?;
    ensure!(count == 1, "stsd has {count} entries, expected one");
    let entries = walk(reader.rest())?;
    entries
        .first()
        .copied()
        .context("stsd announces an entry and has none")
}

fn read_entry(entry: FoundBox<'_>) -> Result<(u16, u16, CodecConfig)> {
    let mut reader = Reader::new(entry.body);
    match &entry.name {
        b"avc1" | b"avc3" => {
            reader.skip(24)?;
            let (width, height) = (reader.u16()?, reader.u16()?);
            reader.skip(50)?;
            let config = read_avcc(descend(reader.rest(), &[b"avcC"])?.body)?;
            Ok((width, height, CodecConfig::Avc(config)))
        }
        b"mp4a" => {
            reader.skip(28)?;
            let config = read_esds(descend(reader.rest(), &[b"esds"])?.body)?;
            Ok((0, 0, CodecConfig::Aac(config)))
        }
        _ => bail!("a sample entry called {} was not expected", entry.label()),
    }
}

fn read_avcc(body: &[u8]) -> Result<AvcConfig> {
    let mut reader = Reader::new(body);
    let version = reader.u8()?;
    ensure!(version == 1, "avcC has version {version}");
    let mut profile_compatibility_level = [0; 3];
    profile_compatibility_level.copy_from_slice(reader.take(3)?);
    let length_bytes = usize::from(reader.u8()? & 3) + 1;
    let sequence_count = reader.u8()? & 31;
    let sequence_sets = read_parameter_sets(&mut reader, sequence_count)?;
    let picture_count = reader.u8()?;
    let picture_sets = read_parameter_sets(&mut reader, picture_count)?;
    Ok(AvcConfig {
        profile_compatibility_level,
        length_bytes,
        sequence_sets,
        picture_sets,
    })
}

fn read_parameter_sets(reader: &mut Reader<'_>, count: u8) -> Result<Vec<Vec<u8>>> {
    (0..count)
        .map(|_| {
            let length = usize::from(reader.u16()?);
            Ok(reader.take(length)?.to_vec())
        })
        .collect()
}

/// Walks the descriptors of ISO/IEC 14496-1 down to the AudioSpecificConfig.
fn read_esds(body: &[u8]) -> Result<AacConfig> {
    let mut reader = Reader::new(body);
    reader.version_and_flags()?;
    let stream = read_descriptor(&mut reader, 3)?;
    let mut reader = Reader::new(stream);
    // Stream number and flags; none of the optional fields is used by any writer we know.
    reader.skip(3)?;
    let decoder = read_descriptor(&mut reader, 4)?;
    let mut reader = Reader::new(decoder);
    reader.skip(13)?;
    let specific = read_descriptor(&mut reader, 5)?.to_vec();
    let first = *specific
        .first()
        .context("the AudioSpecificConfig is empty")?;
    Ok(AacConfig {
        object_type: first >> 3,
        specific,
    })
}

/// The body of the next descriptor, which must have the number `tag`.
fn read_descriptor<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<&'a [u8]> {
    let found = reader.u8()?;
    ensure!(
        found == tag,
        "esds has descriptor {found} where {tag} belongs"
    );
    let mut length = 0;
    for _ in 0..4 {
        let byte = reader.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    reader.take(length)
}
