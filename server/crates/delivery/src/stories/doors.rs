//! What people who knock at a door without a right to come in may learn, and how often: proxies
//! and cookies, guesses at every door, links of people who lost their power.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::Catalog;
use model::people::{Role, Scope};
use model::rights::Audience;
use serde_json::{Value, json};

use super::home::{Answer, Home};
use super::visitor::{PASSWORD, Visitor};
use crate::router;

const SESSION: &str = "/api/v1/session";
/// The proxy that the house trusts.
const PROXY: &str = "10.9.9.9:5000";

fn sign_in(credential: &str) -> Value {
    json!({"credential": credential, "password": PASSWORD})
}

/// `POST path` through the proxy, on behalf of `client`.
async fn proxied(home: &Home, path: &str, client: &str, body: Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-for", client),
        ("x-forwarded-proto", "https"),
    ];
    home.send_from(PROXY, Method::POST, path, &headers, body.to_string())
        .await
}

#[tokio::test]
async fn guesses_at_any_door_are_slowed() {
    let wrong = |name: &str| json!({"credential": name, "password": "a wrong password"});
    let join = json!({"token": "x", "name": "a", "password": PASSWORD});
    let reset = json!({"token": "x", "password": PASSWORD});
    let claim = json!({"token": "x", "name": "owner", "password": PASSWORD,
                       "audience": "members"});
    let sign_up = json!({"first_name": "A", "last_name": "B", "username": "owner",
                         "email": "a@home.test", "password": PASSWORD, "password2": PASSWORD});
    let change = json!({"password": {"current": "a wrong password", "new": PASSWORD}});
    for (door, method, path, body) in [
        ("signing in", Method::POST, SESSION, wrong("a")),
        (
            "a ticket",
            Method::POST,
            "/api/v1/session/ticket",
            json!({"ticket": "x"}),
        ),
        ("an invitation", Method::POST, "/api/v1/join", join),
        ("a new password", Method::POST, "/api/v1/reset", reset),
        (
            "signing up",
            Method::POST,
            "/api/v1/signup",
            json!({"name": "owner", "password": PASSWORD}),
        ),
        ("setting up", Method::POST, "/api/v1/setup", claim),
        (
            "CuteTube's login",
            Method::POST,
            "/api/v3/auth/login/",
            wrong("a"),
        ),
        (
            "CuteTube's sign-up",
            Method::POST,
            "/api/v3/auth/signup/",
            sign_up,
        ),
        (
            "one's own password",
            Method::PATCH,
            "/api/v1/account",
            change,
        ),
        ("WebDAV", Method::GET, "/dav/", Value::Null),
    ] {
        let (home, who) = match door {
            "setting up" => (Home::new(), Visitor::guest()),
            _ => open_house().await,
        };
        let who = match door {
            "one's own password" => who,
            "WebDAV" => {
                let basic = STANDARD.encode("owner:a wrong password");
                Visitor::showing(vec![("authorization", format!("Basic {basic}"))])
            }
            _ => Visitor::guest(),
        };
        let mut tries = 0;
        let refused = loop {
            let answer = who.send(&home, method.clone(), path, body.clone()).await;
            if answer.status == 429 {
                break answer;
            }
            assert!(answer.status.is_client_error(), "{door}: {}", answer.text());
            tries += 1;
            assert!(tries <= 5, "{door} lets everybody guess");
        };
        assert!(tries >= 4, "{door} forgives slips");
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=10).contains(&wait), "{door}: {wait}");
    }
}

/// A house where everybody may sign up, and its owner.
async fn open_house() -> (Home, Visitor) {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let mut settings = home.catalog().settings().await.unwrap();
    settings.open_sign_up = true;
    home.catalog().save_settings(settings).await.unwrap();
    (home, owner)
}

#[tokio::test]
async fn people_behind_one_proxy_are_told_apart() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let mut last = proxied(&home, SESSION, "198.51.100.1", sign_in("guess 0")).await;
    for number in 1..6 {
        let guess = sign_in(&format!("guess {number}"));
        // What the guesser writes itself stands on the left and is nobody's address.
        let claimed = format!("203.0.113.{number}, 198.51.100.1");
        last = proxied(&home, SESSION, &claimed, guess).await;
    }
    assert_eq!(last.status, 429);
    let other = proxied(&home, SESSION, "198.51.100.2", sign_in("owner")).await;
    assert_eq!(other.status, 200, "{}", other.text());
}

#[tokio::test]
async fn whoever_came_encrypted_stays_so() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let (title, job) = home.planned_film("Sunday").await;
    home.finish(title, job).await;
    let signed_in = proxied(&home, SESSION, "198.51.100.2", sign_in("owner")).await;
    assert!(signed_in.header("set-cookie").contains("; Secure"));
    let plain = Visitor::guest()
        .post(&home, SESSION, sign_in("owner"))
        .await;
    assert!(!plain.header("set-cookie").contains("Secure"));
    let path = format!("/api/v3/vod/metadata/stream/{title}/");
    for (peer, scheme) in [(PROXY, "https"), ("192.168.1.7:1", "http")] {
        let headers = [("x-forwarded-proto", "https"), ("host", "nas")];
        let told = home.ask(Method::GET, &path, peer, &headers).await.json();
        let url = told["data"]["data"]["mp4_s3_mpd_url"].as_str().unwrap();
        let expected = format!("{scheme}://nas/media/{title}/manifest.mpd");
        assert_eq!(url, expected, "asked by {peer}");
    }
}

#[tokio::test]
async fn links_are_worth_as_much_as_whoever_gave_them() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    let ada = home.resident("ada", Role::Admin).await;
    let bob = home.resident("bob", Role::Viewer).await;
    let path = format!("/api/v1/users/{}/reset", bob.user.unwrap());
    let offered = ada.post(&home, &path, json!({})).await.json();
    let invited = ada
        .post(&home, "/api/v1/invites", json!({"role": "admin"}))
        .await
        .json();
    let secret = |answer: &Value| {
        let link = answer["link"].as_str().unwrap();
        link.split("#t=").nth(1).unwrap().to_owned()
    };
    let demote = json!({"role": "viewer"});
    let path = format!("/api/v1/users/{}", ada.user.unwrap());
    let demoted = owner.send(&home, Method::PATCH, &path, demote).await;
    assert_eq!(demoted.status, 200, "{}", demoted.text());
    let guest = Visitor::guest();
    let reset = json!({"token": secret(&offered), "password": "quite another one"});
    let late = guest.post(&home, "/api/v1/reset", reset).await;
    assert_eq!(late.status, 403, "{}", late.text());
    let join = json!({"token": secret(&invited), "name": "eve", "password": PASSWORD});
    let late = guest.post(&home, "/api/v1/join", join).await;
    assert_eq!(late.status, 404, "{}", late.text());
    let bobs = guest.post(&home, SESSION, sign_in("bob")).await;
    assert_eq!(bobs.status, 200, "his password is what it was");
}

#[tokio::test]
async fn a_token_lets_nobody_stay() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    let bob = home.resident("bob", Role::Viewer).await;
    let (full, _) = home.program(&owner, Scope::Full).await;
    let bobs = format!("/api/v1/users/{}", bob.user.unwrap());
    let reset = format!("{bobs}/reset");
    let wish = json!({"name": "eve", "password": PASSWORD, "role": "admin"});
    for (method, path, body) in [
        (Method::POST, "/api/v1/users", wish),
        (Method::PATCH, &bobs, json!({"role": "admin"})),
        (Method::POST, &reset, json!({})),
        (Method::DELETE, &bobs, json!({})),
        (Method::POST, "/api/v1/invites", json!({"role": "admin"})),
        (
            Method::DELETE,
            "/api/v1/invites/01arz3ndektsv4rrffq69g5fav",
            json!({}),
        ),
    ] {
        let refused = full.send(&home, method.clone(), path, body.clone()).await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text());
        let allowed = owner.send(&home, method.clone(), path, body).await;
        assert!(
            allowed.status.is_success(),
            "{method} {path}: {}",
            allowed.text()
        );
    }
    assert_eq!(full.get(&home, "/api/v1/users").await.status, 200);
}

#[tokio::test]
async fn a_spent_invitation_costs_no_hash_and_a_guess_is_never_forgiven() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    let made = owner
        .post(&home, "/api/v1/invites", json!({"role": "viewer"}))
        .await
        .json();
    let token = made["link"].as_str().unwrap().replace("/join#t=", "");
    let join = |name: &str| json!({"token": token, "name": name, "password": PASSWORD});
    let guest = Visitor::guest();
    let joined = guest.post(&home, "/api/v1/join", join("eve")).await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    // Were it to hash, it would wait here for ever.
    let crowd = home.app.passwords.crowd().await;
    for _ in 0..5 {
        let spent = guest.post(&home, "/api/v1/join", join("mallory")).await;
        assert_eq!(spent.status, 409, "{}", spent.text());
    }
    let counted = guest.post(&home, "/api/v1/join", join("mallory")).await;
    assert_eq!(counted.status, 429, "{}", counted.text());
    drop(crowd);
}

#[tokio::test]
async fn programs_are_not_kept_waiting_by_others_with_old_secrets() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    let (_, secret) = home.program(&owner, Scope::Webdav).await;
    let basic = |password: &str| {
        let basic = STANDARD.encode(format!("owner:{password}"));
        Visitor::showing(vec![("authorization", format!("Basic {basic}"))])
    };
    let (old, right) = (basic("hr_old"), basic(secret.reveal()));
    let mut last = old.get(&home, "/dav/").await;
    for _ in 0..5 {
        last = old.get(&home, "/dav/").await;
    }
    assert_eq!(last.status, 429, "{}", last.text());
    // The door itself is shut in these stories; what counts is that they come so far.
    let many = (0..20).map(|_| right.get(&home, "/dav/"));
    for answer in futures::future::join_all(many).await {
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    let signed_in = Visitor::guest()
        .post(&home, SESSION, sign_in("owner"))
        .await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
}

#[tokio::test]
async fn a_catalog_that_takes_no_notes_lets_people_in() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    let (program, _) = home.program(&owner, Scope::Read).await;
    let mut app = home.app.clone();
    let file = app.site.folders.data_dir.join("homereel.db");
    app.site.catalog = Catalog::open_read_only(&file).unwrap();
    app.callers = std::sync::Arc::new(crate::caller::Callers::new(&app.site.catalog));
    let headers = program.headers();
    let service = router::service(app);
    let path = "/api/v1/videos";
    let answer = super::home::ask(service, Method::GET, path, "192.168.1.7:1", &headers).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
