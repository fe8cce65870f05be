//! `GET /api/v1/events`: server-sent events that tell what to look at again. An event carries an
//! id and nothing else, so a client that misses one loses no fact.
//!
//! Changes are gathered for a moment and told once each: a chunk that lands stores dozens of
//! segments within milliseconds. Nobody hears of titles they may not see, or might not have seen
//! before they were removed. When it changes who may see some title, all hear that listings may have
//! changed, and nobody which title it was.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use model::change::Change;
use model::id::{JobId, TitleId};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::problem::{Problem, SHORT_WAIT};
use crate::room::{Client, Full, Place};
use crate::titles;

/// A comment line this often keeps proxies and sleeping radios from closing the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Something to look at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Notice {
    Title(TitleId),
    Job(JobId, TitleId),
    Inbox,
    /// Listings of titles, some of which may be there or gone for somebody.
    Library,
    /// Settings, folders or people.
    Settings,
    Lagged,
}

/// `GET /api/v1/events`
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    operation_id = "listen",
    summary = "Server-sent events that tell what to look at again",
    responses((
        status = 200,
        description = "Events `title` {id}, `job` {id, title}, `inbox` {}, `library` {} when any \
            listing of titles may have changed, `settings` {}, and `lagged` {} for a client that \
            should look at everything. It goes on until the client leaves or the server asks it \
            to come again.",
        body = String,
        content_type = "text/event-stream"
    ))
)]
pub(crate) async fn stream(
    State(app): State<App>,
    standing: Standing,
    client: Client,
) -> Result<Response, Problem> {
    let place = app.listeners.admit(client).map_err(no_place)?;
    let listener = Listener {
        changes: app.site.catalog.subscribe(),
        standing,
        app,
        _place: place,
    };
    let events = Sse::new(listener.events())
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("still here"));
    // Proxies that buffer would hold events back (nginx reads this header).
    Ok((
        [(HeaderName::from_static("x-accel-buffering"), "no")],
        events,
    )
        .into_response())
}

fn no_place(full: Full) -> Problem {
    match full {
        Full::OfThisClient => Problem::too_many(
            "Too many pages of this browser listen already. Close one.",
            SHORT_WAIT,
        ),
        Full::OfAll => Problem::not_yet("Too many pages listen already."),
    }
}

/// One client's place among the listeners.
struct Listener {
    changes: Receiver<Change>,
    standing: Standing,
    app: App,
    _place: Place<Client>,
}

impl Listener {
    /// Ends when the server stops, the catalog closes, or the listener is not who it was.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let batches = stream::unfold(self, |mut listener| async move {
            let stopping = listener.app.stopping.clone();
            let batch = stopping
                .run_until_cancelled(listener.next_batch())
                .await??;
            let batch = listener.permitted(batch).await?;
            Some((stream::iter(batch), listener))
        });
        batches.flatten().map(|notice| Ok(notice.event()))
    }

    /// Waits for a change, then gathers what comes right behind it.
    async fn next_batch(&mut self) -> Option<BTreeSet<Notice>> {
        let mut batch = BTreeSet::new();
        match self.changes.recv().await {
            Ok(change) => batch.insert(Notice::about(change)),
            Err(RecvError::Lagged(_)) => batch.insert(Notice::Lagged),
            Err(RecvError::Closed) => return None,
        };
        tokio::time::sleep(self.app.limits.gather).await;
        loop {
            match self.changes.try_recv() {
                Ok(change) => batch.insert(Notice::about(change)),
                Err(TryRecvError::Lagged(_)) => batch.insert(Notice::Lagged),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            };
        }
        if batch.contains(&Notice::Lagged) {
            batch = BTreeSet::from([Notice::Lagged]);
        }
        Some(batch)
    }

    /// What of it the listener may know; `None` once they are not who they were: their page comes
    /// again and is looked at anew.
    async fn permitted(&mut self, batch: BTreeSet<Notice>) -> Option<Vec<Notice>> {
        if batch.contains(&Notice::Settings) || batch.contains(&Notice::Lagged) {
            let now = Standing::of(&self.app, self.standing.proof).await.ok()?;
            if now != self.standing {
                return None;
            }
        }
        let caller = Caller(self.standing.who.clone());
        let mut told = Vec::with_capacity(batch.len());
        for notice in batch {
            if self.may_know(&caller, notice).await {
                told.push(notice);
            }
        }
        Some(told)
    }

    async fn may_know(&self, caller: &Caller, notice: Notice) -> bool {
        match notice {
            Notice::Title(title) | Notice::Job(_, title) => {
                let visible = titles::was_visible(&self.app, caller, title).await;
                visible.unwrap_or(false)
            }
            Notice::Inbox => self.standing.follows_work(),
            Notice::Library | Notice::Settings | Notice::Lagged => true,
        }
    }
}

impl Notice {
    fn about(change: Change) -> Self {
        match change {
            Change::Title(title) | Change::Segment { title, .. } | Change::Wish(title) => {
                Self::Title(title)
            }
            Change::Job(job, title) => Self::Job(job, title),
            Change::Rights => Self::Library,
            Change::Inbox => Self::Inbox,
            Change::Settings | Change::Folders | Change::People => Self::Settings,
        }
    }

    fn event(self) -> Event {
        let (name, data) = match self {
            Self::Title(id) => (
                "title",
                Data {
                    id: Some(id.to_string()),
                    title: None,
                },
            ),
            Self::Job(id, title) => (
                "job",
                Data {
                    id: Some(id.to_string()),
                    title: Some(title.to_string()),
                },
            ),
            Self::Inbox => ("inbox", Data::default()),
            Self::Library => ("library", Data::default()),
            Self::Settings => ("settings", Data::default()),
            Self::Lagged => ("lagged", Data::default()),
        };
        // Two optional words of base 32 always become JSON.
        let data = serde_json::to_string(&data).unwrap_or_default();
        Event::default().event(name).data(data)
    }
}

/// What an event carries.
#[derive(Debug, Default, Serialize)]
struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}
