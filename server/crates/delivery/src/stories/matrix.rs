//! Every route × every kind of caller, and another person's private title through every URL of it.
//! `routes.txt` says which policy a route has, `policies.txt` what a policy says to whom.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::inbox::ArrivalUpdate;
use model::arrival::{ArrivalState, Door};
use model::id::TitleId;
use model::people::{Role, Scope};
use model::rights::{Audience, Visibility};
use model::segment::Piece;
use model::upload::Details;
use serde_json::json;
use tower::ServiceExt;

use super::home::Home;
use super::visitor::Visitor;
use crate::policy::{Access, Peer};
use crate::router::table as declared;

const POLICIES: &str = include_str!("policies.txt");
const NOBODY: &str = "01arz3ndektsv4rrffq69g5fav";

/// Routes with the identifier of a title have one of these.
const OF_TITLES: [&str; 6] = [
    "/media/{id}",
    "/watch/{id}",
    "/title/{id}",
    "/videos/{id}",
    "/stream/{id}",
    "/dash/{id}",
];

/// The path with `id` and `name` in its places.
fn filled(path: &str, id: &str, name: &str) -> String {
    let part = |part: &str| match part {
        "{id}" => id.to_owned(),
        "{action}" if path.contains("/inbox/") => "dismiss".to_owned(),
        "{action}" => "pause".to_owned(),
        part if part.starts_with('{') => name.to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Status and headers of an answer; its body may be endless.
async fn ask(home: &Home, who: &Visitor, method: &Method, path: &str) -> (StatusCode, HeaderMap) {
    let peer = Peer("192.168.1.7:5000".parse().unwrap());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "192.168.1.2")
        .header("content-type", "application/json")
        .extension(peer);
    for (name, value) in who.headers() {
        request = request.header(name, value);
    }
    let request = request.body(Body::from("{}")).unwrap();
    let answer = home.service.clone().oneshot(request).await.unwrap();
    (answer.status(), answer.headers().clone())
}

/// An open page may lead elsewhere by itself; that refuses nobody.
fn letter(access: Access, status: StatusCode, headers: &HeaderMap) -> char {
    let to = headers
        .get("location")
        .map_or("", |to| to.to_str().unwrap());
    match status.as_u16() {
        401 => 's',
        303 if access == Access::Open => '.',
        303 if to.starts_with("/sign-in") => 's',
        303 if to == "/setup" => 'f',
        403 => 'f',
        _ => '.',
    }
}

/// The letters of a policy, one for each caller in the order of `callers`.
fn letters(access: Access) -> String {
    let name = format!("{access:?}");
    let line = POLICIES
        .lines()
        .find(|line| line.split(' ').next() == Some(&name));
    let line = line.unwrap_or_else(|| panic!("policies.txt does not say what {name} means"));
    line[name.len()..].split_whitespace().collect()
}

/// A house with everybody of one block of the table.
async fn household(audience: Audience) -> (Home, Vec<Visitor>) {
    let (home, owner) = Home::claimed(audience).await;
    let gone = home.resident("gone", Role::Admin).await;
    home.catalog()
        .remove_user(gone.user.unwrap())
        .await
        .unwrap();
    let viewer = home.resident("viewer", Role::Viewer).await;
    let uploader = home.resident("uploader", Role::Uploader).await;
    let (reader, _) = home.program(&owner, Scope::Read).await;
    let (_, secret) = home.program(&uploader, Scope::Webdav).await;
    let basic = STANDARD.encode(format!("uploader:{}", secret.reveal()));
    let basic = vec![("authorization", format!("Basic {basic}"))];
    let app = Visitor::showing(basic);
    let callers = vec![Visitor::guest(), gone, viewer, uploader, owner, reader, app];
    (home, callers)
}

#[tokio::test]
async fn every_route_says_to_everybody_what_its_policy_says() {
    let mut houses = vec![(Home::new(), vec![Visitor::guest()])];
    houses.push(household(Audience::Anyone).await);
    houses.push(household(Audience::Members).await);
    let mut routes = declared();
    // Signing out comes last, so that there is somebody to sign out.
    routes.sort_by_key(|(method, path, _)| *method == Method::DELETE && *path == "/api/v1/session");
    for (method, path, access) in routes {
        let mut found = String::new();
        let path = filled(path, NOBODY, "manifest.mpd");
        for (home, callers) in &houses {
            for who in callers {
                let (status, headers) = ask(home, who, &method, &path).await;
                assert_ne!(status, 500, "{method} {path} by {who:?}");
                found.push(letter(access, status, &headers));
            }
        }
        let mut agreed = letters(access);
        if path.starts_with("/api/v1/account/") || (path == "/api/v1/account" && method != "GET") {
            // Only browsers change accounts; a token is told so where it comes that far.
            agreed = agreed
                .chars()
                .zip(found.chars())
                .enumerate()
                .map(columns)
                .collect();
        }
        assert_eq!(found, agreed, "{method} {path} is {access:?}");
    }
}

/// In the columns of the token both letters are right.
fn columns((column, (agreed, found)): (usize, (char, char))) -> char {
    match (column, found) {
        (6 | 13, 'f') => 'f',
        _ => agreed,
    }
}

#[tokio::test]
async fn anothers_private_title_is_not_there_at_any_of_its_addresses() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let ada = home.resident("ada", Role::Uploader).await;
    let details = Details {
        description: Some("secretive".into()),
        visibility: Visibility::OnlyMe,
        owner: ada.user,
        ..Details::default()
    };
    let title = home.admit_with("Diary", details).await;
    let job = home.plan(title).await;
    home.land(title, job, 0, 1).await;
    for (path, state, title) in [
        ("/originals/1/Diary.mp4", ArrivalState::Refused, Some(title)),
        ("/originals/2/Diary.mp4", ArrivalState::Settling, None),
    ] {
        let update = ArrivalUpdate {
            path: path.into(),
            door: Door::Upload,
            state,
            reason: None,
            size_bytes: 1,
            title,
            owner: ada.user,
        };
        home.catalog().record_arrival(update).await.unwrap();
    }
    let inbox = ada.get(&home, "/api/v1/inbox").await.json();
    let arrival = inbox["arrivals"][0]["id"].as_str().unwrap().to_owned();
    let viewer = home.resident("viewer", Role::Viewer).await;
    let other = home.resident("other", Role::Uploader).await;
    let (reader, _) = home.program(&other, Scope::Full).await;
    let names = [
        "manifest.mpd".to_owned(),
        "master.m3u8".to_owned(),
        "media-0.m3u8".to_owned(),
        "poster.jpg".to_owned(),
        Piece::Init { stream: 0 }.to_string(),
        Piece::Media {
            stream: 0,
            number: 1,
        }
        .to_string(),
        Piece::Media {
            stream: 0,
            number: 2,
        }
        .to_string(),
    ];
    for (method, path, _) in declared() {
        let real = match path {
            path if path.contains("/jobs/{id}") => job.to_string(),
            path if path.contains("/inbox/{id}") => arrival.clone(),
            path if OF_TITLES.iter().any(|part| path.contains(part)) => title.to_string(),
            _ => continue,
        };
        for name in &names {
            let (real, none) = (filled(path, &real, name), filled(path, NOBODY, name));
            for who in [&Visitor::guest(), &viewer, &other, &reader] {
                let (found, _) = ask(&home, who, &method, &real).await;
                let (nothing, _) = ask(&home, who, &method, &none).await;
                assert_eq!(found, nothing, "{method} {real} gives it away to {who:?}");
                assert!(!found.is_success(), "{method} {real} by {who:?}: {found}");
            }
            if !path.contains("{name}") {
                break;
            }
        }
    }
    for who in [&Visitor::guest(), &viewer, &other, &reader] {
        let stream = |id: &str| format!("/app/stream/?id={id}");
        let (found, _) = ask(&home, who, &Method::GET, &stream(&title.to_string())).await;
        let (nothing, _) = ask(&home, who, &Method::GET, &stream(NOBODY)).await;
        assert_eq!((found, found.is_success()), (nothing, false), "{who:?}");
    }
    for who in [&ada, &owner] {
        let seen = who.get(&home, &format!("/api/v1/videos/{title}")).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let lists = listed(&home, who, title).await;
        assert_eq!(lists, 4, "list, search, jobs and inbox");
    }
    for who in [&Visitor::guest(), &viewer, &other, &reader] {
        assert_eq!(listed(&home, who, title).await, 0, "{who:?}");
        let list = who.get(&home, "/api/v1/videos").await.json();
        assert_eq!(list["total"], 0, "the number gives nothing away");
    }
}

/// In how many lists a title stands.
async fn listed(home: &Home, who: &Visitor, title: TitleId) -> usize {
    let mut lists = 0;
    for path in [
        "/api/v1/videos",
        "/api/v1/videos?q=secretive",
        "/api/v1/jobs",
        "/api/v1/inbox",
    ] {
        let text = who.get(home, path).await.text();
        lists += usize::from(text.contains(&title.to_string()));
        assert_eq!(
            text.contains("Diary"),
            text.contains(&title.to_string()),
            "{path}"
        );
    }
    let page = who.get(home, "/").await.text();
    assert_eq!(page.contains("Diary"), lists > 0, "the library page");
    assert_eq!(
        page.contains("1 to look at"),
        lists > 0,
        "the count in the rail"
    );
    lists
}

#[tokio::test]
async fn no_name_in_any_route_leads_out_of_its_place() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    for (method, path, _) in declared() {
        if !path.contains('{') {
            continue;
        }
        for name in [
            "..",
            "..%2f..%2fetc%2fpasswd",
            "%2e%2e",
            "..%5c..",
            "%00",
            "a%0d%0aX:y",
        ] {
            let path = filled(path, name, name);
            let (status, headers) = ask(&home, &owner, &method, &path).await;
            assert!(!status.is_success(), "{method} {path}: {status}");
            assert!(!headers.contains_key("x"), "{method} {path} split a header");
        }
    }
}

#[tokio::test]
async fn what_is_taken_away_is_gone_within_one_request() {
    let (home, owner) = Home::claimed(Audience::Anyone).await;
    let ada = home.resident("ada", Role::Viewer).await;
    let (title, job) = home.planned_film("Sunday").await;
    home.land(title, job, 0, 1).await;
    let piece = Piece::Media {
        stream: 0,
        number: 1,
    };
    let segment = format!("/media/{title}/{piece}");
    for who in [&ada, &Visitor::guest()] {
        assert_eq!(who.get(&home, &segment).await.status, 200);
    }
    let members = json!({"visibility": "members"});
    let video = format!("/api/v1/videos/{title}");
    let changed = owner.send(&home, Method::PATCH, &video, members).await;
    if changed.status != 405 {
        assert_eq!(changed.status, 200, "{}", changed.text());
        let guest = Visitor::guest().get(&home, &segment).await;
        assert_eq!(guest.status, 404, "it is for members now");
    }
    let off = json!({"active": false});
    let path = format!("/api/v1/users/{}", ada.user.unwrap());
    owner.send(&home, Method::PATCH, &path, off).await;
    let mut settings = home.catalog().settings().await.unwrap();
    settings.audience = Audience::Members;
    home.catalog().save_settings(settings).await.unwrap();
    for who in [&ada, &Visitor::guest()] {
        assert_eq!(who.get(&home, &segment).await.status, 401, "{who:?}");
    }
}
