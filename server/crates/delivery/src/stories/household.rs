//! People of the small household, who ask with tokens as programs do.

use axum::body::Body;
use axum::http::{Method, Request};
use catalog::people::NewUser;
use catalog::sessions::NewToken;
use http_body_util::BodyExt;
use model::clock::WallTime;
use model::people::{Role, Scope};
use serde_json::Value;
use tower::ServiceExt;

use super::home::{Answer, Home};
use crate::policy::Peer;
use crate::secret::Secret;

/// Somebody with an account and a token for everything they may do.
pub(crate) struct Person {
    secret: Secret,
}

impl Home {
    /// A new person. The first admin makes the house theirs.
    pub(crate) async fn person(&self, name: &str, role: Role) -> Person {
        let user = NewUser {
            name: name.to_owned(),
            email: None,
            first_name: String::new(),
            last_name: String::new(),
            password_hash: "$argon2id$none".to_owned(),
            role,
        };
        let user = self.catalog().add_user(user).await.unwrap();
        let secret = Secret::long("hr_").unwrap();
        let token = NewToken {
            user: user.id,
            secret_hash: secret.fingerprint(),
            label: "stories".to_owned(),
            scope: Scope::Full,
            expires_at: WallTime(i64::MAX),
        };
        self.catalog().add_token(token).await.unwrap();
        Person { secret }
    }

    /// `who` asks for `path`; nobody is a guest in the living room.
    pub(crate) async fn get_as(&self, who: Option<&Person>, path: &str) -> Answer {
        self.send_as(who, Method::GET, path, &Value::Null).await
    }

    /// `who` sends JSON; null sends no body.
    pub(crate) async fn send_as(
        &self,
        who: Option<&Person>,
        method: Method,
        path: &str,
        json: &Value,
    ) -> Answer {
        let peer: std::net::SocketAddr = "192.168.1.7:5000".parse().unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .extension(Peer(peer))
            .header("host", "192.168.1.2:8096");
        if let Some(person) = who {
            let bearer = format!("Bearer {}", person.secret.reveal());
            request = request.header("authorization", bearer);
        }
        let body = if json.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(json.to_string())
        };
        let response = self
            .service
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }
}
