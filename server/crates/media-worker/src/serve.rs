//! The serve loop: requests in, events out. A function of a reader and a writer, so it is tested
//! without a process.

use media_proto::copy::CopySpec;
use media_proto::frame;
use media_proto::message::{AudioSpec, Event, NumberedRequest, Request, VideoSpec};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::av::{log, memory};
use crate::copy::make::{CopySource, copy};
use crate::events::EventSink;
use crate::failure::Failure;
use crate::hardware::remote::Remote;
use crate::inspect;
use crate::output::Output;
use crate::picture::ladder::Ladder;
use crate::poster;
use crate::prepare;
use crate::pulse::Pulse;
use crate::sidecar;
use crate::sound::{self, source::SoundSource};
use crate::source_file::SourceFile;
use crate::thumbs;

/// Answers requests until `reader` ends. Fails only when the pipe itself is broken.
pub fn serve(
    reader: &mut dyn Read,
    writer: impl Write + Send + 'static,
    input: File,
    folder: OwnedFd,
    encoders: Vec<Remote>,
) -> io::Result<()> {
    log::errors_only();
    memory::begin_with_zeros();
    memory::limit_blocks();
    let events = EventSink::new(writer);
    events.send(
        0,
        Event::Hello {
            version: media_proto::VERSION,
            libav: log::libav_version(),
        },
    );
    let pulse = Pulse::new(events.clone());
    let mut worker = Worker {
        file: SourceFile::new(input, pulse.clone()),
        pulse,
        output: Arc::new(Output::new(folder)),
        encoders,
        events,
        ladder: None,
        sound: None,
        copied: None,
    };
    while let Some(NumberedRequest { number, request }) = frame::read(reader)? {
        worker.answer(number, request);
    }
    Ok(())
}

/// What stays between requests.
struct Worker {
    file: SourceFile,
    /// Of all that is read of `file`, also by what stays open from one request to the next.
    pulse: Pulse,
    output: Arc<Output>,
    /// In graphics hardware; the ladder takes them over.
    encoders: Vec<Remote>,
    events: EventSink,
    /// The picture that was encoded last, still open: the next chunk goes on decoding from there.
    ladder: Option<Ladder>,
    /// The sound track that was encoded last, still open: finding its packets can take a while.
    sound: Option<SoundSource>,
    /// The track that was copied last, still open.
    copied: Option<CopySource>,
}

impl Worker {
    fn answer(&mut self, number: u32, request: Request) {
        self.pulse.begin(number);
        let answer = match request {
            Request::Inspect { grid } => inspect::inspect(&self.file, &grid, &self.output)
                .map(|inspection| Event::Inspected(Box::new(inspection))),
            Request::Prepare {
                video,
                copied,
                audio,
            } => {
                let hardware = self.encoders.first_mut();
                let (file, output) = (&self.file, &self.output);
                let regret = |Failure { message, .. }| {
                    let setback = Event::FellBack { reason: message };
                    self.events.send(number, setback);
                };
                let video = video.as_ref();
                prepare::prepare(video, copied, &audio, file, output, hardware, regret)
            }
            Request::EncodeChunk { video, chunk } => {
                match self.open_ladder(&video) {
                    // The rungs report by themselves, while the next request is read already.
                    Ok(ladder) => return ladder.0.encode(number, chunk, ladder.1, ladder.2),
                    Err(failure) => Err(failure),
                }
            }
            Request::EncodeAudio { audio } => self
                .encode_audio(number, &audio)
                .map(|silence| Event::AudioDone { silence }),
            Request::CopySegments(spec) => self
                .copy(number, &spec)
                .map(|frames| Event::CopyDone { frames }),
            Request::MakePoster(spec) => poster::make(&spec, &self.file, &self.output),
            Request::MakeThumbs { video, sheet } => {
                thumbs::make(&video, &sheet, &self.file, &self.output)
                    .map(|size_bytes| Event::ThumbsDone { size_bytes })
            }
            Request::ReadSidecar(spec) => sidecar::read(&spec, self.file.whole(), &self.output)
                .map(|size_bytes| Event::SidecarDone { size_bytes }),
        };
        let event =
            answer.unwrap_or_else(|Failure { cause, message }| Event::Failed { cause, message });
        self.events.send(number, event);
    }

    fn encode_audio(&mut self, number: u32, spec: &AudioSpec) -> Result<i64, Failure> {
        let source = match self.sound.take().filter(|source| source.fits(spec)) {
            Some(source) => source,
            None => SoundSource::open(&self.file, spec)?,
        };
        let source = self.sound.insert(source);
        sound::encode(number, spec, source, &self.file, &self.output, &self.events)
    }

    fn copy(&mut self, number: u32, spec: &CopySpec) -> Result<u32, Failure> {
        let source = match self.copied.take().filter(|source| source.fits(spec)) {
            Some(source) => source,
            None => CopySource::open(&self.file, spec)?,
        };
        let source = self.copied.insert(source);
        copy(number, spec, source, &self.file, &self.output, &self.events)
    }

    fn open_ladder(
        &mut self,
        spec: &VideoSpec,
    ) -> Result<(&mut Ladder, &SourceFile, &EventSink), Failure> {
        let ladder = match self.ladder.take().filter(|ladder| ladder.fits(spec)) {
            Some(ladder) => ladder,
            None => {
                let encoders = std::mem::take(&mut self.encoders);
                Ladder::open(&self.file, spec, &self.output, encoders)?
            }
        };
        Ok((self.ladder.insert(ladder), &self.file, &self.events))
    }
}
