//! People: who has an account, what their part in the house is, and on whose behalf a request
//! comes. What does not belong here: what each may do (`rights`), passwords and cookies
//! (`delivery`).

use serde::{Deserialize, Serialize};

use crate::clock::WallTime;
use crate::id::{InviteId, SessionId, TokenId, UserId};

/// Longest name a person signs in with, in characters.
pub const USER_NAME_CHARS: usize = 40;
/// Longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 has 256 with its brackets).
pub const EMAIL_BYTES: usize = 254;
/// Longest first or last name, in characters.
pub const REAL_NAME_CHARS: usize = 60;

/// A person's part in the house. The order is that of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Watches.
    Viewer,
    /// Adds films and looks after their own.
    Uploader,
    /// Looks after everything.
    Admin,
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// In URLs.
    pub id: UserId,
    /// What they sign in with; unique, whatever the case of its letters.
    pub name: String,
    /// The other thing they can sign in with; unique, whatever the case of its letters.
    pub email: Option<String>,
    /// Given name; may be empty.
    pub first_name: String,
    /// Family name; may be empty.
    pub last_name: String,
    /// Their part in the house.
    pub role: Role,
    /// A person who may not sign in at present keeps everything else.
    pub active: bool,
    /// When the account was made.
    pub created_at: WallTime,
}

impl User {
    /// Whether they look after the house at present.
    pub fn is_active_admin(&self) -> bool {
        self.active && self.role == Role::Admin
    }
}

/// On whose behalf a request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Guest,
    /// A person.
    Person {
        /// Who.
        user: UserId,
        /// What they sign in with.
        name: String,
        /// The part they have in this request: their own, or less where a token says so.
        role: Role,
        /// How they showed who they are.
        by: Credential,
    },
}

/// How a person showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A browser that signed in.
    Session(SessionId),
    /// A token or app password.
    Token(TokenId),
}

impl Principal {
    /// The person, if it is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Guest => None,
            Self::Person { user, .. } => Some(*user),
        }
    }

    /// The part in the house; a guest has none.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Guest => None,
            Self::Person { role, .. } => Some(*role),
        }
    }

    /// Whether it is a person with at least this part.
    pub fn is_at_least(&self, wanted: Role) -> bool {
        self.role().is_some_and(|role| role >= wanted)
    }
}

/// A browser that is signed in, as its owner sees it in the list of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// In URLs; not the secret.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What the browser says it is.
    pub device: String,
    /// When it signed in.
    pub created_at: WallTime,
    /// When it was last seen, to about five minutes.
    pub last_seen_at: WallTime,
    /// It ends then whatever happens.
    pub expires_at: WallTime,
}

/// A secret for programs, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// In URLs; not the secret.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// What its owner called it.
    pub label: String,
    /// What it is good for.
    pub scope: Scope,
    /// When it was made.
    pub created_at: WallTime,
    /// When it was last used, to about five minutes.
    pub last_used_at: Option<WallTime>,
    /// It ends then.
    pub expires_at: WallTime,
}

/// What a token is good for. Never more than its owner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Watching and reading.
    Read,
    /// That, and adding films.
    Upload,
    /// Whatever its owner may do.
    Full,
    /// An app password: WebDAV and nothing else.
    Webdav,
}

/// An invitation to make an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// In URLs; not the secret.
    pub id: InviteId,
    /// Who invites.
    pub by: UserId,
    /// The part the new person will have.
    pub role: Role,
    /// Whom it is meant for, in the words of the one who invites; may be empty.
    pub note: String,
    /// When it was made.
    pub created_at: WallTime,
    /// It ends then.
    pub expires_at: WallTime,
    /// Who took it, once somebody did.
    pub used_by: Option<UserId>,
}

impl Role {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Uploader => "uploader",
            Self::Admin => "admin",
        }
    }

    /// The role with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Viewer, Self::Uploader, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

impl Scope {
    /// The word in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Full => "full",
            Self::Webdav => "webdav",
        }
    }

    /// The scope with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Upload, Self::Full, Self::Webdav]
            .into_iter()
            .find(|scope| scope.as_str() == word)
    }

    /// The part a person with `role` has in a request with such a token over the API; none for
    /// an app password, which is for WebDAV alone.
    pub fn limits(self, role: Role) -> Option<Role> {
        match self {
            Self::Read => Some(Role::Viewer),
            Self::Upload => Some(role.min(Role::Uploader)),
            Self::Full => Some(role),
            Self::Webdav => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Scope};

    #[test]
    fn a_token_never_gives_more_than_its_owner_has() {
        for role in [Role::Viewer, Role::Uploader, Role::Admin] {
            for scope in [Scope::Read, Scope::Upload, Scope::Full, Scope::Webdav] {
                let given = scope.limits(role);
                assert!(
                    given.is_none_or(|given| given <= role),
                    "{scope:?} of {role:?} gives {given:?}"
                );
            }
        }
    }
}
