//! The original, for whoever wants to keep it.

use std::os::unix::fs::MetadataExt;

use axum::http::Method;
use catalog::admission::{Admission, Candidate};
use model::id::TitleId;
use model::people::Role;
use model::title::{FileStamp, Identity, Source};
use model::upload::Details;
use serde_json::Value;
use std::path::Path;

use super::home::Home;

async fn admit(home: &Home, path: &Path) -> TitleId {
    let metadata = std::fs::metadata(path).unwrap();
    let candidate = Candidate {
        name: "Sunday".into(),
        details: Details::default(),
        source: Source {
            path: path.to_owned(),
            identity: Identity {
                size_bytes: metadata.len(),
                sample_hash: TitleId::generate().to_string(),
            },
            stamp: FileStamp {
                device: metadata.dev(),
                inode: metadata.ino(),
                size_bytes: metadata.len(),
                modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            },
        },
    };
    match home.catalog().admit(candidate).await.unwrap() {
        Admission::New(title) => title,
        other => panic!("a new file became {other:?}"),
    }
}

#[tokio::test]
async fn people_with_an_account_may_keep_the_file_as_it_is() {
    let home = Home::new();
    let ada = home.person("ada", Role::Admin).await;
    let eve = home.person("eve", Role::Viewer).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("Sünday.mkv");
    std::fs::write(&path, "0123456789").unwrap();
    let title = admit(&home, &path).await;
    let original = format!("/api/v1/videos/{title}/original");
    assert_eq!(home.get(&original).await.status, 401, "guests only watch");

    let whole = home.get_as(Some(&eve), &original).await;
    assert_eq!(
        (whole.status.as_u16(), whole.text().as_str()),
        (200, "0123456789")
    );
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert_eq!(whole.header("content-length"), "10");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(
        whole.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert!(
        whole
            .header("content-disposition")
            .contains("UTF-8''S%C3%BCnday.mkv")
    );
    let head = home
        .send_as(Some(&ada), Method::HEAD, &original, &Value::Null)
        .await;
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));

    std::fs::write(&path, "another film").unwrap();
    let changed = home.get_as(Some(&ada), &original).await;
    assert_eq!(changed.status, 404, "it is another file now");
    std::fs::remove_file(&path).unwrap();
    let gone = home.get_as(Some(&ada), &original).await;
    assert!(
        gone.json()["detail"].as_str().unwrap().contains("Sunday"),
        "{}",
        gone.text()
    );
}
