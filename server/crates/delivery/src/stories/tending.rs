//! Titles, jobs and files, looked after by people.

use axum::http::Method;
use catalog::inbox::ArrivalUpdate;
use model::arrival::{ArrivalState, Door};
use model::people::Role;
use serde_json::{Value, json};

use super::home::Home;

#[tokio::test]
async fn a_title_is_changed_by_whoever_may_and_by_nobody_else() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let eve = home.person("eve", Role::Viewer).await;
    let bob = home.person("bob", Role::Uploader).await;
    let title = home.admit("Sunday").await;
    let path = format!("/api/v1/videos/{title}");
    let change = json!({"name": "Monday", "description": "Rain.", "visibility": "only_me"});
    let patch = |who, body| {
        let (home, path) = (&home, &path);
        async move { home.send_as(who, Method::PATCH, path, &body).await }
    };
    for (who, status) in [(None, 401), (Some(&eve), 403), (Some(&bob), 403)] {
        assert_eq!(patch(who, change.clone()).await.status, status);
    }
    for odd in [
        json!({"name": ""}),
        json!({"name": "a".repeat(301)}),
        json!({"description": "a".repeat(5_001)}),
        json!({"visibility": "moon"}),
        json!({"owner": "me"}),
        json!([]),
    ] {
        let refused = patch(Some(&ada), odd.clone()).await;
        assert_eq!(refused.status, 400, "{odd}: {}", refused.text());
    }
    let changed = patch(Some(&ada), change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["name"], "Monday");
    assert_eq!(
        changed.json()["may"],
        json!({"change": true, "download": true})
    );
    let emptied = json!({"description": ""});
    let emptied = patch(Some(&ada), emptied).await.json();
    assert_eq!(
        emptied["description"],
        Value::Null,
        "an empty text takes it away"
    );
    patch(Some(&ada), json!({"description": "Rain."})).await;
    assert_eq!(
        home.get_as(Some(&eve), &path).await.status,
        404,
        "it is private now"
    );
    let listed = home.get_as(Some(&eve), "/api/v1/videos").await.json();
    assert_eq!(
        (&listed["total"], &listed["videos"]),
        (&json!(0), &json!([]))
    );
    let found = home
        .get_as(Some(&ada), "/api/v1/videos?q=rain")
        .await
        .json();
    assert_eq!(found["videos"][0]["name"], "Monday", "by its description");
}

#[tokio::test]
async fn a_deleted_title_is_nowhere_until_it_is_brought_back() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let eve = home.person("eve", Role::Viewer).await;
    let (title, _) = home.planned_film("Sunday").await;
    let path = format!("/api/v1/videos/{title}");
    let deleted = home
        .send_as(Some(&ada), Method::DELETE, &path, &Value::Null)
        .await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(deleted.json()["undo_until"].as_str().unwrap().len(), 24);
    assert_eq!(
        deleted.json()["file_goes"],
        false,
        "it lies in a watched folder"
    );
    for gone in [
        path.clone(),
        format!("/media/{title}/manifest.mpd"),
        format!("/media/{title}/init-stream0.m4s"),
        format!("{path}/original"),
    ] {
        assert_eq!(home.get_as(Some(&ada), &gone).await.status, 404, "{gone}");
    }
    let back = format!("{path}/restore");
    let restore = |who| home.send_as(who, Method::POST, &back, &Value::Null);
    assert_eq!(restore(Some(&eve)).await.status, 403);
    let restored = restore(Some(&ada)).await;
    assert_eq!(restored.json()["name"], "Sunday", "{}", restored.text());
    assert_eq!(home.get(&path).await.status, 200);
    let never = format!("/api/v1/videos/{}/restore", model::id::TitleId::generate());
    let never = home
        .send_as(Some(&ada), Method::POST, &never, &Value::Null)
        .await;
    assert_eq!(never.status, 404);
}

#[tokio::test]
async fn people_go_on_where_they_stopped() {
    let home = Home::new();
    home.person("ada", Role::Admin).await;
    let eve = home.person("eve", Role::Viewer).await;
    let (title, job) = home.planned_film("Sunday").await;
    home.finish(title, job).await;
    let path = format!("/api/v1/videos/{title}/progress");
    let at = |seconds: f64| json!({"position_s": seconds, "duration_s": 11.0});
    let guest = home.send_as(None, Method::PUT, &path, &at(5.0)).await;
    assert_eq!(guest.status, 401);
    let noted = home.send_as(Some(&eve), Method::PUT, &path, &at(5.0)).await;
    assert_eq!(noted.status, 204, "{}", noted.text());
    let begun = home
        .get_as(Some(&eve), "/api/v1/videos/continue")
        .await
        .json();
    assert_eq!(begun["videos"][0]["id"], title.to_string(), "{begun}");
    assert_eq!(begun["videos"][0]["watched"]["position_s"], 5.0);
    home.send_as(Some(&eve), Method::PUT, &path, &at(10.9))
        .await;
    let begun = home
        .get_as(Some(&eve), "/api/v1/videos/continue")
        .await
        .json();
    assert_eq!(begun["videos"], json!([]), "the film is over");
    let odd = home
        .send_as(Some(&eve), Method::PUT, &path, &at(-1.0))
        .await;
    assert_eq!(odd.status, 400);
}

#[tokio::test]
async fn jobs_tell_what_they_make_and_are_put_in_order() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let mut jobs = Vec::new();
    for name in ["One", "Three"] {
        let title = home.admit(name).await;
        jobs.push(
            home.catalog()
                .title(title)
                .await
                .unwrap()
                .unwrap()
                .job
                .unwrap(),
        );
    }
    let order = json!({"before": jobs[0].to_string()});
    let path = format!("/api/v1/jobs/{}/move", jobs[1]);
    let moved = home.send_as(Some(&ada), Method::POST, &path, &order).await;
    assert_eq!(moved.status, 200, "{}", moved.text());
    assert_eq!(home.get("/api/v1/jobs").await.status, 401, "guests watch");
    let listed = home.get_as(Some(&ada), "/api/v1/jobs").await.json();
    assert_eq!(listed["jobs"][0]["title_name"], "Three", "{listed}");
    let behind = json!({"after": jobs[0].to_string()});
    let moved = home.send_as(Some(&ada), Method::POST, &path, &behind).await;
    assert_eq!(moved.status, 200, "{}", moved.text());
    let first = home.get_as(Some(&ada), "/api/v1/jobs?limit=1").await.json();
    assert_eq!(first["jobs"][0]["title_name"], "One", "{first}");
    let next = first["next_cursor"].as_str().unwrap();
    let rest = format!("/api/v1/jobs?limit=1&cursor={next}");
    let rest = home.get_as(Some(&ada), &rest).await.json();
    assert_eq!(rest["jobs"][0]["title_name"], "Three", "{rest}");
    assert_eq!(rest["next_cursor"], Value::Null);
    let odd = home.get_as(Some(&ada), "/api/v1/jobs?cursor=x").await;
    assert_eq!(odd.status, 400);
    let both = json!({"before": jobs[0].to_string(), "after": jobs[0].to_string()});
    let both = home.send_as(Some(&ada), Method::POST, &path, &both).await;
    assert_eq!(both.status, 400, "{}", both.text());
    let log = home
        .get_as(Some(&ada), &format!("/api/v1/jobs/{}/log", jobs[0]))
        .await;
    assert!(log.json()["lines"].is_array(), "{}", log.text());
}

#[tokio::test]
async fn a_file_in_the_inbox_has_its_actions() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let eve = home.person("eve", Role::Viewer).await;
    let update = ArrivalUpdate {
        path: "/drop/broken.mp4".into(),
        door: Door::Folder,
        state: ArrivalState::Refused,
        reason: Some("It is broken".into()),
        size_bytes: 7,
        title: None,
        owner: None,
    };
    home.catalog().record_arrival(update).await.unwrap();
    let inbox = home.get_as(Some(&ada), "/api/v1/inbox").await.json();
    let id = inbox["arrivals"][0]["id"].as_str().unwrap().to_owned();
    let act = |who, action: &str| {
        let (home, path) = (&home, format!("/api/v1/inbox/{id}/{action}"));
        async move { home.send_as(who, Method::POST, &path, &Value::Null).await }
    };
    let shown = &inbox["arrivals"][0];
    assert_eq!(
        (&shown["needs_you"], &inbox["needs_you"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(act(Some(&eve), "dismiss").await.status, 403);
    assert_eq!(act(Some(&ada), "explode").await.status, 404);
    assert_eq!(act(Some(&ada), "dismiss").await.status, 204);
    let inbox = home.get_as(Some(&ada), "/api/v1/inbox").await.json();
    assert_eq!(
        inbox["arrivals"],
        json!([]),
        "nobody has to look at it any more"
    );
}

#[tokio::test]
async fn a_long_inbox_comes_in_pages_and_what_needs_somebody_is_chosen_by_the_server() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    for number in 0..6 {
        let update = ArrivalUpdate {
            path: format!("/drop/{number}.mp4").into(),
            door: Door::Folder,
            state: match number % 2 {
                0 => ArrivalState::Refused,
                _ => ArrivalState::Settling,
            },
            reason: None,
            size_bytes: 7,
            title: None,
            owner: None,
        };
        home.later(std::time::Duration::from_secs(1));
        home.catalog().record_arrival(update).await.unwrap();
    }
    let page = async |query: &str| {
        let path = format!("/api/v1/inbox?limit=2{query}");
        home.get_as(Some(&ada), &path).await.json()
    };
    let all = page("").await;
    assert_eq!((&all["total"], &all["needs_you"]), (&json!(6), &json!(3)));
    let first = page("&needs_you=true").await;
    let next = first["next_cursor"].as_str().unwrap().to_owned();
    let rest = page(&format!("&needs_you=true&cursor={next}")).await;
    let files = |page: &Value| -> Vec<Value> {
        let arrivals = page["arrivals"].as_array().unwrap().iter();
        arrivals.map(|arrival| arrival["file"].clone()).collect()
    };
    let files = [files(&first), files(&rest)].concat();
    assert_eq!(
        files,
        ["4.mp4", "2.mp4", "0.mp4"],
        "none is left out or shown twice"
    );
    assert_eq!(rest["next_cursor"], Value::Null);
    let frame = home.get_as(Some(&ada), "/inbox").await.text();
    assert!(frame.contains(", 3 to look at"), "the rail counts the same");
}
