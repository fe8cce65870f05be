//! A decoder for one track.

use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::codecs::{COVER_DECODERS, DECODERS, TRANSPARENT_DECODERS};
use super::error::{AvError, check};
use super::frame::Frame;
use super::input::{MAX_COVER_PIXELS, MAX_PIXELS};
use super::options::Options;
use super::packet::Packet;
use super::stream::Stream;

/// An open decoder.
#[derive(Debug)]
pub struct Decoder {
    context: NonNull<ffi::AVCodecContext>,
}

// SAFETY: a codec context has no thread-local state; only one thread uses it at a time.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Opens the decoder for `stream`; `threads` 1 gives a frame out for every packet in.
    pub fn open(stream: &Stream, threads: u32) -> Result<Self, AvError> {
        if let Some(codec) = stream.transparent_decoder() {
            return Self::open_as(stream, codec, TRANSPARENT_DECODERS, MAX_PIXELS, threads);
        }
        Self::open_one_of(stream, DECODERS, MAX_PIXELS, threads)
    }

    /// Opens the decoder for an attached picture.
    pub fn open_cover(stream: &Stream) -> Result<Self, AvError> {
        Self::open_one_of(stream, COVER_DECODERS, MAX_COVER_PIXELS, 1)
    }

    /// Opens the decoder for H.264 that says in its packets all there is to know.
    pub fn h264() -> Result<Self, AvError> {
        // SAFETY: the name ends with a zero; null pointers are checked.
        unsafe {
            let codec = ffi::avcodec_find_decoder_by_name(c"h264".as_ptr());
            if codec.is_null() {
                return Err(AvError(ffi::AVERROR_DECODER_NOT_FOUND));
            }
            let context = ffi::avcodec_alloc_context3(codec);
            let decoder = Self {
                context: NonNull::new(context).ok_or(AvError::NO_MEMORY)?,
            };
            check(ffi::avcodec_open2(context, codec, ptr::null_mut()))?;
            Ok(decoder)
        }
    }

    fn open_one_of(
        stream: &Stream,
        ours: &str,
        max_pixels: &str,
        threads: u32,
    ) -> Result<Self, AvError> {
        let codec = stream
            .decoder(ours)
            .ok_or(AvError(ffi::AVERROR_DECODER_NOT_FOUND))?;
        Self::open_as(stream, codec, ours, max_pixels, threads)
    }

    fn open_as(
        stream: &Stream,
        codec: NonNull<ffi::AVCodec>,
        ours: &str,
        max_pixels: &str,
        threads: u32,
    ) -> Result<Self, AvError> {
        let threads = threads.to_string();
        let mut options = Options::new(&[
            ("max_pixels", max_pixels),
            ("codec_whitelist", ours),
            ("threads", &threads),
        ])?;
        let codec = codec.as_ptr();
        // SAFETY: the stream's parameters are valid; null pointers are checked.
        unsafe {
            let context = ffi::avcodec_alloc_context3(codec);
            let decoder = Self {
                context: NonNull::new(context).ok_or(AvError::NO_MEMORY)?,
            };
            check(ffi::avcodec_parameters_to_context(
                context,
                stream.parameters(),
            ))?;
            (*context).pkt_timebase = ffi::AVRational {
                num: stream.time_base.numerator,
                den: stream.time_base.denominator,
            };
            check(ffi::avcodec_open2(context, codec, options.as_mut_ptr()))?;
            Ok(decoder)
        }
    }

    /// Feeds a packet, or `None` to say that no more come.
    pub fn send(&mut self, packet: Option<&Packet>) -> Result<(), AvError> {
        let packet = packet.map_or(ptr::null(), Packet::as_ptr);
        // SAFETY: valid context; a null packet starts draining.
        check(unsafe { ffi::avcodec_send_packet(self.context.as_ptr(), packet) }).map(drop)
    }

    /// Takes a frame; [`AvError::AGAIN`] asks for another packet, [`AvError::END`] is the end.
    pub fn receive(&mut self, frame: &mut Frame) -> Result<(), AvError> {
        // SAFETY: valid context and frame.
        check(unsafe { ffi::avcodec_receive_frame(self.context.as_ptr(), frame.as_mut_ptr()) })
            .map(drop)
    }

    /// Forgets everything that was fed, after a seek.
    pub fn flush(&mut self) {
        // SAFETY: valid context.
        unsafe { ffi::avcodec_flush_buffers(self.context.as_ptr()) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: allocated by avcodec_alloc_context3, freed once.
        unsafe { ffi::avcodec_free_context(&raw mut context) }
    }
}
