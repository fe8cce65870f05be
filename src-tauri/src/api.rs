//! The server's HTTP API as the shell uses it: tickets, what goes on, and the few wishes of the
//! tray. It is asked as the person who sits here, from the first question on. Everything here
//! blocks. What does not belong here: what is made of the answers.

use homereel::endpoint::Endpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A server on this machine answers within a fraction of it.
const DEADLINE: Duration = Duration::from_secs(10);
/// No answer that is read here is longer.
const MAX_BYTES: u64 = 4 << 20;
/// The header that shows that we may read the data folder.
const KEY_HEADER: &str = "x-homereel-key";
/// What the server calls its session.
const SESSION_COOKIE: &str = "homereel_session=";

/// A client of one server; clones share its session.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    base: String,
    data_dir: PathBuf,
    session: Arc<Mutex<Option<String>>>,
}

/// A one-time way in.
#[derive(Debug, Deserialize)]
struct Ticket {
    url: String,
}

/// Whom the server sees.
#[derive(Debug, Deserialize)]
struct Present {
    user: Option<Person>,
    claimed: bool,
}

#[derive(Debug, Deserialize)]
struct Person {
    id: String,
}

/// Where other screens find the server.
#[derive(Debug, Deserialize)]
struct Addresses {
    urls: Vec<String>,
}

/// An error as the API words it.
#[derive(Debug, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl Api {
    pub(crate) fn new(base: &str, data_dir: &Path) -> Self {
        Self {
            base: base.to_owned(),
            data_dir: data_dir.to_owned(),
            session: Arc::default(),
        }
    }

    /// Where its pages are, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The address that opens the library for whoever sits here: signed in, or in the middle of
    /// setting the house up. Without a ticket it is the library as a guest sees it.
    pub(crate) fn way_in(&self) -> String {
        match self.ticket() {
            Ok(path) => self.base.clone() + &path,
            Err(error) => {
                tracing::warn!(%error, "There is no ticket, so the window opens as a guest.");
                format!("{}/", self.base)
            }
        }
    }

    /// The address for other screens of the house; `None` if only this machine reaches the server.
    pub(crate) fn address_in_the_house(&self) -> Option<String> {
        let addresses: Addresses = self.get("/api/v1/address").ok()?;
        addresses.urls.into_iter().next()
    }

    /// That address as a picture for telephones, in SVG.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn address_as_picture(&self) -> Result<String, String> {
        self.in_session(|session| {
            let path = "/api/v1/address/qr.svg";
            let picture = bytes(&mut self.ask("GET", path, session, None)?);
            let picture = picture.and_then(|bytes| {
                String::from_utf8(bytes).map_err(|error| format!("the picture: {error}"))
            });
            picture.map_err(Refusal::Other)
        })
    }

    /// Signs in as the person who sits here, if the house is somebody's and that is not done yet
    /// or was undone. Says as whom the server sees us from then on; `None` is a guest.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn introduce(&self) -> Result<Option<String>, String> {
        let present = self.present()?;
        if present.user.is_some() || !present.claimed {
            return Ok(present.user.map(|person| person.id));
        }
        *self.session() = None;
        self.sign_in();
        Ok(self.present()?.user.map(|person| person.id))
    }

    fn present(&self) -> Result<Present, String> {
        let session = self.session().clone();
        let answer = self.request("GET", "/api/v1/session", session.as_deref(), None);
        answer.map_err(Refusal::into_sentence)
    }

    /// Whether there is an answer at all, whatever it says.
    pub(crate) fn answers(&self) -> bool {
        agent().get(self.base.clone() + "/healthz").call().is_ok()
    }

    /// Fetches `path`.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        self.in_session(|session| self.request("GET", path, session, None))
    }

    /// Sends `body` to `path`; the answer does not matter.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Result<(), String> {
        let answer: Result<Value, String> =
            self.in_session(|session| self.request(method, path, session, Some(body)));
        answer.map(drop)
    }

    /// Calls `on_event` once it listens, since what was told before is missed, and for each event
    /// from then on, until the server stops or `on_event` says no.
    ///
    /// # Errors
    /// A sentence, when the server does not tell events.
    pub(crate) fn follow(&self, mut on_event: impl FnMut() -> bool) -> Result<(), String> {
        self.introduce()?;
        let mut events = self.in_session(|session| {
            let request = with_session(ureq::get(self.base.clone() + "/api/v1/events"), session);
            request.call().map_err(|error| Refusal::from(&error))
        })?;
        if !on_event() {
            return Ok(());
        }
        let body = BufReader::new(events.body_mut().as_reader());
        for line in body.split(b'\n') {
            match line {
                Ok(line) if line.starts_with(b"event:") && !on_event() => break,
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// The path and fragment of a one-time way in.
    fn ticket(&self) -> Result<String, String> {
        let endpoint = Endpoint::read(&self.data_dir).ok_or("the server gave no key")?;
        let agent = agent();
        let request = agent
            .post(self.base.clone() + "/api/v1/tickets")
            .header(KEY_HEADER, endpoint.key)
            .header("origin", &self.base);
        let mut answer = request.send_empty().map_err(|error| error.to_string())?;
        let ticket: Ticket = read(&mut answer)?;
        Ok(ticket.url)
    }

    /// Tries as the person who sits here, and once more with a new session if this one is refused.
    fn in_session<T>(
        &self,
        call: impl Fn(Option<&str>) -> Result<T, Refusal>,
    ) -> Result<T, String> {
        if self.session().is_none() {
            self.introduce()?;
        }
        let session = self.session().clone();
        match call(session.as_deref()) {
            Err(Refusal::WhoAreYou(_)) => {
                self.introduce()?;
                let session = self.session().clone();
                call(session.as_deref()).map_err(Refusal::into_sentence)
            }
            outcome => outcome.map_err(Refusal::into_sentence),
        }
    }

    fn session(&self) -> MutexGuard<'_, Option<String>> {
        // Nothing panics while it is held.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns a ticket into a session, as the page behind it would, if it is given one.
    fn sign_in(&self) {
        let session = self.ticket().and_then(|path| self.session_for(&path));
        match session {
            Ok(session) => *self.session() = Some(session),
            Err(error) => tracing::warn!(%error, "The tray sees what guests see."),
        }
    }

    fn session_for(&self, path: &str) -> Result<String, String> {
        let ticket = path.strip_prefix("/enter#t=");
        let ticket = ticket.ok_or("the ticket is for setting the house up")?;
        let agent = agent();
        let answer = agent
            .post(self.base.clone() + "/api/v1/session/ticket")
            .header("origin", &self.base)
            .header("content-type", "application/json")
            .send(json!({ "ticket": ticket }).to_string())
            .map_err(|error| error.to_string())?;
        let cookies = answer.headers().get_all("set-cookie").iter();
        let session = cookies
            .filter_map(|cookie| cookie.to_str().ok())
            .filter_map(|cookie| cookie.split(';').next())
            .find(|cookie| cookie.starts_with(SESSION_COOKIE));
        let session = session.ok_or("the ticket was answered without a session")?;
        Ok(session.to_owned())
    }

    fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        session: Option<&str>,
        body: Option<&Value>,
    ) -> Result<T, Refusal> {
        let mut answer = self.ask(method, path, session, body)?;
        read(&mut answer).map_err(Refusal::Other)
    }

    /// Asks and returns an answer that is no refusal.
    fn ask(
        &self,
        method: &str,
        path: &str,
        session: Option<&str>,
        body: Option<&Value>,
    ) -> Result<ureq::http::Response<ureq::Body>, Refusal> {
        let agent = agent();
        let url = self.base.clone() + path;
        let outcome = match (method, body) {
            ("POST", Some(body)) => self.with_body(agent.post(url), session, body),
            ("PATCH", Some(body)) => self.with_body(agent.patch(url), session, body),
            _ => with_session(agent.get(url), session).call(),
        };
        let mut answer = outcome.map_err(|error| Refusal::from(&error))?;
        let status = answer.status().as_u16();
        if status < 400 {
            return Ok(answer);
        }
        let sentence = match read::<Problem>(&mut answer) {
            Ok(problem) => problem.detail.or(problem.title),
            Err(_) => None,
        };
        let sentence = sentence.unwrap_or_else(|| format!("The server answered {status}."));
        Err(match status {
            401 => Refusal::WhoAreYou(sentence),
            _ => Refusal::Other(sentence),
        })
    }

    fn with_body(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        session: Option<&str>,
        body: &Value,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        with_session(request, session)
            .header("origin", &self.base)
            .header("content-type", "application/json")
            .send(body.to_string())
    }
}

/// Why a call did not do what it should.
enum Refusal {
    /// Somebody who is signed in may.
    WhoAreYou(String),
    Other(String),
}

impl Refusal {
    fn into_sentence(self) -> String {
        match self {
            Self::WhoAreYou(sentence) | Self::Other(sentence) => sentence,
        }
    }
}

impl From<&ureq::Error> for Refusal {
    fn from(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::StatusCode(401) => Self::WhoAreYou(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

/// An agent that hands back every status with its body.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .into()
}

fn with_session<B>(
    request: ureq::RequestBuilder<B>,
    session: Option<&str>,
) -> ureq::RequestBuilder<B> {
    match session {
        Some(session) => request.header("cookie", session),
        None => request,
    }
}

fn read<T: DeserializeOwned>(answer: &mut ureq::http::Response<ureq::Body>) -> Result<T, String> {
    // An answer without a body says all it has to say.
    let text = match bytes(answer)? {
        text if text.is_empty() => b"null".to_vec(),
        text => text,
    };
    serde_json::from_slice(&text).map_err(|error| format!("the server's answer: {error}"))
}

fn bytes(answer: &mut ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let reader = answer.body_mut().as_reader();
    let read = reader.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    Ok(bytes)
}
