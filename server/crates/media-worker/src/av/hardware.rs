//! H.264 encoders in graphics hardware: how each of them is opened, and how pictures get there.
//!
//! None of them is told to keep its parameter sets apart: they stand in front of every IDR picture,
//! because no other encoder has the same ones. What does not belong here: whether one is any good
//! (`hardware::trial`), and the process it runs in (`hardware::process`).

use std::ffi::CStr;
use std::ptr::NonNull;

use ffmpeg_next::ffi;

use super::encoder::{Encoder, H264Settings, c_int, describe, h264_level};
use super::error::{AvError, check};
use super::frame::Frame;
use super::options::Options;
use super::packet::Packet;

/// The share of the peak rate that an encoder aims at, in percent. None of them knows a constant
/// quality under a cap that all drivers have; x264 takes about as much of most films.
const AVERAGE_PERCENT: u32 = 65;
/// Pictures in the memory of the hardware at once.
const POOL: i32 = 32;

/// An encoder that we know how to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NVIDIA's.
    Nvenc,
    /// Intel's Quick Sync.
    QuickSync,
    /// Mesa's and Intel's common interface.
    Vaapi,
    /// Apple's.
    VideoToolbox,
    /// No hardware: x264, used as if it were, so that all of this runs where there is none.
    Software,
}

/// How pictures get to an encoder.
#[derive(Debug)]
enum Way {
    /// As they are, in three planes.
    Planar,
    /// With both chroma planes in one.
    Interleaved,
    /// So, and copied into the memory of the hardware.
    Uploaded(Buffer),
}

/// An open encoder.
#[derive(Debug)]
pub struct HardwareEncoder {
    encoder: Encoder,
    way: Way,
}

impl Kind {
    /// The encoder that libav calls so.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "h264_nvenc" => Self::Nvenc,
            "h264_qsv" => Self::QuickSync,
            "h264_vaapi" => Self::Vaapi,
            "h264_videotoolbox" => Self::VideoToolbox,
            "libx264" => Self::Software,
            _ => return None,
        })
    }

    fn name(self) -> &'static CStr {
        match self {
            Self::Nvenc => c"h264_nvenc",
            Self::QuickSync => c"h264_qsv",
            Self::Vaapi => c"h264_vaapi",
            Self::VideoToolbox => c"h264_videotoolbox",
            Self::Software => c"libx264",
        }
    }

    /// The libav at hand has it.
    pub fn is_compiled_in(self) -> bool {
        // SAFETY: the name ends with a zero; the answer is only compared.
        !unsafe { ffi::avcodec_find_encoder_by_name(self.name().as_ptr()) }.is_null()
    }

    /// What the options of all encoders do not say. `level` is such as "4.0"; some want it without
    /// its dot.
    fn own_options<'a>(self, level: &'a str, digits: &'a str) -> Vec<(&'static str, &'a str)> {
        match self {
            Self::Nvenc => vec![
                ("preset", "p5"),
                ("level", level),
                ("rc", "vbr"),
                ("forced-idr", "1"),
                ("no-scenecut", "1"),
            ],
            Self::QuickSync => vec![("forced_idr", "1")],
            Self::Vaapi => vec![("level", digits)],
            Self::VideoToolbox => vec![("allow_sw", "0")],
            Self::Software => vec![
                ("preset", "veryfast"),
                ("level", level),
                ("forced-idr", "1"),
                ("sc_threshold", "0"),
            ],
        }
    }

    fn way(self, settings: &H264Settings) -> Result<Way, AvError> {
        Ok(match self {
            Self::Nvenc | Self::Software => Way::Planar,
            Self::QuickSync | Self::VideoToolbox => Way::Interleaved,
            Self::Vaapi => Way::Uploaded(pool(settings)?),
        })
    }
}

impl HardwareEncoder {
    /// For segments that are joined later: closed GOPs without pictures in another order, IDR only
    /// where a frame asks for one.
    pub fn open(kind: Kind, settings: &H264Settings) -> Result<Self, AvError> {
        let way = kind.way(settings)?;
        let level = h264_level(settings);
        let average = settings.peak_bps / 100 * AVERAGE_PERCENT;
        let (average, peak) = (average.to_string(), settings.peak_bps.to_string());
        let digits = level.replace('.', "");
        let common = [
            ("profile", "high"),
            ("b", average.as_str()),
            ("maxrate", peak.as_str()),
            ("bufsize", peak.as_str()),
            ("bf", "0"),
            // Longer than any segment, and short enough for the sixteen bits that some have.
            ("g", "30000"),
            ("flags", "+cgop"),
        ];
        let own = kind.own_options(level, &digits);
        let all: Vec<(&str, &str)> = common.into_iter().chain(own).collect();
        let mut options = Options::new(&all)?;
        let encoder = Encoder::open(kind.name(), &mut options, |context| {
            describe(context, settings);
            context.level = digits.parse().unwrap_or(0);
            way.describe(context);
        })?;
        Ok(Self { encoder, way })
    }

    /// Feeds a picture in 8-bit 4:2:0, or `None` to say that no more come.
    pub fn send(&mut self, frame: Option<&Frame>) -> Result<(), AvError> {
        let Some(frame) = frame else {
            return self.encoder.send(None);
        };
        match &self.way {
            Way::Planar => self.encoder.send(Some(frame)),
            Way::Interleaved => self.encoder.send(Some(&frame.interleaved()?)),
            Way::Uploaded(pool) => {
                let picture = frame.interleaved()?;
                self.encoder.send(Some(&uploaded(&picture, pool)?))
            }
        }
    }

    /// As [`Encoder::receive`].
    pub fn receive(&mut self, packet: &mut Packet) -> Result<(), AvError> {
        self.encoder.receive(packet)
    }
}

impl Way {
    fn describe(&self, context: &mut ffi::AVCodecContext) {
        match self {
            Self::Planar => {}
            Self::Interleaved => context.pix_fmt = ffi::AVPixelFormat::AV_PIX_FMT_NV12,
            Self::Uploaded(pool) => {
                context.pix_fmt = ffi::AVPixelFormat::AV_PIX_FMT_VAAPI;
                // SAFETY: a reference of its own, which the context frees; null is refused when
                // the encoder is opened.
                context.hw_frames_ctx = unsafe { ffi::av_buffer_ref(pool.0.as_ptr()) };
            }
        }
    }
}

/// A counted reference to something of libav's.
#[derive(Debug)]
struct Buffer(NonNull<ffi::AVBufferRef>);

// SAFETY: the counter is atomic, and what is behind it is used by one thread at a time.
unsafe impl Send for Buffer {}

impl Buffer {
    fn new(reference: *mut ffi::AVBufferRef) -> Result<Self, AvError> {
        NonNull::new(reference).map(Self).ok_or(AvError::NO_MEMORY)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut reference = self.0.as_ptr();
        // SAFETY: our own reference, given back once.
        unsafe { ffi::av_buffer_unref(&raw mut reference) }
    }
}

/// Room for pictures in the memory of the first device that VAAPI finds.
fn pool(settings: &H264Settings) -> Result<Buffer, AvError> {
    let device = device()?;
    // SAFETY: the device is valid; null is refused. What is allocated is a context of frames,
    // whose fields are set before it is initialised.
    unsafe {
        let pool = Buffer::new(ffi::av_hwframe_ctx_alloc(device.0.as_ptr()))?;
        let frames = (*pool.0.as_ptr()).data.cast::<ffi::AVHWFramesContext>();
        (*frames).format = ffi::AVPixelFormat::AV_PIX_FMT_VAAPI;
        (*frames).sw_format = ffi::AVPixelFormat::AV_PIX_FMT_NV12;
        (*frames).width = c_int(settings.width);
        (*frames).height = c_int(settings.height);
        (*frames).initial_pool_size = POOL;
        check(ffi::av_hwframe_ctx_init(pool.0.as_ptr()))?;
        Ok(pool)
    }
}

fn device() -> Result<Buffer, AvError> {
    let mut device = std::ptr::null_mut();
    // SAFETY: no device is named and no options are given; the pointer is written on success.
    check(unsafe {
        ffi::av_hwdevice_ctx_create(
            &raw mut device,
            ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI,
            std::ptr::null(),
            std::ptr::null_mut(),
            0,
        )
    })?;
    Buffer::new(device)
}

/// The same picture in the memory of the hardware.
fn uploaded(picture: &Frame, pool: &Buffer) -> Result<Frame, AvError> {
    let mut frame = Frame::new()?;
    // SAFETY: the pool is initialised; both frames are valid, and the second gets its place from
    // the pool before it is written.
    unsafe {
        check(ffi::av_hwframe_get_buffer(
            pool.0.as_ptr(),
            frame.as_mut_ptr(),
            0,
        ))?;
        check(ffi::av_hwframe_transfer_data(
            frame.as_mut_ptr(),
            picture.as_ptr(),
            0,
        ))?;
        check(ffi::av_frame_copy_props(
            frame.as_mut_ptr(),
            picture.as_ptr(),
        ))?;
    }
    Ok(frame)
}
