//! On whose behalf a request comes: looked up once, before its route, and kept beside the request.
//!
//! What was found is remembered for a few seconds, and forgotten as soon as an account, a sign-in
//! or a token changes. What does not belong here: what the caller may do (`policy`, `titles`).

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::Catalog;
use model::change::Change;
use model::error::Result;
use model::id::{SessionId, UserId};
use model::people::{Credential, Principal, Role, Scope, Session, Token, User};
use model::rights::Audience;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::Instant;

use crate::app::App;
use crate::cookie;
use crate::origin::{Origin, Way};
use crate::policy::{Nearby, Peer};
use crate::problem::Problem;
use crate::secret::{Fingerprint, LONGEST_BYTES, fingerprint};

/// How long an answer of the catalog is believed.
const BELIEVED: Duration = Duration::from_secs(5);
/// Callers that are remembered at the same time.
const MOST_KNOWN: usize = 1024;
/// A browser that was not seen for this long has to sign in again.
const LONGEST_IDLE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Below this path only app passwords count.
const DAV: &str = "/dav";

/// On whose behalf the request comes.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Principal);

/// Everything about the caller and the house that policies depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) who: Principal,
    /// How the caller showed it, so that a long answer can look again.
    pub(crate) proof: Option<Proof>,
    /// Somebody set the house up.
    pub(crate) claimed: bool,
    /// Who may watch without an account.
    pub(crate) audience: Audience,
}

/// What a request showed, as far as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Proof {
    Cookie(Fingerprint),
    Bearer(Fingerprint),
    /// An app password, with whom it was said to belong to.
    AppPassword {
        name: Fingerprint,
        password: Fingerprint,
    },
}

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let standing = parts.extensions.get::<Standing>();
        Ok(Self(
            standing.map_or(Principal::Guest, |standing| standing.who.clone()),
        ))
    }
}

impl FromRequestParts<App> for Standing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match parts.extensions.get::<Self>() {
            Some(standing) => Ok(standing.clone()),
            None => Ok(Self::of(app, None).await?),
        }
    }
}

impl Standing {
    /// Where somebody with this proof stands now.
    pub(crate) async fn of(app: &App, proof: Option<Proof>) -> Result<Self> {
        let who = match proof {
            Some(proof) => who(app, proof).await?,
            None => Principal::Guest,
        };
        Ok(Self {
            who,
            proof,
            claimed: app.is_claimed().await?,
            audience: app.site.catalog.settings().await?.audience,
        })
    }

    /// The person, however they showed it.
    pub(crate) fn person(&self) -> Result<UserId, Problem> {
        let sign_in = || Problem::unauthorized("Sign in to do this.");
        self.who.user().ok_or_else(sign_in)
    }

    /// The person and the browser they signed in with. Whatever lets somebody in for longer is
    /// changed in one, never with a token: what leaks from a script must not be able to stay.
    pub(crate) fn browser(&self) -> Result<(UserId, SessionId), Problem> {
        match &self.who {
            Principal::Person {
                user,
                by: Credential::Session(session),
                ..
            } => Ok((*user, *session)),
            _ => Err(Problem::forbidden(
                "This is done in a browser that is signed in, not with a token.",
            )),
        }
    }

    /// Admins, and everyone until the house is set up.
    pub(crate) fn looks_after_the_house(&self) -> bool {
        !self.claimed || self.who.is_at_least(Role::Admin)
    }

    /// Whoever may see what comes in: as [`crate::policy::Access::Follow`] has it.
    pub(crate) fn follows_work(&self) -> bool {
        !self.claimed || self.who.is_at_least(Role::Uploader)
    }
}

/// Looks up where the request comes from and on whose behalf, and passes it on.
pub(crate) async fn identify(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().copied();
    let way = Way::of(peer, &parts.headers, &app.site.trusted_proxies);
    parts.extensions.insert(way);
    match standing(&app, &parts, way).await {
        Ok(standing) => {
            let nearby = Nearby::of(&parts, &app.site.key);
            parts.extensions.insert(standing);
            parts.extensions.insert(nearby);
            next.run(Request::from_parts(parts, body)).await
        }
        // What everybody may have does not depend on a catalog that answers.
        Err(problem) if problem.is_ours() => {
            parts.extensions.insert(problem);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn standing(app: &App, request: &Parts, way: Way) -> Result<Standing, Problem> {
    let headers = &request.headers;
    if in_dav(request.uri.path()) {
        return by_app_password(app, headers, way.origin).await;
    }
    if let Some(proof) = bearer(headers) {
        return Ok(Standing::of(app, Some(proof)).await?);
    }
    for secret in cookie::secrets(headers) {
        let standing = Standing::of(app, Some(Proof::Cookie(fingerprint(secret)))).await?;
        if standing.who != Principal::Guest {
            check_own_page(&request.method, headers)?;
            return Ok(standing);
        }
    }
    Ok(Standing::of(app, None).await?)
}

fn in_dav(path: &str) -> bool {
    path.strip_prefix(DAV)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A change by cookie must show that a page of ours asks for it. Browsers say so by `Origin` or
/// `Sec-Fetch-Site`, which are judged before; where both are missing, our pages' own header does,
/// which a form of another site cannot send.
fn check_own_page(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let looks = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let judged = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let ours = headers
        .get("x-homereel")
        .is_some_and(|value| value.as_bytes() == b"1");
    if looks || judged || ours {
        return Ok(());
    }
    Err(Problem::forbidden(
        "The request does not show that it comes from a page of Homereel. Programs use a token, \
         or add the header X-Homereel: 1.",
    ))
}

fn bearer(headers: &HeaderMap) -> Option<Proof> {
    let secret = credentials(headers, "bearer")?;
    (secret.len() <= LONGEST_BYTES).then(|| Proof::Bearer(fingerprint(secret)))
}

/// What follows the scheme in `Authorization`.
fn credentials<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}

/// WebDAV: nothing but an app password counts, and wrong ones are counted.
async fn by_app_password(
    app: &App,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Standing, Problem> {
    let Some((name, password)) = basic(headers) else {
        return Ok(Standing::of(app, None).await?);
    };
    let proof = Proof::AppPassword {
        name: fingerprint(&name.to_lowercase()),
        password: fingerprint(&password),
    };
    let standing = Standing::of(app, Some(proof)).await?;
    if standing.who == Principal::Guest {
        app.throttle.count_program(origin)?;
    }
    Ok(standing)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = credentials(headers, "basic").filter(|text| text.len() <= 1024)?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    (password.len() <= LONGEST_BYTES).then(|| (name.to_owned(), password.to_owned()))
}

/// Whom the proof shows, from memory or from the catalog.
async fn who(app: &App, proof: Proof) -> Result<Principal> {
    if let Some(known) = app.callers.recall(&proof) {
        return Ok(known);
    }
    let era = app.callers.era();
    let found = match proof {
        Proof::Cookie(secret) => by_session(app, secret).await?,
        Proof::Bearer(secret) => {
            by_token(app, secret, |scope| scope != Scope::Webdav, None).await?
        }
        Proof::AppPassword { name, password } => {
            by_token(app, password, |scope| scope == Scope::Webdav, Some(name)).await?
        }
    };
    Ok(match found {
        Some(principal) => {
            app.callers.remember(proof, principal.clone(), era);
            principal
        }
        None => Principal::Guest,
    })
}

async fn by_session(app: &App, secret: Fingerprint) -> Result<Option<Principal>> {
    let catalog = &app.site.catalog;
    let Some((session, user)) = catalog.session_by_secret(secret).await? else {
        return Ok(None);
    };
    let now = app.site.clock.now();
    if now.since(session.last_seen_at) > LONGEST_IDLE {
        return Ok(None);
    }
    note_use(catalog.touch_session(session.id).await);
    Ok(Some(signed_in(&session, user)))
}

/// When somebody was last seen is for their list of devices; a full disk must not shut them out.
fn note_use(noted: Result<()>) {
    if let Err(error) = noted {
        tracing::warn!(%error, "When somebody was last seen could not be noted.");
    }
}

fn signed_in(session: &Session, user: User) -> Principal {
    Principal::Person {
        user: user.id,
        role: user.role,
        name: user.name,
        by: Credential::Session(session.id),
    }
}

/// The person behind a token that is good for this door and, if a name was given, theirs.
async fn by_token(
    app: &App,
    secret: Fingerprint,
    fits: impl Fn(Scope) -> bool,
    name: Option<Fingerprint>,
) -> Result<Option<Principal>> {
    let catalog = &app.site.catalog;
    let Some((token, user)) = catalog.token_by_secret(secret).await? else {
        return Ok(None);
    };
    if !fits(token.scope) || !name.is_none_or(|name| is_called(&user, name)) {
        return Ok(None);
    }
    note_use(catalog.touch_token(token.id).await);
    Ok(Some(by_program(&token, user)))
}

fn is_called(user: &User, name: Fingerprint) -> bool {
    let same = |text: &str| fingerprint(&text.to_lowercase()) == name;
    same(&user.name) || user.email.as_deref().is_some_and(same)
}

fn by_program(token: &Token, user: User) -> Principal {
    Principal::Person {
        user: user.id,
        // An app password is its owner at the one door where it counts.
        role: token.scope.limits(user.role).unwrap_or(user.role),
        name: user.name,
        by: Credential::Token(token.id),
    }
}

/// Callers that were looked up a moment ago.
#[derive(Debug)]
pub(crate) struct Callers(Mutex<Memory>);

#[derive(Debug)]
struct Memory {
    known: HashMap<Proof, (Principal, Instant)>,
    changes: Receiver<Change>,
    /// Counts how often everything was forgotten.
    era: u64,
}

impl Callers {
    pub(crate) fn new(catalog: &Catalog) -> Self {
        Self(Mutex::new(Memory {
            known: HashMap::new(),
            changes: catalog.subscribe(),
            era: 0,
        }))
    }

    fn recall(&self, proof: &Proof) -> Option<Principal> {
        self.with(|memory| {
            let (principal, until) = memory.known.get(proof)?;
            (*until > Instant::now()).then(|| principal.clone())
        })
    }

    fn era(&self) -> u64 {
        self.with(|memory| memory.era)
    }

    /// Keeps what was found, unless something changed while it was being looked up.
    fn remember(&self, proof: Proof, principal: Principal, era: u64) {
        self.with(|memory| {
            if memory.era != era {
                return;
            }
            if memory.known.len() >= MOST_KNOWN {
                memory.known.clear();
            }
            let until = Instant::now() + BELIEVED;
            memory.known.insert(proof, (principal, until));
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.catch_up();
        act(&mut memory)
    }
}

impl Memory {
    /// Hears what was announced since the last look.
    fn catch_up(&mut self) {
        let mut stale = false;
        loop {
            match self.changes.try_recv() {
                Ok(change) => stale |= change == Change::People,
                Err(TryRecvError::Lagged(_)) => stale = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if stale {
            self.known.clear();
            self.era += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{basic, bearer, check_own_page, in_dav};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_str(value).unwrap();
                (HeaderName::from_static(name), value)
            })
            .collect()
    }

    #[test]
    fn a_change_by_cookie_shows_where_it_comes_from() {
        for (method, sent, passes) in [
            (Method::GET, vec![], true),
            (Method::POST, vec![], false),
            (Method::DELETE, vec![], false),
            (Method::POST, vec![("x-homereel", "1")], true),
            (Method::POST, vec![("x-homereel", "0")], false),
            (Method::POST, vec![("origin", "http://nas")], true),
            (Method::PATCH, vec![("sec-fetch-site", "same-origin")], true),
        ] {
            let result = check_own_page(&method, &headers(&sent));
            assert_eq!(result.is_ok(), passes, "{method} with {sent:?}");
        }
    }

    #[test]
    fn credentials_are_read_as_the_standards_have_them() {
        let of = |value: &str| headers(&[("authorization", value)]);
        assert!(bearer(&of("Bearer hr_abc")).is_some());
        assert_eq!(bearer(&of("bearer hr_abc")), bearer(&of("BEARER hr_abc")));
        assert!(bearer(&of(&format!("Bearer {}", "x".repeat(65)))).is_none());
        assert!(bearer(&of("Basic YTpi")).is_none());
        assert_eq!(basic(&of("Basic YTpi")), Some(("a".into(), "b".into())));
        assert_eq!(
            basic(&of("Basic YTpiOmM=")),
            Some(("a".into(), "b:c".into()))
        );
        for nonsense in ["Basic", "Basic !!!", "Basic /w==", "Basic YQ==", ""] {
            assert_eq!(basic(&of(nonsense)), None, "{nonsense:?}");
        }
    }

    #[test]
    fn webdav_is_a_place_not_a_beginning() {
        for (path, expected) in [
            ("/dav", true),
            ("/dav/a", true),
            ("/david", false),
            ("/", false),
        ] {
            assert_eq!(in_dav(path), expected, "{path}");
        }
    }
}
