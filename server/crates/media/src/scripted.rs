//! A worker that plays a film from memory, for tests of whoever uses workers: it speaks the real
//! protocol over in-memory pipes, writes real (tiny) files, and fails where the script says so.
//!
//! It is to workers what `storage::memory` is to stores. What does not belong here: libav,
//! processes, and anything the server itself would use.

use async_trait::async_trait;
use media_proto::copy::CopyFacts;
use media_proto::frame::{self, HEADER_BYTES};
use media_proto::message::{
    AudioInspection, Cause, ChunkProposal, ChunkSpec, Event, Inspection, NumberedEvent,
    NumberedRequest, PreparedVideo, Request, TagsInspection, Track, TrackKind, VideoInspection,
    VideoSpec,
};
use media_proto::pictures::PosterSource;
use media_proto::rates::PictureRates;
use media_proto::{VERSION, VIDEO_TIMESCALE};
use model::error::{Error, ErrorKind, Result};
use model::segment::Piece;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::launch::{Ending, Errand, Launch, Launched, Life};

/// Capacity of the in-memory pipes, that of a Linux pipe.
const PIPE_BYTES: usize = 64 * 1024;
/// How long a test waits for something to happen before it is said not to happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a worker can be asked, as the script and the record name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A worker was started.
    Start,
    /// It was asked to inspect.
    Inspect,
    /// It was asked for the chunk that begins with this segment.
    Chunk(u32),
    /// It was asked for the span of this stream that begins with this segment.
    Audio(u32, u32),
    /// It was asked for the copied part that begins with this segment.
    Copy(u32),
    /// It was asked for a poster.
    Poster,
    /// It was asked for that sheet of thumbnails.
    Thumbs(u32),
    /// It was asked to read a file of subtitles as that text track.
    Sidecar(u32),
}

/// What goes wrong, once, at a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// No worker is installed.
    NotInstalled,
    /// The process dies after half of the segments.
    Die,
    /// Nothing more is heard, after half of the segments.
    Hang,
    /// The file is to blame; it will never work. Said after half of the segments.
    Refuse(String),
    /// The output folder is full after half of the segments.
    OutOfSpace,
    /// The encoder does not do what it said when the plan was drawn; found out before the first
    /// segment.
    Disagree,
    /// The worker says it is done without its last segment.
    Forget,
}

/// Starts scripted workers. Clones share the script and the record.
#[derive(Clone, Debug)]
pub struct ScriptedLauncher {
    film: Arc<Inspection>,
    script: Arc<Mutex<Vec<(Scene, Mishap)>>>,
    record: Arc<watch::Sender<Vec<Scene>>>,
}

impl ScriptedLauncher {
    /// Workers that find `film` in every file.
    pub fn new(film: Inspection) -> Self {
        Self {
            film: Arc::new(film),
            script: Arc::default(),
            record: Arc::new(watch::Sender::default()),
        }
    }

    /// Workers that find a 640x480 film of `segments` segments of 4 s, two to a chunk and four to
    /// a span of sound, with `audio` audio tracks.
    pub fn with_film(segments: u32, audio: u32) -> Self {
        Self::new(film(segments, audio))
    }

    /// The same with a picture that is copied instead of the highest rung, eight segments at once.
    pub fn with_copied_film(segments: u32, audio: u32) -> Self {
        let mut film = film(segments, audio);
        if let Some(video) = &mut film.video {
            video.copy = Some(CopyFacts {
                average_bps: 1_000_000,
                peak_bps: 2_000_000,
                spans: chunks(segments, 8),
                apart: None,
            });
        }
        Self::new(film)
    }

    /// The same with a copy that stands apart beside all rungs: its segments are as long as four of
    /// theirs, and each is copied by itself.
    pub fn with_film_apart(segments: u32, audio: u32) -> Self {
        let mut film = film(segments, audio);
        let cuts = film.cuts.iter().step_by(4).chain(film.cuts.last());
        let mut cuts: Vec<i64> = cuts.copied().collect();
        cuts.dedup();
        if let Some(video) = &mut film.video {
            video.copy = Some(CopyFacts {
                average_bps: 1_000_000,
                peak_bps: 2_000_000,
                spans: chunks(count(cuts.len() - 1), 1),
                apart: Some(cuts),
            });
        }
        Self::new(film)
    }

    /// Workers that find sound alone.
    pub fn with_sound(segments: u32, audio: u32) -> Self {
        let mut sound = film(segments, audio);
        sound.video = None;
        Self::new(sound)
    }

    /// Lets `mishap` happen the next time `scene` comes.
    pub fn plan_mishap(&self, scene: Scene, mishap: Mishap) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.push((scene, mishap));
    }

    /// Everything that was asked so far, in order.
    pub fn record(&self) -> Vec<Scene> {
        self.record.borrow().clone()
    }

    /// How often `scene` came.
    pub fn count(&self, scene: Scene) -> usize {
        let record = self.record.borrow();
        record.iter().filter(|past| **past == scene).count()
    }

    /// Waits until `scene` has come `times` times; false if it does not within 20 s.
    pub async fn reaches(&self, scene: Scene, times: usize) -> bool {
        let mut record = self.record.subscribe();
        let enough =
            |record: &Vec<Scene>| record.iter().filter(|past| **past == scene).count() >= times;
        let wait = record.wait_for(enough);
        matches!(tokio::time::timeout(DEADLINE, wait).await, Ok(Ok(_)))
    }

    /// Notes that `scene` came and takes the mishap that belongs to it.
    fn enter(&self, scene: Scene) -> Option<Mishap> {
        self.record.send_modify(|record| record.push(scene));
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let place = script.iter().position(|(planned, _)| *planned == scene)?;
        Some(script.remove(place).1)
    }
}

#[async_trait]
impl Launch for ScriptedLauncher {
    async fn launch(&self, errand: Errand) -> Result<Launched> {
        if let Some(Mishap::NotInstalled) = self.enter(Scene::Start) {
            return Err(Error::new(
                ErrorKind::NotFound,
                "homereel-worker is not installed",
            ));
        }
        let (requests, far_requests) = tokio::io::duplex(PIPE_BYTES);
        let (events, far_events) = tokio::io::duplex(PIPE_BYTES);
        let actor = Actor {
            launcher: self.clone(),
            scratch: errand.scratch,
            requests: far_requests,
            events: far_events,
        };
        let task = tokio::spawn(async move {
            if let Err(error) = actor.perform().await {
                tracing::debug!(%error, "A scripted worker ended.");
            }
        });
        Ok(Launched {
            requests: Box::new(requests),
            events: Box::new(events),
            life: Box::new(ScriptedLife {
                task: AbortOnDropHandle::new(task),
            }),
        })
    }
}

#[derive(Debug)]
struct ScriptedLife {
    task: AbortOnDropHandle<()>,
}

#[async_trait]
impl Life for ScriptedLife {
    async fn end(&mut self, _grace: Duration) -> Ending {
        self.task.abort();
        Ending {
            how: "was killed by signal 9 (by the script)".into(),
            last_words: None,
        }
    }
}

/// One scripted worker.
struct Actor {
    launcher: ScriptedLauncher,
    scratch: PathBuf,
    requests: DuplexStream,
    events: DuplexStream,
}

impl Actor {
    async fn perform(mut self) -> io::Result<()> {
        let hello = Event::Hello {
            version: VERSION,
            libav: "scripted".into(),
        };
        self.say(0, hello).await?;
        loop {
            let NumberedRequest { number, request } = self.hear().await?;
            let answer = self.act(number, request).await?;
            self.say(number, answer).await?;
        }
    }

    /// Performs one request up to its last event.
    async fn act(&mut self, number: u32, request: Request) -> io::Result<Event> {
        let (scene, pieces, done) = match request {
            Request::Inspect { .. } => {
                let film = Box::new(self.launcher.film.as_ref().clone());
                (Scene::Inspect, Vec::new(), Event::Inspected(film))
            }
            Request::Prepare {
                video,
                copied,
                audio,
            } => {
                let encoded = video.map_or(0, |video| video.rungs.len());
                return self.prepare(encoded + usize::from(copied), audio.len());
            }
            Request::EncodeChunk { video, chunk } => {
                let (frames, missing) = (chunk.frames, 0);
                let scene = Scene::Chunk(chunk.first_segment);
                let done = Event::ChunkDone { frames, missing };
                (scene, pieces_of_chunk(&video, &chunk), done)
            }
            Request::EncodeAudio { audio } => {
                let stream = audio.stream;
                let first = audio.first_segment;
                let numbers = first..first + count(audio.cuts.len() - 1);
                let pieces = numbers.map(|number| Piece::Media { stream, number });
                let done = Event::AudioDone { silence: 0 };
                (Scene::Audio(stream, first), pieces.collect(), done)
            }
            Request::CopySegments(copy) => {
                let (stream, first) = (copy.stream, copy.first_segment);
                let numbers = first..first + count(copy.cuts.len() - 1);
                let pieces = numbers.map(|number| Piece::Media { stream, number });
                let frames = copy.frames;
                (
                    Scene::Copy(first),
                    pieces.collect(),
                    Event::CopyDone { frames },
                )
            }
            Request::MakePoster(spec) => {
                let size_bytes = write(&self.scratch, Piece::Poster)?;
                let choices = match spec.from {
                    PosterSource::Film { stretches, .. } => count(stretches.len()),
                    PosterSource::Sound { .. } => 0,
                };
                let choice = |number| write(&self.scratch, Piece::PosterChoice { number });
                let choices = (1..=choices).map(choice).collect::<io::Result<_>>()?;
                let done = Event::PosterDone {
                    size_bytes,
                    choices,
                };
                (Scene::Poster, Vec::new(), done)
            }
            Request::MakeThumbs { sheet, .. } => {
                let piece = Piece::Thumbs {
                    sheet: sheet.number,
                };
                let size_bytes = write(&self.scratch, piece)?;
                let done = Event::ThumbsDone { size_bytes };
                (Scene::Thumbs(sheet.number), Vec::new(), done)
            }
            Request::ReadSidecar(spec) => {
                let size_bytes = write(&self.scratch, Piece::Subtitle { index: spec.index })?;
                let done = Event::SidecarDone { size_bytes };
                (Scene::Sidecar(spec.index), Vec::new(), done)
            }
        };
        self.deliver(number, scene, pieces, done).await
    }

    fn prepare(&self, rungs: usize, audio: usize) -> io::Result<Event> {
        for stream in 0..count(rungs + audio) {
            write(&self.scratch, Piece::Init { stream })?;
        }
        Ok(prepared(rungs, audio))
    }

    /// Writes and announces `pieces`, and whatever mishap the script has for `scene`.
    async fn deliver(
        &mut self,
        number: u32,
        scene: Scene,
        mut pieces: Vec<Piece>,
        done: Event,
    ) -> io::Result<Event> {
        let mishap = self.launcher.enter(scene);
        match mishap {
            Some(Mishap::Forget) => drop(pieces.pop()),
            Some(Mishap::Disagree) => pieces.clear(),
            Some(_) => pieces.truncate(pieces.len() / 2),
            None => {}
        }
        for piece in pieces {
            let size_bytes = write(&self.scratch, piece)?;
            self.announce(number, piece, size_bytes).await?;
        }
        match mishap {
            Some(Mishap::Die) => Err(io::ErrorKind::BrokenPipe.into()),
            Some(Mishap::Hang) => std::future::pending().await,
            Some(Mishap::Refuse(message)) => Ok(failed(Cause::Damaged, message)),
            Some(Mishap::Disagree) => Ok(failed(Cause::Internal, "other parameter sets".into())),
            Some(Mishap::OutOfSpace) => Ok(failed(Cause::OutOfSpace, "no space left".into())),
            Some(Mishap::NotInstalled | Mishap::Forget) | None => Ok(done),
        }
    }

    async fn announce(&mut self, number: u32, piece: Piece, size_bytes: u64) -> io::Result<()> {
        let Piece::Media {
            stream,
            number: segment,
        } = piece
        else {
            return Ok(());
        };
        let position = i64::from(segment) * 4 * i64::from(VIDEO_TIMESCALE);
        self.say(number, Event::Progress { position }).await?;
        let event = Event::Segment {
            stream,
            number: segment,
            size_bytes,
        };
        self.say(number, event).await
    }

    async fn say(&mut self, number: u32, event: Event) -> io::Result<()> {
        let bytes = frame::encode(&NumberedEvent { number, event })?;
        self.events.write_all(&bytes).await
    }

    async fn hear(&mut self) -> io::Result<NumberedRequest> {
        let mut header = [0; HEADER_BYTES];
        self.requests.read_exact(&mut header).await?;
        let mut body = vec![0; frame::length(header)?];
        self.requests.read_exact(&mut body).await?;
        frame::decode(&body)
    }
}

/// Every segment of a chunk in every rung, in the order in which a worker makes them.
fn pieces_of_chunk(video: &VideoSpec, chunk: &ChunkSpec) -> Vec<Piece> {
    let streams = 0..count(video.rungs.len());
    let numbers = chunk.first_segment..chunk.first_segment + count(chunk.cuts.len() - 1);
    let of_number = |number| {
        streams
            .clone()
            .map(move |stream| Piece::Media { stream, number })
    };
    numbers.flat_map(of_number).collect()
}

/// A segment's file holds its own name, so that tests can tell pieces apart.
fn write(scratch: &Path, piece: Piece) -> io::Result<u64> {
    let name = piece.to_string();
    std::fs::write(scratch.join(&name), &name)?;
    Ok(name.len() as u64)
}

fn failed(cause: Cause, message: String) -> Event {
    Event::Failed { cause, message }
}

fn prepared(rungs: usize, audio: usize) -> Event {
    let video = PreparedVideo {
        codec: "avc1.64001e".into(),
        parameter_sets: "scripted".into(),
        hardware_sets: None,
    };
    Event::Prepared {
        video: vec![video; rungs],
        audio: vec!["mp4a.40.2".into(); audio],
    }
}

fn film(segments: u32, audio: u32) -> Inspection {
    let sound = (1..=audio).map(|index| track(index, TrackKind::Audio));
    Inspection {
        container: "scripted".into(),
        tracks: std::iter::once(track(0, TrackKind::Video))
            .chain(sound)
            .collect(),
        origin: 0,
        clock_steps: Vec::new(),
        cuts: (0..=segments)
            .map(|cut| i64::from(cut) * 4 * i64::from(VIDEO_TIMESCALE))
            .collect(),
        sound_spans: sound_spans(segments),
        video: Some(VideoInspection {
            track: 0,
            display_width: 640,
            display_height: 480,
            rotation_degrees: 0,
            flipped: false,
            interlaced: false,
            hdr: false,
            variable_frame_rate: false,
            frame_rate: (25, 1),
            frames: u64::from(segments) * 100,
            rates: PictureRates {
                average_bps: 3_000_000,
                peak_bps: 6_000_000,
            },
            // Two segments to a chunk.
            chunks: chunks(segments, 2),
            copy: None,
        }),
        audio: (1..=audio)
            .map(|track| AudioInspection {
                track,
                channels: 2,
                default: track == 1,
                entries: vec![None; sound_spans(segments).len()],
                anchor: None,
            })
            .collect(),
        text: Vec::new(),
        chapters: Vec::new(),
        tags: TagsInspection::default(),
        notes: Vec::new(),
    }
}

/// Runs of that many segments; the last may have fewer.
fn chunks(segments: u32, together: u32) -> Vec<ChunkProposal> {
    let firsts = (0..segments).step_by(together as usize);
    firsts
        .map(|first| {
            let segment_count = (segments - first).min(together);
            ChunkProposal {
                segment_count,
                frames: segment_count * 100,
                entries: Vec::new(),
            }
        })
        .collect()
}

/// Four segments to a span; the last may have fewer.
fn sound_spans(segments: u32) -> Vec<u32> {
    let firsts = (0..segments).step_by(4);
    firsts.map(|first| (segments - first).min(4)).collect()
}

fn track(index: u32, kind: TrackKind) -> Track {
    Track {
        index,
        kind,
        codec: "scripted".into(),
        language: None,
        name: None,
        decodable: true,
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
