//! A decoded picture or block of sound.

use std::ptr::NonNull;

use ffmpeg_next::ffi;

use super::error::{AvError, check};
use super::packet::present;
use super::stream::{Colour, has_flag, is_hdr_transfer};

/// Luma and chroma in planes of eight bits.
const PLAIN_FORMATS: [ffi::AVPixelFormat; 6] = [
    ffi::AVPixelFormat::AV_PIX_FMT_YUV420P,
    ffi::AVPixelFormat::AV_PIX_FMT_YUVJ420P,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV422P,
    ffi::AVPixelFormat::AV_PIX_FMT_YUVJ422P,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV444P,
    ffi::AVPixelFormat::AV_PIX_FMT_YUVJ444P,
];

/// Luma and chroma in planes of more.
const DEEP_FORMATS: [ffi::AVPixelFormat; 6] = [
    ffi::AVPixelFormat::AV_PIX_FMT_YUV420P10LE,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV422P10LE,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV444P10LE,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV420P12LE,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV422P12LE,
    ffi::AVPixelFormat::AV_PIX_FMT_YUV444P12LE,
];

/// An `AVFrame`.
#[derive(Debug)]
pub struct Frame {
    raw: NonNull<ffi::AVFrame>,
}

// SAFETY: a frame owns references to buffers whose counters are atomic; the pixels are only
// written by whoever made the frame, before it is handed on.
unsafe impl Send for Frame {}

impl Frame {
    /// An empty frame.
    pub fn new() -> Result<Self, AvError> {
        // SAFETY: no arguments; null means no memory.
        let raw = unsafe { ffi::av_frame_alloc() };
        NonNull::new(raw)
            .map(|raw| Self { raw })
            .ok_or(AvError::NO_MEMORY)
    }

    /// A second reference to the same pixels; nothing is copied.
    pub fn share(&self) -> Result<Self, AvError> {
        // SAFETY: valid frame; null means no memory.
        let raw = unsafe { ffi::av_frame_clone(self.raw.as_ptr()) };
        NonNull::new(raw)
            .map(|raw| Self { raw })
            .ok_or(AvError::NO_MEMORY)
    }

    /// A block of planar float silence, to be filled by [`plane_f32_mut`](Self::plane_f32_mut).
    pub fn sound(samples: usize, channels: u32, sample_rate: u32) -> Result<Self, AvError> {
        let mut frame = Self::new()?;
        let raw = frame.as_mut_ptr();
        // SAFETY: the fields are set before av_frame_get_buffer reads them; the layout is
        // initialised by av_channel_layout_default.
        let code = unsafe {
            (*raw).nb_samples = i32::try_from(samples).map_err(|_| AvError::NO_MEMORY)?;
            (*raw).format = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
            (*raw).sample_rate = i32::try_from(sample_rate).map_err(|_| AvError::INVALID_DATA)?;
            ffi::av_channel_layout_default(
                &raw mut (*raw).ch_layout,
                i32::try_from(channels).map_err(|_| AvError::INVALID_DATA)?,
            );
            ffi::av_frame_get_buffer(raw, 0)
        };
        check(code)?;
        // SAFETY: the planes were allocated just now for as many samples.
        check(unsafe {
            ffi::av_samples_set_silence(
                (*raw).extended_data,
                0,
                (*raw).nb_samples,
                (*raw).ch_layout.nb_channels,
                ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP,
            )
        })?;
        Ok(frame)
    }

    /// A grey picture in 8-bit 4:2:0, limited range: luma 16 is black, 235 white.
    pub fn grey(width: u32, height: u32, luma: u8) -> Result<Self, AvError> {
        let format = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P;
        Self::plain(width, height, format, [luma, 128, 128])
    }

    /// A picture of one colour for a JPEG: luma and two times chroma, all in their full range.
    pub fn jpeg_plain(width: u32, height: u32, colour: [u8; 3]) -> Result<Self, AvError> {
        let format = ffi::AVPixelFormat::AV_PIX_FMT_YUVJ420P;
        Self::plain(width, height, format, colour)
    }

    fn plain(
        width: u32,
        height: u32,
        format: ffi::AVPixelFormat,
        colour: [u8; 3],
    ) -> Result<Self, AvError> {
        let mut frame = Self::new()?;
        let raw = frame.as_mut_ptr();
        // SAFETY: the fields are set before av_frame_get_buffer reads them; the planes are then
        // `linesize * height` bytes long (half the height for chroma, rounded up).
        unsafe {
            (*raw).width = i32::try_from(width).map_err(|_| AvError::INVALID_DATA)?;
            (*raw).height = i32::try_from(height).map_err(|_| AvError::INVALID_DATA)?;
            (*raw).format = format as i32;
            check(ffi::av_frame_get_buffer(raw, 0))?;
            for (plane, value) in colour.into_iter().enumerate() {
                let rows = if plane == 0 {
                    height
                } else {
                    height.div_ceil(2)
                } as usize;
                let stride = usize::try_from((*raw).linesize[plane]).unwrap_or(0);
                std::ptr::write_bytes((*raw).data[plane], value, stride * rows);
            }
        }
        Ok(frame)
    }

    /// The same picture, in 8-bit 4:2:0, with both chroma planes in one (NV12).
    pub(super) fn interleaved(&self) -> Result<Self, AvError> {
        let format = ffi::AVPixelFormat::AV_PIX_FMT_NV12;
        let mut frame = Self::new()?;
        let raw = frame.as_mut_ptr();
        // SAFETY: the fields are set before av_frame_get_buffer reads them. Both planes are then
        // there, each with rows of `linesize` bytes, which is no less than the width rounded up to
        // a whole number of pairs; rows come from slices as long as they say.
        unsafe {
            (*raw).width = self.fields().width;
            (*raw).height = self.fields().height;
            (*raw).format = format as i32;
            check(ffi::av_frame_get_buffer(raw, 0))?;
            check(ffi::av_frame_copy_props(raw, self.as_ptr()))?;
            let row_of = |plane: usize, row: usize| {
                let stride = usize::try_from((*raw).linesize[plane]).unwrap_or(0);
                (*raw).data[plane].add(row * stride)
            };
            for (row, luma) in self.rows(0).enumerate() {
                std::ptr::copy_nonoverlapping(luma.as_ptr(), row_of(0, row), luma.len());
            }
            for (row, (blue, red)) in self.rows(1).zip(self.rows(2)).enumerate() {
                let pairs = std::slice::from_raw_parts_mut(row_of(1, row), blue.len() * 2);
                for (pair, (blue, red)) in pairs.chunks_exact_mut(2).zip(blue.iter().zip(red)) {
                    pair.copy_from_slice(&[*blue, *red]);
                }
            }
        }
        Ok(frame)
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVFrame {
        self.raw.as_ptr()
    }

    pub(super) fn as_ptr(&self) -> *const ffi::AVFrame {
        self.raw.as_ptr()
    }

    fn fields(&self) -> &ffi::AVFrame {
        // SAFETY: the pointer is valid for as long as self.
        unsafe { self.raw.as_ref() }
    }

    fn fields_mut(&mut self) -> &mut ffi::AVFrame {
        // SAFETY: the pointer is valid for as long as self, which is borrowed uniquely.
        unsafe { self.raw.as_mut() }
    }

    /// Releases the pixels and keeps the frame for another use.
    pub fn clear(&mut self) {
        // SAFETY: valid frame.
        unsafe { ffi::av_frame_unref(self.raw.as_ptr()) }
    }

    /// The decoder's best guess of the presentation time, in the packets' time base.
    pub fn best_timestamp(&self) -> Option<i64> {
        present(self.fields().best_effort_timestamp).or_else(|| present(self.fields().pts))
    }

    /// The presentation time that was set.
    pub fn pts(&self) -> Option<i64> {
        present(self.fields().pts)
    }

    /// Sets the presentation time, in whatever time base the receiver uses.
    pub fn set_pts(&mut self, pts: i64) {
        self.fields_mut().pts = pts;
    }

    /// Asks the encoder for a keyframe here, or leaves the choice to it. Without the second case
    /// the encoder would copy the source's picture types (libx264.c obeys `pict_type`).
    pub fn force_keyframe(&mut self, force: bool) {
        self.fields_mut().pict_type = if force {
            ffi::AVPictureType::AV_PICTURE_TYPE_I
        } else {
            ffi::AVPictureType::AV_PICTURE_TYPE_NONE
        };
    }

    /// The decoder says that it needed no other picture.
    pub fn is_key(&self) -> bool {
        self.fields().key_frame != 0
    }

    /// An encoder will make a keyframe of it.
    pub fn is_forced_keyframe(&self) -> bool {
        self.fields().pict_type == ffi::AVPictureType::AV_PICTURE_TYPE_I
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        u32::try_from(self.fields().width).unwrap_or(0)
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        u32::try_from(self.fields().height).unwrap_or(0)
    }

    /// libav's number of the pixel or sample format.
    pub fn format(&self) -> i32 {
        self.fields().format
    }

    /// Width of a pixel over its height; 0/1 where unknown.
    pub fn sample_aspect_ratio(&self) -> (i32, i32) {
        let ratio = self.fields().sample_aspect_ratio;
        (ratio.num, ratio.den)
    }

    /// The picture consists of two fields.
    pub fn is_interlaced(&self) -> bool {
        self.fields().interlaced_frame != 0
    }

    /// Forgets that the picture was made of fields: zimg would scale each by itself, although both
    /// show one moment where nobody deinterlaced.
    pub fn set_progressive(&mut self) {
        self.fields_mut().interlaced_frame = 0;
    }

    /// The decoder knows that the picture is damaged.
    pub fn is_corrupt(&self) -> bool {
        self.fields().flags & ffi::AV_FRAME_FLAG_CORRUPT != 0
    }

    /// The transfer function is that of PQ or HLG.
    pub fn is_hdr(&self) -> bool {
        is_hdr_transfer(self.fields().color_trc)
    }

    /// Parts of the picture are transparent.
    pub fn has_alpha(&self) -> bool {
        has_flag(self.format(), ffi::AV_PIX_FMT_FLAG_ALPHA)
    }

    /// The picture is made of red, green and blue.
    pub fn is_rgb(&self) -> bool {
        has_flag(self.format(), ffi::AV_PIX_FMT_FLAG_RGB)
    }

    /// The picture is in luma and chroma planes that zimg can scale: no transparency, and sides
    /// that every chroma plane divides.
    pub fn is_plain_yuv(&self) -> bool {
        let is_even = self.width().is_multiple_of(2) && self.height().is_multiple_of(2);
        is_even && (is_one_of(self.format(), &PLAIN_FORMATS) || self.is_deep_yuv())
    }

    /// As [`Frame::is_plain_yuv`], with ten or twelve bits a sample.
    pub fn is_deep_yuv(&self) -> bool {
        is_one_of(self.format(), &DEEP_FORMATS)
    }

    /// Says of a bright picture what it leaves open, as its track or else HDR10 has it: a tone
    /// mapper finds no way between colours that nobody describes.
    pub fn complete_hdr_colour(&mut self, track: Colour) {
        let fields = self.fields_mut();
        if fields.color_primaries == ffi::AVColorPrimaries::AVCOL_PRI_UNSPECIFIED {
            fields.color_primaries = ffi::AVColorPrimaries::AVCOL_PRI_BT2020;
        }
        if fields.colorspace == ffi::AVColorSpace::AVCOL_SPC_UNSPECIFIED {
            fields.colorspace = ffi::AVColorSpace::AVCOL_SPC_BT2020_NCL;
        }
        if fields.color_range == ffi::AVColorRange::AVCOL_RANGE_UNSPECIFIED {
            fields.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        }
        if fields.color_trc == ffi::AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED {
            fields.color_trc = if is_hdr_transfer(track.transfer) {
                track.transfer
            } else {
                ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE2084
            };
        }
    }

    /// Samples in a block of sound.
    pub fn samples(&self) -> usize {
        usize::try_from(self.fields().nb_samples).unwrap_or(0)
    }

    /// Samples a second.
    pub fn sample_rate(&self) -> u32 {
        u32::try_from(self.fields().sample_rate).unwrap_or(0)
    }

    /// Channels of a block of sound.
    pub fn channels(&self) -> u32 {
        u32::try_from(self.fields().ch_layout.nb_channels).unwrap_or(0)
    }

    /// One channel of a planar float block made by [`sound`](Self::sound).
    pub fn plane_f32_mut(&mut self, channel: usize) -> &mut [f32] {
        let samples = self.samples();
        let planar_float = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
        let channels = self.channels() as usize;
        let fields = self.fields_mut();
        if fields.format != planar_float || channel >= channels {
            return &mut [];
        }
        // SAFETY: a planar float frame has one plane of `nb_samples` floats per channel, all
        // reachable through extended_data; libav aligns planes to at least 32 bytes.
        unsafe {
            let plane = *fields.extended_data.add(channel);
            std::slice::from_raw_parts_mut(plane.cast::<f32>(), samples)
        }
    }

    /// Paints `picture`, which is in the same format, over the part of this one whose upper left
    /// corner is at `left` and `top`, both even. Without effect where it would not fit.
    pub fn paint(&mut self, picture: &Self, left: u32, top: u32) {
        let planar = ffi::AVPixelFormat::AV_PIX_FMT_YUVJ420P as i32;
        let fits = left.saturating_add(picture.width()) <= self.width()
            && top.saturating_add(picture.height()) <= self.height();
        if !fits || self.format() != planar || picture.format() != planar {
            return;
        }
        let (width, height) = (picture.width(), picture.height());
        let (into, from) = (self.fields_mut(), picture.fields());
        for plane in 0..3 {
            let part = if plane == 0 { 1 } else { 2 };
            let stride = |frame: &ffi::AVFrame| frame.linesize[plane] as usize;
            let row_bytes = width.div_ceil(part) as usize;
            for row in 0..height.div_ceil(part) {
                let place = (top / part + row) as usize * stride(into) + (left / part) as usize;
                // SAFETY: both have three planes of whole rows; the part lies within ours, as was
                // asked above, and two frames never share memory that one of them writes.
                unsafe {
                    std::ptr::copy_nonoverlapping(
                        from.data[plane].add(row as usize * stride(from)),
                        into.data[plane].add(place),
                        row_bytes,
                    );
                }
            }
        }
    }

    /// The luma rows of an 8-bit picture, without padding.
    pub fn luma_rows(&self) -> impl Iterator<Item = &[u8]> {
        self.rows_of(0, self.width() as usize, self.height() as usize)
    }

    /// The rows of one plane of an 8-bit 4:2:0 picture, without padding; none of other pictures.
    pub fn rows(&self, plane: usize) -> impl Iterator<Item = &[u8]> {
        let (width, height) = self.plane_size(plane);
        self.rows_of(plane, width, height)
    }

    fn rows_of(&self, plane: usize, width: usize, height: usize) -> impl Iterator<Item = &[u8]> {
        let stride = usize::try_from(self.fields().linesize[plane]).unwrap_or(0);
        let start = self.fields().data[plane];
        let is_there = !start.is_null() && stride >= width;
        (0..if is_there { height } else { 0 }).map(move |row| {
            // SAFETY: the plane has `height` rows of `stride` bytes, of which `width` are pixels.
            unsafe { std::slice::from_raw_parts(start.add(row * stride), width) }
        })
    }

    /// As [`Frame::rows`], to be written; none if the pixels are shared with another frame.
    pub fn rows_mut(&mut self, plane: usize) -> impl Iterator<Item = &mut [u8]> {
        let (width, height) = self.plane_size(plane);
        // SAFETY: valid frame.
        let is_ours = unsafe { ffi::av_frame_is_writable(self.as_mut_ptr()) } > 0;
        let fields = self.fields_mut();
        let stride = usize::try_from(fields.linesize[plane]).unwrap_or(0);
        let start = fields.data[plane];
        let is_there = is_ours && !start.is_null() && stride >= width;
        (0..if is_there { height } else { 0 }).map(move |row| {
            // SAFETY: as above; nobody else has the pixels, and no row is handed out twice while
            // the frame is borrowed.
            unsafe { std::slice::from_raw_parts_mut(start.add(row * stride), width) }
        })
    }

    /// Width and height of one plane of an 8-bit 4:2:0 picture; zero of others.
    fn plane_size(&self, plane: usize) -> (usize, usize) {
        let is_planar = is_one_of(self.format(), &PLAIN_FORMATS[..2]);
        let (width, height) = (self.width() as usize, self.height() as usize);
        match plane {
            0 if is_planar => (width, height),
            1 | 2 if is_planar => (width.div_ceil(2), height.div_ceil(2)),
            _ => (0, 0),
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: allocated by libav, freed once.
        unsafe { ffi::av_frame_free(&raw mut raw) }
    }
}

fn is_one_of(format: i32, formats: &[ffi::AVPixelFormat]) -> bool {
    formats.iter().any(|known| *known as i32 == format)
}
