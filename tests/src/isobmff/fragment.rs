//! Fragments: the `moof` + `mdat` pairs of a media segment. What does not belong here: init
//! segments.

use anyhow::{Context, Result, bail, ensure};

use super::boxes::{FoundBox, Reader, descend, only, walk};
use super::init::Init;

/// A media segment: its samples in decoding order.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// The `tfdt`, in ticks of the track.
    pub decode_time: i64,
    /// Number in `mfhd`.
    pub sequence: u32,
    /// Brands in `styp`, if there is one.
    pub brands: Vec<String>,
    /// The samples in decoding order.
    pub samples: Vec<Sample>,
}

/// One coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// First byte, from the start of the segment.
    pub offset: usize,
    /// Length in bytes.
    pub size: usize,
    /// Ticks until the next sample in decoding order.
    pub duration: i64,
    /// Ticks from decoding to presentation; negative where the frame is shown earlier.
    pub composition_offset: i64,
    /// Flags as in `trun`; bit 16 says that it is not a sync sample.
    pub flags: u32,
}

/// Set in a sample's flags unless decoding can start with it.
const NOT_SYNC: u32 = 1 << 16;

impl Fragment {
    /// Reads a segment that belongs to `init`. It must hold one track in one fragment.
    pub fn parse(init: &Init, bytes: &[u8]) -> Result<Self> {
        let boxes = walk(bytes)?;
        let moof = only(&boxes, b"moof")?;
        let mdat = only(&boxes, b"mdat")?;
        ensure!(moof.start < mdat.start, "mdat comes before its moof");
        let traf = descend(moof.body, &[b"traf"])?;
        let header = TrackHeader::parse(init, descend(traf.body, &[b"tfhd"])?)?;
        let run = descend(traf.body, &[b"trun"])?;
        let samples = read_run(&header, moof.start, run)?;
        check_data(&samples, bytes.len(), &mdat)?;
        Ok(Self {
            decode_time: read_decode_time(descend(traf.body, &[b"tfdt"])?)?,
            sequence: read_sequence(descend(moof.body, &[b"mfhd"])?)?,
            brands: read_brands(&boxes),
            samples,
        })
    }

    /// Ticks from the first sample's decoding to the end of the last.
    pub fn duration(&self) -> i64 {
        self.samples.iter().map(|sample| sample.duration).sum()
    }

    /// Where the next segment must begin.
    pub fn end(&self) -> i64 {
        self.decode_time + self.duration()
    }

    /// Presentation times of all samples, in order of presentation.
    pub fn presentation_times(&self) -> Vec<i64> {
        let mut decode_time = self.decode_time;
        let mut times = Vec::with_capacity(self.samples.len());
        for sample in &self.samples {
            times.push(decode_time + sample.composition_offset);
            decode_time += sample.duration;
        }
        times.sort_unstable();
        times
    }
}

impl Sample {
    /// Decoding can start here, says the container.
    pub fn is_sync(&self) -> bool {
        self.flags & NOT_SYNC == 0
    }

    /// The sample's bytes within its segment.
    pub fn bytes<'a>(&self, segment: &'a [u8]) -> Result<&'a [u8]> {
        segment
            .get(self.offset..self.offset + self.size)
            .context("a sample lies outside its segment")
    }

    /// The types of the NAL units in an H.264 sample, in their order.
    pub fn nal_types(&self, segment: &[u8], length_bytes: usize) -> Result<Vec<u8>> {
        let mut reader = Reader::new(self.bytes(segment)?);
        let mut types = Vec::new();
        while !reader.rest().is_empty() {
            let length = reader
                .take(length_bytes)?
                .iter()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            let unit = reader.take(length)?;
            types.push(unit.first().context("an empty NAL unit")? & 0x1f);
        }
        Ok(types)
    }
}

/// What `tfhd` and `trex` say of samples that `trun` does not describe.
#[derive(Debug)]
struct TrackHeader {
    duration: u32,
    size: u32,
    flags: u32,
}

impl TrackHeader {
    fn parse(init: &Init, found: FoundBox<'_>) -> Result<Self> {
        let mut reader = Reader::new(found.body);
        let (_, flags) = reader.version_and_flags()?;
        let track = reader.u32()?;
        ensure!(
            track == init.track_id,
            "the fragment is of track {track}, its init segment of {}",
            init.track_id
        );
        ensure!(
            flags & 0x02_0000 != 0 && flags & 1 == 0,
            "CMAF wants offsets from the start of moof (default-base-is-moof)"
        );
        let mut optional = |bit: u32, default: u32| {
            if flags & bit == 0 {
                Ok(default)
            } else {
                reader.u32()
            }
        };
        optional(0x02, 0).context("sample description")?;
        let (duration, size, sample_flags) = init.sample_defaults;
        Ok(Self {
            duration: optional(0x08, duration)?,
            size: optional(0x10, size)?,
            flags: optional(0x20, sample_flags)?,
        })
    }
}

fn read_run(header: &TrackHeader, moof_start: usize, found: FoundBox<'_>) -> Result<Vec<Sample>> {
    let mut reader = Reader::new(found.body);
    let (version, flags) = reader.version_and_flags()?;
    let count = reader.u32()?;
    ensure!(flags & 1 != 0, "trun does not say where its data begin");
    let mut offset = moof_start + reader.u32()? as usize;
    let first_flags = if flags & 4 == 0 {
        None
    } else {
        Some(reader.u32()?)
    };
    let mut samples = Vec::new();
    for index in 0..count {
        let mut sample = read_sample(header, version, flags, &mut reader)?;
        sample.offset = offset;
        if index == 0 {
            sample.flags = first_flags.unwrap_or(sample.flags);
        }
        offset += sample.size;
        samples.push(sample);
    }
    ensure!(reader.rest().is_empty(), "trun is longer than its samples");
    ensure!(!samples.is_empty(), "the fragment has no samples");
    Ok(samples)
}

fn read_sample(
    header: &TrackHeader,
    version: u8,
    flags: u32,
    reader: &mut Reader<'_>,
) -> Result<Sample> {
    let mut optional = |bit: u32, default: u32| {
        if flags & bit == 0 {
            Ok(default)
        } else {
            reader.u32()
        }
    };
    let duration = i64::from(optional(0x100, header.duration)?);
    let size = optional(0x200, header.size)? as usize;
    let sample_flags = optional(0x400, header.flags)?;
    let raw_offset = optional(0x800, 0)?;
    let composition_offset = match version {
        0 => i64::from(raw_offset),
        1 => i64::from(raw_offset.cast_signed()),
        other => bail!("trun has version {other}"),
    };
    Ok(Sample {
        offset: 0,
        size,
        duration,
        composition_offset,
        flags: sample_flags,
    })
}

/// Every sample lies inside mdat, and mdat holds nothing else.
fn check_data(samples: &[Sample], segment_bytes: usize, mdat: &FoundBox<'_>) -> Result<()> {
    let end = samples.last().map_or(0, |last| last.offset + last.size);
    let total: usize = samples.iter().map(|sample| sample.size).sum();
    ensure!(
        total == mdat.body.len(),
        "the samples have {total} bytes, mdat has {}",
        mdat.body.len()
    );
    ensure!(
        end <= segment_bytes && samples.first().is_some_and(|s| s.offset > mdat.start),
        "the samples lie outside mdat"
    );
    Ok(())
}

fn read_decode_time(found: FoundBox<'_>) -> Result<i64> {
    let mut reader = Reader::new(found.body);
    let (version, _) = reader.version_and_flags()?;
    let time = reader.sized_by(version)?;
    i64::try_from(time).with_context(|| format!("tfdt is {time:#x}"))
}

fn read_sequence(found: FoundBox<'_>) -> Result<u32> {
    let mut reader = Reader::new(found.body);
    reader.version_and_flags()?;
    reader.u32()
}

fn read_brands(boxes: &[FoundBox<'_>]) -> Vec<String> {
    let Ok(styp) = only(boxes, b"styp") else {
        return Vec::new();
    };
    styp.body
        .chunks(4)
        .enumerate()
        // The second word is the minor version.
        .filter(|(index, _)| *index != 1)
        .map(|(_, word)| String::from_utf8_lossy(word).into_owned())
        .collect()
}
