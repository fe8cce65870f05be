//! A film from the moment its file was accepted until it is ready, as players and pages see it.

use axum::http::Method;
use model::extras::ThumbsPlan;
use model::job::Intent;
use model::plan::Plan;
use model::rights::Audience;
use model::segment::Piece;

use super::home::Home;
use crate::manifest::samples::film;

#[tokio::test]
async fn a_film_is_announced_before_it_is_looked_into() {
    let home = Home::new();
    let title = home.admit("Sunday").await;
    let video = home.get(&format!("/api/v1/videos/{title}")).await.json();
    assert_eq!(video["state"], "waiting", "{video}");
    assert_eq!(
        video["duration_s"],
        serde_json::Value::Null,
        "nobody knows it yet"
    );
    assert_eq!(video["added_at"], "2025-11-23T19:40:01.000Z");

    let manifest = home.get(&format!("/media/{title}/manifest.mpd")).await;
    assert_eq!(manifest.status, 503, "it will be there later");
    assert_eq!(manifest.header("retry-after"), "2");
    assert_eq!(manifest.header("content-type"), "application/problem+json");
    let segment = home
        .get(&format!("/media/{title}/chunk-stream0-00001.m4s"))
        .await;
    assert_eq!(
        segment.status, 503,
        "nobody knows yet whether it will exist"
    );
}

#[tokio::test]
async fn a_planned_film_has_full_manifests_at_once() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let dash = home.get(&format!("/media/{title}/manifest.mpd")).await;
    assert_eq!(dash.status, 200);
    assert_eq!(dash.header("content-type"), "application/dash+xml");
    assert_eq!(dash.header("cache-control"), "no-cache");
    assert!(
        dash.text().contains("mediaPresentationDuration=\"PT11S\""),
        "full length"
    );
    let hls = home.get(&format!("/media/{title}/master.m3u8")).await;
    assert!(hls.text().contains("media-1.m3u8"), "{}", hls.text());
    let playlist = home.get(&format!("/media/{title}/media-1.m3u8")).await;
    assert!(
        playlist.text().contains("#EXT-X-ENDLIST"),
        "{}",
        playlist.text()
    );
    let missing = home.get(&format!("/media/{title}/media-4.m3u8")).await;
    assert_eq!(missing.status, 404, "the film has four streams");

    home.finish(title, job).await;
    let measured = home
        .get(&format!("/media/{title}/manifest.mpd"))
        .await
        .text();
    // 21 bytes in two seconds.
    assert!(
        measured.contains("bandwidth=\"84\""),
        "measured rates: {measured}"
    );
}

#[tokio::test]
async fn the_api_tells_how_the_ladder_fills() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    for (stream, number) in [(0, 1), (0, 2), (1, 1), (2, 1), (3, 1)] {
        home.land(title, job, stream, number).await;
    }
    let video = home.get(&format!("/api/v1/videos/{title}")).await.json();
    assert_eq!(video["state"], "playable", "{video}");
    assert_eq!(video["rungs"][0]["ready"], 0.5, "two of four segments");
    assert_eq!(video["rungs"][1]["ready"], 0.25);
    assert_eq!(video["audio"][1]["name"], "Regie \"im Gespräch\"");
    assert_eq!(
        video["strip"]["cells"][0]["lit"],
        serde_json::json!([1.0, 0.5])
    );
    let list = home.get("/api/v1/videos?q=sun").await.json();
    assert_eq!(list["total"], 1);
    let mut card = video.clone();
    card["source"] = serde_json::Value::Null;
    assert_eq!(
        list["videos"][0], card,
        "a list shows the same as a single title, but for the tracks of its file"
    );

    home.finish(title, job).await;
    let video = home.get(&format!("/api/v1/videos/{title}")).await.json();
    assert_eq!(video["state"], "ready");
    assert_eq!(video["progress"]["fraction"], 1.0);
    assert_eq!(
        video["strip"],
        serde_json::Value::Null,
        "nothing is left to draw"
    );
}

#[tokio::test]
async fn stored_pieces_are_served_whole_in_part_and_conditionally() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    home.land(title, job, 2, 1).await;
    let path = format!("/media/{title}/chunk-stream2-00001.m4s");
    let whole = home.get(&path).await;
    assert_eq!(whole.text(), "segment 1 of stream 2");
    assert_eq!(
        whole.header("content-type"),
        "audio/mp4",
        "stream 2 is sound"
    );
    assert_eq!(whole.header("content-length"), "21");
    assert_eq!(
        whole.header("cache-control"),
        "public, no-cache",
        "it may still be replaced"
    );
    let etag = whole.header("etag").to_owned();

    let part = home.get_with(&path, &[("range", "bytes=8-8")]).await;
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "1"));
    assert_eq!(part.header("content-range"), "bytes 8-8/21");
    let outside = home.get_with(&path, &[("range", "bytes=21-")]).await;
    assert_eq!(outside.status, 416);
    assert_eq!(outside.header("content-range"), "bytes */21");
    let several = home.get_with(&path, &[("range", "bytes=0-0,2-2")]).await;
    assert_eq!(several.status, 200, "several parts at once are never given");

    let known = home.get_with(&path, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let head = home.ask(Method::HEAD, &path, "192.168.1.7:1", &[]).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("21", 0));
}

#[tokio::test]
async fn a_finished_film_may_be_kept_but_is_asked_for_again() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let (title, job) = home.planned_film("Sunday").await;
    home.finish(title, job).await;
    let path = format!("/media/{title}/chunk-stream0-00004.m4s");
    let segment = home.get(&path).await;
    let cache = segment.header("cache-control");
    assert_eq!(
        cache, "public, no-cache",
        "its name outlives a restored backup"
    );
    assert_eq!(segment.header("content-type"), "video/mp4");
    let newest = home.get("/app/v2/dash/chunk-stream0-00004.m4s").await;
    let cache = newest.header("cache-control");
    assert_eq!(cache, "private, no-cache", "tomorrow it is another film's");
    let members = serde_json::json!({"visibility": "members"});
    let video = format!("/api/v1/videos/{title}");
    owner.send(&home, Method::PATCH, &video, members).await;
    let segment = owner.get(&home, &path).await;
    let cache = segment.header("cache-control");
    assert_eq!(
        cache, "private, no-cache",
        "not in a cache that others share"
    );
}

#[tokio::test]
async fn what_the_plan_does_not_have_is_not_waited_for() {
    let home = Home::new();
    let (title, _) = home.planned_film("Sunday").await;
    for name in [
        "chunk-stream0-00005.m4s",
        "chunk-stream4-00001.m4s",
        "chunk-stream0-4294967295.m4s",
        "init-stream4.m4s",
        "poster.jpg",
        "chunk-stream0-1.m4s",
        "chunk-stream0-18446744073709551616.m4s",
        "CHUNK-STREAM0-00001.M4S",
        "chunk-stream0-00001.m4s%2f..%2fx",
    ] {
        let answer = home.get(&format!("/media/{title}/{name}")).await;
        assert_eq!(answer.status, 404, "{name}");
    }
    assert!(
        home.catalog().wishes().is_empty(),
        "nothing of it may be wished for"
    );
}

#[tokio::test]
async fn nobody_is_kept_waiting_for_thumbnails() {
    let home = Home::new();
    let title = home.admit("Sunday").await;
    let plan = film();
    let display = plan.source.display.unwrap();
    let plan = Plan {
        thumbs: Some(ThumbsPlan::of(display, plan.end())),
        ..plan
    };
    let job = home.plan_as(title, &plan).await;
    let path = format!("/media/{title}/thumbs-1.jpg");
    let early = home.get(&path).await;
    assert_eq!(early.status, 503, "not made yet");
    assert_eq!(early.header("retry-after"), "2");
    let beyond = home.get(&format!("/media/{title}/thumbs-2.jpg")).await;
    assert_eq!(beyond.status, 404, "there is one sheet");
    home.land_piece(title, job, Piece::Thumbs { sheet: 1 })
        .await;
    let sheet = home.get(&path).await;
    assert_eq!(sheet.status, 200);
    assert_eq!(sheet.header("content-type"), "image/jpeg");
    let cues = home.get(&format!("/media/{title}/thumbs.vtt")).await;
    assert_eq!(cues.header("content-type"), "text/vtt; charset=utf-8");
}

#[tokio::test]
async fn a_film_that_failed_says_why() {
    let home = Home::new();
    let title = home.admit("Broken").await;
    let job = home
        .catalog()
        .title(title)
        .await
        .unwrap()
        .unwrap()
        .job
        .unwrap();
    home.catalog().request(job, Intent::Cancel).await.unwrap();
    for name in [
        "manifest.mpd",
        "master.m3u8",
        "media-0.m3u8",
        "chunk-stream0-00001.m4s",
    ] {
        let answer = home.get(&format!("/media/{title}/{name}")).await;
        assert_eq!(answer.status, 404, "{name} will never be there");
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .contains("Cancelled"),
            "{answer:?}"
        );
    }
    let page = home.get(&format!("/watch/{title}")).await;
    assert!(
        page.text().contains("Cancelled"),
        "the page knows the reason"
    );
}

#[tokio::test]
async fn pages_are_filled_from_the_catalog() {
    let home = Home::new();
    let empty = home.get("/").await;
    assert_eq!(empty.status, 200);
    assert!(
        empty.text().contains("Drop a film in"),
        "an empty library explains itself"
    );
    let title = home.admit("<b>Sunday</b>").await;
    let library = home.get("/").await.text();
    assert!(
        library.contains("&lt;b&gt;Sunday"),
        "names are text: {library}"
    );
    assert!(
        library.contains(&format!("/watch/{title}")),
        "the card leads to the player"
    );
    let watch = home.get(&format!("/watch/{title}")).await;
    assert_eq!(watch.status, 200);
    assert!(
        !watch.text().contains("<b>Sunday"),
        "names are text in the player too"
    );
    let none = home.get("/?q=monday").await.text();
    assert!(
        none.contains("Nothing called"),
        "a search without a hit says so"
    );
}
