//! Encoders: H.264 by libx264, AAC by libav, JPEG for pictures. Those in graphics hardware are in
//! `hardware`.

use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::error::{AvError, check};
use super::frame::Frame;
use super::options::Options;
use super::packet::Packet;
use super::stream::Colour;

/// An open encoder.
#[derive(Debug)]
pub struct Encoder {
    context: NonNull<ffi::AVCodecContext>,
}

// SAFETY: a codec context has no thread-local state; only one thread uses it at a time.
unsafe impl Send for Encoder {}

/// What an H.264 encoder must know. Everything that ends up in its parameter sets is here, so
/// equal settings give equal parameter sets.
#[derive(Clone, Copy, Debug)]
pub struct H264Settings {
    /// Even, in pixels.
    pub width: u32,
    /// Even, in pixels.
    pub height: u32,
    /// Ticks a second of frame times.
    pub timescale: u32,
    /// Guides rate control only.
    pub frame_rate: (u32, u32),
    /// Constant rate factor.
    pub crf: u32,
    /// x264's name of the preset.
    pub preset: &'static str,
    /// Cap of the buffer model in bits per second.
    pub peak_bps: u32,
    /// Frame threads of x264.
    pub threads: u32,
    /// Colour description.
    pub colour: Colour,
    /// Number of the parameter sets, where those of another encoder stand beside them.
    pub sets_number: u32,
}

impl Encoder {
    /// H.264 for segments that are joined later: closed GOPs, IDR only where a frame asks for
    /// one, parameter sets that do not depend on the content.
    pub fn h264(settings: &H264Settings) -> Result<Self, AvError> {
        let peak = settings.peak_bps.to_string();
        let crf = settings.crf.to_string();
        let threads = settings.threads.to_string();
        let level = h264_level(settings);
        let number = settings.sets_number;
        let own = format!("stitchable=1:open-gop=0:nal-hrd=none:sps-id={number}");
        let mut options = Options::new(&[
            ("preset", settings.preset),
            ("profile", "high"),
            ("level", level),
            ("crf", &crf),
            // Spread bits by how much the parts of a picture differ in it: 10 % fewer bytes at equal
            // VMAF than by x264's usual way, 8 % at equal SSIM, over 24 rungs of 15 real films.
            ("aq-mode", "autovariance"),
            ("maxrate", &peak),
            // One second of peak rate: what a join of two chunks can exceed is bounded by it.
            ("bufsize", &peak),
            ("threads", &threads),
            ("forced-idr", "1"),
            ("sc_threshold", "0"),
            // Longer than any segment: keyframes come only where the plan cuts.
            ("g", "100000"),
            ("flags", "+global_header+cgop"),
            ("x264-params", &own),
        ])?;
        Self::open(c"libx264", &mut options, |context| {
            describe(context, settings)
        })
    }

    /// AAC-LC at `sample_rate`, fed with planar float blocks of 1024 samples.
    pub fn aac(channels: u32, bit_rate_bps: u32, sample_rate: u32) -> Result<Self, AvError> {
        let mut options = Options::new(&[("profile", "aac_low"), ("flags", "+global_header")])?;
        Self::open(c"aac", &mut options, |context| {
            context.sample_fmt = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP;
            context.sample_rate = c_int(sample_rate);
            context.bit_rate = i64::from(bit_rate_bps);
            context.time_base = ffi::AVRational {
                num: 1,
                den: c_int(sample_rate),
            };
            // SAFETY: initialises the layout in place for a valid channel count.
            unsafe {
                ffi::av_channel_layout_default(&raw mut context.ch_layout, c_int(channels));
            }
        })
    }

    /// A JPEG of one picture in 8-bit 4:2:0, full range.
    pub fn jpeg(width: u32, height: u32, quantiser: u32) -> Result<Self, AvError> {
        let quantiser = quantiser.to_string();
        let mut options = Options::new(&[
            ("flags", "+qscale"),
            ("qmin", &quantiser),
            ("qmax", &quantiser),
            ("threads", "1"),
        ])?;
        Self::open(c"mjpeg", &mut options, |context| {
            context.width = c_int(width);
            context.height = c_int(height);
            context.pix_fmt = ffi::AVPixelFormat::AV_PIX_FMT_YUVJ420P;
            context.time_base = ffi::AVRational { num: 1, den: 1 };
            context.color_range = ffi::AVColorRange::AVCOL_RANGE_JPEG;
        })
    }

    pub(super) fn open(
        name: &std::ffi::CStr,
        options: &mut Options,
        configure: impl FnOnce(&mut ffi::AVCodecContext),
    ) -> Result<Self, AvError> {
        // SAFETY: null pointers are checked; the context is configured before it is opened.
        unsafe {
            let codec = ffi::avcodec_find_encoder_by_name(name.as_ptr());
            if codec.is_null() {
                return Err(AvError(ffi::AVERROR_ENCODER_NOT_FOUND));
            }
            let mut context =
                NonNull::new(ffi::avcodec_alloc_context3(codec)).ok_or(AvError::NO_MEMORY)?;
            let encoder = Self { context };
            configure(context.as_mut());
            check(ffi::avcodec_open2(
                context.as_ptr(),
                codec,
                options.as_mut_ptr(),
            ))?;
            options.require_all_used()?;
            Ok(encoder)
        }
    }

    /// Codec configuration: Annex B parameter sets for H.264, AudioSpecificConfig for AAC.
    pub fn extradata(&self) -> &[u8] {
        // SAFETY: valid context; libav guarantees `extradata_size` bytes, unchanged after opening.
        unsafe {
            let context = self.context.as_ref();
            let size = usize::try_from(context.extradata_size).unwrap_or(0);
            if context.extradata.is_null() || size == 0 {
                return &[];
            }
            std::slice::from_raw_parts(context.extradata, size)
        }
    }

    /// Feeds a frame, or `None` to say that no more come.
    pub fn send(&mut self, frame: Option<&Frame>) -> Result<(), AvError> {
        let frame = frame.map_or(ptr::null(), Frame::as_ptr);
        // SAFETY: valid context; the frame is only referenced; null starts draining.
        check(unsafe { ffi::avcodec_send_frame(self.context.as_ptr(), frame) }).map(drop)
    }

    /// Takes a packet; [`AvError::AGAIN`] asks for another frame, [`AvError::END`] is the end.
    pub fn receive(&mut self, packet: &mut Packet) -> Result<(), AvError> {
        // SAFETY: valid context and packet.
        check(unsafe { ffi::avcodec_receive_packet(self.context.as_ptr(), packet.as_mut_ptr()) })
            .map(drop)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: allocated by avcodec_alloc_context3, freed once.
        unsafe { ffi::avcodec_free_context(&raw mut context) }
    }
}

/// What a picture's encoder is told besides its options.
pub(super) fn describe(context: &mut ffi::AVCodecContext, settings: &H264Settings) {
    context.width = c_int(settings.width);
    context.height = c_int(settings.height);
    context.pix_fmt = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P;
    context.time_base = ffi::AVRational {
        num: 1,
        den: c_int(settings.timescale),
    };
    let (numerator, denominator) = settings.frame_rate;
    context.framerate = ffi::AVRational {
        num: c_int(numerator),
        den: c_int(denominator),
    };
    context.sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
    context.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
    context.color_primaries = settings.colour.primaries;
    context.color_trc = settings.colour.transfer;
    context.colorspace = settings.colour.matrix;
}

/// The lowest level of ITU-T H.264 table A-1 that holds the picture at its frame rate and peak.
/// Set explicitly, so that all chunks have it in their parameter sets.
pub(super) fn h264_level(settings: &H264Settings) -> &'static str {
    // Name, macroblocks a second, macroblocks a frame, kbit/s for High profile (1.25 x Main).
    const LEVELS: [(&str, u64, u64, u64); 10] = [
        ("2.1", 19_800, 792, 5_000),
        ("3.0", 40_500, 1_620, 12_500),
        ("3.1", 108_000, 3_600, 17_500),
        ("3.2", 216_000, 5_120, 25_000),
        ("4.0", 245_760, 8_192, 25_000),
        ("4.2", 522_240, 8_704, 62_500),
        ("5.0", 589_824, 22_080, 168_750),
        ("5.1", 983_040, 36_864, 300_000),
        ("5.2", 2_073_600, 36_864, 300_000),
        ("6.2", 16_711_680, 139_264, 1_000_000),
    ];
    let across = u64::from(settings.width.div_ceil(16));
    let down = u64::from(settings.height.div_ceil(16));
    let blocks = across * down;
    let (numerator, denominator) = settings.frame_rate;
    let a_second = (blocks * u64::from(numerator)).div_ceil(u64::from(denominator.max(1)));
    let kilobits = u64::from(settings.peak_bps / 1000);
    LEVELS
        .iter()
        .find(|(_, block_rate, frame_blocks, rate)| {
            // Neither side may exceed the square root of eight times the frame's limit (§A.3.1).
            let longest_squared = across.max(down).pow(2);
            a_second <= *block_rate
                && blocks <= *frame_blocks
                && longest_squared <= frame_blocks * 8
                && kilobits <= *rate
        })
        .map_or("6.2", |(name, ..)| name)
}

/// Sizes and rates far below the limit of a C int, which is checked where they come from.
pub(super) fn c_int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
