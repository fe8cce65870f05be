//! The shapes in which people, their sign-ins, tokens and invitations are told. Times are
//! RFC 3339; no secret is in any of them.

use model::id::{InviteId, SessionId, TokenId, UserId};
use model::people::{Invite, Role, Scope, Session, Token, User};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::words;
use crate::rfc3339;

/// A person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    #[schema(schema_with = words::identifier)]
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    #[schema(schema_with = words::role)]
    pub(crate) role: Role,
    /// May sign in.
    pub(crate) active: bool,
    #[schema(schema_with = words::instant)]
    pub(crate) created_at: String,
}

/// Who somebody is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Signed {
    pub(crate) user: UserView,
}

/// Everybody, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UserList {
    pub(crate) users: Vec<UserView>,
}

/// A browser that is signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    #[schema(schema_with = words::identifier)]
    pub(crate) id: SessionId,
    /// What the browser says it is.
    pub(crate) device: String,
    #[schema(schema_with = words::instant)]
    pub(crate) created_at: String,
    /// To about five minutes.
    #[schema(schema_with = words::instant)]
    pub(crate) last_seen_at: String,
    #[schema(schema_with = words::instant)]
    pub(crate) expires_at: String,
    /// It is the one that asks.
    pub(crate) current: bool,
}

/// An API token or app password.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    #[schema(schema_with = words::identifier)]
    pub(crate) id: TokenId,
    pub(crate) label: String,
    #[schema(schema_with = words::scope)]
    pub(crate) scope: Scope,
    #[schema(schema_with = words::instant)]
    pub(crate) created_at: String,
    /// To about five minutes.
    #[schema(schema_with = words::instant_or_null)]
    pub(crate) last_used_at: Option<String>,
    #[schema(schema_with = words::instant)]
    pub(crate) expires_at: String,
}

/// An invitation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct InviteView {
    #[schema(schema_with = words::identifier)]
    pub(crate) id: InviteId,
    /// Who invites.
    #[schema(schema_with = words::identifier)]
    pub(crate) by: UserId,
    #[schema(schema_with = words::role)]
    pub(crate) role: Role,
    pub(crate) note: String,
    #[schema(schema_with = words::instant)]
    pub(crate) created_at: String,
    #[schema(schema_with = words::instant)]
    pub(crate) expires_at: String,
    #[schema(schema_with = words::identifier_or_null)]
    pub(crate) used_by: Option<UserId>,
}

impl UserView {
    pub(crate) fn new(user: &User) -> Self {
        Self {
            id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            role: user.role,
            active: user.active,
            created_at: rfc3339::format(user.created_at),
        }
    }
}

impl SessionView {
    pub(crate) fn new(session: &Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            device: session.device.clone(),
            created_at: rfc3339::format(session.created_at),
            last_seen_at: rfc3339::format(session.last_seen_at),
            expires_at: rfc3339::format(session.expires_at),
            current: current == Some(session.id),
        }
    }
}

impl TokenView {
    pub(crate) fn new(token: &Token) -> Self {
        Self {
            id: token.id,
            label: token.label.clone(),
            scope: token.scope,
            created_at: rfc3339::format(token.created_at),
            last_used_at: token.last_used_at.map(rfc3339::format),
            expires_at: rfc3339::format(token.expires_at),
        }
    }
}

impl InviteView {
    pub(crate) fn new(invite: &Invite) -> Self {
        Self {
            id: invite.id,
            by: invite.by,
            role: invite.role,
            note: invite.note.clone(),
            created_at: rfc3339::format(invite.created_at),
            expires_at: rfc3339::format(invite.expires_at),
            used_by: invite.used_by,
        }
    }
}
