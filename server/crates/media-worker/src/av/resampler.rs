//! Sound in any form to planar float at one rate and channel count.

use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::error::{AvError, check};
use super::frame::Frame;

/// An `SwrContext` for one form of input.
#[derive(Debug)]
pub struct Resampler {
    context: NonNull<ffi::SwrContext>,
    channels: u32,
    sample_rate: u32,
    form: Form,
}

// SAFETY: an SwrContext has no thread-local state; only one thread uses it at a time.
unsafe impl Send for Resampler {}

/// What must stay the same about the blocks that are fed to one resampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    format: i32,
    channels: u32,
    sample_rate: u32,
}

impl Form {
    fn of(frame: &Frame) -> Self {
        Self {
            format: frame.format(),
            channels: frame.channels(),
            sample_rate: frame.sample_rate(),
        }
    }
}

impl Resampler {
    /// From the form of `example` to `channels` at `sample_rate`.
    pub fn new(example: &Frame, channels: u32, sample_rate: u32) -> Result<Self, AvError> {
        let form = Form::of(example);
        if form.channels == 0 || form.sample_rate == 0 || form.sample_rate > 768_000 {
            return Err(AvError::INVALID_DATA);
        }
        // SAFETY: the layouts are initialised before use and uninitialised after; the frame's
        // sample format is a value that libav itself filled in; null is checked.
        let context = unsafe {
            let mut output = std::mem::zeroed::<ffi::AVChannelLayout>();
            ffi::av_channel_layout_default(&raw mut output, channels.cast_signed());
            let mut source = std::mem::zeroed::<ffi::AVChannelLayout>();
            let described = (*example.as_ptr()).ch_layout;
            let code = if described.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
                ffi::av_channel_layout_default(&raw mut source, form.channels.cast_signed());
                0
            } else {
                ffi::av_channel_layout_copy(
                    &raw mut source,
                    &raw const (*example.as_ptr()).ch_layout,
                )
            };
            check(code)?;
            let mut context = ptr::null_mut();
            let code = ffi::swr_alloc_set_opts2(
                &raw mut context,
                &raw mut output,
                ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP,
                sample_rate.cast_signed(),
                &raw mut source,
                std::mem::transmute::<i32, ffi::AVSampleFormat>(form.format),
                form.sample_rate.cast_signed(),
                0,
                ptr::null_mut(),
            );
            ffi::av_channel_layout_uninit(&raw mut output);
            ffi::av_channel_layout_uninit(&raw mut source);
            check(code)?;
            NonNull::new(context).ok_or(AvError::NO_MEMORY)?
        };
        let resampler = Self {
            context,
            channels,
            sample_rate,
            form,
        };
        // SAFETY: valid context.
        check(unsafe { ffi::swr_init(context.as_ptr()) })?;
        Ok(resampler)
    }

    /// The resampler was made for blocks like this one.
    pub fn fits(&self, frame: &Frame) -> bool {
        self.form == Form::of(frame)
    }

    /// Samples at the output's rate that went in but did not come out yet.
    pub fn delay_samples(&self) -> i64 {
        // SAFETY: valid context.
        unsafe { ffi::swr_get_delay(self.context.as_ptr(), i64::from(self.sample_rate)) }
    }

    /// Converts a block without its first `skipped` samples, or with `None` gives out what is
    /// still inside.
    pub fn convert(
        &mut self,
        frame: Option<&Frame>,
        skipped: usize,
    ) -> Result<Option<Frame>, AvError> {
        let samples = frame.map_or(0, Frame::samples).saturating_sub(skipped);
        let mut planes = frame.map(|frame| self.planes_from(frame, skipped));
        // SAFETY: valid context; tells an upper bound for the output.
        let room = unsafe {
            ffi::swr_get_out_samples(self.context.as_ptr(), i32::try_from(samples).unwrap_or(0))
        };
        let room = usize::try_from(check(room)?).unwrap_or(0);
        if room == 0 {
            return Ok(None);
        }
        let mut output = Frame::sound(room, self.channels, self.sample_rate)?;
        let input = planes
            .as_mut()
            .map_or(ptr::null_mut(), |planes| planes.as_mut_ptr());
        // SAFETY: the output has `room` samples per plane; the input, if any, has one pointer for
        // each plane of a valid frame, with `samples` samples behind it.
        let count = unsafe {
            let raw = output.as_mut_ptr();
            ffi::swr_convert(
                self.context.as_ptr(),
                (*raw).extended_data,
                i32::try_from(room).unwrap_or(0),
                input.cast(),
                i32::try_from(samples).unwrap_or(0),
            )
        };
        let count = check(count)?;
        // SAFETY: fewer samples than were allocated.
        unsafe { (*output.as_mut_ptr()).nb_samples = count };
        Ok((count > 0).then_some(output))
    }

    /// The planes of `frame` behind their first `skipped` samples; not behind their end.
    fn planes_from(&self, frame: &Frame, skipped: usize) -> Vec<*mut u8> {
        let channels = self.form.channels as usize;
        let skipped = skipped.min(frame.samples());
        // SAFETY: the format is a value that libav itself filled in; the frame is valid and has a
        // plane for each channel, or one for all of them, of `samples` samples.
        unsafe {
            let format = std::mem::transmute::<i32, ffi::AVSampleFormat>(self.form.format);
            let sample = usize::try_from(ffi::av_get_bytes_per_sample(format)).unwrap_or(0);
            let (planes, step) = if ffi::av_sample_fmt_is_planar(format) != 0 {
                (channels, sample)
            } else {
                (1, sample * channels)
            };
            let data = (*frame.as_ptr()).extended_data;
            (0..planes)
                .map(|plane| (*data.add(plane)).add(skipped * step))
                .collect()
        }
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: allocated by swr_alloc_set_opts2, freed once.
        unsafe { ffi::swr_free(&raw mut context) }
    }
}
