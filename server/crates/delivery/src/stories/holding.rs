//! Requests for segments that do not exist yet.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use model::change::Change;
use model::id::TitleId;
use model::job::Intent;
use tokio::task::JoinHandle;

use super::home::{Answer, Home, WORKER, ask, brisk};
use crate::app::Limits;
use crate::manifest::samples::film_apart;

/// Somebody asks for a segment in the background; returns once the wish for it is recorded.
async fn begin(home: &Home, title: TitleId, number: u32) -> JoinHandle<Answer> {
    begin_from(home, "192.168.1.7:5000", title, number).await
}

async fn begin_from(
    home: &Home,
    peer: &'static str,
    title: TitleId,
    number: u32,
) -> JoinHandle<Answer> {
    begin_with(home, peer, title, (0, number)).await
}

async fn begin_with(
    home: &Home,
    peer: &'static str,
    title: TitleId,
    (stream, number): (u32, u32),
) -> JoinHandle<Answer> {
    let mut changes = home.catalog().subscribe();
    let path = format!("/media/{title}/chunk-stream{stream}-{number:05}.m4s");
    let service = home.service.clone();
    let asking = tokio::spawn(async move { ask(service, Method::GET, &path, peer, &[]).await });
    while changes.recv().await.unwrap() != Change::Wish(title) {}
    asking
}

#[tokio::test]
async fn a_request_is_held_until_its_segment_lands() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let asking = begin(&home, title, 3).await;
    let wishes = home.catalog().wishes();
    let wished: Vec<_> = wishes
        .iter()
        .map(|wish| (wish.title, wish.stream, wish.number))
        .collect();
    assert_eq!(
        wished,
        [(title, 0, 3)],
        "the encoder can see what is wanted"
    );
    home.land(title, job, 0, 1).await;
    assert!(!asking.is_finished(), "another segment is not the one");
    home.land(title, job, 0, 3).await;
    let answer = asking.await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "segment 3 of stream 0")
    );
    assert!(
        answer.header("server-timing").starts_with("held;dur="),
        "{answer:?}"
    );
    assert!(
        home.catalog().wishes().is_empty(),
        "a fulfilled wish is withdrawn"
    );
}

#[tokio::test]
async fn of_a_copy_that_stands_apart_its_own_segments_are_waited_for() {
    let home = Home::new();
    let title = home.admit("Sunday").await;
    let job = home.plan_as(title, &film_apart()).await;
    let beyond = format!("/media/{title}/chunk-stream2-00003.m4s");
    assert_eq!(
        home.get(&beyond).await.status,
        404,
        "it has two, however many the rungs have"
    );
    let asking = begin_with(&home, "192.168.1.7:5000", title, (2, 2)).await;
    let video = home.get(&format!("/api/v1/videos/{title}")).await.json();
    assert_eq!(
        video["strip"]["wished"],
        serde_json::json!([1]),
        "it shows the second part of the film"
    );
    home.land(title, job, 0, 2).await;
    assert!(!asking.is_finished(), "a rung's second is another one");
    home.land(title, job, 2, 2).await;
    assert_eq!(asking.await.unwrap().text(), "segment 2 of stream 2");
    let video = home.get(&format!("/api/v1/videos/{title}")).await.json();
    let ready = [0, 2].map(|rung| video["rungs"][rung]["ready"].as_f64());
    assert_eq!(ready, [Some(0.25), Some(0.5)]);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_wish_along() {
    let home = Home::new();
    let (title, _) = home.planned_film("Sunday").await;
    let asking = begin(&home, title, 3).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert!(home.catalog().wishes().is_empty(), "nobody waits any more");
    assert_eq!(home.app.held.count(), 0, "its place is free again");
}

#[tokio::test]
async fn patience_ends_with_an_invitation_to_come_again() {
    let limits = Limits {
        hold_deadline: Duration::from_millis(20),
        ..brisk()
    };
    let home = Home::with(limits);
    let (title, _) = home.planned_film("Sunday").await;
    let answer = home
        .get(&format!("/media/{title}/chunk-stream1-00002.m4s"))
        .await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "2");
    assert!(
        home.catalog().wishes().is_empty(),
        "the wish ends with the request"
    );
}

#[tokio::test]
async fn only_so_many_may_wait() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let first = begin(&home, title, 2).await;
    let second = begin(&home, title, 3).await;
    let path = format!("/media/{title}/chunk-stream0-00004.m4s");
    let third = home.get(&path).await;
    assert_eq!(third.status, 503, "one household waits for two at most");
    let neighbour = begin_from(&home, "192.168.1.8:5000", title, 1).await;
    let third = home.ask(Method::GET, &path, "192.168.1.9:1", &[]).await;
    assert_eq!(third.status, 503, "and all together for three");
    home.land(title, job, 0, 4).await;
    let stored = home
        .get(&format!("/media/{title}/chunk-stream0-00004.m4s"))
        .await;
    assert_eq!(stored.status, 200, "what exists needs no place to wait");
    for number in 1..=3 {
        home.land(title, job, 0, number).await;
    }
    assert_eq!(neighbour.await.unwrap().status, 200);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test]
async fn the_fate_of_the_title_ends_the_wait() {
    for (intent, status, word) in [
        (Intent::Cancel, 404, "Cancelled"),
        (Intent::Pause, 503, "paused"),
    ] {
        let home = Home::new();
        let (title, job) = home.planned_film("Sunday").await;
        let asking = begin(&home, title, 3).await;
        home.catalog().request(job, intent).await.unwrap();
        let answer = asking.await.unwrap();
        assert_eq!(answer.status, status, "{intent:?}");
        assert!(
            answer.text().contains(word),
            "{intent:?} is told: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_failure_is_told_with_its_reason() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let asking = begin(&home, title, 3).await;
    let reason = "The file ends in the middle.";
    home.catalog()
        .job_failed(job, WORKER, reason)
        .await
        .unwrap();
    let answer = asking.await.unwrap();
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains(reason), "{}", answer.text());
}

#[tokio::test]
async fn a_film_begun_anew_is_loaded_again() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let asking = begin(&home, title, 3).await;
    home.catalog().abandon_plan(job, WORKER).await.unwrap();
    let answer = asking.await.unwrap();
    assert_eq!(
        answer.status, 503,
        "pieces of the new plan do not fit the old manifest"
    );
    assert!(answer.text().contains("anew"), "{}", answer.text());
}

#[tokio::test]
async fn a_stopping_server_lets_nobody_wait() {
    let home = Arc::new(Home::new());
    let (title, _) = home.planned_film("Sunday").await;
    let asking = begin(&home, title, 3).await;
    home.app.stopping.cancel();
    assert_eq!(
        asking.await.unwrap().status,
        503,
        "the player asks again after the restart"
    );
}
