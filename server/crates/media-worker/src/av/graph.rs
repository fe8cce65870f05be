//! A linear chain of video filters.
//!
//! Chains are built from a list of known filters with arguments made of numbers; nothing from a
//! file ever becomes part of a filter's description.

use std::ffi::CString;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;
use media_proto::VIDEO_TIMESCALE;

use super::error::{AvError, check};
use super::frame::Frame;
use super::stream::TimeBase;

/// A filter that a chain may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Two fields become one frame at the same time.
    Deinterlace,
    /// What is transparent lets black through.
    OverBlack,
    /// Red, green and blue to luma and chroma by the matrix of BT.709. Otherwise scaling does it,
    /// by that of BT.601, which nothing says to a player.
    FromRgb,
    /// Puts the picture into the middle of a larger black one.
    Pad {
        /// Width of the larger one.
        width: u32,
        /// Height of the larger one.
        height: u32,
    },
    /// To this size, in pixels, in limited range, for frames that are [`Frame::is_plain_yuv`]:
    /// Lanczos by zimg, in 40 % of the time that swscale's bicubic takes.
    Resize {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
        /// Spreads what is lost when frames of more than eight bits get eight.
        dither: bool,
    },
    /// To this size, in pixels, with bicubic interpolation, from any kind of frame.
    Scale {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
        /// JPEG's full range instead of television's limited one.
        full_range: bool,
    },
    /// A quarter turn clockwise.
    TurnRight,
    /// A quarter turn counter-clockwise.
    TurnLeft,
    /// Left becomes right.
    FlipHorizontally,
    /// Top becomes bottom.
    FlipVertically,
    /// PQ or HLG to BT.709.
    ToneMap,
    /// 8-bit 4:2:0, in limited range or (for JPEG) full range.
    EightBit {
        /// JPEG's full range instead of television's limited one.
        full_range: bool,
    },
}

impl Filter {
    /// libav's names and arguments of the filters this step consists of.
    fn steps(self) -> Vec<(&'static str, String)> {
        let step = |name, arguments: &str| vec![(name, arguments.to_owned())];
        match self {
            // bwdif halves the time base even when it gives out one frame per frame.
            Self::Deinterlace => vec![
                ("bwdif", "mode=send_frame:deint=interlaced".to_owned()),
                ("settb", format!("expr=1/{VIDEO_TIMESCALE}")),
            ],
            Self::OverBlack => step("premultiply", "inplace=1"),
            Self::FromRgb => vec![
                ("scale", "out_color_matrix=bt709:out_range=tv".to_owned()),
                ("format", "pix_fmts=yuv444p".to_owned()),
            ],
            Self::Pad { width, height } => step(
                "pad",
                &format!("w={width}:h={height}:x=(ow-iw)/2:y=(oh-ih)/2"),
            ),
            Self::Resize {
                width,
                height,
                dither,
            } => {
                let dither = if dither { "ordered" } else { "none" };
                let arguments =
                    format!("w={width}:h={height}:filter=lanczos:range=limited:dither={dither}");
                vec![("zscale", arguments), ("setsar", "sar=1".to_owned())]
            }
            Self::Scale {
                width,
                height,
                full_range,
            } => {
                let range = if full_range { "pc" } else { "tv" };
                let arguments = format!("w={width}:h={height}:flags=bicubic:out_range={range}");
                vec![("scale", arguments), ("setsar", "sar=1".to_owned())]
            }
            Self::TurnRight => step("transpose", "dir=clock"),
            Self::TurnLeft => step("transpose", "dir=cclock"),
            Self::FlipHorizontally => step("hflip", ""),
            Self::FlipVertically => step("vflip", ""),
            // Linear light first, then the narrower gamut, then the narrower range of brightness.
            Self::ToneMap => [
                ("zscale", "transfer=linear:npl=100"),
                ("format", "pix_fmts=gbrpf32le"),
                ("zscale", "primaries=bt709"),
                ("tonemap", "tonemap=hable:desat=0"),
                ("zscale", "transfer=bt709:matrix=bt709:range=limited"),
            ]
            .map(|(name, arguments)| (name, arguments.to_owned()))
            .to_vec(),
            Self::EightBit { full_range } => {
                let format = if full_range { "yuvj420p" } else { "yuv420p" };
                step("format", &format!("pix_fmts={format}"))
            }
        }
    }
}

/// A configured chain.
#[derive(Debug)]
pub struct Graph {
    graph: NonNull<ffi::AVFilterGraph>,
    // Both are owned by `graph`.
    source: NonNull<ffi::AVFilterContext>,
    sink: NonNull<ffi::AVFilterContext>,
    shape: Shape,
}

// SAFETY: a filter graph has no thread-local state; only one thread uses it at a time.
unsafe impl Send for Graph {}

/// What must stay the same about the frames that are fed to one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    width: u32,
    height: u32,
    format: i32,
    sample_aspect_ratio: (i32, i32),
}

impl Shape {
    /// The shape of `frame`.
    pub fn of(frame: &Frame) -> Self {
        Self {
            width: frame.width(),
            height: frame.height(),
            format: frame.format(),
            sample_aspect_ratio: frame.sample_aspect_ratio(),
        }
    }
}

impl Graph {
    /// A chain for frames like `example`, whose times count in `time_base`.
    pub fn new(example: &Frame, time_base: TimeBase, filters: &[Filter]) -> Result<Self, AvError> {
        // SAFETY: null is checked; the graph owns every filter made in it.
        let graph =
            NonNull::new(unsafe { ffi::avfilter_graph_alloc() }).ok_or(AvError::NO_MEMORY)?;
        let mut chain = Chain { graph, last: None };
        let shape = Shape::of(example);
        let built = chain.build(&shape, time_base, filters);
        match built {
            Ok((source, sink)) => Ok(Self {
                graph,
                source,
                sink,
                shape,
            }),
            Err(error) => {
                let mut raw = graph.as_ptr();
                // SAFETY: allocated above, not yet owned by anyone else.
                unsafe { ffi::avfilter_graph_free(&raw mut raw) };
                Err(error)
            }
        }
    }

    /// The graph was made for frames like this one.
    pub fn fits(&self, frame: &Frame) -> bool {
        self.shape == Shape::of(frame)
    }

    /// Feeds a frame, or `None` to say that no more come. The frame stays usable.
    pub fn push(&mut self, frame: Option<&mut Frame>) -> Result<(), AvError> {
        let frame = frame.map_or(ptr::null_mut(), Frame::as_mut_ptr);
        let keep = ffi::_bindgen_ty_6::AV_BUFFERSRC_FLAG_KEEP_REF as i32;
        // SAFETY: valid source; with KEEP_REF libav takes a reference of its own.
        check(unsafe { ffi::av_buffersrc_add_frame_flags(self.source.as_ptr(), frame, keep) })
            .map(drop)
    }

    /// Takes a frame; [`AvError::AGAIN`] asks for another one, [`AvError::END`] is the end.
    pub fn pull(&mut self, frame: &mut Frame) -> Result<(), AvError> {
        frame.clear();
        // SAFETY: valid sink and frame.
        check(unsafe { ffi::av_buffersink_get_frame(self.sink.as_ptr(), frame.as_mut_ptr()) })
            .map(drop)
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let mut graph = self.graph.as_ptr();
        // SAFETY: allocated by avfilter_graph_alloc, freed once; frees its filters.
        unsafe { ffi::avfilter_graph_free(&raw mut graph) }
    }
}

/// A chain under construction.
struct Chain {
    graph: NonNull<ffi::AVFilterGraph>,
    last: Option<NonNull<ffi::AVFilterContext>>,
}

type Ends = (NonNull<ffi::AVFilterContext>, NonNull<ffi::AVFilterContext>);

impl Chain {
    fn build(
        &mut self,
        shape: &Shape,
        time_base: TimeBase,
        filters: &[Filter],
    ) -> Result<Ends, AvError> {
        let (aspect_width, aspect_height) = shape.sample_aspect_ratio;
        let source = self.append(
            "buffer",
            &format!(
                "video_size={}x{}:pix_fmt={}:time_base={}/{}:pixel_aspect={}/{}",
                shape.width,
                shape.height,
                shape.format,
                time_base.numerator,
                time_base.denominator,
                aspect_width,
                aspect_height.max(1),
            ),
        )?;
        for (name, arguments) in filters.iter().flat_map(|filter| filter.steps()) {
            self.append(name, &arguments)?;
        }
        let sink = self.append("buffersink", "")?;
        // SAFETY: valid graph with a complete chain; one thread keeps the output deterministic.
        unsafe {
            (*self.graph.as_ptr()).nb_threads = 1;
            check(ffi::avfilter_graph_config(
                self.graph.as_ptr(),
                ptr::null_mut(),
            ))?;
        }
        Ok((source, sink))
    }

    /// Adds a filter behind the last one.
    fn append(
        &mut self,
        name: &str,
        arguments: &str,
    ) -> Result<NonNull<ffi::AVFilterContext>, AvError> {
        let name = CString::new(name).map_err(|_| AvError::INVALID_DATA)?;
        let arguments = CString::new(arguments).map_err(|_| AvError::INVALID_DATA)?;
        let mut context = ptr::null_mut();
        // SAFETY: all strings end with a zero and are copied; the graph is valid and owns the
        // new filter; both ends of a link are filters of this graph.
        unsafe {
            let filter = ffi::avfilter_get_by_name(name.as_ptr());
            if filter.is_null() {
                return Err(AvError(ffi::AVERROR_FILTER_NOT_FOUND));
            }
            check(ffi::avfilter_graph_create_filter(
                &raw mut context,
                filter,
                ptr::null(),
                arguments.as_ptr(),
                ptr::null_mut(),
                self.graph.as_ptr(),
            ))?;
            if let Some(last) = self.last {
                check(ffi::avfilter_link(last.as_ptr(), 0, context, 0))?;
            }
        }
        let context = NonNull::new(context).ok_or(AvError::NO_MEMORY)?;
        self.last = Some(context);
        Ok(context)
    }
}
