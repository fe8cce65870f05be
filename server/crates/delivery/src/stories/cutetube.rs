//! Clients that were written for CuteTube. The whole way with a real server is told in `tests`.

use std::time::Duration;

use axum::http::Method;
use model::id::UploadId;
use model::people::Role;
use model::rights::{Audience, Visibility};
use model::settings::{RateProfile, Settings};
use model::upload::Details;
use serde_json::{Value, json};

use super::home::Home;
use super::visitor::{PASSWORD, Visitor};

const SIGN_UP: &str = "/api/v3/auth/signup/";
const LOG_IN: &str = "/api/v3/auth/login/";

async fn open_house(rates: RateProfile) -> Home {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let settings = Settings {
        open_sign_up: true,
        rates,
        ..Settings::default()
    };
    home.catalog().save_settings(settings).await.unwrap();
    home
}

fn ada() -> Value {
    json!({"first_name": "Ada", "last_name": "L", "username": "ada", "email": "ada@home.test",
           "password": PASSWORD, "password2": PASSWORD})
}

fn with(field: &str, value: &str) -> Value {
    let mut wish = ada();
    wish[field] = json!(value);
    wish
}

#[tokio::test]
async fn people_sign_up_and_in_as_at_cutetubes() {
    let home = open_house(RateProfile::Home).await;
    let guest = Visitor::guest();
    for (wish, field, says) in [
        (
            with("password2", "another one"),
            "non_field_errors",
            "Password does not match!",
        ),
        (with("username", ""), "username", "This field is required."),
        (
            with("password", "sixsix"),
            "password",
            "Ensure this field has at least 8 characters.",
        ),
    ] {
        let refused = guest.post(&home, SIGN_UP, wish).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        let body = refused.json();
        assert_eq!(body["status_code"], 400);
        assert_eq!(body["user"]["status"], "error");
        assert_eq!(body["user"]["detail"][field][0], says);
    }
    let made = guest.post(&home, SIGN_UP, ada()).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let body = made.json();
    assert_eq!(
        (&body["status_code"], &body["user"]["status"]),
        (&json!(200), &json!("success"))
    );
    let access = body["user"]["token"]["access"].as_str().unwrap().to_owned();
    assert!(body["user"]["token"]["refresh"].is_string());
    let program = Visitor::showing(vec![("authorization", format!("Bearer {access}"))]);
    assert_eq!(
        program.get(&home, "/api/v1/account").await.json()["user"]["name"],
        "ada"
    );
    let again = guest.post(&home, SIGN_UP, ada()).await.json();
    assert_eq!(
        again["user"]["detail"],
        "A user with this username already exists!"
    );
    for credential in ["ada", "ada@home.test"] {
        let sign_in = json!({"credential": credential, "password": PASSWORD});
        let answer = guest.post(&home, LOG_IN, sign_in).await;
        assert!(
            answer.json()["user"]["token"]["access"].is_string(),
            "{}",
            answer.text()
        );
    }
    let wrong = json!({"credential": "ada", "password": "wrong wrong"});
    let wrong = guest.post(&home, LOG_IN, wrong).await;
    assert_eq!(wrong.status, 400);
    let detail = wrong.json()["user"]["detail"]["non_field_errors"][0].clone();
    assert_eq!(detail, "Username, Email or password is incorrect");
    let missing = guest
        .post(&home, LOG_IN, json!({"password": "x"}))
        .await
        .json();
    assert_eq!(
        missing["user"]["detail"],
        "email or username is not provided."
    );
}

#[tokio::test]
async fn a_closed_house_says_how_to_get_in() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let refused = Visitor::guest().post(&home, SIGN_UP, ada()).await;
    assert_eq!(refused.status, 403);
    let detail = refused.json()["user"]["detail"]["non_field_errors"][0].clone();
    assert!(detail.as_str().unwrap().contains("invitation"), "{detail}");
}

#[tokio::test]
async fn titles_are_listed_and_told_in_its_fields() {
    let home = open_house(RateProfile::Home).await;
    let mut last = None;
    for number in 0..11 {
        last = Some(home.planned_film(&"x".repeat(number + 1)).await);
    }
    let (title, job) = last.unwrap();
    home.finish(title, job).await;
    let list = home.get("/api/v3/vod/videos/all/").await.json();
    assert_eq!(list["data"]["count"], 11);
    assert_eq!(list["data"]["data"].as_array().unwrap().len(), 10);
    assert!(
        list["data"]["next"].as_str().unwrap().ends_with("?page=2"),
        "{list}"
    );
    assert_eq!(list["data"]["previous"], Value::Null);
    let first = &list["data"]["data"][0];
    assert_eq!(first["id"], title.to_string(), "newest first");
    for field in [
        "mp4_s3_mpd_url",
        "mov_s3_mpd_url",
        "mp4_gcore_cdn_mpd_url",
        "mov_gcore_cdn_mpd_url",
    ] {
        let url = first[field].as_str().unwrap();
        assert!(
            url.ends_with(&format!("/media/{title}/manifest.mpd")),
            "{field} {url}"
        );
    }
    let second = home.get("/api/v3/vod/videos/all/?page=2").await.json();
    assert_eq!(second["data"]["data"].as_array().unwrap().len(), 1);
    assert_eq!(home.get("/api/v3/vod/videos/all/?page=3").await.status, 404);

    let told = home
        .get(&format!("/api/v3/vod/metadata/stream/{title}/"))
        .await
        .json();
    assert_eq!(told["data"]["status"], "success");
    assert_eq!(told["data"]["data"]["title"], "x".repeat(11));
    assert_eq!(told["data"]["data"]["status"], "ready");
    let upload = UploadId::generate();
    let details = Details {
        upload: Some(upload),
        ..Details::default()
    };
    let sent = home.admit_with("sent through its form", details).await;
    let path = format!("/api/v3/vod/metadata/stream/{upload}/");
    let told = home.get(&path).await.json();
    assert_eq!(told["data"]["data"]["id"], sent.to_string(), "{told}");
    let none = home.get("/api/v3/vod/metadata/stream/nothing/").await;
    assert_eq!(none.status, 404);
    assert_eq!(
        none.json()["data"]["detail"],
        "Video ID: 'nothing' is invalid."
    );

    let manifest = home.get("/app/v2/dash/manifest.mpd").await;
    assert_eq!(manifest.header("content-type"), "application/dash+xml");
    assert!(
        manifest
            .text()
            .contains(&format!("<BaseURL>/media/{title}/</BaseURL>"))
    );
    let own = home
        .get(&format!("/app/v2/dash/{title}/manifest.mpd"))
        .await;
    assert_eq!(own.status, 200, "{}", own.text());
}

#[tokio::test]
async fn an_original_is_streamed_in_parts_to_whoever_may_download_it() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let viewer = home.resident("viewer", Role::Viewer).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let title = home
        .film_on_disk("Sunday.mov", &bytes, Details::default())
        .await;
    home.plan(title).await;
    let path = format!("/app/stream/?id={title}");
    let refused = home.get(&path).await;
    assert_eq!(refused.status, 401, "guests watch, people download");
    let none = home.get("/app/stream/").await;
    assert_eq!(none.status, 404, "{}", none.text());
    for (range, status, told, length) in [
        (None, 206, "bytes 0-255/256", 256),
        (Some("bytes=8-15"), 206, "bytes 8-15/256", 8),
        (Some("bytes=250-999"), 206, "bytes 250-255/256", 6),
        (Some("bytes=-4"), 206, "bytes 252-255/256", 4),
        (Some("bytes=256-"), 416, "bytes */256", 0),
    ] {
        let mut headers = viewer.headers();
        headers.extend(range.map(|range| ("range", range)));
        let part = home.get_with(&path, &headers).await;
        assert_eq!(part.status, status, "{range:?}: {}", part.text());
        assert_eq!(part.header("content-range"), told, "{range:?}");
        assert_eq!(part.header("content-type"), "video/quicktime");
        assert_eq!(part.body.len(), length, "{range:?}");
    }
    let details = Details {
        visibility: Visibility::OnlyMe,
        owner: owner.user,
        ..Details::default()
    };
    let diary = home.film_on_disk("Diary.mp4", b"dear diary", details).await;
    let diary = format!("/app/stream/?id={diary}");
    assert_eq!(viewer.get(&home, &diary).await.status, 404);
    assert_eq!(owner.get(&home, &diary).await.text(), "dear diary");
}

#[tokio::test(start_paused = true)]
async fn its_own_limits_hold_in_public() {
    let home = open_house(RateProfile::Public).await;
    let path = "/api/v3/vod/metadata/stream/nothing/";
    for _ in 0..3 {
        assert_eq!(home.get(path).await.status, 404);
    }
    let limited = home.get(path).await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.json()["status"], "too-many-requests");
    let message = "Rate limit exceed. Pleas wait before making another request.";
    assert_eq!(limited.json()["data"]["message"], message);
    assert!(
        limited.json()["data"]["wait_time"]
            .as_str()
            .unwrap()
            .ends_with(" seconds")
    );
    assert!(limited.header("retry-after").parse::<u32>().unwrap() <= 20);
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(home.get(path).await.status, 404, "one each twenty seconds");
    let upload = "/api/v3/vod/initiate-task/upload/";
    let guest = home.ask(Method::POST, upload, "10.0.0.1:1", &[]).await;
    assert_eq!(guest.status, 401, "adding films needs an account");
}
