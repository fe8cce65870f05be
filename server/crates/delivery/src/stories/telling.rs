//! Events, health and the inbox.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use catalog::editing::TitleChange;
use catalog::inbox::ArrivalUpdate;
use http_body_util::BodyExt;
use model::arrival::{ArrivalState, Door};
use model::rights::{Audience, Visibility};
use tower::ServiceExt;

use super::home::Home;
use crate::health::WatchedFolder;

/// An open event stream.
struct Listening(Body);

impl Listening {
    async fn open(home: &Home) -> (StatusCode, Self) {
        let request = Request::builder()
            .uri("/api/v1/events")
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let response = home.service.clone().oneshot(request).await.unwrap();
        (response.status(), Self(response.into_body()))
    }

    /// The next piece of the stream; `None` at its end.
    async fn next(&mut self) -> Option<String> {
        let frame = tokio::time::timeout(Duration::from_secs(10), self.0.frame());
        let frame = frame.await.expect("an event within ten seconds")?;
        let bytes = frame.unwrap().into_data().unwrap_or_default();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[tokio::test]
async fn listeners_hear_what_to_look_at_again() {
    let home = Home::new();
    let (status, mut listening) = Listening::open(&home).await;
    assert_eq!(status, 200);
    let title = home.admit("Sunday").await;
    let mut heard = String::new();
    while !(heard.contains("event: title") && heard.contains("event: job")) {
        heard += &listening.next().await.unwrap();
    }
    assert!(
        heard.contains(&format!("data: {{\"id\":\"{title}\"}}")),
        "{heard}"
    );
    assert!(
        heard.contains(&format!("\"title\":\"{title}\"}}")),
        "{heard}"
    );
}

fn private() -> TitleChange {
    TitleChange {
        visibility: Some(Visibility::OnlyMe),
        ..TitleChange::default()
    }
}

#[tokio::test]
async fn whoever_saw_a_title_hears_that_it_is_gone() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let sunday = home.admit("Sunday").await;
    let diary = home.admit("Diary").await;
    home.catalog().change_title(diary, private()).await.unwrap();
    let (_, mut guest) = Listening::open(&home).await;
    for title in [diary, sunday] {
        home.catalog().delete_title(title, None).await.unwrap();
    }
    let mut heard = String::new();
    while !heard.contains(&sunday.to_string()) {
        heard += &guest.next().await.unwrap();
    }
    assert!(!heard.contains(&diary.to_string()), "{heard}");
}

#[tokio::test]
async fn a_title_that_becomes_private_is_not_named_but_listings_are_looked_at_again() {
    let (home, _) = Home::claimed(Audience::Anyone).await;
    let title = home.admit("Sunday").await;
    let (_, mut guest) = Listening::open(&home).await;
    home.catalog().change_title(title, private()).await.unwrap();
    let mut heard = String::new();
    while !heard.contains("event: library") {
        heard += &guest.next().await.unwrap();
    }
    assert!(!heard.contains(&title.to_string()), "{heard}");
}

#[tokio::test]
async fn a_burst_of_segments_is_one_event() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let (_, mut listening) = Listening::open(&home).await;
    let mut changes = home.catalog().subscribe();
    home.finish(title, job).await;
    let mut announced = 0;
    while changes.try_recv().is_ok() {
        announced += 1;
    }
    // The stream is only read now, when everything has happened already.
    let mut heard = listening.next().await.unwrap();
    while !heard.contains("event: job") {
        heard += &listening.next().await.unwrap();
    }
    let told = heard.matches("event: title").count();
    assert_eq!(told, 1, "{announced} changes are told once: {heard}");
}

#[tokio::test]
async fn only_so_many_listen_and_a_stop_ends_them() {
    let home = Home::new();
    let (_, mut first) = Listening::open(&home).await;
    let (_, second) = Listening::open(&home).await;
    assert_eq!(
        Listening::open(&home).await.0,
        503,
        "the limit of these stories is two"
    );
    drop(second);
    assert_eq!(Listening::open(&home).await.0, 200, "a place became free");
    home.app.stopping.cancel();
    assert_eq!(first.next().await, None, "a stopping server hangs up");
}

#[tokio::test]
async fn health_tells_what_does_not_work() {
    let home = Home::new();
    let well = home.get("/healthz").await.json();
    assert_eq!(well["status"], "ok", "{well}");
    assert_eq!(well["titles"], 0);
    let facts = &home.app.site.facts;
    facts.degraded("worker", "The encoder does not start.");
    facts.set_folders(vec![WatchedFolder {
        path: "/mnt/usb".into(),
        online: false,
        reason: Some("the disk is not connected".into()),
    }]);
    let ill = home.get("/healthz").await;
    assert_eq!(ill.status, 200, "the server itself answers");
    assert_eq!(ill.json()["status"], "degraded");
    let page = home.get("/").await.text();
    assert!(page.contains("The encoder does not start."), "{page}");
    assert!(page.contains("the disk is not connected"), "{page}");
    facts.recovered("worker");
    facts.set_folders(Vec::new());
    assert_eq!(
        home.get("/healthz").await.json()["status"],
        "ok",
        "it recovered"
    );
}

#[tokio::test]
async fn files_on_their_way_are_shown() {
    let home = Home::new();
    let update = ArrivalUpdate {
        path: "/drop/New Year.mov".into(),
        door: Door::Folder,
        state: ArrivalState::Settling,
        reason: None,
        size_bytes: 42_000_000,
        title: None,
        owner: None,
    };
    home.catalog().record_arrival(update).await.unwrap();
    let inbox = home.get("/api/v1/inbox").await.json();
    assert_eq!(inbox["arrivals"][0]["file"], "New Year.mov");
    assert_eq!(inbox["arrivals"][0]["state"], "settling");
    let page = home.get("/").await.text();
    assert!(
        page.contains("New Year.mov") && page.contains("42 MB"),
        "{page}"
    );
}
