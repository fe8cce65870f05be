//! Copies segments: the source's coded pictures, cut at the plan's boundaries, with times on the
//! title's timeline. One segment at a time is in memory; the inspection has seen to it that none is
//! too large. What does not belong here: whether that may be done (`examine`).

use media_proto::copy::CopySpec;
use media_proto::message::{Cause, Event};

use crate::copy::examine::Form;
use crate::cursor::Cursor;
use crate::events::EventSink;
use crate::failure::Failure;
use crate::isobmff::fragment::{Sample, Span};
use crate::isobmff::h264::{content, to_four_byte};
use crate::output::Output;
use crate::packaging::{begin_in_time, write_segment};
use crate::source_file::SourceFile;

/// The track that is copied, still open: the next span goes on reading from there.
#[derive(Debug)]
pub struct CopySource {
    cursor: Cursor,
    form: Form,
    track: u32,
    origin: i64,
    /// The packet that was read last begins the span that starts there.
    continues_at: Option<i64>,
}

/// What becomes of the span's segments.
struct Segments<'a> {
    spec: &'a CopySpec,
    output: &'a Output,
    events: &'a EventSink,
    /// The request's number.
    number: u32,
    /// Segments that are written.
    done: usize,
    /// Pictures in them.
    copied: u32,
    /// Of the segment that is being gathered.
    samples: Vec<Sample>,
}

/// Writes the segments of `spec`; returns how many pictures they have.
pub fn copy(
    number: u32,
    spec: &CopySpec,
    source: &mut CopySource,
    file: &SourceFile,
    output: &Output,
    events: &EventSink,
) -> Result<u32, Failure> {
    let mut segments = Segments {
        spec,
        output,
        events,
        number,
        done: 0,
        copied: 0,
        samples: Vec::new(),
    };
    source.go_to(file, spec)?;
    loop {
        if let Some(sample) = source.sample()? {
            if sample.is_sync && segments.ends_before(sample.pts) {
                segments.close()?;
            }
            if segments.are_complete() {
                source.continues_at = Some(sample.pts);
                break;
            }
            segments.samples.push(sample);
        }
        if !source.cursor.advance() {
            segments.close()?;
            break;
        }
    }
    segments.finish()
}

impl CopySource {
    /// Opens the track that `spec` names.
    pub fn open(file: &SourceFile, spec: &CopySpec) -> Result<Self, Failure> {
        let cursor = Cursor::open(file, spec.track, spec.origin, &[])?;
        let form = Form::of(cursor.stream()).ok_or_else(|| disagreement("its track is another"))?;
        Ok(Self {
            cursor,
            form,
            track: spec.track,
            origin: spec.origin,
            continues_at: None,
        })
    }

    /// The source was opened for this track.
    pub fn fits(&self, spec: &CopySpec) -> bool {
        (self.track, self.origin) == (spec.track, spec.origin)
    }

    /// Makes the span's first picture the packet that was read last.
    fn go_to(&mut self, file: &SourceFile, spec: &CopySpec) -> Result<(), Failure> {
        let start = spec.cuts.first().copied().unwrap_or_default();
        if self.continues_at.take() == Some(start) {
            return Ok(());
        }
        let is_first = spec.first_segment == 1;
        for entry in &spec.entries {
            if self.cursor.find(file, entry)? && self.skip_to(start, is_first) {
                return Ok(());
            }
        }
        self.cursor.rewind(file)?;
        if self.cursor.advance() && self.skip_to(start, is_first) {
            return Ok(());
        }
        Err(disagreement("a picture to cut at is missing"))
    }

    /// Passes over packets until a keyframe is shown at `start`, or, at the title's beginning,
    /// later.
    fn skip_to(&mut self, start: i64, is_first: bool) -> bool {
        loop {
            let packet = self.cursor.packet();
            let shown_at = packet.pts().map(|pts| self.cursor.timeline().ticks(pts));
            if packet.is_key() && shown_at.is_some_and(|shown_at| shown_at >= start) {
                return is_first || shown_at == Some(start);
            }
            if !self.cursor.advance() {
                return false;
            }
        }
    }

    /// The packet that was read last as it goes into a segment; `None` if it is never shown.
    fn sample(&self) -> Result<Option<Sample>, Failure> {
        let packet = self.cursor.packet();
        if packet.is_discarded() {
            return Ok(None);
        }
        let pts = packet
            .pts()
            .ok_or_else(|| disagreement("a picture has no time"))?;
        let Form { framing, sets } = &self.form;
        let content = content(*framing, packet.data(), sets);
        let data = to_four_byte(*framing, packet.data());
        let (content, data) = content
            .zip(data)
            .ok_or_else(|| disagreement("a picture is damaged"))?;
        if !content.is_picture || content.has_strange_sets || self.form.ends_at(packet) {
            return Err(disagreement(
                "a picture is of another kind than those before",
            ));
        }
        Ok(Some(Sample {
            pts: self.cursor.timeline().ticks(pts),
            is_sync: content.is_idr,
            data,
        }))
    }
}

impl Segments<'_> {
    /// A keyframe shown at `pts` is behind the segment that is being gathered.
    fn ends_before(&self, pts: i64) -> bool {
        let end = self.spec.cuts.get(self.done + 1);
        end.is_some_and(|end| pts >= *end)
    }

    fn are_complete(&self) -> bool {
        self.done + 1 >= self.spec.cuts.len()
    }

    /// Writes the segment that is gathered.
    fn close(&mut self) -> Result<(), Failure> {
        let [start, end] = *self.spec.cuts.get(self.done..self.done + 2).unwrap_or(&[]) else {
            return Err(disagreement("pictures follow behind the end"));
        };
        let number = self.spec.first_segment + u32::try_from(self.done).unwrap_or(0);
        let stream = self.spec.stream;
        let span = Span { start, end };
        begin_in_time(span, &mut self.samples);
        let size_bytes = write_segment(self.output, stream, number, span, &self.samples)?;
        self.copied += u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        self.samples.clear();
        self.done += 1;
        let event = Event::Segment {
            stream,
            number,
            size_bytes,
        };
        self.events.send(self.number, event);
        Ok(())
    }

    /// All segments and all pictures must be there: the file was read to its end before.
    fn finish(self) -> Result<u32, Failure> {
        if self.are_complete() && self.copied == self.spec.frames {
            return Ok(self.copied);
        }
        Err(disagreement(&format!(
            "{} pictures were copied where {} were found",
            self.copied, self.spec.frames
        )))
    }
}

/// The file does not say what it said when the plan was drawn.
fn disagreement(what: &str) -> Failure {
    Failure::new(
        Cause::Internal,
        format!("The picture cannot be copied as planned: {what}."),
    )
}
