//! The input: a demuxer over one already open file, and nothing else.
//!
//! libav reads through our own callbacks (`AVIOContext`), formats are limited to a list, and every
//! attempt of a demuxer to open something further is refused. Names never reach libav.
//! Whoever opens it is told of every byte that is read.

use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;
use media_proto::VIDEO_TIMESCALE;
use media_proto::clock::ClockStep;

use super::clock::Clock;
use super::codecs::DECODERS;
use super::error::{AvError, check};
use super::options::Options;
use super::packet::{Packet, present};
use super::stream::{Kind, Stream};
use crate::descriptors;

/// Demuxers that may look at a file. Everything that opens further files by name (hls, dash,
/// concat, image2, sdp, …) is left out; see `reliability.md` §2.1 for what those can be made to do.
const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,wav,w64,\
                       flac,mp3,aac,ac3,eac3,dts,mpegvideo,h264,hevc,m4v,h263,amr,aiff,caf,dv,mxf,gxf,nut";

/// The largest picture that is decoded, in pixels: 8192 x 8192.
pub const MAX_PIXELS: &str = "67108864";

/// The largest attached picture that is decoded, in pixels: 4096 x 4096.
pub const MAX_COVER_PIXELS: &str = "16777216";

/// Bytes that libav asks the file for at a time.
const BUFFER_BYTES: usize = 128 * 1024;

/// How near a place is found where the clock steps: one more halving would not save a read.
const NEAR_BYTES: i64 = 64 * 1024;

/// The most tracks a file may have. Discs with many languages have a hundred; beyond the limit
/// libav gives up the whole file.
const MAX_STREAMS: &str = "1000";

/// Hears how many bytes were read just now.
pub type OnRead = Box<dyn Fn(usize) + Send>;

/// An open file, demuxed.
#[derive(Debug)]
pub struct Input {
    context: NonNull<ffi::AVFormatContext>,
    // Freed after `context`, which points to it. Field order is drop order.
    io: Io,
    is_avi: bool,
    clock: Clock,
}

// SAFETY: a format context has no thread-local state; only one thread uses it at a time.
unsafe impl Send for Input {}

impl Input {
    /// Recognises the container and its tracks; `on_read` hears how many bytes were read.
    pub fn open(file: File, on_read: OnRead) -> Result<Self, AvError> {
        Self::open_with(file, on_read, 0)
    }

    /// The same, but packets come with zeros for data, of the right length, and the file is not read
    /// for them; [`fetch`](Self::fetch) reads what is needed. Only for containers that have said
    /// everything of their packets at their beginning, and whose packets lie in the file as they
    /// are. Which are keyframes is what the container says: libav's parsers would look for it in the
    /// data. There is no way back: libav keeps some of the zeros for later reads.
    pub fn skim(file: File, on_read: OnRead) -> Result<Self, AvError> {
        let mut input = Self::open_with(file, on_read, ffi::AVFMT_FLAG_NOPARSE)?;
        input.io.source_mut().skims = true;
        Ok(input)
    }

    fn open_with(file: File, on_read: OnRead, flags: c_int) -> Result<Self, AvError> {
        let io = Io::new(file, on_read)?;
        let mut options = Options::new(&[
            ("format_whitelist", FORMATS),
            ("codec_whitelist", DECODERS),
            ("max_streams", MAX_STREAMS),
            ("probesize", "8000000"),
            ("analyzeduration", "10000000"),
        ])?;
        // SAFETY: the context is checked for null; on failure avformat_open_input frees it. The
        // io context outlives the format context because it is dropped after it.
        let context = unsafe {
            let mut context = ffi::avformat_alloc_context();
            let fields = context.as_mut().ok_or(AvError::NO_MEMORY)?;
            fields.pb = io.context.as_ptr();
            fields.flags |= ffi::AVFMT_FLAG_CUSTOM_IO | ffi::AVFMT_FLAG_GENPTS | flags;
            fields.io_open = Some(refuse_to_open);
            check(ffi::avformat_open_input(
                &raw mut context,
                ptr::null(),
                ptr::null(),
                options.as_mut_ptr(),
            ))?;
            NonNull::new(context).ok_or(AvError::NO_MEMORY)?
        };
        let mut input = Self {
            context,
            io,
            is_avi: false,
            clock: Clock::default(),
        };
        input.find_stream_info()?;
        input.is_avi = input.container() == "avi";
        Ok(input)
    }

    /// `avformat_find_stream_info` with limits for the decoders that it opens.
    fn find_stream_info(&mut self) -> Result<(), AvError> {
        let mut limits = (0..self.stream_count())
            .map(|_| Options::new(&[("max_pixels", MAX_PIXELS), ("threads", "1")]))
            .collect::<Result<Vec<_>, _>>()?;
        // The call takes an array with one dictionary per stream and may replace each.
        // SAFETY: the array has as many entries as there are streams at the time of the call.
        unsafe {
            let mut array: Vec<*mut ffi::AVDictionary> = limits
                .iter_mut()
                .map(|options| options.as_mut_ptr().read())
                .collect();
            let code = ffi::avformat_find_stream_info(self.context.as_ptr(), array.as_mut_ptr());
            for (options, entry) in limits.iter_mut().zip(array) {
                options.as_mut_ptr().write(entry);
            }
            check(code).map(drop)
        }
    }

    /// For reading what the file says of itself.
    pub(super) fn as_ptr(&self) -> *const ffi::AVFormatContext {
        self.context.as_ptr()
    }

    fn stream_count(&self) -> usize {
        // SAFETY: valid context.
        unsafe { self.context.as_ref() }.nb_streams as usize
    }

    /// libav's name of the container.
    pub fn container(&self) -> String {
        // SAFETY: an opened context has a format with a static, zero-terminated name.
        unsafe {
            let format = self.context.as_ref().iformat;
            std::ffi::CStr::from_ptr((*format).name)
                .to_string_lossy()
                .into_owned()
        }
    }

    /// How long the file says it is, in video ticks; `None` where libav had to find it out.
    pub fn stated_length(&self) -> Option<i64> {
        // SAFETY: valid context.
        let fields = unsafe { self.context.as_ref() };
        let is_stated = fields.duration_estimation_method
            == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_STREAM;
        let microseconds = present(fields.duration).filter(|length| is_stated && *length > 0)?;
        let ticks = i128::from(microseconds) * i128::from(VIDEO_TIMESCALE) / 1_000_000;
        i64::try_from(ticks).ok()
    }

    /// Descriptions of all tracks.
    pub fn streams(&self) -> Result<Vec<Stream>, AvError> {
        (0..self.stream_count())
            .map(|index| {
                // SAFETY: `streams` has `nb_streams` valid entries.
                unsafe {
                    let stream = *self.context.as_ref().streams.add(index);
                    Stream::copy_of(index, stream)
                }
            })
            .map(|stream| {
                let mut stream = stream?;
                stream.has_order_only = self.has_order_only(stream.index);
                Ok(stream)
            })
            .collect()
    }

    /// See [`Stream::has_order_only`].
    fn has_order_only(&self, track: usize) -> bool {
        if !self.is_avi || track >= self.stream_count() {
            return false;
        }
        // SAFETY: `streams` has `nb_streams` valid entries, and none is without parameters.
        let codec = unsafe { (*(**self.context.as_ref().streams.add(track)).codecpar).codec_id };
        matches!(
            codec,
            ffi::AVCodecID::AV_CODEC_ID_H264 | ffi::AVCodecID::AV_CODEC_ID_HEVC
        )
    }

    /// The track that libav would play, covers left out.
    pub fn best_stream(&self, kind: Kind) -> Option<usize> {
        let kind = match kind {
            Kind::Video => ffi::AVMediaType::AVMEDIA_TYPE_VIDEO,
            Kind::Audio => ffi::AVMediaType::AVMEDIA_TYPE_AUDIO,
            Kind::Subtitle => ffi::AVMediaType::AVMEDIA_TYPE_SUBTITLE,
            Kind::Data => ffi::AVMediaType::AVMEDIA_TYPE_DATA,
        };
        // SAFETY: valid context; a null decoder pointer means that none is wanted.
        let index = unsafe {
            ffi::av_find_best_stream(self.context.as_ptr(), kind, -1, -1, ptr::null_mut(), 0)
        };
        usize::try_from(index).ok()
    }

    /// Reads only the given tracks from now on; what demuxers can skip is not even read.
    pub fn select(&mut self, wanted: &[usize]) {
        for index in 0..self.stream_count() {
            let discard = if wanted.contains(&index) {
                ffi::AVDiscard::AVDISCARD_DEFAULT
            } else {
                ffi::AVDiscard::AVDISCARD_ALL
            };
            // SAFETY: `streams` has `nb_streams` valid entries.
            unsafe { (**self.context.as_ref().streams.add(index)).discard = discard };
        }
    }

    /// The next packet of any selected track; [`AvError::END`] at the end.
    pub fn read(&mut self, packet: &mut Packet) -> Result<(), AvError> {
        packet.clear();
        // SAFETY: valid context and packet.
        check(unsafe { ffi::av_read_frame(self.context.as_ptr(), packet.as_mut_ptr()) })?;
        if packet
            .track()
            .is_some_and(|track| self.has_order_only(track))
        {
            packet.show_when_decoded();
        }
        self.clock.correct(packet);
        Ok(())
    }

    /// The container is one of recordings, which are joined end to end, each with a clock of its
    /// own. They count in video ticks, and can be read from any byte.
    pub fn may_step(&self) -> bool {
        ["mpegts", "mpeg"].contains(&self.container().as_str())
    }

    /// Has the clock go on over `steps` from now on, which is before anything was read.
    pub fn step_over(&mut self, steps: &[ClockStep]) {
        self.clock = Clock::of(steps);
    }

    /// The steps of the clock that are gone over.
    pub fn clock_steps(&self) -> &[ClockStep] {
        &self.clock.steps
    }

    /// Packets come without their data.
    pub fn is_skimmed(&self) -> bool {
        self.io.source().skims
    }

    /// Reads the data of a packet from the file, if it was skimmed.
    pub fn fetch(&mut self, packet: &mut Packet) -> Result<(), AvError> {
        let source = self.io.source_mut();
        if !source.skims {
            return Ok(());
        }
        let position = u64::try_from(packet.position()).map_err(|_| AvError::INVALID_DATA)?;
        let data = packet.data_mut()?;
        let read = source.file.read_exact_at(data, position);
        read.map_err(|error| AvError::of_io(&error))?;
        (source.on_read)(data.len());
        Ok(())
    }

    /// Moves to a place at or before `timestamp` of `track`. libav may land later all the same
    /// (MPEG-TS and PS do), so the caller must verify where it is.
    pub fn seek(&mut self, track: usize, timestamp: i64) -> Result<(), AvError> {
        if !self.clock.steps.is_empty() {
            return self.seek_over_steps(timestamp);
        }
        let track = c_int::try_from(track).map_err(|_| AvError::INVALID_DATA)?;
        // SAFETY: valid context.
        check(unsafe {
            ffi::avformat_seek_file(
                self.context.as_ptr(),
                track,
                i64::MIN,
                timestamp,
                timestamp,
                ffi::AVSEEK_FLAG_BACKWARD,
            )
        })
        .map(drop)
    }

    /// The same where the clock steps: libav knows of one clock only, so the place is narrowed down
    /// by what is read at bytes. All tracks of such containers count in the same ticks.
    fn seek_over_steps(&mut self, timestamp: i64) -> Result<(), AvError> {
        let mut packet = Packet::new()?;
        let (mut before, mut behind) = (0, i64::try_from(self.size_bytes()).unwrap_or(i64::MAX));
        while behind - before > NEAR_BYTES {
            let middle = before + (behind - before) / 2;
            self.seek_bytes(middle)?;
            if self
                .next_time(&mut packet)
                .is_some_and(|time| time <= timestamp)
            {
                before = middle;
            } else {
                behind = middle;
            }
        }
        self.seek_bytes(before)
    }

    /// When the next packet that tells is decoded; `None` behind the last.
    fn next_time(&mut self, packet: &mut Packet) -> Option<i64> {
        while self.read(packet).is_ok() {
            if packet.dts().is_some() {
                return packet.dts();
            }
        }
        None
    }

    /// Moves to a byte position, for containers that can resume anywhere.
    pub fn seek_bytes(&mut self, position: i64) -> Result<(), AvError> {
        self.clock.begin_at(position);
        // SAFETY: valid context.
        check(unsafe {
            ffi::avformat_seek_file(
                self.context.as_ptr(),
                -1,
                i64::MIN,
                position,
                i64::MAX,
                ffi::AVSEEK_FLAG_BYTE,
            )
        })
        .map(drop)
    }

    /// Length of the file in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.io.source().size_bytes()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: opened by avformat_open_input; with CUSTOM_IO set, `pb` is left to us.
        unsafe { ffi::avformat_close_input(&raw mut context) }
    }
}

/// The custom `AVIOContext` and the file behind it.
#[derive(Debug)]
struct Io {
    context: NonNull<ffi::AVIOContext>,
    // Boxed: the AVIOContext holds its address.
    source: NonNull<Source>,
}

struct Source {
    file: File,
    position: u64,
    /// Zeros are read instead of the file.
    skims: bool,
    on_read: OnRead,
}

impl Source {
    fn size_bytes(&self) -> u64 {
        descriptors::size_bytes(&self.file).unwrap_or(0)
    }

    /// Reads at the position; 0 at the end of the file.
    fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.skims {
            return self.file.read_at(buffer, self.position);
        }
        let left = self.size_bytes().saturating_sub(self.position);
        let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        buffer[..count].fill(0);
        Ok(count)
    }
}

impl Io {
    fn new(file: File, on_read: OnRead) -> Result<Self, AvError> {
        let source = Box::into_raw(Box::new(Source {
            file,
            position: 0,
            skims: false,
            on_read,
        }));
        let buffer_bytes = c_int::try_from(BUFFER_BYTES).map_err(|_| AvError::NO_MEMORY)?;
        // SAFETY: the buffer comes from av_malloc as required; `source` stays valid until Drop.
        // Both are taken back if the context cannot be made.
        unsafe {
            let buffer = ffi::av_malloc(BUFFER_BYTES);
            let context = if buffer.is_null() {
                ptr::null_mut()
            } else {
                ffi::avio_alloc_context(
                    buffer.cast(),
                    buffer_bytes,
                    0,
                    source.cast(),
                    Some(read_packet),
                    None,
                    Some(seek),
                )
            };
            match (NonNull::new(context), NonNull::new(source)) {
                (Some(context), Some(source)) => Ok(Self { context, source }),
                _ => {
                    ffi::av_free(buffer);
                    drop(Box::from_raw(source));
                    Err(AvError::NO_MEMORY)
                }
            }
        }
    }

    fn source(&self) -> &Source {
        // SAFETY: `source` is valid until Drop, and changed only through `source_mut` and by
        // libav's calls, neither of which happens while this borrow lasts.
        unsafe { self.source.as_ref() }
    }

    fn source_mut(&mut self) -> &mut Source {
        // SAFETY: `source` is valid until Drop, and libav, which calls back with it, does not run
        // while this borrow lasts.
        unsafe { self.source.as_mut() }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: libav may have replaced the buffer, so it is taken from the context; the
        // source was made by Box::into_raw and is freed once.
        unsafe {
            ffi::av_freep((&raw mut (*context).buffer).cast());
            ffi::avio_context_free(&raw mut context);
            drop(Box::from_raw(self.source.as_ptr()));
        }
    }
}

/// # Safety
/// Called by libav with the `Source` given to `avio_alloc_context` and a buffer of `size` bytes.
unsafe extern "C" fn read_packet(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    // SAFETY: see above; only one callback runs at a time.
    let (source, buffer) = unsafe {
        let source = &mut *opaque.cast::<Source>();
        (
            source,
            std::slice::from_raw_parts_mut(buffer, usize::try_from(size).unwrap_or(0)),
        )
    };
    loop {
        match source.read(buffer) {
            Ok(0) => return ffi::AVERROR_EOF,
            Ok(count) => {
                source.position += count as u64;
                (source.on_read)(count);
                return c_int::try_from(count).unwrap_or(c_int::MAX);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return AvError::of_io(&error).0,
        }
    }
}

/// # Safety
/// Called by libav with the `Source` given to `avio_alloc_context`.
unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: see above; only one callback runs at a time.
    let source = unsafe { &mut *opaque.cast::<Source>() };
    let size = i64::try_from(source.size_bytes()).unwrap_or(i64::MAX);
    let base = match whence & !ffi::AVSEEK_FORCE {
        ffi::AVSEEK_SIZE => return size,
        0 => 0,
        1 => i64::try_from(source.position).unwrap_or(i64::MAX),
        2 => size,
        _ => return i64::from(-libc_einval()),
    };
    match u64::try_from(base.saturating_add(offset)) {
        Ok(position) => {
            source.position = position;
            base.saturating_add(offset)
        }
        Err(_) => i64::from(-libc_einval()),
    }
}

fn libc_einval() -> c_int {
    rustix::io::Errno::INVAL.raw_os_error()
}

/// Refuses whatever a demuxer wants to open beside its input.
///
/// # Safety
/// Called by libav; touches none of its arguments.
unsafe extern "C" fn refuse_to_open(
    _context: *mut ffi::AVFormatContext,
    _io: *mut *mut ffi::AVIOContext,
    _url: *const c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    -rustix::io::Errno::PERM.raw_os_error()
}
