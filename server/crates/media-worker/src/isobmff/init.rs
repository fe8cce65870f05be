//! Init segments: `ftyp` and `moov` of one CMAF track (ISO/IEC 23000-19 §7.3.1).

use super::boxes::{
    FileType, Handler, MediaHeader, MovieHeader, TrackHeader, u16_be, u32_be, write_box,
    write_data_information, write_empty_sample_tables, write_full_box,
    write_media_information_header, write_movie_extends,
};
use super::h264::ParameterSets;

/// A picture track.
#[derive(Debug)]
pub struct VideoTrack<'a> {
    /// Pixels, even.
    pub width: u16,
    /// Pixels, even.
    pub height: u16,
    /// Ticks a second.
    pub timescale: u32,
    /// What the `avcC` box holds.
    pub parameter_sets: &'a ParameterSets,
}

/// A sound track.
#[derive(Debug)]
pub struct AudioTrack<'a> {
    /// Channels.
    pub channels: u16,
    /// Samples a second, also the timescale.
    pub sample_rate: u32,
    /// Bits per second.
    pub bit_rate_bps: u32,
    /// AudioSpecificConfig of ISO/IEC 14496-3 §1.6.2.1.
    pub configuration: &'a [u8],
    /// Three letters of ISO 639-2/T.
    pub language: [u8; 3],
}

/// The init segment of a picture track.
pub fn video(track: &VideoTrack<'_>) -> Vec<u8> {
    let header = TrackHeader {
        width: u32::from(track.width),
        height: u32::from(track.height),
        is_audio: false,
    };
    let media = MediaHeader {
        timescale: track.timescale,
        language: *b"und",
    };
    init_segment(&header, &media, |out| write_avc1(out, track))
}

/// The init segment of a sound track.
pub fn audio(track: &AudioTrack<'_>) -> Vec<u8> {
    let header = TrackHeader {
        width: 0,
        height: 0,
        is_audio: true,
    };
    let media = MediaHeader {
        timescale: track.sample_rate,
        language: track.language,
    };
    init_segment(&header, &media, |out| write_mp4a(out, track))
}

fn init_segment(
    header: &TrackHeader,
    media: &MediaHeader,
    sample_entry: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    FileType {
        kind: b"ftyp",
        major: b"cmf2",
        compatible: &[b"iso6", b"cmfc", b"cmf2", b"dash"],
    }
    .write(&mut out);
    write_box(&mut out, b"moov", |out| {
        MovieHeader {
            timescale: media.timescale,
        }
        .write(out);
        write_box(out, b"trak", |out| {
            header.write(out);
            write_box(out, b"mdia", |out| {
                write_media(out, header, media, sample_entry)
            });
        });
        write_movie_extends(out);
    });
    out
}

fn write_media(
    out: &mut Vec<u8>,
    header: &TrackHeader,
    media: &MediaHeader,
    sample_entry: impl FnOnce(&mut Vec<u8>),
) {
    let handler = if header.is_audio {
        Handler {
            kind: *b"soun",
            name: "Sound",
        }
    } else {
        Handler {
            kind: *b"vide",
            name: "Picture",
        }
    };
    media.write(out);
    handler.write(out);
    write_box(out, b"minf", |out| {
        write_media_information_header(out, header.is_audio);
        write_data_information(out);
        write_box(out, b"stbl", |out| {
            write_full_box(out, b"stsd", 0, 0, |out| {
                u32_be(out, 1);
                sample_entry(out);
            });
            write_empty_sample_tables(out);
        });
    });
}

/// `avc1` (ISO/IEC 14496-15 §5.4.2.1) with `avcC` and square pixels.
fn write_avc1(out: &mut Vec<u8>, track: &VideoTrack<'_>) {
    write_box(out, b"avc1", |out| {
        out.extend_from_slice(&[0; 6]); // reserved
        u16_be(out, 1); // data_reference_index
        out.extend_from_slice(&[0; 16]); // pre_defined, reserved
        u16_be(out, track.width);
        u16_be(out, track.height);
        u32_be(out, 0x0048_0000); // 72 dpi
        u32_be(out, 0x0048_0000);
        u32_be(out, 0); // reserved
        u16_be(out, 1); // frame_count
        out.extend_from_slice(&[0; 32]); // compressorname
        u16_be(out, 0x0018); // depth
        u16_be(out, 0xffff); // pre_defined
        write_box(out, b"avcC", |out| {
            track.parameter_sets.write_configuration(out)
        });
        write_box(out, b"pasp", |out| {
            u32_be(out, 1);
            u32_be(out, 1);
        });
    });
}

/// `mp4a` (ISO/IEC 14496-14 §6.7) with `esds`.
fn write_mp4a(out: &mut Vec<u8>, track: &AudioTrack<'_>) {
    write_box(out, b"mp4a", |out| {
        out.extend_from_slice(&[0; 6]); // reserved
        u16_be(out, 1); // data_reference_index
        out.extend_from_slice(&[0; 8]); // reserved
        u16_be(out, track.channels);
        u16_be(out, 16); // samplesize
        u32_be(out, 0); // pre_defined, reserved
        u32_be(out, track.sample_rate << 16);
        write_full_box(out, b"esds", 0, 0, |out| {
            write_elementary_stream(out, track)
        });
    });
}

/// ES_Descriptor of ISO/IEC 14496-1 §7.2.6.5.
fn write_elementary_stream(out: &mut Vec<u8>, track: &AudioTrack<'_>) {
    write_descriptor(out, 0x03, |out| {
        u16_be(out, 0); // ES_ID
        out.push(0); // no dependence, URL or OCR
        write_descriptor(out, 0x04, |out| {
            out.push(0x40); // objectTypeIndication: MPEG-4 audio
            out.push(0x15); // streamType audio, reserved bit
            out.extend_from_slice(&[0; 3]); // bufferSizeDB
            u32_be(out, track.bit_rate_bps); // maxBitrate
            u32_be(out, track.bit_rate_bps); // avgBitrate
            write_descriptor(out, 0x05, |out| out.extend_from_slice(track.configuration));
        });
        write_descriptor(out, 0x06, |out| out.push(0x02)); // SLConfig: MP4
    });
}

/// A tagged descriptor with its length in four bytes of seven bits (ISO/IEC 14496-1 §8.3.3).
fn write_descriptor(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(0);
    let seven_bits = |shift: u32| u8::try_from(length >> shift & 0x7f).unwrap_or(0);
    let bytes = [
        seven_bits(21) | 0x80,
        seven_bits(14) | 0x80,
        seven_bits(7) | 0x80,
        seven_bits(0),
    ];
    out[start..start + 4].copy_from_slice(&bytes);
}

/// RFC 6381 codec of AAC: object type 0x40 and the audio object type of the configuration.
pub fn audio_codec(configuration: &[u8]) -> String {
    let object_type = configuration.first().map_or(2, |byte| byte >> 3);
    format!("mp4a.40.{object_type}")
}
