//! What the demuxer knows about a track before anything is decoded.

use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::codecs::{DECODERS, decoder_of, transparent_decoder_of};
use super::error::{AvError, check};

/// Seconds per tick of a track as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBase {
    /// Numerator, positive.
    pub numerator: i32,
    /// Denominator, positive.
    pub denominator: i32,
}

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Words.
    Subtitle,
    /// Anything else.
    Data,
}

/// A copy of a stream's description, independent of the open file.
#[derive(Debug)]
pub struct Stream {
    /// Index in the file.
    pub index: usize,
    /// What it carries.
    pub kind: Kind,
    /// libav's name of the codec, or the four-character code.
    pub codec_name: String,
    /// Unit of its timestamps.
    pub time_base: TimeBase,
    /// As the file has it.
    pub language: Option<String>,
    /// As the file has it.
    pub title: Option<String>,
    /// The file marks it as the default of its kind.
    pub is_default: bool,
    /// Subtitles that are to be shown even if nobody asked for any.
    pub is_forced: bool,
    /// Subtitles that say what can only be heard.
    pub is_for_hearing_impaired: bool,
    /// A still picture such as an album cover.
    pub is_cover: bool,
    /// Width of a pixel over its height; 0/1 where unknown.
    pub sample_aspect_ratio: (i32, i32),
    /// The same as the container alone has it, for all of its pictures; 0/1 where it is silent.
    pub container_aspect: (i32, i32),
    /// Frames a second on average, as the container says; 0/0 where it does not.
    pub average_frame_rate: (i32, i32),
    /// The display matrix of ISO/IEC 14496-12 §8.3.2, if there is one.
    pub display_matrix: Option<[i32; 9]>,
    /// What the Dolby Vision configuration record says, if there is one.
    pub dolby_vision: Option<DolbyVision>,
    /// The container says of its pictures only in which order they are decoded, and they may be
    /// shown in another: H.264 and HEVC in AVI. Times of packets are decoding times then; what libav
    /// makes up for presentation (`AVFMT_FLAG_GENPTS`) is right for older codecs only.
    pub has_order_only: bool,
    /// The container says that its packets come with their transparency beside them.
    is_transparent: bool,
    parameters: Parameters,
}

impl Stream {
    /// Copies what can be known about stream `index`.
    ///
    /// # Safety
    /// `raw` must be a valid stream of an open format context.
    pub(super) unsafe fn copy_of(index: usize, raw: *mut ffi::AVStream) -> Result<Self, AvError> {
        // SAFETY: the caller vouches for `raw`; codecpar is never null for a stream.
        unsafe {
            let parameters = Parameters::copy_of((*raw).codecpar)?;
            let ratio = ffi::av_guess_sample_aspect_ratio(ptr::null_mut(), raw, ptr::null_mut());
            let rate = (*raw).avg_frame_rate;
            let container_aspect = (*raw).sample_aspect_ratio;
            let disposition = (*raw).disposition;
            Ok(Self {
                index,
                kind: parameters.kind(),
                codec_name: parameters.codec_name(),
                time_base: TimeBase {
                    numerator: (*raw).time_base.num,
                    denominator: (*raw).time_base.den,
                },
                language: metadata((*raw).metadata, c"language"),
                title: metadata((*raw).metadata, c"title"),
                is_default: disposition & ffi::AV_DISPOSITION_DEFAULT != 0,
                is_forced: disposition & ffi::AV_DISPOSITION_FORCED != 0,
                is_for_hearing_impaired: disposition
                    & (ffi::AV_DISPOSITION_HEARING_IMPAIRED | ffi::AV_DISPOSITION_CAPTIONS)
                    != 0,
                is_cover: disposition & ffi::AV_DISPOSITION_ATTACHED_PIC != 0,
                sample_aspect_ratio: (ratio.num, ratio.den),
                container_aspect: (container_aspect.num, container_aspect.den),
                average_frame_rate: (rate.num, rate.den),
                display_matrix: display_matrix(raw),
                dolby_vision: dolby_vision(raw),
                has_order_only: false,
                is_transparent: metadata((*raw).metadata, c"alpha_mode").as_deref() == Some("1"),
                parameters,
            })
        }
    }

    /// For opening a decoder.
    pub(super) fn parameters(&self) -> *const ffi::AVCodecParameters {
        self.parameters.raw.as_ptr()
    }

    fn fields(&self) -> &ffi::AVCodecParameters {
        // SAFETY: the copy is valid for as long as self.
        unsafe { self.parameters.raw.as_ref() }
    }

    /// Coded width and height in pixels.
    pub fn coded_size(&self) -> (u32, u32) {
        let side = |side: i32| u32::try_from(side).unwrap_or(0);
        (side(self.fields().width), side(self.fields().height))
    }

    /// Channels of a sound track.
    pub fn channels(&self) -> u32 {
        u32::try_from(self.fields().ch_layout.nb_channels).unwrap_or(0)
    }

    /// Samples a second of a sound track.
    pub fn sample_rate(&self) -> u32 {
        u32::try_from(self.fields().sample_rate).unwrap_or(0)
    }

    /// The container or the parameter sets announce PQ or HLG.
    pub fn is_hdr(&self) -> bool {
        is_hdr_transfer(self.fields().color_trc)
    }

    /// The colour description to put on an encoder's output. Pictures in red, green and blue are
    /// converted by the matrix of BT.709, see [`super::graph::Filter::FromRgb`].
    pub fn colour(&self) -> Colour {
        let is_rgb = self.fields().color_space == ffi::AVColorSpace::AVCOL_SPC_RGB
            || has_flag(self.fields().format, ffi::AV_PIX_FMT_FLAG_RGB);
        Colour {
            primaries: self.fields().color_primaries,
            transfer: self.fields().color_trc,
            matrix: if is_rgb {
                Colour::bt709().matrix
            } else {
                self.fields().color_space
            },
        }
    }

    /// The decoder for it, if it is one of `ours`.
    pub(super) fn decoder(&self, ours: &str) -> Option<NonNull<ffi::AVCodec>> {
        decoder_of(self.fields().codec_id, ours)
    }

    /// The decoder that sees its transparency, if it has any beside its packets.
    pub(super) fn transparent_decoder(&self) -> Option<NonNull<ffi::AVCodec>> {
        transparent_decoder_of(self.fields().codec_id).filter(|_| self.is_transparent)
    }

    /// There is a decoder for it that we use.
    pub fn has_decoder(&self) -> bool {
        self.decoder(DECODERS).is_some()
    }

    /// ITU-T H.264.
    pub fn is_h264(&self) -> bool {
        self.fields().codec_id == ffi::AVCodecID::AV_CODEC_ID_H264
    }

    /// What the container keeps for the decoder, such as parameter sets.
    pub fn extradata(&self) -> &[u8] {
        let fields = self.fields();
        let size = usize::try_from(fields.extradata_size).unwrap_or(0);
        if fields.extradata.is_null() || size == 0 {
            return &[];
        }
        // SAFETY: libav guarantees `extradata_size` readable bytes; they live as long as the copy.
        unsafe { std::slice::from_raw_parts(fields.extradata, size) }
    }

    /// In an ISO file its packets have their times and borders from the sample tables alone. libav
    /// would look for those of others (MP3, AC-3, VP9) in their data.
    pub fn is_told_by_tables(&self) -> bool {
        matches!(
            self.fields().codec_id,
            ffi::AVCodecID::AV_CODEC_ID_H264
                | ffi::AVCodecID::AV_CODEC_ID_HEVC
                | ffi::AVCodecID::AV_CODEC_ID_PRORES
                | ffi::AVCodecID::AV_CODEC_ID_DNXHD
                | ffi::AVCodecID::AV_CODEC_ID_AAC
                | ffi::AVCodecID::AV_CODEC_ID_ALAC
                | ffi::AVCodecID::AV_CODEC_ID_OPUS
                | ffi::AVCodecID::AV_CODEC_ID_PCM_S16LE
                | ffi::AVCodecID::AV_CODEC_ID_PCM_S16BE
                | ffi::AVCodecID::AV_CODEC_ID_PCM_S24LE
                | ffi::AVCodecID::AV_CODEC_ID_PCM_S24BE
        )
    }

    /// Pictures of it may consist of two fields, and its decoder says so.
    pub fn may_be_interlaced(&self) -> bool {
        matches!(
            self.fields().codec_id,
            ffi::AVCodecID::AV_CODEC_ID_H264
                | ffi::AVCodecID::AV_CODEC_ID_MPEG2VIDEO
                | ffi::AVCodecID::AV_CODEC_ID_MPEG4
                | ffi::AVCodecID::AV_CODEC_ID_VC1
                | ffi::AVCodecID::AV_CODEC_ID_WMV3
                | ffi::AVCodecID::AV_CODEC_ID_DVVIDEO
                | ffi::AVCodecID::AV_CODEC_ID_PRORES
                | ffi::AVCodecID::AV_CODEC_ID_DNXHD
                | ffi::AVCodecID::AV_CODEC_ID_MJPEG
        )
    }
}

/// A property of the pixel format with that number; false for a number that is none.
pub(super) fn has_flag(format: i32, flag: i32) -> bool {
    // SAFETY: the number comes from libav, and the function checks that it is one of its formats;
    // a description is static.
    unsafe {
        let format = std::mem::transmute::<i32, ffi::AVPixelFormat>(format);
        ffi::av_pix_fmt_desc_get(format)
            .as_ref()
            .is_some_and(|description| description.flags & u64::from(flag.cast_unsigned()) != 0)
    }
}

/// What a Dolby Vision configuration record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DolbyVision {
    /// The profile.
    pub profile: u8,
    /// The track has a picture of its own.
    pub has_base_layer: bool,
    /// What that picture is for players without Dolby Vision; 0 for nothing.
    pub compatibility: u8,
}

impl DolbyVision {
    /// Without Dolby Vision there is nothing to see, or only wrong colours.
    pub fn is_exclusive(self) -> bool {
        !self.has_base_layer || self.profile == 5 || (self.profile == 10 && self.compatibility == 0)
    }
}

/// How numbers in the picture mean colours, per ITU-T H.273.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    pub(super) primaries: ffi::AVColorPrimaries,
    pub(super) transfer: ffi::AVColorTransferCharacteristic,
    pub(super) matrix: ffi::AVColorSpace,
}

impl Colour {
    /// ITU-R BT.709, for pictures that were tone-mapped.
    pub fn bt709() -> Self {
        Self {
            primaries: ffi::AVColorPrimaries::AVCOL_PRI_BT709,
            transfer: ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT709,
            matrix: ffi::AVColorSpace::AVCOL_SPC_BT709,
        }
    }

    /// Primaries, transfer and matrix by their numbers in ITU-T H.273.
    pub fn numbers(self) -> [u32; 3] {
        [
            self.primaries as u32,
            self.transfer as u32,
            self.matrix as u32,
        ]
    }

    /// The reverse of [`Colour::numbers`]; what has no name here is unspecified.
    pub fn of_numbers([primaries, transfer, matrix]: [u32; 3]) -> Self {
        let named = |known: &&_| **known as u32 == primaries;
        let primaries = PRIMARIES.iter().find(named);
        let named = |known: &&_| **known as u32 == transfer;
        let transfer = TRANSFERS.iter().find(named);
        let named = |known: &&_| **known as u32 == matrix;
        let matrix = MATRICES.iter().find(named);
        Self {
            primaries: primaries
                .copied()
                .unwrap_or(ffi::AVColorPrimaries::AVCOL_PRI_UNSPECIFIED),
            transfer: transfer
                .copied()
                .unwrap_or(ffi::AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED),
            matrix: matrix
                .copied()
                .unwrap_or(ffi::AVColorSpace::AVCOL_SPC_UNSPECIFIED),
        }
    }
}

/// Colours that films name.
const PRIMARIES: [ffi::AVColorPrimaries; 11] = [
    ffi::AVColorPrimaries::AVCOL_PRI_BT709,
    ffi::AVColorPrimaries::AVCOL_PRI_BT470M,
    ffi::AVColorPrimaries::AVCOL_PRI_BT470BG,
    ffi::AVColorPrimaries::AVCOL_PRI_SMPTE170M,
    ffi::AVColorPrimaries::AVCOL_PRI_SMPTE240M,
    ffi::AVColorPrimaries::AVCOL_PRI_FILM,
    ffi::AVColorPrimaries::AVCOL_PRI_BT2020,
    ffi::AVColorPrimaries::AVCOL_PRI_SMPTE428,
    ffi::AVColorPrimaries::AVCOL_PRI_SMPTE431,
    ffi::AVColorPrimaries::AVCOL_PRI_SMPTE432,
    ffi::AVColorPrimaries::AVCOL_PRI_EBU3213,
];

const TRANSFERS: [ffi::AVColorTransferCharacteristic; 16] = [
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT709,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_GAMMA22,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_GAMMA28,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE170M,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE240M,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_LINEAR,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_LOG,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_LOG_SQRT,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_IEC61966_2_4,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT1361_ECG,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_IEC61966_2_1,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT2020_10,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT2020_12,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE2084,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE428,
    ffi::AVColorTransferCharacteristic::AVCOL_TRC_ARIB_STD_B67,
];

/// All that can be said of luma and chroma; pictures of red, green and blue are made into them.
const MATRICES: [ffi::AVColorSpace; 8] = [
    ffi::AVColorSpace::AVCOL_SPC_BT709,
    ffi::AVColorSpace::AVCOL_SPC_FCC,
    ffi::AVColorSpace::AVCOL_SPC_BT470BG,
    ffi::AVColorSpace::AVCOL_SPC_SMPTE170M,
    ffi::AVColorSpace::AVCOL_SPC_SMPTE240M,
    ffi::AVColorSpace::AVCOL_SPC_YCGCO,
    ffi::AVColorSpace::AVCOL_SPC_BT2020_NCL,
    ffi::AVColorSpace::AVCOL_SPC_BT2020_CL,
];

/// PQ (SMPTE ST 2084) or HLG (ARIB STD-B67).
pub(super) fn is_hdr_transfer(transfer: ffi::AVColorTransferCharacteristic) -> bool {
    matches!(
        transfer,
        ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE2084
            | ffi::AVColorTransferCharacteristic::AVCOL_TRC_ARIB_STD_B67
    )
}

/// An owned `AVCodecParameters`.
#[derive(Debug)]
struct Parameters {
    raw: NonNull<ffi::AVCodecParameters>,
}

// SAFETY: plain data that nobody else points to.
unsafe impl Send for Parameters {}

impl Parameters {
    /// # Safety
    /// `source` must be valid.
    unsafe fn copy_of(source: *const ffi::AVCodecParameters) -> Result<Self, AvError> {
        // SAFETY: null is checked; the caller vouches for `source`.
        unsafe {
            let raw = ffi::avcodec_parameters_alloc();
            let copy = Self {
                raw: NonNull::new(raw).ok_or(AvError::NO_MEMORY)?,
            };
            check(ffi::avcodec_parameters_copy(raw, source))?;
            Ok(copy)
        }
    }

    fn kind(&self) -> Kind {
        // SAFETY: valid for as long as self.
        match unsafe { self.raw.as_ref() }.codec_type {
            ffi::AVMediaType::AVMEDIA_TYPE_VIDEO => Kind::Video,
            ffi::AVMediaType::AVMEDIA_TYPE_AUDIO => Kind::Audio,
            ffi::AVMediaType::AVMEDIA_TYPE_SUBTITLE => Kind::Subtitle,
            _ => Kind::Data,
        }
    }

    fn codec_name(&self) -> String {
        // SAFETY: valid parameters; avcodec_get_name returns a static string; the tag's text is
        // at most 32 bytes (AV_FOURCC_MAX_STRING_SIZE).
        unsafe {
            let parameters = self.raw.as_ref();
            if parameters.codec_id != ffi::AVCodecID::AV_CODEC_ID_NONE {
                return text(ffi::avcodec_get_name(parameters.codec_id));
            }
            let mut buffer: [c_char; 32] = [0; 32];
            text(ffi::av_fourcc_make_string(
                buffer.as_mut_ptr(),
                parameters.codec_tag,
            ))
        }
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: allocated by avcodec_parameters_alloc, freed once.
        unsafe { ffi::avcodec_parameters_free(&raw mut raw) }
    }
}

/// The most bytes of a name or language that are taken over from a file.
const MAX_TEXT_BYTES: usize = 200;

/// A C string as text, cut to [`MAX_TEXT_BYTES`].
///
/// # Safety
/// `start` must be null or end with a zero byte.
unsafe fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for the zero byte.
    let bytes = unsafe { CStr::from_ptr(start) }.to_bytes();
    let bytes = &bytes[..bytes.len().min(MAX_TEXT_BYTES)];
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// # Safety
/// `dictionary` must be null or valid.
pub(super) unsafe fn metadata(dictionary: *const ffi::AVDictionary, key: &CStr) -> Option<String> {
    // SAFETY: the caller vouches for the dictionary; entries hold zero-terminated strings.
    unsafe {
        let entry = ffi::av_dict_get(dictionary, key.as_ptr(), ptr::null(), 0);
        let value = entry.as_ref().map(|entry| text(entry.value))?;
        (!value.is_empty()).then_some(value)
    }
}

/// # Safety
/// `stream` must be valid.
unsafe fn side_data<'a>(
    stream: *const ffi::AVStream,
    kind: ffi::AVPacketSideDataType,
) -> Option<&'a [u8]> {
    let mut size = 0;
    // SAFETY: the caller vouches for the stream; the block is `size` bytes long.
    unsafe {
        let data = ffi::av_stream_get_side_data(stream, kind, &raw mut size);
        (!data.is_null()).then(|| std::slice::from_raw_parts(data, size))
    }
}

/// # Safety
/// `stream` must be valid.
unsafe fn display_matrix(stream: *const ffi::AVStream) -> Option<[i32; 9]> {
    // SAFETY: the caller vouches for the stream.
    let bytes = unsafe { side_data(stream, ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX) }?;
    let mut matrix = [0; 9];
    for (value, word) in matrix.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *value = i32::from_ne_bytes(*word);
    }
    Some(matrix)
}

/// # Safety
/// `stream` must be valid.
unsafe fn dolby_vision(stream: *const ffi::AVStream) -> Option<DolbyVision> {
    // SAFETY: the caller vouches for the stream. AVDOVIDecoderConfigurationRecord is a struct of
    // bytes: version major and minor, profile, level, three flags, compatibility.
    match *unsafe { side_data(stream, ffi::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF) }? {
        [_, _, profile, _, _, _, base_layer, compatibility, ..] => Some(DolbyVision {
            profile,
            has_base_layer: base_layer != 0,
            compatibility,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::DolbyVision;

    #[test]
    fn only_films_without_a_picture_for_other_screens_are_exclusive() {
        let cases = [
            ("a streaming service's", 5, true, 0, true),
            ("a phone's, with HLG below", 8, true, 4, false),
            ("with HDR10 below", 8, true, 1, false),
            ("a disc's, with HDR10 below", 7, true, 6, false),
            ("its enhancement alone", 7, false, 6, true),
            ("AV1 by itself", 10, true, 0, true),
            ("AV1 with HDR10 below", 10, true, 1, false),
        ];
        for (what, profile, has_base_layer, compatibility, expected) in cases {
            let record = DolbyVision {
                profile,
                has_base_layer,
                compatibility,
            };
            assert_eq!(record.is_exclusive(), expected, "{what}");
        }
    }
}
