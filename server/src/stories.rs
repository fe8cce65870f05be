//! Whole servers in one process: started, asked, disturbed, stopped. What needs a worker, signals
//! or a browser is told in the package `tests`.

mod tus;

use catalog::Catalog;
use model::clock::SystemClock;
use model::error::ErrorKind;
use model::id::UploadId;
use model::people::Role;
use model::settings::Speed;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::commands::{backup, check, doctor, ingest, restore, user};
use crate::config::{Config, Flags};
use crate::data_dir::{Paths, is_in_use};
use crate::endpoint::Endpoint;
use crate::server::{Running, Server};

/// The promise of the command line: a stop takes no longer.
const STOP: Duration = Duration::from_secs(5);
/// Nothing that is waited for takes so long, on a busy machine neither.
const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration in a folder of its own, on a free port, without a worker.
fn configuration(folder: &TempDir) -> Config {
    let flags = Flags {
        data_dir: Some(folder.path().join("data")),
        listen: Some("127.0.0.1:0".into()),
        watch: vec![folder.path().join("drop")],
        ..Flags::default()
    };
    let config = Config::load(&flags, &|_| None).unwrap();
    Config {
        worker: Some("/nowhere/homereel-worker".into()),
        settle: Duration::from_millis(50),
        patience: Duration::from_millis(100),
        ..config
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn stop(running: Running) {
    let begun = Instant::now();
    running.shutdown().await;
    assert!(
        begun.elapsed() < STOP,
        "stopping took {:?}",
        begun.elapsed()
    );
}

/// An AVI file as far as its first bytes and its length tell.
fn film(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("film.avi");
    let mut bytes = b"RIFF\x04\0\0\0AVI ".to_vec();
    bytes[4..8].copy_from_slice(&4_u32.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn take(config: &Config, file: &Path) -> model::error::Result<String> {
    let mut out = Vec::new();
    ingest::run(config, file, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

async fn is_whole(config: &Config) -> bool {
    let mut out = Vec::new();
    let whole = check::run(&config.data_dir, true, &mut out).await.unwrap();
    assert!(whole, "{}", String::from_utf8_lossy(&out));
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_answers_says_where_and_leaves_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let running = Server::start(config.clone()).await.unwrap();
    let endpoint = Endpoint::read(&config.data_dir).unwrap();
    assert_eq!(
        endpoint.address,
        running.addr(),
        "the file says where it listens"
    );
    assert_ne!(endpoint.address.port(), 0, "port 0 became a real one");
    let health = get(running.addr(), "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    let address = running.addr();
    stop(running).await;
    assert_eq!(
        Endpoint::read(&config.data_dir),
        None,
        "nobody listens any more"
    );
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is free"
    );
    assert!(
        !is_in_use(&Paths::under(&config.data_dir)).unwrap(),
        "the lock is free"
    );
    let again = Server::start(config).await.unwrap();
    stop(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_worker_is_told_and_keeps_nothing_else_from_working() {
    let folder = tempfile::tempdir().unwrap();
    let running = Server::start(configuration(&folder)).await.unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let told = async {
        while !get(running.addr(), "/healthz")
            .await
            .contains("/nowhere/homereel-worker")
        {
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
    let videos = get(running.addr(), "/api/v1/videos").await;
    assert!(videos.starts_with("HTTP/1.1 200"), "{videos}");
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_sent_to_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let first = Server::start(config.clone()).await.unwrap();
    let refusal = Server::start(config).await.unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::Conflict);
    assert!(refusal.message().contains(first.url()), "{refusal}");
    let health = get(first.addr(), "/healthz").await;
    assert!(
        health.starts_with("HTTP/1.1 200"),
        "the first one is not disturbed"
    );
    stop(first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Config {
        listen: other.local_addr().unwrap(),
        ..config.clone()
    };
    let refusal = Server::start(taken).await.unwrap_err();
    assert!(refusal.message().contains("--listen"), "{refusal}");
    assert_eq!(Endpoint::read(&config.data_dir), None, "nothing listens");
    let running = Server::start(config).await.unwrap();
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_taken_with_and_without_a_server_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let film = film(&folder);
    let alone = take(&config, &film).await.unwrap();
    let title = alone.lines().next().unwrap().to_owned();
    assert!(is_whole(&config).await);
    let running = Server::start(config.clone()).await.unwrap();
    let served = take(&config, &film).await.unwrap();
    let url = format!("{}/watch/{title}", running.url());
    assert_eq!(served, format!("{title}\n{url}\n"), "it is the same film");
    assert!(is_whole(&config).await, "a check may run beside a server");
    stop(running).await;
    assert!(is_whole(&config).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_film_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "milk\nbread\n").unwrap();
    let refusal = take(&config, &notes).await.unwrap_err();
    assert!(refusal.message().contains("notes.txt"), "{refusal}");
    let running = Server::start(config.clone()).await.unwrap();
    let refusal = take(&config, Path::new("/no/such/film.mp4"))
        .await
        .unwrap_err();
    assert!(refusal.message().contains("/no/such/film.mp4"), "{refusal}");
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_every_object_and_row_that_disagree() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    take(&config, &film(&folder)).await.unwrap();
    let stray = config.data_dir.join("store/01k00000000000000000000000/1");
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join("poster.jpg"), "x").unwrap();
    let mut out = Vec::new();
    let whole = check::run(&config.data_dir, false, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!whole, "an object without a row is not in order: {text}");
    assert!(text.contains("poster.jpg belongs to no row"), "{text}");
}

#[tokio::test]
async fn a_check_without_a_library_says_where_it_looked() {
    let error = check::run(Path::new("/nowhere"), false, &mut Vec::new())
        .await
        .unwrap_err();
    assert!(error.message().contains("/nowhere"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_the_library_back() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    let title = take(&config, &film(&folder)).await.unwrap();
    let saved = folder.path().join("saved.db");
    let mut out = Vec::new();
    backup::run(&config.data_dir, &saved, &mut out)
        .await
        .unwrap();
    let twice = backup::run(&config.data_dir, &saved, &mut out).await;
    assert_eq!(
        twice.unwrap_err().kind(),
        ErrorKind::Conflict,
        "a backup never replaces another"
    );

    std::fs::remove_dir_all(&config.data_dir).unwrap();
    restore::run(&config.data_dir, &saved, &mut out)
        .await
        .unwrap();
    let again = take(&config, &film(&folder)).await.unwrap();
    assert_eq!(
        title.lines().next(),
        again.lines().next(),
        "the film is known by its name of before"
    );
    assert!(is_whole(&config).await);
}

/// The catalog in the data folder as a reader finds it.
fn catalog_of(config: &Config) -> Catalog {
    Catalog::open_read_only(&Paths::under(&config.data_dir).catalog()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_comes_back_knows_its_buckets_and_keeps_the_former_one() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    stop(Server::start(config.clone()).await.unwrap()).await;
    let mark = catalog_of(&config).mark().await.unwrap();
    assert!(mark.is_some(), "a library is named at its first start");
    let saved = folder.path().join("saved.db");
    let mut out = Vec::new();
    backup::run(&config.data_dir, &saved, &mut out)
        .await
        .unwrap();
    std::fs::remove_dir_all(&config.data_dir).unwrap();
    stop(Server::start(config.clone()).await.unwrap()).await;
    let other = catalog_of(&config).mark().await.unwrap();
    assert_ne!(other, mark, "another library has another name");
    restore::run(&config.data_dir, &saved, &mut out)
        .await
        .unwrap();
    stop(Server::start(config.clone()).await.unwrap()).await;
    assert_eq!(catalog_of(&config).mark().await.unwrap(), mark);
    let entries = std::fs::read_dir(&config.data_dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let aside: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().contains("db.before-"))
        .collect();
    assert_eq!(aside.len(), 1, "one file, its log written back: {aside:?}");
    let former = Catalog::open_read_only(&aside[0]).unwrap();
    assert_eq!(former.mark().await.unwrap(), other);
}

/// What was uploaded after the backup, or before a catalog was lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_the_library_does_not_know_is_taken_in_again() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    let home = config
        .data_dir
        .join("originals")
        .join(UploadId::generate().to_string());
    std::fs::create_dir_all(&home).unwrap();
    std::fs::copy(film(&folder), home.join("film.avi")).unwrap();
    let running = Server::start(config).await.unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let listed = async {
        while !get(running.addr(), "/api/v1/videos")
            .await
            .contains("film.avi")
        {
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, listed).await.unwrap();
    stop(running).await;
    assert!(home.join("film.avi").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_of_a_lost_catalog_are_kept_and_told() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    let paths = Paths::under(&config.data_dir);
    let object = paths
        .store()
        .join("01jz0000000000000000000000/1/poster.jpg");
    std::fs::create_dir_all(object.parent().unwrap()).unwrap();
    std::fs::write(&object, "picture").unwrap();
    for _ in 0..2 {
        let running = Server::start(config.clone()).await.unwrap();
        let health = get(running.addr(), "/healthz").await;
        assert!(health.contains("homereel restore"), "{health}");
        stop(running).await;
    }
    let mut out = Vec::new();
    doctor::run(&config, &mut out).await.unwrap();
    let told = String::from_utf8(out).unwrap();
    assert!(told.contains("TROUBLE  Store"), "{told}");
    assert!(object.exists(), "nothing was thrown away");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_leaves_the_library_alone() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    let title = take(&config, &film(&folder)).await.unwrap();
    let rubbish = folder.path().join("rubbish.db");
    std::fs::write(&rubbish, "SQLite format 3\0 and then nothing").unwrap();
    for file in [rubbish.as_path(), Path::new("/nowhere/saved.db")] {
        let outcome = restore::run(&config.data_dir, file, &mut Vec::new()).await;
        assert!(outcome.is_err(), "{} is no backup", file.display());
    }
    assert_eq!(take(&config, &film(&folder)).await.unwrap(), title);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_under_a_running_server() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    let running = Server::start(config.clone()).await.unwrap();
    let saved = folder.path().join("saved.db");
    backup::run(&config.data_dir, &saved, &mut Vec::new())
        .await
        .unwrap();
    let refused = restore::run(&config.data_dir, &saved, &mut Vec::new()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Conflict);
    stop(running).await;
}

#[tokio::test]
async fn accounts_are_looked_after_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let data_dir = config.data_dir.clone();
    let wish = |name: &str, role| user::Wish {
        name: name.into(),
        email: None,
        role,
        password: "a long password".into(),
    };
    let mut out = Vec::new();
    let running = Server::start(config.clone()).await.unwrap();
    assert!(running.setup_url().unwrap().contains("/setup#t="));
    let token = Paths::under(&data_dir).setup_token();
    assert!(token.exists(), "nobody claimed the house");
    user::add(&data_dir, wish("ada", Role::Admin), &mut out)
        .await
        .unwrap();
    let short = user::reset_password(&data_dir, "ada", "short".into(), &mut out).await;
    assert_eq!(short.unwrap_err().kind(), ErrorKind::InvalidInput);
    let again = user::add(&data_dir, wish("ADA", Role::Viewer), &mut out).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    stop(running).await;
    assert!(!token.exists(), "the house is claimed");
    user::add(&data_dir, wish("bob", Role::Viewer), &mut out)
        .await
        .unwrap();
    let nobody = user::reset_password(&data_dir, "eve", "long enough".into(), &mut out).await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound);
    out.clear();
    user::list(&data_dir, &mut out).await.unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "ada  admin\nbob  viewer\n");
    let running = Server::start(config).await.unwrap();
    assert_eq!(running.setup_url(), None, "there is no second claim");
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_and_what_is_well() {
    let folder = TempDir::new().unwrap();
    let config = configuration(&folder);
    std::fs::create_dir(folder.path().join("drop")).unwrap();
    let running = Server::start(config.clone()).await.unwrap();
    let examined = config.clone();
    let (well, said) = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let runtime = tokio::runtime::Handle::current();
        let well = runtime.block_on(doctor::run(&examined, &mut out)).unwrap();
        (well, String::from_utf8(out).unwrap())
    })
    .await
    .unwrap();
    assert!(!well, "the encoding program is missing: {said}");
    for (mark, what) in [
        ("TROUBLE", "Encoder"),
        ("well", "Server"),
        ("well", "Folder"),
        ("well", "Data"),
    ] {
        let told = said
            .lines()
            .any(|line| line.starts_with(mark) && line.contains(what));
        assert!(told, "{mark} {what} in:\n{said}");
    }
    stop(running).await;
    let mut out = Vec::new();
    assert!(!doctor::quick(&config, &mut out).unwrap(), "nobody answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_short_loses_no_configured_setting() {
    let folder = tempfile::tempdir().unwrap();
    let small = Config {
        speed: Speed::Small,
        ..configuration(&folder)
    };
    // The server was killed right after its catalog was made.
    std::fs::create_dir_all(&small.data_dir).unwrap();
    let file = Paths::under(&small.data_dir).catalog();
    let made = Catalog::open(&file, Arc::new(SystemClock)).unwrap();
    made.close().await;
    let fast = Config {
        speed: Speed::Fast,
        ..small.clone()
    };
    for config in [small, fast] {
        stop(Server::start(config).await.unwrap()).await;
        let catalog = Catalog::open_read_only(&file).unwrap();
        let settings = catalog.settings().await.unwrap();
        assert_eq!(settings.speed, Speed::Small, "the first start decides");
        catalog.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tray_adds_folders_by_the_rules_of_the_page_and_changes_one_setting() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["drop/new", "films"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    let running = Server::start(configuration(&folder)).await.unwrap();
    let desk = running.desk();
    for (path, words) in [
        (root.join("data"), "own folder"),
        (root.clone(), "own folder"),
        (root.join("drop"), "watched already"),
        (root.join("drop/new"), "configuration"),
        (root.join("nowhere"), "no folder"),
        (PathBuf::from("/proc"), "system"),
    ] {
        let refused = desk.add_folder(path.clone()).await.unwrap_err();
        let path = path.display();
        assert!(refused.message().contains(words), "{path}: {refused}");
    }
    desk.add_folder(root.join("films")).await.unwrap();
    desk.pause_encoding(true).await.unwrap();
    assert!(desk.is_encoding_paused().await.unwrap());
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_house_is_sent_where_the_owner_says_and_answered_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        public_url: Some("http://films.example.org:81".into()),
        ..configuration(&folder)
    };
    let running = Server::start(config).await.unwrap();
    assert_eq!(running.urls(), ["http://films.example.org:81"]);
    let mut stream = TcpStream::connect(running.addr()).await.unwrap();
    let request =
        "GET /healthz HTTP/1.1\r\nHost: films.example.org:81\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stop(running).await;
}
