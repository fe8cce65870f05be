//! People at the door, each with what they show.

use axum::http::Method;
use catalog::people::NewUser;
use catalog::sessions::NewToken;
use model::clock::WallTime;
use model::id::UserId;
use model::people::{Role, Scope, User};
use model::rights::Audience;
use model::settings::Settings;
use serde_json::{Value, json};

use super::home::{Answer, Home};
use crate::secret::Secret;

/// Everybody's password in these stories.
pub(crate) const PASSWORD: &str = "a long password";

/// Somebody who asks, and the headers by which they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    /// Who they are, if they have an account.
    pub(crate) user: Option<UserId>,
    headers: Vec<(&'static str, String)>,
}

impl Visitor {
    /// Somebody without an account.
    pub(crate) fn guest() -> Self {
        Self::default()
    }

    /// Somebody who shows `headers`.
    pub(crate) fn showing(headers: Vec<(&'static str, String)>) -> Self {
        Self {
            user: None,
            headers,
        }
    }

    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let pairs = self.headers.iter();
        pairs.map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// `GET path` as them.
    pub(crate) async fn get(&self, home: &Home, path: &str) -> Answer {
        home.get_with(path, &self.headers()).await
    }

    /// `method path` with a body, as them.
    pub(crate) async fn send(
        &self,
        home: &Home,
        method: Method,
        path: &str,
        body: Value,
    ) -> Answer {
        home.send(method, path, &self.headers(), body).await
    }

    pub(crate) async fn post(&self, home: &Home, path: &str, body: Value) -> Answer {
        self.send(home, Method::POST, path, body).await
    }
}

impl Home {
    /// Somebody set the house up and is its admin.
    pub(crate) async fn claimed(audience: Audience) -> (Self, Visitor) {
        let home = Self::new();
        let settings = Settings {
            audience,
            ..Settings::default()
        };
        let owner = home.new_user("owner", Role::Admin).await;
        let owner = home.catalog().claim_house(owner, settings).await.unwrap();
        let owner = home.signed_in(owner).await;
        (home, owner)
    }

    async fn new_user(&self, name: &str, role: Role) -> NewUser {
        NewUser {
            name: name.into(),
            email: Some(format!("{name}@home.test")),
            first_name: String::new(),
            last_name: String::new(),
            password_hash: self.app.passwords.hash(PASSWORD.into()).await.unwrap(),
            role,
        }
    }

    /// Somebody with an account, in a browser that is signed in.
    pub(crate) async fn resident(&self, name: &str, role: Role) -> Visitor {
        let user = self.new_user(name, role).await;
        let user = self.catalog().add_user(user).await.unwrap();
        self.signed_in(user).await
    }

    async fn signed_in(&self, user: User) -> Visitor {
        let sign_in = json!({"credential": user.name, "password": PASSWORD});
        let guest = Visitor::guest();
        let answer = guest.post(self, "/api/v1/session", sign_in).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Visitor {
            user: Some(user.id),
            headers: vec![
                ("cookie", cookie_of(&answer)),
                ("sec-fetch-site", "same-origin".into()),
            ],
        }
    }

    /// A program with a token of that person.
    pub(crate) async fn program(&self, owner: &Visitor, scope: Scope) -> (Visitor, Secret) {
        let secret = Secret::long("hr_").unwrap();
        let token = NewToken {
            user: owner.user.unwrap(),
            secret_hash: secret.fingerprint(),
            label: "a program".into(),
            scope,
            expires_at: WallTime(i64::MAX),
        };
        self.catalog().add_token(token).await.unwrap();
        let bearer = format!("Bearer {}", secret.reveal());
        let visitor = Visitor {
            user: owner.user,
            headers: vec![("authorization", bearer)],
        };
        (visitor, secret)
    }
}

/// The cookie an answer sets, as a browser sends it back.
pub(crate) fn cookie_of(answer: &Answer) -> String {
    let pair = answer.header("set-cookie").split(';').next();
    pair.unwrap_or_default().to_owned()
}
