//! The decoder's cursor: delivers exactly the frames of a chunk, chosen by presentation time.
//!
//! Decoding starts only at the very packet that the index names (see `cursor`). Then the first
//! frame out of the decoder is checked against the plan. Chunks that follow each other go on
//! without any seek.

mod order;
mod still;

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{ChunkSpec, EntryPoint, VideoSpec};

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::graph::{Filter, Graph};
use crate::av::stream::{Stream, TimeBase};
use crate::cursor::Cursor;
use crate::failure::Failure;
use crate::source_file::SourceFile;
use order::Order;

/// Decoder threads: more do not help on two cores that also encode.
const DECODER_THREADS: u32 = 2;

/// A decoded picture and when it is shown, in video ticks on the timeline.
#[derive(Debug)]
pub struct Picture {
    /// Video ticks.
    pub pts: i64,
    /// Pixels, upright or not, as the decoder gave them (deinterlaced).
    pub frame: Frame,
}

/// The cursor over one track.
#[derive(Debug)]
pub struct PictureSource {
    cursor: Cursor,
    decoder: Decoder,
    /// Where the container does not tell when pictures are shown.
    order: Option<Order>,
    deinterlacer: Option<Graph>,
    interlaced: bool,
    hdr: bool,
    /// Shown for this long where nothing else is known.
    usual_step: i64,
    /// Read but not handed out: it belongs to the chunk that starts at `continues_at` or later.
    next: Option<Picture>,
    continues_at: Option<i64>,
    last_pts: Option<i64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// The file has ended; the decoder still has frames.
    Draining,
    Ended,
}

impl PictureSource {
    /// Opens the track that `spec` names.
    pub fn open(file: &SourceFile, spec: &VideoSpec) -> Result<Self, Failure> {
        let cursor = Cursor::open(file, spec.track, spec.origin, &spec.clock_steps)?;
        let decoder = Decoder::open(cursor.stream(), DECODER_THREADS)
            .map_err(|error| Failure::internal("opening the decoder", error))?;
        let (numerator, denominator) = spec.frame_rate;
        Ok(Self {
            usual_step: i64::from(VIDEO_TIMESCALE) * i64::from(denominator)
                / i64::from(numerator.max(1)),
            interlaced: spec.interlaced,
            hdr: spec.hdr,
            order: cursor.stream().has_order_only.then(Order::default),
            cursor,
            decoder,
            deinterlacer: None,
            next: None,
            continues_at: None,
            last_pts: None,
            state: State::Reading,
        })
    }

    /// What is known about the track.
    pub fn stream(&self) -> &Stream {
        self.cursor.stream()
    }

    /// Hands out every frame shown in the chunk, in order. Returns how many there were.
    pub fn chunk(
        &mut self,
        file: &SourceFile,
        chunk: &ChunkSpec,
        mut take: impl FnMut(Picture),
    ) -> Result<u32, Failure> {
        let (Some(start), Some(end)) = (chunk.cuts.first().copied(), chunk.cuts.last().copied())
        else {
            return Ok(0);
        };
        self.go_to(file, chunk, start)?;
        let mut frames = 0;
        while let Some(picture) = self.next_picture()? {
            if picture.pts >= end {
                self.next = Some(picture);
                break;
            }
            frames += 1;
            take(picture);
        }
        self.continues_at = Some(end);
        Ok(frames)
    }

    /// Makes the next picture the first one of the chunk.
    fn go_to(&mut self, file: &SourceFile, chunk: &ChunkSpec, start: i64) -> Result<(), Failure> {
        if self.continues_at == Some(start) {
            return Ok(());
        }
        for entry in &chunk.entries {
            if self.interlaced && self.cursor.timeline().ticks(entry.pts) >= start {
                continue;
            }
            self.start_at_entry(file, entry)?;
            if self.skip_to(start)? {
                return Ok(());
            }
        }
        self.start_at_beginning(file)?;
        self.skip_to(start).map(drop)
    }

    /// Drops pictures shown before `start`; true if the next one is shown exactly then and whole.
    ///
    /// The deinterlacer looks at the picture before, too. So that a chunk looks the same however
    /// decoding got there, that one must have been decoded, and whole.
    fn skip_to(&mut self, start: i64) -> Result<bool, Failure> {
        let mut before_is_whole = !self.interlaced;
        while let Some(picture) = self.next_picture()? {
            let is_whole = !picture.frame.is_corrupt();
            if picture.pts >= start {
                let right = picture.pts == start && is_whole && before_is_whole;
                self.next = Some(picture);
                return Ok(right);
            }
            before_is_whole = is_whole;
        }
        Ok(false)
    }

    /// Forgets everything decoded so far.
    fn restart(&mut self) {
        self.decoder.flush();
        self.order.iter_mut().for_each(Order::clear);
        self.deinterlacer = None;
        self.next = None;
        self.continues_at = None;
        self.last_pts = None;
        self.state = State::Reading;
    }

    fn start_at_beginning(&mut self, file: &SourceFile) -> Result<(), Failure> {
        self.cursor.rewind(file)?;
        self.restart();
        Ok(())
    }

    /// Feeds the decoder the packet that `entry` names.
    fn start_at_entry(&mut self, file: &SourceFile, entry: &EntryPoint) -> Result<(), Failure> {
        let is_found = self.cursor.find(file, entry)?;
        self.restart();
        if is_found {
            // A packet the decoder dislikes is not an end: the check of the first frame decides.
            self.send();
        } else {
            self.state = State::Ended;
        }
        Ok(())
    }

    /// The next picture in presentation order; `None` at the end. Pictures that are not later
    /// than the one before are dropped: a segment cannot show two at once.
    fn next_picture(&mut self) -> Result<Option<Picture>, Failure> {
        if let Some(picture) = self.next.take() {
            return Ok(Some(picture));
        }
        while let Some(frame) = self.next_frame()? {
            let pts = frame.pts().unwrap_or_default();
            if self.last_pts.is_none_or(|last| pts > last) {
                self.last_pts = Some(pts);
                return Ok(Some(Picture { pts, frame }));
            }
        }
        Ok(None)
    }

    /// The next frame with its time on the timeline, deinterlaced where the title is interlaced.
    fn next_frame(&mut self) -> Result<Option<Frame>, Failure> {
        if !self.interlaced {
            return self.decode();
        }
        loop {
            if let Some(frame) = self.pull_deinterlaced()? {
                return Ok(Some(frame));
            }
            match self.decode()? {
                Some(frame) => self.push_deinterlacer(frame)?,
                None if self.deinterlacer.is_none() => return Ok(None),
                None => return self.drain_deinterlacer(),
            }
        }
    }

    fn pull_deinterlaced(&mut self) -> Result<Option<Frame>, Failure> {
        let Some(graph) = self.deinterlacer.as_mut() else {
            return Ok(None);
        };
        let mut frame =
            Frame::new().map_err(|error| Failure::internal("allocating a frame", error))?;
        match graph.pull(&mut frame) {
            Ok(()) => Ok(Some(frame)),
            Err(AvError::AGAIN | AvError::END) => Ok(None),
            Err(error) => Err(Failure::internal("deinterlacing", error)),
        }
    }

    fn push_deinterlacer(&mut self, mut frame: Frame) -> Result<(), Failure> {
        let fits = self
            .deinterlacer
            .as_ref()
            .is_some_and(|graph| graph.fits(&frame));
        if !fits {
            let time_base = TimeBase {
                numerator: 1,
                denominator: VIDEO_TIMESCALE.cast_signed(),
            };
            let graph = Graph::new(&frame, time_base, &[Filter::Deinterlace])
                .map_err(|error| Failure::internal("setting up the deinterlacer", error))?;
            self.deinterlacer = Some(graph);
        }
        let pushed = self
            .deinterlacer
            .as_mut()
            .map(|graph| graph.push(Some(&mut frame)));
        match pushed {
            Some(Err(error)) => Err(Failure::internal("deinterlacing", error)),
            _ => Ok(()),
        }
    }

    /// The deinterlacer holds one frame back until it sees the next or is told that none comes.
    fn drain_deinterlacer(&mut self) -> Result<Option<Frame>, Failure> {
        if let Some(graph) = self.deinterlacer.as_mut() {
            let _ = graph.push(None);
        }
        let frame = self.pull_deinterlaced()?;
        if frame.is_none() {
            self.deinterlacer = None;
        }
        Ok(frame)
    }

    /// The decoder's next frame, its time set to video ticks on the timeline.
    fn decode(&mut self) -> Result<Option<Frame>, Failure> {
        let mut frame =
            Frame::new().map_err(|error| Failure::internal("allocating a frame", error))?;
        loop {
            match self.decoder.receive(&mut frame) {
                Ok(()) => {
                    let guess = self.last_pts.map_or(0, |last| last + self.usual_step);
                    let shown_at = match self.order.as_mut() {
                        Some(order) => order.take(&frame),
                        None => frame.best_timestamp(),
                    };
                    let pts = shown_at.map_or(guess, |time| self.cursor.timeline().ticks(time));
                    frame.set_pts(pts);
                    if self.hdr {
                        frame.complete_hdr_colour(self.cursor.stream().colour());
                    }
                    return Ok(Some(frame));
                }
                Err(AvError::END) => {
                    self.state = State::Ended;
                    return Ok(None);
                }
                Err(AvError::NO_MEMORY) => {
                    return Err(Failure::internal("decoding", AvError::NO_MEMORY));
                }
                Err(AvError::AGAIN) if self.state == State::Ended => return Ok(None),
                // A damaged frame: libav has logged it, the next one may be whole.
                Err(_) => self.feed(),
            }
        }
    }

    /// Gives the decoder one more packet, or tells it that there is none.
    fn feed(&mut self) {
        if self.state == State::Draining {
            self.state = State::Ended;
            return;
        }
        if self.cursor.advance() {
            self.send();
        } else {
            self.state = State::Draining;
            let _ = self.decoder.send(None);
        }
    }

    /// Gives the decoder the packet that was read last.
    fn send(&mut self) {
        let packet = self.cursor.packet();
        if let Some(order) = self.order.as_mut() {
            order.note(packet);
        }
        let _ = self.decoder.send(Some(packet));
    }
}
