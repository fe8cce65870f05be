//! Boxes as types: each struct is one box of the standard, its fields in the standard's order.
//!
//! `size` and `type` (ISO/IEC 14496-12 §4.2) are written by [`write_box`] and
//! [`write_full_box`]; a struct only writes what follows. All numbers are big-endian.

/// Appends a box of type `kind` whose contents `body` writes.
pub fn write_box(out: &mut Vec<u8>, kind: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    body(out);
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a full box (§4.2.2): a box that begins with a version and 24 bits of flags.
pub fn write_full_box(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut Vec<u8>),
) {
    write_box(out, kind, |out| {
        u32_be(out, u32::from(version) << 24 | flags & 0x00ff_ffff);
        body(out);
    });
}

/// Appends a 16-bit number.
pub fn u16_be(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a 32-bit number.
pub fn u32_be(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a 64-bit number.
pub fn u64_be(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// `ftyp` (§4.3) or `styp` (§8.16.2): what readers may expect.
#[derive(Clone, Copy, Debug)]
pub struct FileType<'a> {
    /// `ftyp` or `styp`.
    pub kind: &'a [u8; 4],
    /// The brand that fits best.
    pub major: &'a [u8; 4],
    /// Every brand that is kept.
    pub compatible: &'a [&'a [u8; 4]],
}

impl FileType<'_> {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_box(out, self.kind, |out| {
            out.extend_from_slice(self.major);
            u32_be(out, 0);
            for brand in self.compatible {
                out.extend_from_slice(*brand);
            }
        });
    }
}

/// The identity matrix of §6.2.2.
const UNITY_MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// The identifier of the only track.
pub const TRACK_ID: u32 = 1;

/// `mvhd` (§8.2.2), version 0. The duration is unknown to an init segment.
#[derive(Clone, Copy, Debug)]
pub struct MovieHeader {
    /// Ticks a second.
    pub timescale: u32,
}

impl MovieHeader {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_full_box(out, b"mvhd", 0, 0, |out| {
            u32_be(out, 0); // creation_time
            u32_be(out, 0); // modification_time
            u32_be(out, self.timescale);
            u32_be(out, 0); // duration
            u32_be(out, 0x0001_0000); // rate 1.0
            u16_be(out, 0x0100); // volume 1.0
            out.extend_from_slice(&[0; 10]); // reserved
            UNITY_MATRIX.iter().for_each(|value| u32_be(out, *value));
            out.extend_from_slice(&[0; 24]); // pre_defined
            u32_be(out, TRACK_ID + 1); // next_track_ID
        });
    }
}

/// `tkhd` (§8.3.2), version 0, flags enabled and in movie.
#[derive(Clone, Copy, Debug)]
pub struct TrackHeader {
    /// Pixels, 0 for sound.
    pub width: u32,
    /// Pixels, 0 for sound.
    pub height: u32,
    /// Sound, not picture.
    pub is_audio: bool,
}

impl TrackHeader {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_full_box(out, b"tkhd", 0, 3, |out| {
            u32_be(out, 0); // creation_time
            u32_be(out, 0); // modification_time
            u32_be(out, TRACK_ID);
            u32_be(out, 0); // reserved
            u32_be(out, 0); // duration
            out.extend_from_slice(&[0; 8]); // reserved
            u16_be(out, 0); // layer
            u16_be(out, u16::from(self.is_audio)); // alternate_group: one per kind
            u16_be(out, if self.is_audio { 0x0100 } else { 0 }); // volume
            u16_be(out, 0); // reserved
            UNITY_MATRIX.iter().for_each(|value| u32_be(out, *value));
            u32_be(out, self.width << 16); // 16.16 fixed point
            u32_be(out, self.height << 16);
        });
    }
}

/// `mdhd` (§8.4.2), version 0.
#[derive(Clone, Copy, Debug)]
pub struct MediaHeader {
    /// Ticks a second.
    pub timescale: u32,
    /// Three letters of ISO 639-2/T.
    pub language: [u8; 3],
}

impl MediaHeader {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        let packed = self.language.iter().fold(0, |packed: u16, letter| {
            packed << 5 | u16::from(letter.wrapping_sub(0x60) & 0x1f)
        });
        write_full_box(out, b"mdhd", 0, 0, |out| {
            u32_be(out, 0); // creation_time
            u32_be(out, 0); // modification_time
            u32_be(out, self.timescale);
            u32_be(out, 0); // duration
            u16_be(out, packed);
            u16_be(out, 0); // pre_defined
        });
    }
}

/// `hdlr` (§8.4.3).
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// `vide` or `soun`.
    pub kind: [u8; 4],
    /// For people.
    pub name: &'static str,
}

impl Handler {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_full_box(out, b"hdlr", 0, 0, |out| {
            u32_be(out, 0); // pre_defined
            out.extend_from_slice(&self.kind);
            out.extend_from_slice(&[0; 12]); // reserved
            out.extend_from_slice(self.name.as_bytes());
            out.push(0);
        });
    }
}

/// `vmhd` (§12.1.2) or `smhd` (§12.2.2).
pub fn write_media_information_header(out: &mut Vec<u8>, is_audio: bool) {
    if is_audio {
        write_full_box(out, b"smhd", 0, 0, |out| out.extend_from_slice(&[0; 4]));
    } else {
        write_full_box(out, b"vmhd", 0, 1, |out| out.extend_from_slice(&[0; 8]));
    }
}

/// `dinf` (§8.7.1) with one entry that says: the media is in this file.
pub fn write_data_information(out: &mut Vec<u8>) {
    write_box(out, b"dinf", |out| {
        write_full_box(out, b"dref", 0, 0, |out| {
            u32_be(out, 1);
            write_full_box(out, b"url ", 0, 1, |_| {});
        });
    });
}

/// The sample tables of an init segment (§8.6, §8.7): all empty, samples are in fragments.
pub fn write_empty_sample_tables(out: &mut Vec<u8>) {
    write_full_box(out, b"stts", 0, 0, |out| u32_be(out, 0));
    write_full_box(out, b"stsc", 0, 0, |out| u32_be(out, 0));
    write_full_box(out, b"stsz", 0, 0, |out| out.extend_from_slice(&[0; 8]));
    write_full_box(out, b"stco", 0, 0, |out| u32_be(out, 0));
}

/// `mvex` (§8.8.1) with one `trex` (§8.8.3) without useful defaults; fragments repeat them.
pub fn write_movie_extends(out: &mut Vec<u8>) {
    write_box(out, b"mvex", |out| {
        write_full_box(out, b"trex", 0, 0, |out| {
            u32_be(out, TRACK_ID);
            u32_be(out, 1); // default_sample_description_index
            u32_be(out, 0); // default_sample_duration
            u32_be(out, 0); // default_sample_size
            u32_be(out, 0); // default_sample_flags
        });
    });
}

/// `mfhd` (§8.8.5).
pub fn write_movie_fragment_header(out: &mut Vec<u8>, sequence_number: u32) {
    write_full_box(out, b"mfhd", 0, 0, |out| u32_be(out, sequence_number));
}

/// `tfhd` (§8.8.7): offsets count from the `moof`, defaults are repeated in every fragment.
#[derive(Clone, Copy, Debug)]
pub struct TrackFragmentHeader {
    /// Ticks.
    pub default_sample_duration: u32,
    /// Bytes.
    pub default_sample_size: u32,
    /// See [`SampleFlags`].
    pub default_sample_flags: u32,
}

impl TrackFragmentHeader {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;
        const DURATION_SIZE_AND_FLAGS: u32 = 0x00_0038;
        write_full_box(
            out,
            b"tfhd",
            0,
            DEFAULT_BASE_IS_MOOF | DURATION_SIZE_AND_FLAGS,
            |out| {
                u32_be(out, TRACK_ID);
                u32_be(out, self.default_sample_duration);
                u32_be(out, self.default_sample_size);
                u32_be(out, self.default_sample_flags);
            },
        );
    }
}

/// `tfdt` (§8.8.12), version 1.
pub fn write_track_fragment_decode_time(out: &mut Vec<u8>, base_media_decode_time: u64) {
    write_full_box(out, b"tfdt", 1, 0, |out| {
        u64_be(out, base_media_decode_time)
    });
}

/// Sample flags of §8.8.3.1.
#[derive(Clone, Copy, Debug)]
pub struct SampleFlags;

impl SampleFlags {
    /// Depends on no other sample and may be started from.
    pub const SYNC: u32 = 0x0200_0000;
    /// Depends on others and may not be started from.
    pub const DEPENDENT: u32 = 0x0101_0000;
}

/// One row of a `trun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSample {
    /// Ticks until the next sample is decoded.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// See [`SampleFlags`].
    pub flags: u32,
    /// Ticks from decoding to presentation; negative is allowed in version 1.
    pub composition_offset: i32,
}

/// `trun` (§8.8.8), version 1, with every field of every sample.
#[derive(Clone, Copy, Debug)]
pub struct TrackRun<'a> {
    /// From the start of the `moof` to the first sample's byte.
    pub data_offset: i32,
    /// In decode order.
    pub samples: &'a [RunSample],
}

impl TrackRun<'_> {
    /// Appends the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        const DATA_OFFSET: u32 = 0x0001;
        const ALL_SAMPLE_FIELDS: u32 = 0x0f00;
        write_full_box(out, b"trun", 1, DATA_OFFSET | ALL_SAMPLE_FIELDS, |out| {
            u32_be(out, u32::try_from(self.samples.len()).unwrap_or(u32::MAX));
            out.extend_from_slice(&self.data_offset.to_be_bytes());
            for sample in self.samples {
                u32_be(out, sample.duration);
                u32_be(out, sample.size);
                u32_be(out, sample.flags);
                out.extend_from_slice(&sample.composition_offset.to_be_bytes());
            }
        });
    }
}
