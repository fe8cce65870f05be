//! Who may use a route. Every route names its policy where it is declared; there is no default.
//! What somebody may do with one title is `titles`' business.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use model::people::{Principal, Role};
use model::rights::Audience;
use subtle::ConstantTimeEq;

use crate::caller::Standing;
use crate::problem::Problem;

/// The header by which programs of this machine show that they can read the data folder.
const KEY: HeaderName = HeaderName::from_static("x-homereel-key");
/// Headers by which proxies say that they speak for somebody else. A proxy on this machine makes
/// everyone look local, so its requests are never from the machine itself.
const FORWARDED: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];
/// Below these, answers are for programs, which follow no redirection to a form.
const FOR_PROGRAMS: [&str; 6] = ["/api/", "/media/", "/assets/", "/dav", "/app/", "/metrics"];

/// Who may use a route. As long as nobody has set the house up, everyone may look as guests do,
/// and nobody may change anything but by [`Access::Open`], [`Access::Key`] and [`Access::Steer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everyone who can reach the server, whatever the house decided.
    Open,
    /// Who may watch in this house: people, and guests where the owner lets them.
    Watch,
    /// People with an account.
    Member,
    /// People who may add films.
    Uploader,
    /// People who look after everything.
    Admin,
    /// What comes in and how far it is: people who may add films; everyone until the house is
    /// set up.
    Follow,
    /// Steering work: people who may add films; until the house is set up, whoever sits at the
    /// machine itself.
    Steer,
    /// People who may add films, by an app password.
    Dav,
    /// Programs of this machine that can read the data folder.
    Key,
}

/// The other end of the connection, as the socket knows it. Headers that claim another address
/// have no effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Why a request may not use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NotSetUp,
    SignIn,
    AppPassword,
    NotForYou(&'static str),
}

/// What is known of the program at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nearby {
    /// It runs on this machine.
    here: bool,
    /// And it can read the data folder.
    holds_key: bool,
}

impl Access {
    /// Lets the request through or answers it.
    pub(crate) async fn check(self, request: Request, next: Next) -> Response {
        let extensions = request.extensions();
        let nearby = extensions.get().copied().unwrap_or_default();
        let verdict = match (extensions.get::<Standing>(), extensions.get::<Problem>()) {
            (_, Some(_)) if self == Self::Open => Ok(()),
            (_, Some(problem)) => return problem.clone().into_response(),
            (Some(standing), None) => self.allows(standing, nearby),
            (None, None) => Err(Refusal::SignIn),
        };
        match verdict {
            Ok(()) => next.run(request).await,
            Err(refusal) => refusal.answer(&request),
        }
    }

    /// Whether somebody who stands there may use the route.
    fn allows(self, standing: &Standing, nearby: Nearby) -> Result<(), Refusal> {
        let at_least = |role, sentence| at_least(standing, role, sentence);
        match self {
            Self::Open => Ok(()),
            Self::Key if nearby.holds_key => Ok(()),
            Self::Key => Err(Refusal::NotForYou(NOT_HERE)),
            Self::Watch => match (&standing.who, standing.audience) {
                (Principal::Guest, Audience::Members) if standing.claimed => Err(Refusal::SignIn),
                _ => Ok(()),
            },
            Self::Follow if !standing.claimed => Ok(()),
            Self::Steer if !standing.claimed && nearby.here => Ok(()),
            _ if !standing.claimed => Err(Refusal::NotSetUp),
            Self::Member => at_least(Role::Viewer, ""),
            Self::Uploader | Self::Follow | Self::Steer => at_least(Role::Uploader, FOR_UPLOADERS),
            Self::Admin => at_least(Role::Admin, FOR_ADMINS),
            Self::Dav => match standing.who {
                Principal::Guest => Err(Refusal::AppPassword),
                Principal::Person { .. } => at_least(Role::Uploader, FOR_UPLOADERS),
            },
        }
    }
}

const FOR_UPLOADERS: &str =
    "Only people who may add films can do this. Ask an admin of this house.";
const FOR_ADMINS: &str = "Only an admin of this house can do this.";
const NOT_HERE: &str = "This is for programs on the computer Homereel runs on.";

fn at_least(standing: &Standing, role: Role, sentence: &'static str) -> Result<(), Refusal> {
    match &standing.who {
        Principal::Guest => Err(Refusal::SignIn),
        person if person.is_at_least(role) => Ok(()),
        Principal::Person { .. } => Err(Refusal::NotForYou(sentence)),
    }
}

impl Nearby {
    /// What the socket and the key in the data folder say of a request.
    pub(crate) fn of(request: &Parts, key: &str) -> Self {
        let peer = request.extensions.get::<Peer>().copied();
        Self::judge(peer, &request.headers, key)
    }

    fn judge(peer: Option<Peer>, headers: &HeaderMap, key: &str) -> Self {
        let here = peer.is_some_and(|Peer(address)| address.ip().to_canonical().is_loopback())
            && FORWARDED.iter().all(|name| !headers.contains_key(*name));
        let sent = headers.get(KEY).map_or(&b""[..], HeaderValue::as_bytes);
        let same = bool::from(sent.ct_eq(key.as_bytes())) && !key.is_empty();
        Self {
            here,
            holds_key: here && same,
        }
    }
}

impl Refusal {
    fn answer(self, request: &Request) -> Response {
        let path = request.uri().path();
        let for_person = request.method() == Method::GET
            && !FOR_PROGRAMS.iter().any(|prefix| path.starts_with(prefix));
        match (self, for_person) {
            (Self::NotSetUp, true) => Redirect::to("/setup").into_response(),
            (Self::SignIn, true) => Redirect::to(&sign_in(path)).into_response(),
            (Self::NotForYou(sentence), true) => Problem::forbidden(sentence).into_page(),
            (refusal, _) => refusal.problem(),
        }
    }

    fn problem(self) -> Response {
        match self {
            Self::NotSetUp => Problem::forbidden(
                "This house is not set up yet. Open the link in Homereel's log, or the one in \
                 the file setup-token of its data folder.",
            )
            .into_response(),
            Self::SignIn => asking(
                Problem::unauthorized("Sign in to do this.").into_response(),
                "Bearer realm=\"Homereel\"",
            ),
            Self::AppPassword => asking(
                Problem::unauthorized("Sign in with your name and an app password.")
                    .into_response(),
                "Basic realm=\"Homereel\", charset=\"UTF-8\"",
            ),
            Self::NotForYou(sentence) => Problem::forbidden(sentence).into_response(),
        }
    }
}

fn asking(mut response: Response, challenge: &'static str) -> Response {
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// A path of a page of ours: nobody is sent elsewhere after signing in. Such paths hold nothing that
/// a query gives a meaning to, and no query is carried along.
pub(crate) fn is_page_of_ours(path: &str) -> bool {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '-' | '.' | '_');
    path.starts_with('/') && !path.starts_with("//") && path.chars().all(plain)
}

/// The form, and where to go after it.
fn sign_in(path: &str) -> String {
    if path == "/" || !is_page_of_ours(path) {
        return "/sign-in".into();
    }
    format!("/sign-in?next={path}")
}

#[cfg(test)]
mod tests {
    use super::{Access, Nearby, Peer, Refusal, is_page_of_ours, sign_in};
    use crate::caller::Standing;
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use model::id::{SessionId, UserId};
    use model::people::{Credential, Principal, Role};
    use model::rights::Audience;

    const KEY: &str = "0123456789abcdef";

    fn standing(role: Option<Role>, claimed: bool, audience: Audience) -> Standing {
        let who = role.map_or(Principal::Guest, |role| Principal::Person {
            user: UserId::generate(),
            name: "ada".into(),
            role,
            by: Credential::Session(SessionId::generate()),
        });
        Standing {
            who,
            proof: None,
            claimed,
            audience,
        }
    }

    /// Letters: `.` may, `s` must sign in, `n` not set up, `f` forbidden. Columns: a house that
    /// is not set up, then guest, viewer, uploader, admin where anyone may watch, then guest and
    /// viewer where members may.
    #[test]
    fn the_table_of_policies_holds() {
        use Audience::{Anyone, Members};
        let callers = [
            standing(None, false, Anyone),
            standing(None, true, Anyone),
            standing(Some(Role::Viewer), true, Anyone),
            standing(Some(Role::Uploader), true, Anyone),
            standing(Some(Role::Admin), true, Anyone),
            standing(None, true, Members),
            standing(Some(Role::Viewer), true, Members),
        ];
        for (access, letters) in [
            (Access::Open, "......."),
            (Access::Watch, ".....s."),
            (Access::Member, "ns...s."),
            (Access::Uploader, "nsf..sf"),
            (Access::Admin, "nsff.sf"),
            (Access::Follow, ".sf..sf"),
            (Access::Steer, "nsf..sf"),
            (Access::Dav, "npf..pf"),
            (Access::Key, "fffffff"),
        ] {
            for (standing, letter) in callers.iter().zip(letters.chars()) {
                let found = match access.allows(standing, Nearby::default()) {
                    Ok(()) => '.',
                    Err(Refusal::SignIn) => 's',
                    Err(Refusal::AppPassword) => 'p',
                    Err(Refusal::NotSetUp) => 'n',
                    Err(Refusal::NotForYou(_)) => 'f',
                };
                assert_eq!(found, letter, "{access:?} for {standing:?}");
            }
        }
        let here = Nearby {
            here: true,
            holds_key: false,
        };
        assert_eq!(Access::Steer.allows(&callers[0], here), Ok(()));
        assert!(Access::Steer.allows(&callers[1], here).is_err(), "claimed");
        assert!(
            Access::Admin.allows(&callers[0], here).is_err(),
            "the LAN is not trusted"
        );
    }

    #[test]
    fn only_the_machine_itself_is_nearby() {
        let mut headers = HeaderMap::new();
        headers.insert("x-homereel-key", HeaderValue::from_static(KEY));
        for (address, expected) in [
            ("127.0.0.1:5000", true),
            ("127.9.9.9:5000", true),
            ("[::1]:5000", true),
            ("[::ffff:127.0.0.1]:5000", true),
            ("192.168.1.2:5000", false),
            ("[fe80::1]:5000", false),
            ("0.0.0.0:5000", false),
        ] {
            let peer = Some(Peer(address.parse().unwrap()));
            let nearby = Nearby::judge(peer, &headers, KEY);
            assert_eq!(nearby.here, expected, "{address}");
            assert_eq!(nearby.holds_key, expected, "{address}");
            assert!(!Nearby::judge(peer, &headers, "another").holds_key);
            assert!(!Nearby::judge(peer, &HeaderMap::new(), "").holds_key);
        }
        let unknown = Nearby::judge(None, &headers, KEY);
        assert_eq!(unknown, Nearby::default(), "an unknown peer is a stranger");
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
            let mut headers = headers.clone();
            let claim = HeaderValue::from_static("127.0.0.1");
            headers.insert(HeaderName::from_static(name), claim);
            let peer = Some(Peer("127.0.0.1:5000".parse().unwrap()));
            let nearby = Nearby::judge(peer, &headers, KEY);
            assert_eq!(nearby, Nearby::default(), "{name} was overlooked");
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, expected) in [
            ("/", true),
            ("/watch/01abc", true),
            ("", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("javascript:alert(1)", false),
            ("/a b", false),
        ] {
            assert_eq!(is_page_of_ours(next), expected, "{next:?}");
        }
    }

    #[test]
    fn after_signing_in_one_is_sent_to_our_own_pages_only() {
        for (path, expected) in [
            ("/", "/sign-in"),
            ("/watch/01abc", "/sign-in?next=/watch/01abc"),
            ("//evil.example", "/sign-in"),
            ("/\\evil", "/sign-in"),
            ("/a%2f", "/sign-in"),
            ("/a?b", "/sign-in"),
        ] {
            assert_eq!(sign_in(path), expected, "{path}");
        }
    }
}
