//! The spool: a folder in the data folder through which `homereel ingest FILE` asks the running
//! server to take a file.
//!
//! A folder instead of a socket: whoever may write into the data folder may ask, which the file
//! system already checks, and a question outlives a restart. This file is the server's end; the
//! format and the asking end are in [`format`](mod@format).

pub mod format;

use ingest::IngestHandle;
use model::arrival::Door;
use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use model::id::TitleId;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::spool::format::{Answer, RequestId};
use crate::words;

/// Requests worked on at once; the others stay in the folder.
const MAX_OPEN: usize = 16;

/// How the spool is served.
#[derive(Clone, Copy, Debug)]
pub struct SpoolPolicy {
    /// How often the folder is looked at. Files take seconds to settle, so this is soon enough.
    pub look_interval: Duration,
    /// How long a file may take to become a title before whoever asked is told to look later.
    pub deadline: Duration,
    /// How long an answer waits to be fetched.
    pub keep_answers: Duration,
}

impl Default for SpoolPolicy {
    fn default() -> Self {
        Self {
            look_interval: Duration::from_millis(500),
            deadline: Duration::from_secs(600),
            keep_answers: Duration::from_secs(3600),
        }
    }
}

/// The running server of a spool.
#[derive(Debug)]
pub struct Spool {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// One task with one loop.
#[derive(Debug)]
struct Server {
    folder: PathBuf,
    ingest: IngestHandle,
    policy: SpoolPolicy,
    open: BTreeSet<RequestId>,
    work: JoinSet<RequestId>,
    /// Answers that lie in the folder, and since when. Those of an earlier run count from now.
    answers: BTreeMap<RequestId, Instant>,
}

impl Spool {
    /// Serves the requests in `folder`, those of the time before the start too. Must be called
    /// within a runtime.
    pub fn start(folder: PathBuf, ingest: IngestHandle, policy: SpoolPolicy) -> Self {
        let stop = CancellationToken::new();
        let server = Server {
            folder,
            ingest,
            policy,
            open: BTreeSet::new(),
            work: JoinSet::new(),
            answers: BTreeMap::new(),
        };
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            stopped.run_until_cancelled(server.run()).await;
        });
        Self { stop, task }
    }

    /// Stops serving. Requests without an answer are served after the next start.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "Serving the spool ended badly.");
        }
    }
}

impl Server {
    async fn run(mut self) {
        let mut looks = interval(self.policy.look_interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    if let Err(error) = self.look().await {
                        tracing::warn!(%error, "The spool cannot be read; it is tried again.");
                    }
                }
                Some(served) = self.work.join_next() => self.served(served),
            }
        }
    }

    /// Takes up new requests and drops answers that nobody fetched.
    async fn look(&mut self) -> Result<()> {
        let folder = self.folder.clone();
        let (requests, answers) = spawn_blocking(move || list(&folder))
            .await
            .context(ErrorKind::Internal, "looking into the spool")??;
        for id in requests {
            if self.open.len() < MAX_OPEN && self.open.insert(id) {
                let (folder, ingest) = (self.folder.clone(), self.ingest.clone());
                self.work
                    .spawn(serve(folder, ingest, id, self.policy.deadline));
            }
        }
        self.drop_old(answers).await
    }

    async fn drop_old(&mut self, present: BTreeSet<RequestId>) -> Result<()> {
        let now = Instant::now();
        self.answers.retain(|id, _| present.contains(id));
        for id in present {
            let since = *self.answers.entry(id).or_insert(now);
            if now.saturating_duration_since(since) >= self.policy.keep_answers {
                let folder = self.folder.clone();
                spawn_blocking(move || format::drop_answer(&folder, id))
                    .await
                    .context(ErrorKind::Internal, "clearing the spool")??;
            }
        }
        Ok(())
    }

    fn served(&mut self, served: Result<RequestId, tokio::task::JoinError>) {
        match served {
            Ok(id) => {
                self.open.remove(&id);
            }
            // Its request stays open, so that it is not tried for ever.
            Err(error) => tracing::error!(%error, "Serving a request ended badly."),
        }
    }
}

/// Serves one request from question to answer.
async fn serve(
    folder: PathBuf,
    ingest: IngestHandle,
    id: RequestId,
    deadline: Duration,
) -> RequestId {
    let answer = match take(&folder, &ingest, id, deadline).await {
        Ok(title) => Answer::Taken { title },
        Err(error) => Answer::Refused {
            error: error.to_string(),
        },
    };
    let written = spawn_blocking(move || format::write_answer(&folder, id, &answer)).await;
    match written.context(ErrorKind::Internal, "answering a request") {
        Ok(Ok(())) => {}
        // The request still lies there and is served again.
        Ok(Err(error)) | Err(error) => {
            tracing::warn!(%error, "A request cannot be answered; it is tried again.")
        }
    }
    id
}

async fn take(
    folder: &Path,
    ingest: &IngestHandle,
    id: RequestId,
    deadline: Duration,
) -> Result<TitleId> {
    let folder = folder.to_owned();
    let path = spawn_blocking(move || {
        let request = format::read_request(&folder, id)?;
        // Whoever names a link means what it points to, and may read it or not.
        request.path.canonicalize().map_err(|error| {
            let [path, why] = [request.path.display().to_string(), words::of_io(&error)];
            Error::new(
                kind_of_io(&error),
                format!("{path} cannot be opened: {why}."),
            )
        })
    })
    .await
    .context(ErrorKind::Internal, "reading a request")??;
    ingest.take(path, Door::Command, deadline).await
}

/// The requests and the answers that lie in the spool.
fn list(folder: &Path) -> Result<(Vec<RequestId>, BTreeSet<RequestId>)> {
    let reading = || format!("reading the spool {}", folder.display());
    let mut requests = Vec::new();
    let mut answers = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(ErrorKind::Unavailable, reading)? {
        let name = entry
            .with_context(ErrorKind::Unavailable, reading)?
            .file_name();
        answers.extend(format::answer_named(&name));
        requests.extend(format::request_named(&name));
    }
    // The oldest first: identifiers begin with their time.
    requests.sort_unstable();
    Ok((requests, answers))
}

#[cfg(test)]
mod tests {
    use super::format::{Answer, Request, RequestId, ask, fetch_answer};
    use super::{Spool, SpoolPolicy};
    use ingest::{IngestHandle, Report};
    use model::arrival::Door;
    use model::error::{Error, ErrorKind};
    use model::id::TitleId;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;
    use tokio::sync::mpsc;

    const POLICY: SpoolPolicy = SpoolPolicy {
        look_interval: Duration::from_millis(5),
        deadline: Duration::from_secs(20),
        keep_answers: Duration::from_secs(3600),
    };

    /// An ingest that takes films and refuses everything else.
    fn film_lover(title: TitleId) -> IngestHandle {
        let (inbox, mut reports) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(Report::Asked {
                path, door, reply, ..
            }) = reports.recv().await
            {
                assert_eq!(door, Door::Command);
                let is_film = path.extension().is_some_and(|ending| ending == "mkv");
                let refusal = Error::new(ErrorKind::Unsupported, "This is no film.");
                let outcome = if is_film { Ok(title) } else { Err(refusal) };
                reply.send(outcome).unwrap();
            }
        });
        IngestHandle::reporting_to(inbox)
    }

    async fn answer(spool: &Path, id: RequestId) -> Answer {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..4_000 {
            looks.tick().await;
            if let Some(answer) = fetch_answer(spool, id).unwrap() {
                return answer;
            }
        }
        unreachable!("a request is answered within 20 s");
    }

    async fn answer_to(spool: &Path, file: &Path) -> Answer {
        let id = ask(spool, &Request { path: file.into() }).unwrap();
        answer(spool, id).await
    }

    #[tokio::test]
    async fn every_request_is_answered_with_the_title_or_the_reason() {
        let home = tempfile::tempdir().unwrap();
        let spool = home.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let [film, notes] = ["a.mkv", "notes.txt"].map(|name| home.path().join(name));
        fs::write(&film, "film").unwrap();
        fs::write(&notes, "notes").unwrap();
        fs::write(spool.join("litter.json"), "{}").unwrap();
        let title = TitleId::generate();
        let server = Spool::start(spool.clone(), film_lover(title), POLICY);

        assert_eq!(answer_to(&spool, &film).await, Answer::Taken { title });
        let no_film = Answer::Refused {
            error: "This is no film.".into(),
        };
        assert_eq!(answer_to(&spool, &notes).await, no_film);
        let Answer::Refused { error } = answer_to(&spool, Path::new("/no/such.mkv")).await else {
            unreachable!("a file that is not there cannot be taken");
        };
        assert!(
            error.starts_with("/no/such.mkv cannot be opened"),
            "{error}"
        );
        server.shutdown().await;
        assert_eq!(
            fs::read_dir(&spool).unwrap().count(),
            1,
            "only the litter is left"
        );
    }

    #[tokio::test]
    async fn a_request_made_while_the_server_was_down_is_answered_later() {
        let spool = tempfile::tempdir().unwrap();
        let film = spool.path().join("a.mkv");
        fs::write(&film, "film").unwrap();
        let early = ask(spool.path(), &Request { path: film.clone() }).unwrap();
        let title = TitleId::generate();
        let server = Spool::start(spool.path().into(), film_lover(title), POLICY);
        assert_eq!(answer(spool.path(), early).await, Answer::Taken { title });
        server.shutdown().await;
    }

    #[tokio::test]
    async fn an_answer_that_nobody_fetches_is_dropped_in_the_end() {
        let spool = tempfile::tempdir().unwrap();
        let policy = SpoolPolicy {
            keep_answers: Duration::ZERO,
            ..POLICY
        };
        let server = Spool::start(spool.path().into(), film_lover(TitleId::generate()), policy);
        let id = ask(
            spool.path(),
            &Request {
                path: "/no/such.mkv".into(),
            },
        )
        .unwrap();
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while fs::read_dir(spool.path()).unwrap().count() > 0 {
            looks.tick().await;
        }
        assert_eq!(fetch_answer(spool.path(), id).unwrap(), None);
        server.shutdown().await;
    }
}
