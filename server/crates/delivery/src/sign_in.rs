//! Signing in: from a name and a password, or from a secret that was right, to a browser that is
//! remembered. Every door that takes a password asks here.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::people::UserChange;
use catalog::sessions::NewSession;
use model::error::Result;
use model::people::User;

use crate::api::people::{Signed, UserView};
use crate::app::App;
use crate::cookie;
use crate::origin::{Origin, Way};
use crate::passwords::Verdict;
use crate::problem::Problem;
use crate::secret::{Secret, fingerprint};
use crate::throttle::Attempt;

/// A sign-in ends after this, whatever happens.
const LIFETIME: Duration = Duration::from_secs(180 * 24 * 3_600);
/// What a browser says of itself is kept this far.
const DEVICE_CHARS: usize = 200;

/// The person with that name or address and that password.
///
/// # Errors
/// 429 after too many attempts; 400 for what is no password.
pub(crate) async fn by_password(
    app: &App,
    origin: Origin,
    credential: &str,
    password: String,
) -> Result<Option<User>, Problem> {
    let attempt = Attempt::at_account(origin, credential);
    app.throttle.admit(&attempt)?;
    let known = app.site.catalog.user_for_login(credential).await?;
    let (user, kept) = known.unzip();
    let verdict = app.passwords.check(password.clone(), kept).await?;
    let Some(user) = user.filter(|user| user.active && verdict != Verdict::Wrong) else {
        return Ok(None);
    };
    app.throttle.forgive(&attempt);
    if verdict == Verdict::RightButDated {
        renew(app, &user, password).await;
    }
    Ok(Some(user))
}

/// Keeps the password at today's cost. That ends other sign-ins of the person, once; failing at it
/// must not keep anybody out.
async fn renew(app: &App, user: &User, password: String) {
    let renewed = async {
        let password_hash = Some(app.passwords.hash(password).await?);
        let change = UserChange {
            password_hash,
            ..UserChange::default()
        };
        app.site.catalog.change_user(user.id, change, None).await
    };
    if let Err(error) = renewed.await {
        tracing::warn!(%error, user = %user.id, "a password could not be kept at today's cost");
    }
}

/// Signs the browser in as `user` and says so. Whatever it was signed in as before ends: nobody
/// can plant a cookie and wait for its value to become worth something.
pub(crate) async fn welcome(
    app: &App,
    way: Way,
    headers: &HeaderMap,
    status: StatusCode,
    user: User,
) -> Result<Response, Problem> {
    let catalog = &app.site.catalog;
    for old in cookie::secrets(headers) {
        if let Some((session, _)) = catalog.session_by_secret(fingerprint(old)).await? {
            catalog.remove_session(session.id, None).await?;
        }
    }
    let secret = Secret::long("")?;
    let session = NewSession {
        user: user.id,
        secret_hash: secret.fingerprint(),
        device: device(headers),
        expires_at: app.site.clock.now().plus(LIFETIME),
    };
    catalog.add_session(session).await?;
    let signed = Signed {
        user: UserView::new(&user),
    };
    let cookie = [(header::SET_COOKIE, cookie::set(&secret, LIFETIME, way))];
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((status, cookie, no_store, Json(signed)).into_response())
}

/// What the browser says it is, without what would disturb a list.
fn device(headers: &HeaderMap) -> String {
    let said = headers
        .get(header::USER_AGENT)
        .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let visible = |letter: &char| !letter.is_control();
    said.unwrap_or_default()
        .chars()
        .filter(visible)
        .take(DEVICE_CHARS)
        .collect()
}
