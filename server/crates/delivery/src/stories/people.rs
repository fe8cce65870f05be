//! How people come, prove who they are, and go.

use std::time::Duration;

use axum::http::Method;
use model::people::{Role, Scope};
use model::rights::Audience;
use serde_json::{Value, json};

use super::home::{Home, KEY};
use super::visitor::{PASSWORD, Visitor, cookie_of};

const SETUP: &str = "/api/v1/setup";
const SESSION: &str = "/api/v1/session";
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn claim(token: &str) -> Value {
    json!({"token": token, "name": "owner", "password": PASSWORD, "house_name": "Our house",
           "audience": "members"})
}

#[tokio::test]
async fn a_house_is_claimed_once_with_the_link_of_this_start() {
    let home = Home::new();
    let guest = Visitor::guest();
    let token = home.app.site.setup.clone().unwrap();
    let wrong = guest.post(&home, SETUP, claim("0123456789")).await;
    assert_eq!(wrong.status, 403, "{}", wrong.text());
    let own = home.app.site.folders.data_dir.to_str().unwrap();
    for folder in ["/no/such/folder", "/proc", own] {
        let mut unfit = claim(token.reveal());
        unfit["folder"] = json!(folder);
        let unfit = guest.post(&home, SETUP, unfit).await;
        assert_eq!(unfit.status, 400, "{folder}: {}", unfit.text());
    }
    assert_eq!(home.get(SETUP).await.json()["claimed"], false);

    let (first, second) = tokio::join!(
        guest.post(&home, SETUP, claim(token.reveal())),
        guest.post(&home, SETUP, claim(token.reveal())),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort();
    assert_eq!(statuses, [201, 410], "exactly one owner ever");
    let again = guest.post(&home, SETUP, claim(token.reveal())).await;
    assert_eq!(again.status, 410, "and for ever");
    let owner = if first.status == 201 { first } else { second };
    assert_eq!(owner.json()["user"]["role"], "admin");
    let owner = Visitor::showing(vec![("cookie", cookie_of(&owner))]);
    let present = owner.get(&home, SESSION).await.json();
    assert_eq!(present["user"]["name"], "owner");
    assert_eq!(present["guest_may_watch"], false);
    token.used().await;
    assert_eq!(home.get(SETUP).await.json()["house_name"], "Our house");
}

#[tokio::test]
async fn people_sign_in_by_name_or_address_and_out() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    home.resident("ada", Role::Viewer).await;
    let guest = Visitor::guest();
    for (credential, password, status) in [
        ("ada", PASSWORD, 200),
        ("ADA@home.test", PASSWORD, 200),
        ("ada", "another password", 401),
        ("nobody", PASSWORD, 401),
        ("ada", "", 400),
    ] {
        let body = json!({"credential": credential, "password": password});
        let answer = guest.post(&home, SESSION, body).await;
        assert_eq!(answer.status, status, "{credential} {password}");
        assert!(
            !answer.text().contains("argon2"),
            "no hash leaves the house"
        );
    }
    let body = json!({"credential": "ada", "password": PASSWORD});
    let planted = Visitor::showing(vec![("cookie", "homereel_session=planted".into())]);
    let answer = planted.post(&home, SESSION, body).await;
    assert!(
        !cookie_of(&answer).contains("planted"),
        "a new secret each time"
    );
    let set = answer.header("set-cookie").to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Lax"),
        "{set}"
    );

    let ada = Visitor::showing(vec![
        ("cookie", cookie_of(&answer)),
        ("x-homereel", "1".into()),
    ]);
    assert_eq!(ada.get(&home, "/api/v1/account").await.status, 200);
    let out = ada.send(&home, Method::DELETE, SESSION, json!({})).await;
    assert_eq!(out.status, 204);
    let replayed = ada.get(&home, "/api/v1/account").await;
    assert_eq!(
        replayed.status, 401,
        "a sign-in that ended is worth nothing"
    );
}

#[tokio::test]
async fn guessing_is_slowed_at_all_doors_together() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let guest = Visitor::guest();
    let mut last = None;
    for door in [0, 1, 2, 3, 4, 5, 6, 7] {
        let (path, body) = match door % 4 {
            0 => (
                SESSION,
                json!({"credential": format!("n{door}"), "password": "wrong"}),
            ),
            1 => (
                "/api/v1/join",
                json!({"token": "x", "name": "a", "password": PASSWORD}),
            ),
            2 => ("/api/v1/reset", json!({"token": "x", "password": PASSWORD})),
            _ => ("/api/v1/session/ticket", json!({"ticket": "x"})),
        };
        last = Some(guest.post(&home, path, body).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status, 429, "{}", last.text());
    assert!(last.header("retry-after").parse::<u32>().unwrap() <= 10);
}

#[tokio::test]
async fn an_invitation_makes_one_account_with_the_role_it_gives() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let wish = json!({"role": "uploader", "note": "for Ada"});
    let made = owner.post(&home, "/api/v1/invites", wish.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let token = link.strip_prefix("/join#t=").unwrap();
    let join = |token: &str, name: &str, password: &str| json!({"token": token, "name": name, "password": password});
    let guest = Visitor::guest();
    let short = guest
        .post(&home, "/api/v1/join", join(token, "ada", "short"))
        .await;
    assert_eq!(short.status, 400, "a slip does not use the invitation up");
    let joined = guest
        .post(&home, "/api/v1/join", join(token, "ada", PASSWORD))
        .await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    assert_eq!(joined.json()["user"]["role"], "uploader");
    let reused = guest
        .post(&home, "/api/v1/join", join(token, "bob", PASSWORD))
        .await;
    assert_eq!(reused.status, 409, "{}", reused.text());
    let late = owner.post(&home, "/api/v1/invites", wish).await.json();
    home.later(8 * DAY);
    let late = late["link"].as_str().unwrap().replace("/join#t=", "");
    let late = guest
        .post(&home, "/api/v1/join", join(&late, "bob", PASSWORD))
        .await;
    assert_eq!(late.status, 409, "{}", late.text());
    let list = owner.get(&home, "/api/v1/invites").await;
    assert!(!list.text().contains(token), "the secret is shown once");
    let sign_up = json!({"name": "eve", "password": PASSWORD});
    let closed = guest.post(&home, "/api/v1/signup", sign_up.clone()).await;
    assert_eq!(closed.status, 403, "people are invited");
    let mut settings = home.catalog().settings().await.unwrap();
    settings.open_sign_up = true;
    home.catalog().save_settings(settings).await.unwrap();
    let open = guest.post(&home, "/api/v1/signup", sign_up).await;
    assert_eq!(open.json()["user"]["role"], "viewer", "{}", open.text());
}

#[tokio::test]
async fn whatever_ends_an_account_or_a_password_ends_what_it_opened() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    for change in ["role", "active", "password", "remove"] {
        let ada = home.resident(&format!("ada-{change}"), Role::Viewer).await;
        let (program, _) = home.program(&ada, Scope::Full).await;
        let path = format!("/api/v1/users/{}", ada.user.unwrap());
        for who in [&ada, &program] {
            assert_eq!(who.get(&home, "/api/v1/videos").await.status, 200);
        }
        let answer = match change {
            "role" => {
                owner
                    .send(&home, Method::PATCH, &path, json!({"role": "uploader"}))
                    .await
            }
            "active" => {
                owner
                    .send(&home, Method::PATCH, &path, json!({"active": false}))
                    .await
            }
            "remove" => owner.send(&home, Method::DELETE, &path, json!({})).await,
            _ => {
                let link = owner.post(&home, &format!("{path}/reset"), json!({})).await;
                let link = link.json()["link"]
                    .as_str()
                    .unwrap()
                    .replace("/reset#t=", "");
                let reset = json!({"token": link, "password": "quite another one"});
                Visitor::guest().post(&home, "/api/v1/reset", reset).await
            }
        };
        assert!(answer.status.is_success(), "{change}: {}", answer.text());
        for who in [&ada, &program] {
            let replayed = who.get(&home, "/api/v1/videos").await;
            assert_eq!(replayed.status, 401, "after {change}");
        }
    }
}

#[tokio::test]
async fn a_new_password_keeps_this_browser_and_ends_the_others() {
    let (home, _) = Home::claimed(Audience::Members).await;
    let here = home.resident("ada", Role::Viewer).await;
    let body = json!({"credential": "ada", "password": PASSWORD});
    let elsewhere = Visitor::guest().post(&home, SESSION, body).await;
    let elsewhere = Visitor::showing(vec![("cookie", cookie_of(&elsewhere))]);
    let change = |current: &str| json!({"password": {"current": current, "new": "quite another"}});
    let account = "/api/v1/account";
    let wrong = here
        .send(&home, Method::PATCH, account, change("wrong one"))
        .await;
    assert_eq!(wrong.status, 403, "{}", wrong.text());
    let right = here
        .send(&home, Method::PATCH, account, change(PASSWORD))
        .await;
    assert_eq!(right.status, 200, "{}", right.text());
    assert_eq!(here.get(&home, account).await.status, 200);
    assert_eq!(elsewhere.get(&home, account).await.status, 401);
}

#[tokio::test]
async fn tokens_open_what_their_scope_says_and_make_no_tokens() {
    let (home, owner) = Home::claimed(Audience::Members).await;
    let wish = json!({"label": "script", "scope": "full"});
    let made = owner
        .post(&home, "/api/v1/account/tokens", wish.clone())
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let full = Visitor::showing(vec![("authorization", format!("Bearer {secret}"))]);
    assert_eq!(full.get(&home, "/api/v1/users").await.status, 200);
    let more = full.post(&home, "/api/v1/account/tokens", wish).await;
    assert_eq!(more.status, 403, "a leaked token must not be able to stay");
    for (scope, videos, users) in [
        (Scope::Read, 200, 403),
        (Scope::Upload, 200, 403),
        (Scope::Webdav, 401, 401),
    ] {
        let (program, _) = home.program(&owner, scope).await;
        assert_eq!(
            program.get(&home, "/api/v1/videos").await.status,
            videos,
            "{scope:?}"
        );
        assert_eq!(
            program.get(&home, "/api/v1/users").await.status,
            users,
            "{scope:?}"
        );
    }
    let listed = owner.get(&home, "/api/v1/account/tokens").await;
    assert!(!listed.text().contains(&secret), "the secret is shown once");
}

#[tokio::test]
async fn a_ticket_signs_in_once_and_only_with_the_key() {
    let (home, _) = Home::claimed(Audience::Members).await;
    let here = "127.0.0.1:5000";
    let ask = async |peer: &str, key: &str| {
        let headers = [("x-homereel-key", key)];
        home.ask(Method::POST, "/api/v1/tickets", peer, &headers)
            .await
    };
    assert_eq!(ask(here, "wrong").await.status, 403);
    assert_eq!(
        ask("192.168.1.7:5000", KEY).await.status,
        403,
        "not from here"
    );
    let url = ask(here, KEY).await.json()["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let ticket = json!({"ticket": url.strip_prefix("/enter#t=").unwrap()});
    let guest = Visitor::guest();
    let entered = guest
        .post(&home, "/api/v1/session/ticket", ticket.clone())
        .await;
    assert_eq!(entered.json()["user"]["name"], "owner");
    let again = guest.post(&home, "/api/v1/session/ticket", ticket).await;
    assert_eq!(again.status, 403, "it was used");
    let unclaimed = Home::new();
    let headers = [("x-homereel-key", KEY)];
    let answer = unclaimed
        .ask(Method::POST, "/api/v1/tickets", here, &headers)
        .await;
    assert!(
        answer.json()["url"]
            .as_str()
            .unwrap()
            .starts_with("/setup#t=")
    );
}

#[tokio::test]
async fn other_sites_forms_and_unknown_fields_change_nothing() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let cookie = owner.headers()[0].1.to_owned();
    let wish = json!({"role": "admin"});
    for (headers, status) in [
        (vec![("origin", "https://evil.example")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("origin", "null")], 403),
        (vec![], 403),
        (vec![("x-homereel", "1")], 201),
    ] {
        let mut headers = headers.clone();
        headers.push(("cookie", cookie.as_str()));
        let answer = home
            .send(Method::POST, "/api/v1/invites", &headers, wish.clone())
            .await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
    }
    let plain = [
        ("content-type", "text/plain"),
        ("cookie", cookie.as_str()),
        ("x-homereel", "1"),
    ];
    let answer = home
        .ask(Method::POST, "/api/v1/invites", "10.0.0.1:1", &plain)
        .await;
    assert_eq!(answer.status, 415, "a form can send text, not JSON");
    for odd in [
        json!({"is_admin": true}),
        json!({"role": "admin"}),
        json!([]),
    ] {
        let answer = owner
            .send(&home, Method::PATCH, "/api/v1/account", odd)
            .await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
}
