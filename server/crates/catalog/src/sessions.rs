//! What people show instead of their password: sign-ins of browsers, and tokens for programs.
//! The catalog has the SHA-256 of each secret and never the secret.

use std::time::Duration;

use model::change::Change;
use model::clock::WallTime;
use model::error::{ErrorKind, Result};
use model::id::{SessionId, TokenId, UserId};
use model::people::{Scope, Session, Token, User};

use crate::Catalog;
use crate::column::shortened;
use crate::failure::Failure;
use crate::people::known;
use crate::table::sessions::SessionRow;
use crate::table::tokens::TokenRow;
use crate::table::{sessions, tokens, users};

/// How long a use of a secret is not written down again: reading must not become writing.
const TOUCH_EVERY: Duration = Duration::from_secs(5 * 60);

/// Beyond these, the sign-in of a person that was seen longest ago ends.
const MOST_SESSIONS: u32 = 100;
/// The most tokens of a person.
const MOST_TOKENS: usize = 100;
/// The longest name of a device or a token, in characters.
const LABEL_CHARS: usize = 200;

/// A browser that signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the secret in its cookie.
    pub secret_hash: [u8; 32],
    /// What the browser says it is.
    pub device: String,
    /// It ends then whatever happens.
    pub expires_at: WallTime,
}

/// A secret for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// What its owner calls it.
    pub label: String,
    /// What it is good for.
    pub scope: Scope,
    /// It ends then.
    pub expires_at: WallTime,
}

impl Catalog {
    /// Notes a sign-in, and forgets those that have ended.
    ///
    /// # Errors
    /// `NotFound` if there is no such person, else errors of the catalog.
    pub async fn add_session(&self, new: NewSession) -> Result<Session> {
        self.write("signing in", move |write| {
            let user_serial = known(write, new.user)?.serial;
            let session = Session {
                id: SessionId::generate(),
                user: new.user,
                device: shortened(&new.device, LABEL_CHARS),
                created_at: write.now,
                last_seen_at: write.now,
                expires_at: new.expires_at,
            };
            let row = SessionRow {
                user_serial,
                session,
            };
            sessions::delete_expired(&write.transaction, write.now)?;
            sessions::insert(&write.transaction, &row, new.secret_hash)?;
            sessions::delete_beyond(&write.transaction, user_serial, MOST_SESSIONS)?;
            write.announce(Change::People);
            Ok(row.session)
        })
        .await
    }

    /// Whose cookie this is. `None` if the sign-in has ended, or the person may not sign in any
    /// more.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn session_by_secret(&self, hash: [u8; 32]) -> Result<Option<(Session, User)>> {
        let now = self.now();
        self.read("looking up a sign-in", move |transaction, _| {
            let Some(row) = sessions::by_secret(transaction, hash, now)? else {
                return Ok(None);
            };
            let user = users::by_serial(transaction, row.user_serial)?.user;
            Ok(Some((row.session, user)))
        })
        .await
    }

    /// A person's sign-ins that hold, lately seen first.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        let now = self.now();
        self.read("listing sign-ins", move |transaction, _| {
            let Some(user) = users::by_id(transaction, user)? else {
                return Ok(Vec::new());
            };
            let rows = sessions::of_user(transaction, user.serial, now)?;
            Ok(rows.into_iter().map(|row| row.session).collect())
        })
        .await
    }

    /// Ends a sign-in. One that does not exist counts as ended, and so does one of somebody else
    /// than `owner`, if that is given: nobody learns whether it exists.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn remove_session(&self, id: SessionId, owner: Option<UserId>) -> Result<()> {
        self.write("signing out", move |write| {
            let row = sessions::by_id(&write.transaction, id)?;
            let may = |row: &SessionRow| owner.is_none_or(|owner| owner == row.session.user);
            if row.as_ref().is_some_and(may) {
                sessions::delete(&write.transaction, id)?;
                write.announce(Change::People);
            }
            Ok(())
        })
        .await
    }

    /// Notes that a browser was seen. Writes every five minutes at most.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn touch_session(&self, id: SessionId) -> Result<()> {
        let now = self.now();
        let seen = self.read("reading a sign-in", move |transaction, _| {
            Ok(sessions::by_id(transaction, id)?.map(|row| row.session.last_seen_at))
        });
        if !seen.await?.is_some_and(|seen| is_due(Some(seen), now)) {
            return Ok(());
        }
        self.write("noting that a browser was seen", move |write| {
            sessions::touch(&write.transaction, id, write.now)
        })
        .await
    }

    /// Makes a token.
    ///
    /// # Errors
    /// `NotFound` if there is no such person, `Conflict` if they have a hundred tokens already.
    pub async fn add_token(&self, new: NewToken) -> Result<Token> {
        self.write("making a token", move |write| {
            let user_serial = known(write, new.user)?.serial;
            if tokens::of_user(&write.transaction, user_serial)?.len() >= MOST_TOKENS {
                let message = format!("you have {MOST_TOKENS} tokens; remove one first");
                return Err(Failure::rule(ErrorKind::Conflict, message));
            }
            let token = Token {
                id: TokenId::generate(),
                user: new.user,
                label: shortened(&new.label, LABEL_CHARS),
                scope: new.scope,
                created_at: write.now,
                last_used_at: None,
                expires_at: new.expires_at,
            };
            let row = TokenRow { user_serial, token };
            tokens::insert(&write.transaction, &row, new.secret_hash)?;
            write.announce(Change::People);
            Ok(row.token)
        })
        .await
    }

    /// Whose token this is. `None` if it has ended, or the person may not sign in any more.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn token_by_secret(&self, hash: [u8; 32]) -> Result<Option<(Token, User)>> {
        let now = self.now();
        self.read("looking up a token", move |transaction, _| {
            let Some(row) = tokens::by_secret(transaction, hash, now)? else {
                return Ok(None);
            };
            let user = users::by_serial(transaction, row.user_serial)?.user;
            Ok(Some((row.token, user)))
        })
        .await
    }

    /// A person's tokens, newest first, also those that have ended.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<Token>> {
        self.read("listing tokens", move |transaction, _| {
            let Some(user) = users::by_id(transaction, user)? else {
                return Ok(Vec::new());
            };
            let rows = tokens::of_user(transaction, user.serial)?;
            Ok(rows.into_iter().map(|row| row.token).collect())
        })
        .await
    }

    /// Ends a token. One that does not exist counts as ended, and so does one of somebody else
    /// than `owner`, if that is given.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn remove_token(&self, id: TokenId, owner: Option<UserId>) -> Result<()> {
        self.write("removing a token", move |write| {
            let row = tokens::by_id(&write.transaction, id)?;
            let may = |row: &TokenRow| owner.is_none_or(|owner| owner == row.token.user);
            if row.as_ref().is_some_and(may) {
                tokens::delete(&write.transaction, id)?;
                write.announce(Change::People);
            }
            Ok(())
        })
        .await
    }

    /// Notes that a token was used. Writes every five minutes at most.
    ///
    /// # Errors
    /// Errors of the catalog.
    pub async fn touch_token(&self, id: TokenId) -> Result<()> {
        let now = self.now();
        let used = self.read("reading a token", move |transaction, _| {
            Ok(tokens::by_id(transaction, id)?.map(|row| row.token.last_used_at))
        });
        if !used.await?.is_some_and(|used| is_due(used, now)) {
            return Ok(());
        }
        self.write("noting that a token was used", move |write| {
            tokens::touch(&write.transaction, id, write.now)
        })
        .await
    }
}

/// A clock that went back counts as long ago, or the note would never move again.
fn is_due(noted: Option<WallTime>, now: WallTime) -> bool {
    noted.is_none_or(|noted| now < noted || now.since(noted) >= TOUCH_EVERY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::clock::WallTime;
    use model::error::ErrorKind;
    use model::id::UserId;
    use model::people::{Role, Scope, User};

    use super::{MOST_SESSIONS, NewSession, NewToken, TOUCH_EVERY};
    use crate::people::UserChange;
    use crate::testing::House;

    fn session(user: &User, secret: u8, expires_at: WallTime) -> NewSession {
        NewSession {
            user: user.id,
            secret_hash: [secret; 32],
            device: "Firefox on the television".to_owned(),
            expires_at,
        }
    }

    fn token(user: &User, secret: u8, expires_at: WallTime) -> NewToken {
        NewToken {
            user: user.id,
            secret_hash: [secret; 32],
            label: "backup".to_owned(),
            scope: Scope::Webdav,
            expires_at,
        }
    }

    #[tokio::test]
    async fn a_secret_is_good_until_it_ends_or_its_owner_may_not_sign_in() {
        let house = House::new();
        house.person("ada", Role::Admin).await;
        let bob = house.person("bob", Role::Viewer).await;
        let soon = house.catalog.now().plus(Duration::from_secs(60));
        let later = soon.plus(Duration::from_secs(60));
        house
            .catalog
            .add_session(session(&bob, 1, soon))
            .await
            .unwrap();
        house
            .catalog
            .add_token(token(&bob, 1, later))
            .await
            .unwrap();
        let who = async || {
            let session = house.catalog.session_by_secret([1; 32]).await.unwrap();
            let token = house.catalog.token_by_secret([1; 32]).await.unwrap();
            (
                session.map(|(_, user)| user.id),
                token.map(|(_, user)| user.id),
            )
        };
        assert_eq!(who().await, (Some(bob.id), Some(bob.id)));
        house.clock.advance(Duration::from_secs(60));
        assert_eq!(who().await, (None, Some(bob.id)), "the sign-in has ended");
        assert!(house.catalog.sessions(bob.id).await.unwrap().is_empty());
        let inactive = UserChange {
            active: Some(false),
            ..UserChange::default()
        };
        house
            .catalog
            .change_user(bob.id, inactive, None)
            .await
            .unwrap();
        assert_eq!(who().await, (None, None));
    }

    #[tokio::test]
    async fn only_its_owner_ends_a_sign_in_or_a_token() {
        let house = House::new();
        let ada = house.person("ada", Role::Viewer).await;
        let never = WallTime(i64::MAX);
        let session = house
            .catalog
            .add_session(session(&ada, 1, never))
            .await
            .unwrap();
        let token = house
            .catalog
            .add_token(token(&ada, 1, never))
            .await
            .unwrap();
        let left = async || {
            let sessions = house.catalog.sessions(ada.id).await.unwrap().len();
            (sessions, house.catalog.tokens(ada.id).await.unwrap().len())
        };
        let stranger = Some(UserId::generate());
        let catalog = &house.catalog;
        catalog.remove_session(session.id, stranger).await.unwrap();
        catalog.remove_token(token.id, stranger).await.unwrap();
        assert_eq!(left().await, (1, 1), "a stranger's wish does nothing");
        catalog.remove_session(session.id, None).await.unwrap();
        catalog.remove_token(token.id, Some(ada.id)).await.unwrap();
        assert_eq!(left().await, (0, 0));
        catalog.remove_session(session.id, None).await.unwrap();
    }

    #[tokio::test]
    async fn being_seen_is_written_down_every_five_minutes() {
        let house = House::new();
        let ada = house.person("ada", Role::Viewer).await;
        let never = WallTime(i64::MAX);
        let id = house
            .catalog
            .add_session(session(&ada, 1, never))
            .await
            .unwrap()
            .id;
        let token = house
            .catalog
            .add_token(token(&ada, 1, never))
            .await
            .unwrap();
        let seen = async || {
            house.catalog.touch_session(id).await.unwrap();
            house.catalog.touch_token(token.id).await.unwrap();
            let sessions = house.catalog.sessions(ada.id).await.unwrap();
            let tokens = house.catalog.tokens(ada.id).await.unwrap();
            (sessions[0].last_seen_at, tokens[0].last_used_at)
        };
        let start = house.catalog.now();
        assert_eq!(seen().await, (start, Some(start)), "first use of the token");
        house.clock.advance(TOUCH_EVERY - Duration::from_millis(1));
        assert_eq!(seen().await, (start, Some(start)), "too soon to write");
        house.clock.advance(Duration::from_millis(1));
        let now = house.catalog.now();
        assert_eq!(seen().await, (now, Some(now)));
    }

    #[tokio::test]
    async fn sign_ins_and_tokens_do_not_grow_without_end() {
        let house = House::new();
        let ada = house.person("ada", Role::Viewer).await;
        let never = WallTime(i64::MAX);
        for secret in 0..=u8::try_from(MOST_SESSIONS).unwrap() {
            house.clock.advance(Duration::from_secs(1));
            let adding = house.catalog.add_session(session(&ada, secret, never));
            adding.await.unwrap();
        }
        let sessions = house.catalog.sessions(ada.id).await.unwrap();
        assert_eq!(sessions.len(), MOST_SESSIONS as usize);
        let oldest = house.catalog.session_by_secret([0; 32]).await.unwrap();
        assert!(oldest.is_none(), "the one seen longest ago had to go");
        for secret in 0..100 {
            let adding = house.catalog.add_token(token(&ada, secret, never));
            adding.await.unwrap();
        }
        let more = house.catalog.add_token(token(&ada, 100, never)).await;
        assert_eq!(more.unwrap_err().kind(), ErrorKind::Conflict);
    }
}
