//! Requests that do not mean well, or do not know better.

use std::io;

use axum::body::Body;
use axum::http::Method;
use futures::stream;
use model::job::JobState;
use model::rights::Audience;
use model::upload::Details;

use super::home::Home;

const LIVING_ROOM: &str = "192.168.1.7:5000";
const HERE: &str = "127.0.0.1:5000";
const FORM: &str = "/api/v1/uploads/form";

#[tokio::test]
async fn names_that_are_not_ours_are_refused_before_anything_else() {
    let home = Home::new();
    for (host, status) in [
        ("192.168.1.2", 200),
        ("nas:8096", 200),
        ("homereel.local", 200),
        ("evil.example", 421),
        ("192.168.1.2.evil.example", 421),
        ("localhost:80@evil", 400),
    ] {
        let answer = home.get_with("/healthz", &[("host", host)]).await;
        assert_eq!(answer.status, status, "Host: {host}");
    }
    let proxied = home.get("http://127.0.0.1:9000/healthz").await;
    assert_eq!(proxied.status, 400, "we fetch nothing for others");
}

#[tokio::test]
async fn every_answer_carries_its_headers() {
    let home = Home::new();
    for path in [
        "/",
        "/nowhere",
        "/healthz",
        "/api/v1/nowhere",
        "/assets/none.js",
    ] {
        let answer = home.get(path).await;
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn text_is_packed_and_films_are_sent_as_they_are() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let bytes = b"not packed ".repeat(100);
    let title = home
        .film_on_disk("Sunday.mkv", &bytes, Details::default())
        .await;
    let job = home.plan(title).await;
    home.land(title, job, 0, 1).await;
    for (path, packed) in [
        ("/".to_owned(), true),
        ("/api/v1/videos".to_owned(), true),
        (format!("/media/{title}/manifest.mpd"), true),
        (format!("/media/{title}/master.m3u8"), true),
        (format!("/media/{title}/chunk-stream0-00001.m4s"), false),
        (format!("/api/v1/videos/{title}/original"), false),
        (format!("/app/stream/?id={title}"), false),
    ] {
        let mut headers = owner.headers();
        headers.push(("accept-encoding", "gzip"));
        let answer = home.get_with(&path, &headers).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        let encoding = answer.header("content-encoding");
        assert_eq!(encoding == "gzip", packed, "{path}");
        assert_eq!(
            answer.headers.contains_key("content-length"),
            !packed,
            "{path}"
        );
    }
}

/// As a network brings it.
fn in_pieces(text: &str) -> Body {
    let pieces = text.as_bytes().chunks(16 * 1024);
    let pieces: Vec<io::Result<Vec<u8>>> = pieces.map(|piece| Ok(piece.to_vec())).collect();
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn what_is_too_long_is_refused_before_it_is_kept() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let home = home.with_a_shelf_for_uploads();
    let json = "application/json".to_owned();
    let form = "multipart/form-data; boundary=b".to_owned();
    let long_boundary = format!("multipart/form-data; boundary={}", "b".repeat(71));
    let part = |name: &str, text: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let film = "--b\r\nContent-Disposition: form-data; name=\"video\"; filename=\"a.mp4\"\r\n\r\n";
    let film = |bytes: &str| format!("{film}{bytes}\r\n--b--\r\n");
    let padding = |bytes: usize| "x".repeat(bytes);
    let headers_without_end = format!("--b\r\nX: {}", padding(10_000_000));
    for (what, path, kind, body, status) in [
        (
            "JSON",
            "/api/v1/session",
            &json,
            format!("{{\"a\":\"{}\"}}", padding(65_536)),
            413,
        ),
        ("a field", FORM, &form, part("title", &padding(65_537)), 413),
        ("many parts", FORM, &form, part("a", "b").repeat(33), 400),
        ("a boundary", FORM, &long_boundary, film("a"), 400),
        ("what comes before", FORM, &form, padding(10_000_000), 400),
        ("headers of a part", FORM, &form, headers_without_end, 400),
        ("a long film", FORM, &form, film(&padding(10_000_000)), 201),
        (
            "fields and a film",
            FORM,
            &form,
            part("title", "A") + &film("a"),
            201,
        ),
    ] {
        let mut headers = owner.headers();
        headers.push(("content-type", kind));
        let answer = home
            .send_from(LIVING_ROOM, Method::POST, path, &headers, in_pieces(&body))
            .await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
}

#[tokio::test]
async fn errors_of_the_api_are_problem_details() {
    let home = Home::new();
    for (method, path, status) in [
        (Method::GET, "/api/v1/nowhere", 404),
        (Method::GET, "/api/v1/videos/nothing", 404),
        (Method::GET, "/media/nothing/manifest.mpd", 404),
        (Method::GET, "/assets/nothing.js", 404),
        (Method::DELETE, "/api/v1/videos", 405),
        (Method::PUT, "/media/a/b", 405),
        (Method::TRACE, "/healthz", 405),
        (Method::GET, "/api/v1/jobs/a/cancel", 405),
        (Method::GET, "/api/v1/videos?page=NaN", 400),
        (Method::GET, "/api/v1/videos?page=-1", 400),
        (Method::GET, "/api/v1/videos/%ff", 400),
    ] {
        let answer = home.ask(method.clone(), path, HERE, &[]).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{method} {path}"
        );
        assert_eq!(answer.json()["status"], status, "{method} {path}");
        assert!(answer.json()["detail"].is_string(), "{method} {path}");
    }
    let wrong_method = home.ask(Method::DELETE, "/healthz", HERE, &[]).await;
    assert_eq!(
        wrong_method.header("allow"),
        "GET,HEAD",
        "a 405 says what is allowed"
    );
    let page = home.get("/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("<h1>"), "people get a page");
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_its_place() {
    let home = Home::new();
    for path in [
        "/media/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e%252fetc",
        "/assets/..%5c..%5cCargo.toml",
        "/media/x%00/manifest.mpd",
        "/assets/main.css%0d%0aSet-Cookie:x=1",
        "//healthz",
        "/HEALTHZ",
        "/healthz/",
        "/healthz;a=b",
        "/assets/manifest.json",
    ] {
        let answer = home.get(path).await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 404),
            "{path}: {}",
            answer.status
        );
        assert!(!answer.text().contains("[package]"), "{path}");
    }
}

#[tokio::test]
async fn odd_searches_find_nothing_and_break_nothing() {
    let home = Home::new();
    home.admit("Sunday").await;
    for query in [
        "%25",
        "_",
        "'",
        "%22)%20OR%201=1--",
        "*",
        "NEAR(a,b)",
        "%00",
        "%F0%9F%8E%AC",
        "%5C",
    ] {
        let answer = home.get(&format!("/api/v1/videos?q={query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        assert_eq!(answer.json()["total"], 0, "{query} is no part of “Sunday”");
    }
    let long = home
        .get(&format!("/api/v1/videos?q={}", "a".repeat(5_000)))
        .await;
    assert_eq!(long.status, 400, "nobody looks for five thousand letters");
    let page = home
        .get("/api/v1/videos?page=18446744073709551615&per_page=4294967296")
        .await;
    assert_eq!(page.status, 200, "numbers are clamped");
}

#[tokio::test]
async fn jobs_obey_the_owner_at_the_machine_only() {
    let home = Home::new();
    let (title, job) = home.planned_film("Sunday").await;
    let cancel = format!("/api/v1/jobs/{job}/cancel");
    let stranger = home.ask(Method::POST, &cancel, LIVING_ROOM, &[]).await;
    assert_eq!(stranger.status, 403, "{}", stranger.text());
    let forged = [("x-forwarded-for", "127.0.0.1")];
    let forger = home.ask(Method::POST, &cancel, LIVING_ROOM, &forged).await;
    assert_eq!(forger.status, 403, "a header is no address");
    let state = home.catalog().job(job).await.unwrap().unwrap().state;
    assert_eq!(state, JobState::Running, "nothing was changed");

    let owner = home.ask(Method::POST, &cancel, HERE, &[]).await;
    assert_eq!(owner.json()["state"], "cancelled");
    let again = home.ask(Method::POST, &cancel, HERE, &[]).await;
    assert_eq!(again.status, 409, "it cannot be cancelled twice");
    let retry = home
        .ask(
            Method::POST,
            &format!("/api/v1/jobs/{job}/retry"),
            HERE,
            &[],
        )
        .await;
    assert_eq!(retry.json()["state"], "queued");
    let odd = home
        .ask(
            Method::POST,
            &format!("/api/v1/jobs/{job}/explode"),
            HERE,
            &[],
        )
        .await;
    assert_eq!(odd.status, 404, "there is no such action");
    let jobs = home.get("/api/v1/jobs").await.json();
    assert_eq!(jobs["jobs"][0]["title"], title.to_string());
}

#[tokio::test]
async fn other_sites_cannot_act_through_the_owners_browser() {
    let home = Home::new();
    let (_, job) = home.planned_film("Sunday").await;
    let pause = format!("/api/v1/jobs/{job}/pause");
    for headers in [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "https://evil.example")],
        [("origin", "null")],
    ] {
        let answer = home.ask(Method::POST, &pause, HERE, &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let own = [
        ("host", "localhost:8096"),
        ("origin", "http://localhost:8096"),
    ];
    let answer = home.ask(Method::POST, &pause, HERE, &own).await;
    assert_eq!(answer.status, 200, "our own page may: {}", answer.text());
}
