//! The server's HTTP API as the shell uses it: tickets, what goes on, and the few wishes of the
//! tray. Everything here blocks. What does not belong here: what is made of the answers.

use homereel::endpoint::Endpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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

    /// Another address of this server for people in the house, if it knows one.
    pub(crate) fn address_in_the_house(&self) -> Option<String> {
        let answer: Value = self.get("/api/v1/address").ok()?;
        let urls = answer.get("urls")?.as_array()?;
        urls.first()?.as_str().map(str::to_owned)
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

    /// Calls `on_event` for each event, until the server stops or `on_event` says no.
    ///
    /// # Errors
    /// A sentence, when the server does not tell events.
    pub(crate) fn follow(&self, mut on_event: impl FnMut() -> bool) -> Result<(), String> {
        let mut events = self.in_session(|session| {
            let request = with_session(ureq::get(self.base.clone() + "/api/v1/events"), session);
            request.call().map_err(|error| Refusal::from(&error))
        })?;
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

    /// Tries as the session says, and once more with a new session if that is refused.
    fn in_session<T>(
        &self,
        call: impl Fn(Option<&str>) -> Result<T, Refusal>,
    ) -> Result<T, String> {
        match call(self.known_session().as_deref()) {
            Err(Refusal::WhoAreYou(sentence)) => match self.sign_in() {
                Some(session) => call(Some(&session)).map_err(Refusal::into_sentence),
                None => Err(sentence),
            },
            outcome => outcome.map_err(Refusal::into_sentence),
        }
    }

    fn known_session(&self) -> Option<String> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.clone()
    }

    /// Turns a ticket into a session, as the page behind it would. A ticket for setting the house
    /// up is not for that.
    fn sign_in(&self) -> Option<String> {
        let path = self.ticket().ok()?;
        let ticket = path.strip_prefix("/enter#t=")?;
        let agent = agent();
        let answer = agent
            .post(self.base.clone() + "/api/v1/session/ticket")
            .header("origin", &self.base)
            .header("content-type", "application/json")
            .send(json!({ "ticket": ticket }).to_string())
            .ok()?;
        let cookies = answer.headers().get_all("set-cookie").iter();
        let session = cookies
            .filter_map(|cookie| cookie.to_str().ok())
            .filter_map(|cookie| cookie.split(';').next())
            .find(|cookie| cookie.starts_with(SESSION_COOKIE))?
            .to_owned();
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Some(session)
    }

    fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        session: Option<&str>,
        body: Option<&Value>,
    ) -> Result<T, Refusal> {
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
            return read(&mut answer).map_err(Refusal::Other);
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
    let mut text = Vec::new();
    let reader = answer.body_mut().as_reader();
    let read = reader.take(MAX_BYTES).read_to_end(&mut text);
    read.map_err(|error| error.to_string())?;
    // An answer without a body says all it has to say.
    let text = if text.is_empty() {
        b"null".to_vec()
    } else {
        text
    };
    serde_json::from_slice(&text).map_err(|error| format!("the server's answer: {error}"))
}
