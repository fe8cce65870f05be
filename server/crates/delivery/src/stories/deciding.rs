//! Settings, folders and places, decided by the owner.

use axum::http::Method;
use model::people::Role;
use serde_json::{Value, json};

use super::home::Home;

const SETTINGS: &str = "/api/v1/settings";

#[tokio::test]
async fn the_owner_decides_and_nobody_else() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let bob = home.person("bob", Role::Uploader).await;
    let change = json!({"house_name": "Ada's", "audience": "members"});
    let patch = |who| home.send_as(who, Method::PATCH, SETTINGS, &change);
    assert_eq!(patch(None).await.status, 401);
    assert_eq!(patch(Some(&bob)).await.status, 403);
    let changed = patch(Some(&ada)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let settings = home.get_as(Some(&ada), SETTINGS).await.json();
    assert_eq!(settings["house_name"], "Ada's");
    assert_eq!(settings["audience"], "members");
    assert_eq!(settings["top_rung"], 1080, "the rest stayed");
    assert_eq!(
        home.get("/api/v1/videos").await.status,
        401,
        "it counts at once"
    );
}

#[tokio::test]
async fn a_bucket_must_work_and_its_secret_stays_here() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    // Nobody listens on the discard port.
    let bucket = json!({"endpoint": "http://127.0.0.1:9", "name": "films", "access_key": "me",
        "secret_key": "hush-hush"});
    let wanted = json!({"place": "bucket", "bucket": bucket});
    let refused = home
        .send_as(Some(&ada), Method::PATCH, SETTINGS, &wanted)
        .await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.json()["detail"].as_str().unwrap().len() > 10);
    let settings = home.get_as(Some(&ada), SETTINGS).await.json();
    assert_eq!(settings["bucket"], Value::Null, "nothing was changed");

    let anyway = json!({"place": "bucket", "bucket": bucket, "force": true});
    let taken = home
        .send_as(Some(&ada), Method::PATCH, SETTINGS, &anyway)
        .await;
    assert_eq!(taken.json()["bucket"]["name"], "films", "{}", taken.text());
    let places = home.get_as(Some(&ada), "/api/v1/storage").await;
    assert_eq!(
        places.json()["bucket"]["reachable"],
        false,
        "{}",
        places.text()
    );
    let tested = home
        .send_as(Some(&ada), Method::POST, "/api/v1/storage/test", &json!({}))
        .await;
    let checks = tested.json()["checks"].as_array().unwrap().clone();
    assert_eq!(checks.last().unwrap()["ok"], false, "{checks:?}");
    for answer in [taken, places, tested] {
        assert!(!answer.text().contains("hush-hush"), "{}", answer.text());
    }
}

#[tokio::test]
async fn folders_are_watched_if_they_can_be() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("films")).unwrap();
    let films = folder.path().canonicalize().unwrap().join("films");
    let add = |path: &str| {
        let body = json!({"path": path});
        let ada = &ada;
        let home = &home;
        async move {
            home.send_as(Some(ada), Method::POST, "/api/v1/folders", &body)
                .await
        }
    };
    for (path, status) in [
        ("films", 400),
        ("/no/such/folder", 400),
        (home.app.site.folders.data_dir.to_str().unwrap(), 400),
        ("/", 400),
        (films.to_str().unwrap(), 201),
        (films.to_str().unwrap(), 409),
    ] {
        let answer = add(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    let listed = home.get_as(Some(&ada), "/api/v1/folders").await.json();
    assert_eq!(listed["folders"][0]["path"], films.to_str().unwrap());
    let around = format!("/api/v1/folders/browse?path={}", folder.path().display());
    let around = home.get_as(Some(&ada), &around).await.json();
    assert_eq!(around["folders"][0]["name"], "films", "{around}");
    let one = format!(
        "/api/v1/folders/{}",
        listed["folders"][0]["id"].as_str().unwrap()
    );
    for status in [204, 404] {
        let gone = home
            .send_as(Some(&ada), Method::DELETE, &one, &Value::Null)
            .await;
        assert_eq!(gone.status, status, "{}", gone.text());
    }
}
