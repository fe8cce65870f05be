//! From a decoded picture to the picture of every rung: the largest is made from the decoded one,
//! each smaller one from the next larger. What is costly (tone mapping, turning, many bits) is
//! done once, and scaling costs a third of what it costs from the decoded picture each time.
//! Measured on five clips at 360 lines: SSIM is 0.001 above that of bicubic scaling in one step
//! (-0.001 to +0.002). What does not belong here: encoding.

use media_proto::message::VideoSpec;

use super::settings::Conversion;
use super::source::Picture;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::graph::Graph;
use crate::av::stream::{Stream, TimeBase};
use crate::failure::Failure;

/// One filter chain for each rung.
#[derive(Debug)]
pub struct Cascade {
    /// In the order of the rungs, the largest last.
    steps: Vec<Step>,
}

impl Cascade {
    /// For all rungs of `spec`, from frames of `stream`.
    pub fn new(spec: &VideoSpec, stream: &Stream) -> Self {
        let top = spec.rungs.len().saturating_sub(1);
        let conversion = |(index, rung)| {
            if index == top {
                Conversion::of_source(spec, rung, stream)
            } else {
                Conversion::of_rung(rung)
            }
        };
        let steps = spec.rungs.iter().enumerate().map(conversion);
        Self {
            steps: steps.map(Step::new).collect(),
        }
    }

    /// Hands out the picture of every rung with the rung's index, the largest first.
    pub fn scale(
        &mut self,
        picture: Picture,
        mut take: impl FnMut(usize, Picture),
    ) -> Result<(), Failure> {
        let Picture { pts, mut frame } = picture;
        frame.set_progressive();
        for (index, step) in self.steps.iter_mut().enumerate().rev() {
            frame = step
                .scale(frame, pts)
                .map_err(|error| Failure::internal("scaling", error))?;
            let shared = frame
                .share()
                .map_err(|error| Failure::internal("sharing a frame", error))?;
            take(index, Picture { pts, frame: shared });
        }
        Ok(())
    }
}

/// The chain of one rung, made anew when frames change their shape.
#[derive(Debug)]
struct Step {
    conversion: Conversion,
    graph: Option<Graph>,
}

impl Step {
    fn new(conversion: Conversion) -> Self {
        Self {
            conversion,
            graph: None,
        }
    }

    fn scale(&mut self, mut frame: Frame, pts: i64) -> Result<Frame, AvError> {
        if !self.graph.as_ref().is_some_and(|graph| graph.fits(&frame)) {
            let time_base = TimeBase {
                numerator: 1,
                denominator: media_proto::VIDEO_TIMESCALE.cast_signed(),
            };
            let filters = self.conversion.filters(&frame);
            self.graph = Some(Graph::new(&frame, time_base, &filters)?);
        }
        let graph = self.graph.as_mut().ok_or(AvError::NO_MEMORY)?;
        let mut scaled = Frame::new()?;
        graph.push(Some(&mut frame))?;
        graph.pull(&mut scaled)?;
        scaled.set_pts(pts);
        Ok(scaled)
    }
}
