//! Homereel's HTTP interface as a client sees it. Unknown fields are ignored, so that the
//! interface may grow. What does not belong here: starting and stopping servers (`server`).

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

mod rfc3339;

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    agent: ureq::Agent,
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `Content-Type`, empty if absent.
    pub content_type: String,
    /// `Retry-After`, empty if absent.
    pub retry_after: String,
    /// The body.
    pub bytes: Vec<u8>,
}

/// A title as `/api/v1/videos` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Video {
    /// Its name in URLs.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `waiting`, `processing`, `playable`, `ready` or `failed`.
    pub state: String,
    /// Why it failed or what it waits for.
    pub reason: Option<String>,
    /// Length of the title; absent before the inspection.
    pub duration_s: Option<f64>,
    /// Name of the file it is made from.
    pub file: String,
    /// The qualities, lowest first.
    #[serde(default)]
    pub rungs: Vec<Rung>,
    /// The audio tracks that were kept.
    #[serde(default)]
    pub audio: Vec<serde_json::Value>,
    /// Its text tracks; empty in lists.
    #[serde(default)]
    pub subtitles: Vec<serde_json::Value>,
    /// Its chapters; empty in lists.
    #[serde(default)]
    pub chapters: Vec<serde_json::Value>,
    /// URL of the poster, once there is one.
    pub poster: Option<String>,
    /// URL of the MPD, once there is a plan.
    pub manifest_dash: Option<String>,
    /// What the inspection found.
    pub source: Option<SourceFacts>,
    /// What was left out or is damaged.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The job that makes it.
    pub job: Option<String>,
}

/// One quality.
#[derive(Clone, Debug, Deserialize)]
pub struct Rung {
    /// Stream number in URLs.
    pub stream: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The source's own picture.
    pub original: bool,
    /// Share that is encoded, 0 to 1.
    pub ready: f64,
}

/// What the inspection found.
#[derive(Clone, Debug, Deserialize)]
pub struct SourceFacts {
    /// Decoded frames carry the interlaced flag.
    pub interlaced: bool,
    /// PQ, HLG or Dolby Vision.
    pub hdr: bool,
    /// Upright width with square pixels.
    pub display_width: Option<u32>,
    /// Upright height with square pixels.
    pub display_height: Option<u32>,
    /// Cover pictures not counted.
    pub video_tracks: u32,
    /// All of them, decodable or not.
    pub audio_tracks: u32,
    /// All of them.
    pub subtitle_tracks: u32,
}

/// A job as `/api/v1/jobs` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Job {
    /// Its name in URLs.
    pub id: String,
    /// `queued`, `running`, `paused`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// Why it failed or waits.
    pub reason: Option<String>,
    /// Failures in a row.
    #[serde(default)]
    pub attempts: u32,
    /// RFC 3339, when work first began.
    pub started_at: Option<String>,
    /// RFC 3339, when it reached a final state.
    pub finished_at: Option<String>,
}

/// A file in the inbox.
#[derive(Clone, Debug, Deserialize)]
pub struct Arrival {
    /// Its name.
    pub file: String,
    /// `settling`, `admitted`, `duplicate`, `refused`, `ignored`, `removed` or `missing`.
    pub state: String,
    /// What it waits for or why it was refused.
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct VideoList {
    videos: Vec<Video>,
}

#[derive(Debug, Deserialize)]
struct JobList {
    jobs: Vec<Job>,
}

#[derive(Debug, Deserialize)]
struct Inbox {
    arrivals: Vec<Arrival>,
}

impl Video {
    /// Nothing more will happen to it by itself.
    pub fn is_final(&self) -> bool {
        self.state == "ready" || self.state == "failed"
    }

    /// It plays, whether or not everything is encoded.
    pub fn plays(&self) -> bool {
        self.state == "playable" || self.state == "ready"
    }

    /// Its reason and notes in one text, for messages and comparisons.
    pub fn words(&self) -> String {
        let reason = self.reason.iter().chain(&self.notes);
        reason.cloned().collect::<Vec<_>>().join(" ")
    }
}

impl Job {
    /// Seconds from the beginning of the work to its end, once it has ended.
    pub fn worked_s(&self) -> Option<f64> {
        let began = rfc3339::seconds(self.started_at.as_ref()?)?;
        let ended = rfc3339::seconds(self.finished_at.as_ref()?)?;
        Some(ended - began)
    }
}

impl Api {
    /// A client of the server at `base`, such as `http://127.0.0.1:8096`.
    pub fn new(base: &str) -> Self {
        // A segment that is not encoded yet may be held for half a minute.
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(120)))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Self {
            base: base.trim_end_matches('/').to_owned(),
            agent,
        }
    }

    /// The full URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks for `path` and returns whatever comes.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let response = self
            .agent
            .get(self.url(path))
            .call()
            .with_context(|| format!("GET {path}"))?;
        read_answer(response).with_context(|| format!("reading the answer to GET {path}"))
    }

    /// Sends an empty POST to `path`, as the server's own pages do.
    pub fn post(&self, path: &str) -> Result<Answer> {
        let response = self
            .agent
            .post(self.url(path))
            .header("Origin", &self.base)
            .send_empty()
            .with_context(|| format!("POST {path}"))?;
        read_answer(response).with_context(|| format!("reading the answer to POST {path}"))
    }

    /// The body at `path`, which must be there.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let answer = self.get(path)?;
        if answer.status != 200 {
            bail!("GET {path} was answered with {}", answer.summary());
        }
        Ok(answer.bytes)
    }

    /// The lines of the event stream, from now on.
    pub fn event_lines(&self) -> Result<impl Iterator<Item = std::io::Result<String>>> {
        let response = self.agent.get(self.url("/api/v1/events")).call()?;
        let kind = response.headers().get("content-type");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        ensure!(
            response.status() == 200 && kind.starts_with("text/event-stream"),
            "the event stream was answered with {} and {kind:?}",
            response.status()
        );
        Ok(BufReader::new(response.into_body().into_reader()).lines())
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let bytes = self.bytes(path)?;
        serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "understanding the answer to GET {path}: {}",
                String::from_utf8_lossy(&bytes)
            )
        })
    }

    /// Every title; tests have fewer than fit on a page.
    pub fn videos(&self) -> Result<Vec<Video>> {
        let list: VideoList = self.json("/api/v1/videos?per_page=100")?;
        Ok(list.videos)
    }

    /// One title.
    pub fn video(&self, id: &str) -> Result<Video> {
        self.json(&format!("/api/v1/videos/{id}"))
    }

    /// The titles made from files with this name.
    pub fn videos_of(&self, file_name: &str) -> Result<Vec<Video>> {
        let mut videos = self.videos()?;
        videos.retain(|video| video.file == file_name);
        Ok(videos)
    }

    /// Every job.
    pub fn jobs(&self) -> Result<Vec<Job>> {
        let list: JobList = self.json("/api/v1/jobs")?;
        Ok(list.jobs)
    }

    /// What lies at the doors.
    pub fn inbox(&self) -> Result<Vec<Arrival>> {
        let inbox: Inbox = self.json("/api/v1/inbox")?;
        Ok(inbox.arrivals)
    }

    /// Waits until the title made from `file_name` satisfies `wanted`, and gives up early once it
    /// can no longer change.
    pub fn wait_for_video(
        &self,
        file_name: &str,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&Video) -> bool,
    ) -> Result<Video> {
        let mut last_seen = String::from("it was never listed");
        let found = wait_until(what, deadline, || {
            let Some(video) = self.videos_of(file_name)?.into_iter().next() else {
                return Ok(None);
            };
            last_seen = format!("its state is {:?}, {}", video.state, video.words());
            if wanted(&video) {
                return Ok(Some(video));
            }
            ensure!(!video.is_final(), "it will not: {last_seen}");
            Ok(None)
        });
        found.with_context(|| format!("waiting for {file_name} to be {what}; {last_seen}"))
    }

    /// Waits until everything of the title made from `file_name` is encoded.
    pub fn wait_until_ready(&self, file_name: &str, deadline: Duration) -> Result<Video> {
        self.wait_for_video(file_name, "ready", deadline, |video| video.state == "ready")
    }
}

impl Answer {
    /// Status and the beginning of the body, for messages.
    pub fn summary(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        format!(
            "{}: {}",
            self.status,
            text.chars().take(300).collect::<String>()
        )
    }
}

fn read_answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    const LONGEST_BYTES: u64 = 256 * 1024 * 1024;
    let header = |name: &str| {
        let value = response.headers().get(name);
        let text = value.and_then(|value| value.to_str().ok());
        text.unwrap_or_default().to_owned()
    };
    Ok(Answer {
        status: response.status().as_u16(),
        content_type: header("content-type"),
        retry_after: header("retry-after"),
        bytes: response
            .body_mut()
            .with_config()
            .limit(LONGEST_BYTES)
            .read_to_vec()?,
    })
}

/// Looks ten times a second until something is there. A black box has no event to wait for.
pub fn wait_until<T>(
    what: &str,
    deadline: Duration,
    look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    watch_until(what, Duration::from_millis(100), deadline, look)
}

/// The same, looking at other intervals: for what is there for a moment only.
pub fn watch_until<T>(
    what: &str,
    interval: Duration,
    deadline: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if began.elapsed() > deadline {
            bail!("not {what} within {} s", deadline.as_secs());
        }
        std::thread::sleep(interval);
    }
}
