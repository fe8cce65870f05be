//! `GET /account`: oneself, one's devices, one's programs.

use axum::extract::State;
use axum::response::Response;
use model::id::{SessionId, TokenId};
use model::people::{Credential, Principal, Session, Token, User};
use serde::Serialize;

use crate::app::App;
use crate::caller::Standing;
use crate::pages::device::{self, Device};
use crate::pages::{PageProblem, page};
use crate::problem::Problem;
use crate::rfc3339;

/// What the page shows.
#[derive(Debug, Serialize)]
struct Facts {
    account: AccountFacts,
    sessions: Vec<SessionFacts>,
    tokens: Vec<TokenFacts>,
}

#[derive(Debug, Serialize)]
struct AccountFacts {
    name: String,
    email: Option<String>,
    first_name: String,
    last_name: String,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct SessionFacts {
    id: SessionId,
    device: Device,
    created_at: String,
    last_seen_at: String,
    /// The browser that asks.
    current: bool,
}

#[derive(Debug, Serialize)]
struct TokenFacts {
    id: TokenId,
    label: String,
    scope: &'static str,
    last_used_at: Option<String>,
    expires_at: String,
}

/// `GET /account`
pub(crate) async fn show(
    State(app): State<App>,
    standing: Standing,
) -> Result<Response, PageProblem> {
    let Principal::Person { user, by, .. } = &standing.who else {
        return Err(Problem::unauthorized("Sign in to see your account.").into());
    };
    let catalog = &app.site.catalog;
    let account = catalog.user(*user).await?;
    let gone = || Problem::not_found("This account is not there any more.");
    let sessions = catalog.sessions(*user).await?;
    let tokens = catalog.tokens(*user).await?;
    let facts = Facts {
        account: AccountFacts::new(account.ok_or_else(gone)?),
        sessions: sessions
            .iter()
            .map(|session| SessionFacts::new(session, *by))
            .collect(),
        tokens: tokens.into_iter().map(TokenFacts::new).collect(),
    };
    page(&app, &standing, "account.html", &facts).await
}

impl AccountFacts {
    fn new(user: User) -> Self {
        Self {
            name: user.name,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            role: user.role.as_str(),
        }
    }
}

impl SessionFacts {
    fn new(session: &Session, by: Credential) -> Self {
        Self {
            id: session.id,
            device: device::describe(&session.device),
            created_at: rfc3339::format(session.created_at),
            last_seen_at: rfc3339::format(session.last_seen_at),
            current: by == Credential::Session(session.id),
        }
    }
}

impl TokenFacts {
    fn new(token: Token) -> Self {
        Self {
            id: token.id,
            label: token.label,
            scope: token.scope.as_str(),
            last_used_at: token.last_used_at.map(rfc3339::format),
            expires_at: rfc3339::format(token.expires_at),
        }
    }
}
