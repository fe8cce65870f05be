//! One living worker: what it is asked, what it answers, and how its end is told.
//!
//! What does not belong here: the bytes on the pipes (`connection`), how it came to life
//! (`launch`), what to do about a failure (`jobs`).

use media_proto::message::{Event, Inspection, NumberedEvent, Request};
use model::error::{Error, ErrorKind, Result};
use model::plan::Plan;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::connection::{Breakage, Connection};
use crate::demand::Demand;
use crate::launch::{Errand, Launch, Launched, Life};
use crate::limits::{Duty, Patience};
use crate::output::{Output, cleaned, failure};
use crate::planner::draw::{Prepared, draw};
use crate::planner::requests::{
    GRID, audio_spec, chunk_spec, copy_spec, poster_request, prepare_request, thumbs_request,
    video_spec,
};
use crate::sidecar::Sidecar;

/// A process whose pipe has ended should be gone at once; this is for its core and its parent.
const GRACE_AFTER_CLOSE: Duration = Duration::from_secs(2);

/// A worker that greeted us in our own version of the protocol.
///
/// It lives until it is [stopped](Worker::stop), dropped, or fails; after a failure every further
/// call fails the same way.
#[derive(Debug)]
pub struct Worker {
    connection: Connection,
    life: Box<dyn Life>,
    setback: Option<String>,
}

impl Worker {
    /// Starts a worker on `input`, writing into the folder `scratch`, and waits for its greeting.
    ///
    /// Fails with `NotFound` if none is installed, `Conflict` if it is of another version, and
    /// `Unavailable` if it did not come up.
    pub async fn start(
        launcher: &dyn Launch,
        input: File,
        scratch: &Path,
        duty: Duty,
        patience: Patience,
    ) -> Result<Self> {
        let errand = Errand {
            input,
            scratch: scratch.to_owned(),
            duty,
            encoders: 0,
        };
        Self::start_on(launcher, errand, patience).await
    }

    /// The same for an errand that may want encoders in graphics hardware.
    pub async fn start_on(
        launcher: &dyn Launch,
        errand: Errand,
        patience: Patience,
    ) -> Result<Self> {
        let duty = errand.duty;
        let Launched {
            requests,
            events,
            mut life,
        } = launcher.launch(errand).await?;
        let silence = patience.for_duty(duty);
        match Connection::open(events, requests, patience.hello, silence).await {
            Ok(connection) => Ok(Self {
                connection,
                life,
                setback: None,
            }),
            Err(breakage) => Err(obituary(life.as_mut(), &breakage).await),
        }
    }

    /// libav's version, for the log.
    pub fn libav(&self) -> &str {
        self.connection.libav()
    }

    /// How many requests are under way; at most
    /// [`MAX_OUTSTANDING`](crate::connection::MAX_OUTSTANDING).
    pub fn outstanding(&self) -> usize {
        self.connection.outstanding()
    }

    /// Reads the structure of the input, tries the encoders, writes the init segments into the
    /// scratch folder, and draws the plan.
    ///
    /// Fails with `Unsupported` if the file can never become a title.
    pub async fn inspect(&mut self, demand: Demand) -> Result<Plan> {
        let inspection = self.look().await?;
        let prepared = self.prepare(&inspection, demand).await?;
        draw(&inspection, &prepared, demand)
    }

    /// Reads the input as a file of subtitles and writes it into the scratch folder; returns its
    /// length there.
    ///
    /// Fails with `Unsupported` if there are no words in it.
    pub async fn read_sidecar(&mut self, sidecar: &Sidecar) -> Result<u64> {
        match self.ask(Request::ReadSidecar(sidecar.spec())).await? {
            Event::SidecarDone { size_bytes } => Ok(size_bytes),
            _ => Err(unasked()),
        }
    }

    /// What was wrong with the encoder in graphics hardware when the title was inspected.
    pub fn setback(&self) -> Option<&str> {
        self.setback.as_deref()
    }

    /// Begins the chunk with that index (from 0) and returns the request's number. A second one
    /// may be begun before the first is done, so that decoding never pauses.
    pub fn begin_chunk(&mut self, plan: &Plan, index: u32) -> Result<u32> {
        let specs = video_spec(plan).zip(chunk_spec(plan, index));
        let (video, chunk) = specs.ok_or_else(|| not_planned("chunk", index))?;
        self.send(Request::EncodeChunk { video, chunk })
    }

    /// Begins the run of copied segments with that index (from 0) and returns the request's number.
    pub fn begin_copy(&mut self, plan: &Plan, index: u32) -> Result<u32> {
        let copy = copy_spec(plan, index).ok_or_else(|| not_planned("copied part", index))?;
        self.send(Request::CopySegments(copy))
    }

    /// Begins the unit of sound with that number (from 0) and returns the request's number.
    pub fn begin_audio(&mut self, plan: &Plan, unit: u32) -> Result<u32> {
        let audio = audio_spec(plan, unit).ok_or_else(|| not_planned("unit of sound", unit))?;
        self.send(Request::EncodeAudio { audio })
    }

    /// Begins the poster and returns the request's number.
    pub fn begin_poster(&mut self, plan: &Plan) -> Result<u32> {
        let request = poster_request(plan).ok_or_else(|| not_planned("poster", 0))?;
        self.send(request)
    }

    /// Begins the sheet of thumbnails with that index (from 0) and returns the request's number.
    pub fn begin_thumbs(&mut self, plan: &Plan, index: u32) -> Result<u32> {
        let request = thumbs_request(plan, index);
        let request = request.ok_or_else(|| not_planned("sheet of thumbnails", index))?;
        self.send(request)
    }

    /// The next output together with the number of its request. Safe to abandon and call again.
    ///
    /// A worker that died, hung or sent nonsense is ended, and the error says which and with what
    /// last words.
    pub async fn next_output(&mut self) -> Result<(u32, Output)> {
        let NumberedEvent { number, event } = self.next_event().await?;
        match Output::of(event) {
            Some(output) => Ok((number, output)),
            None => Err(unasked()),
        }
    }

    async fn look(&mut self) -> Result<Inspection> {
        match self.ask(Request::Inspect { grid: GRID }).await? {
            Event::Inspected(inspection) => Ok(*inspection),
            _ => Err(unasked()),
        }
    }

    async fn prepare(&mut self, inspection: &Inspection, demand: Demand) -> Result<Prepared> {
        match self.ask(prepare_request(inspection, demand)).await? {
            Event::Prepared { video, audio } => Ok(Prepared { video, audio }),
            _ => Err(unasked()),
        }
    }

    /// Sends one request and waits for its last event.
    async fn ask(&mut self, request: Request) -> Result<Event> {
        let number = self.send(request)?;
        loop {
            let event = self.next_event().await?;
            if let Event::Failed { cause, message } = &event.event {
                return Err(failure(*cause, message));
            }
            if let Event::FellBack { reason } = &event.event {
                self.setback = Some(cleaned(reason));
            }
            if event.number == number && event.event.is_last() {
                return Ok(event.event);
            }
        }
    }

    fn send(&mut self, request: Request) -> Result<u32> {
        self.connection.send(request).ok_or_else(|| {
            Error::new(
                ErrorKind::Conflict,
                "homereel-worker already has as many requests as it takes",
            )
        })
    }

    async fn next_event(&mut self) -> Result<NumberedEvent> {
        match self.connection.next_event().await {
            Ok(event) => Ok(event),
            Err(breakage) => Err(obituary(self.life.as_mut(), &breakage).await),
        }
    }

    /// Ends the worker at once and returns when it is gone.
    pub async fn stop(mut self) {
        let _ = self.life.end(Duration::ZERO).await;
    }
}

/// Ends the life behind a broken connection and tells how it went.
async fn obituary(life: &mut dyn Life, breakage: &Breakage) -> Error {
    let (kind, grace) = match breakage {
        Breakage::Closed => (ErrorKind::Unavailable, GRACE_AFTER_CLOSE),
        Breakage::Version(_) => (ErrorKind::Conflict, Duration::ZERO),
        Breakage::Silent(_) | Breakage::Garbage(_) => (ErrorKind::Unavailable, Duration::ZERO),
    };
    let ending = life.end(grace).await;
    let mut message = breakage.to_string();
    if *breakage == Breakage::Closed {
        message = format!("{message}: it {}", ending.how);
    }
    if let Some(words) = ending.last_words {
        message = format!("{message}; its last words: {words}");
    }
    Error::new(kind, message)
}

fn not_planned(what: &str, index: u32) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the plan has no {what} {index} that could be encoded"),
    )
}

fn unasked() -> Error {
    Error::new(
        ErrorKind::Internal,
        "homereel-worker answered something that was not asked",
    )
}

#[cfg(test)]
mod tests {
    use super::Worker;
    use model::error::ErrorKind;
    use std::fs::File;
    use std::time::Duration;

    use crate::demand::Demand;
    use crate::limits::{Duty, Patience};
    use crate::output::Output;
    use crate::scripted::{Mishap, Scene, ScriptedLauncher};
    use model::settings::Settings;

    async fn start(launcher: &ScriptedLauncher, scratch: &tempfile::TempDir) -> Worker {
        let input = File::open("/dev/null").unwrap();
        let patience = Patience {
            encode: Duration::from_millis(200),
            ..Patience::default()
        };
        Worker::start(launcher, input, scratch.path(), Duty::Encode, patience)
            .await
            .unwrap()
    }

    /// Everything up to the end of the request with that number.
    async fn outputs(worker: &mut Worker, wanted: u32) -> Vec<Output> {
        let mut outputs = Vec::new();
        loop {
            let (number, output) = worker.next_output().await.unwrap();
            assert_eq!(number, wanted, "only one request was made");
            let last = !matches!(
                output,
                Output::Segment { .. }
                    | Output::Reading
                    | Output::FellBack(_)
                    | Output::Progress(_)
            );
            outputs.push(output);
            if last {
                return outputs;
            }
        }
    }

    #[tokio::test]
    async fn a_film_is_inspected_and_its_chunk_delivered() {
        let scratch = tempfile::tempdir().unwrap();
        let mut worker = start(&ScriptedLauncher::with_film(5, 1), &scratch).await;
        let plan = worker
            .inspect(Demand::of(&Settings::default()))
            .await
            .unwrap();
        assert_eq!(plan.chunks().len(), 3, "five segments are three chunks");
        assert!(
            scratch.path().join("init-stream2.m4s").is_file(),
            "inspecting leaves an init segment for each of three streams"
        );
        let number = worker.begin_chunk(&plan, 1).unwrap();
        let outputs = outputs(&mut worker, number).await;
        let segments = outputs
            .iter()
            .filter(|output| matches!(output, Output::Segment { .. }));
        assert_eq!(segments.count(), 4, "two segments in two rungs");
        worker.stop().await;
    }

    #[tokio::test]
    async fn a_third_request_at_once_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let launcher = ScriptedLauncher::with_film(8, 0);
        let mut worker = start(&launcher, &scratch).await;
        let plan = worker
            .inspect(Demand::of(&Settings::default()))
            .await
            .unwrap();
        for index in 0..2 {
            worker.begin_chunk(&plan, index).unwrap();
        }
        let refusal = worker.begin_chunk(&plan, 2).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Conflict);
        let missing = worker.begin_audio(&plan, 0).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Internal, "there is no audio");
    }

    #[tokio::test]
    async fn every_bad_end_is_told_apart() {
        let cases = [
            (Mishap::Die, ErrorKind::Unavailable, "killed by signal 9"),
            (Mishap::Hang, ErrorKind::Unavailable, "no sign of life"),
        ];
        for (mishap, kind, words) in cases {
            let scratch = tempfile::tempdir().unwrap();
            let launcher = ScriptedLauncher::with_film(2, 0);
            launcher.plan_mishap(Scene::Chunk(1), mishap.clone());
            let mut worker = start(&launcher, &scratch).await;
            let plan = worker
                .inspect(Demand::of(&Settings::default()))
                .await
                .unwrap();
            worker.begin_chunk(&plan, 0).unwrap();
            let error = loop {
                if let Err(error) = worker.next_output().await {
                    break error;
                }
            };
            assert_eq!(error.kind(), kind, "{mishap:?}");
            assert!(error.message().contains(words), "{mishap:?}: {error}");
        }
    }

    #[tokio::test]
    async fn a_file_that_can_never_work_is_unsupported() {
        let scratch = tempfile::tempdir().unwrap();
        let launcher = ScriptedLauncher::with_film(2, 0);
        let words = "This is a text file.";
        launcher.plan_mishap(Scene::Inspect, Mishap::Refuse(words.into()));
        let mut worker = start(&launcher, &scratch).await;
        let refusal = worker
            .inspect(Demand::of(&Settings::default()))
            .await
            .unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Unsupported);
        assert_eq!(
            refusal.message(),
            words,
            "the owner reads the worker's words"
        );
    }
}
