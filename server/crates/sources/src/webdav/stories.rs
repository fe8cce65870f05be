//! Stories of the guarded folders: what clients do to files, and what they never reach. The
//! protocol itself is proved by litmus, from outside.

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, Request, Response};
use ingest::{IngestHandle, Report};
use model::arrival::Door;
use model::id::UserId;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{ByteStream, Webdav};

struct House {
    _home: TempDir,
    root: PathBuf,
    webdav: Webdav,
    reports: mpsc::Receiver<Report>,
    me: UserId,
}

impl House {
    fn new() -> Self {
        Self::with_reserve(0)
    }

    fn with_reserve(reserve_bytes: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap().join("Drop");
        fs::create_dir(&root).unwrap();
        let (inbox, reports) = mpsc::channel(64);
        let ingest = IngestHandle::reporting_to(inbox);
        Self {
            webdav: Webdav::new(vec![root.clone()], ingest, reserve_bytes),
            root,
            _home: home,
            reports,
            me: UserId::generate(),
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: ByteStream,
    ) -> Response<Vec<u8>> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", "nas.local");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        let (parts, mut body) = self.webdav.answer(self.me, request).await.into_parts();
        let mut bytes = Vec::new();
        while let Some(Ok(chunk)) = body.next().await {
            bytes.extend_from_slice(&chunk);
        }
        assert!(body.next().await.is_none(), "the end stays the end");
        Response::from_parts(parts, bytes)
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let empty = stream::empty().boxed();
        self.send(method, path, headers, empty)
            .await
            .status()
            .as_u16()
    }

    async fn put(&self, path: &str, bytes: &[u8]) -> u16 {
        let length = bytes.len().to_string();
        let body = stream::iter([Ok(Bytes::copy_from_slice(bytes))]).boxed();
        let headers = [("content-length", length.as_str())];
        self.send("PUT", path, &headers, body)
            .await
            .status()
            .as_u16()
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_film_that_came_whole_is_delivered_as_its_senders() {
    let mut house = House::new();
    assert_eq!(house.put("/dav/a.mp4", b"film").await, 201);
    assert_eq!(fs::read(house.root.join("a.mp4")).unwrap(), b"film");
    let Some(Report::Asked {
        path,
        door,
        details,
        ..
    }) = house.reports.recv().await
    else {
        unreachable!("it is reported")
    };
    assert_eq!((path, door), (house.root.join("a.mp4"), Door::Webdav));
    assert_eq!(details.owner, Some(house.me));
    for litter in ["._a.mp4", ".DS_Store", "a.mp4.part"] {
        assert_eq!(house.put(&format!("/dav/{litter}"), b"x").await, 201);
    }
    assert!(
        house.reports.try_recv().is_err(),
        "litter is never taken in"
    );
}

#[tokio::test]
async fn a_film_that_was_cut_off_leaves_the_old_one() {
    let mut house = House::new();
    house.put("/dav/a.mp4", b"old").await;
    house.reports.recv().await;
    let cut: ByteStream =
        stream::iter([Ok(Bytes::from("new")), Err(io::Error::other("cut"))]).boxed();
    let answer = house
        .send("PUT", "/dav/a.mp4", &[("content-length", "9")], cut)
        .await;
    assert!(!answer.status().is_success());
    let short: ByteStream = stream::iter([Ok(Bytes::from("new"))]).boxed();
    let lied = [("content-length", "9")];
    let answer = house.send("PUT", "/dav/a.mp4", &lied, short).await;
    assert_eq!(answer.status(), 400, "shorter than announced");
    assert_eq!(fs::read(house.root.join("a.mp4")).unwrap(), b"old");
    assert_eq!(house.names(&house.root), ["a.mp4"], "nothing is left over");
    assert!(house.reports.try_recv().is_err(), "nothing is reported");
}

#[tokio::test]
async fn links_are_neither_seen_nor_followed_nor_replaced() {
    let house = House::new();
    let secret = house.root.with_file_name("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("s"), "secret").unwrap();
    symlink(&secret, house.root.join("folder")).unwrap();
    symlink(secret.join("s"), house.root.join("file")).unwrap();
    symlink(secret.join("new"), house.root.join("dangling")).unwrap();
    for path in ["/dav/file", "/dav/folder/s", "/dav/dangling"] {
        assert_eq!(house.ask("GET", path, &[]).await, 404, "{path}");
        assert_eq!(house.ask("DELETE", path, &[]).await, 404, "{path}");
        let refused = house.put(path, b"x").await;
        assert!(matches!(refused, 403 | 409), "{path}: {refused}");
    }
    let listed = house
        .send(
            "PROPFIND",
            "/dav/",
            &[("depth", "1")],
            stream::empty().boxed(),
        )
        .await;
    let text = String::from_utf8(listed.into_body()).unwrap();
    assert!(
        !text.contains("dangling") && !text.contains("folder"),
        "{text}"
    );
    assert_eq!(house.names(&secret), ["s"], "nothing happened outside");
    assert_eq!(fs::read(secret.join("s")).unwrap(), b"secret");
}

#[tokio::test]
async fn what_would_fill_the_disk_is_refused_before_a_byte_is_written() {
    let house = House::with_reserve(u64::MAX);
    assert_eq!(house.put("/dav/a.mp4", b"film").await, 507);
    assert!(house.names(&house.root).is_empty());
}

#[tokio::test]
async fn several_folders_are_a_folder_each_that_nobody_can_move() {
    let house = House::new();
    let second = house.root.with_file_name("Second");
    fs::create_dir(&second).unwrap();
    let folders = vec![house.root.clone(), second.clone()];
    house.webdav.set_folders(folders);
    assert_eq!(house.put("/dav/Second/a.mp4", b"film").await, 201);
    assert_eq!(house.put("/dav/a.mp4", b"film").await, 403);
    assert_eq!(house.ask("DELETE", "/dav/Second", &[]).await, 403);
    let to = [("destination", "/dav/Drop/b.mp4")];
    assert_eq!(house.ask("MOVE", "/dav/Second/a.mp4", &to).await, 201);
    assert_eq!(house.names(&house.root), ["b.mp4"]);
    assert!(second.is_dir());
}

#[tokio::test(start_paused = true)]
async fn a_lock_ends_although_its_client_never_ends_it() {
    const WISH: &str = "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype>\
        <write/></locktype></lockinfo>";
    let house = House::new();
    let wish: ByteStream = stream::iter([Ok(Bytes::from(WISH))]).boxed();
    let locked = house.send("LOCK", "/dav/a.mp4", &[], wish).await;
    assert_eq!(locked.status(), 201, "a name that is not there yet");
    let text = String::from_utf8(locked.into_body()).unwrap();
    assert!(text.contains("Second-600"), "{text}");
    assert_eq!(house.put("/dav/a.mp4", b"film").await, 423);
    tokio::time::advance(std::time::Duration::from_secs(601)).await;
    assert_eq!(house.put("/dav/a.mp4", b"film").await, 204);
}

#[tokio::test]
async fn a_watched_folder_is_never_emptied_by_its_name() {
    let house = House::new();
    assert_eq!(house.put("/dav/a.mp4", b"film").await, 201);
    for path in ["/dav/", "/dav", "/dav/./", "/dav/x/.."] {
        assert_eq!(house.ask("DELETE", path, &[]).await, 403, "{path}");
    }
    let onto = [("destination", "/dav/")];
    assert_eq!(house.ask("MOVE", "/dav/a.mp4", &onto).await, 403);
    assert_eq!(house.ask("COPY", "/dav/a.mp4", &onto).await, 403);
    assert_eq!(house.names(&house.root), ["a.mp4"], "nothing happened");
}

/// What the Finder expects a file to become; the file itself is sent without its length.
#[tokio::test]
async fn a_film_is_not_cut_off_where_its_sender_guessed_its_end() {
    let house = House::new();
    let film: ByteStream = stream::iter(["fi", "lm"].map(|part| Ok(Bytes::from(part)))).boxed();
    let guess = [("x-expected-entity-length", "2")];
    let answer = house.send("PUT", "/dav/a.mp4", &guess, film).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(fs::read(house.root.join("a.mp4")).unwrap(), b"film");
}

async fn series() -> House {
    let house = House::new();
    for folder in ["series", "series/one", "other"] {
        fs::create_dir(house.root.join(folder)).unwrap();
    }
    for file in [
        "series/one/a.mp4",
        "series/one/b.mp4",
        "other/c.mp4",
        "d.mp4",
    ] {
        fs::write(house.root.join(file), file).unwrap();
    }
    house
}

/// Every film and what is in it, wherever it is.
fn films(house: &House) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![house.root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&house.root).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            found.push((name.to_str().unwrap().to_owned(), text));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn nothing_is_moved_or_copied_over_itself_or_what_it_lies_in() {
    let house = series().await;
    fs::hard_link(house.root.join("d.mp4"), house.root.join("e.mp4")).unwrap();
    let before = films(&house);
    for (from, to) in [
        ("series/one/a.mp4", "series"),
        ("series/one/a.mp4", "series/one"),
        ("series/one/a.mp4", "series/one/"),
        ("series", "series/one"),
        ("series", "series/one/two"),
        ("d.mp4", "d.mp4"),
        ("d.mp4", "./d.mp4"),
        ("d.mp4", "e.mp4"),
        ("series/one", "series/one"),
    ] {
        for method in ["MOVE", "COPY"] {
            for overwrite in [None, Some("T")] {
                let to = format!("/dav/{to}");
                let mut headers = vec![("destination", to.as_str())];
                headers.extend(overwrite.map(|overwrite| ("overwrite", overwrite)));
                let status = house.ask(method, &format!("/dav/{from}"), &headers).await;
                assert_eq!(status, 403, "{method} {from} to {to}");
                assert_eq!(films(&house), before, "{method} {from} to {to}");
            }
        }
    }
}

#[tokio::test]
async fn a_folder_is_replaced_only_when_its_client_says_so() {
    for (from, film) in [("d.mp4", "other"), ("other", "other/c.mp4")] {
        for method in ["MOVE", "COPY"] {
            let house = series().await;
            let before = films(&house);
            let from = format!("/dav/{from}");
            let to = ("destination", "/dav/series");
            assert_eq!(house.ask(method, &from, &[to]).await, 412);
            assert_eq!(films(&house), before, "nothing happened");
            let said = ("overwrite", "T");
            assert_eq!(house.ask(method, &from, &[to, said]).await, 204);
            let (now, is_move) = (films(&house), method == "MOVE");
            assert_eq!(now.len(), if is_move { 2 } else { 3 }, "{now:?}");
            assert!(now.iter().all(|(name, _)| !name.contains("one")), "{now:?}");
            let kept = now.iter().any(|(name, _)| name.starts_with(film));
            assert_eq!(kept, !is_move || from == "/dav/d.mp4", "{now:?}");
            assert!(!now.iter().any(|(name, _)| name.contains(".homereel-")));
        }
    }
}

/// The library removes first and moves then; ours keeps the old film until the new one is there.
#[tokio::test]
async fn a_film_stays_when_what_should_replace_it_cannot() {
    let house = House::with_reserve(1);
    fs::write(house.root.join("a.mp4"), "old").unwrap();
    fs::create_dir(house.root.join("new")).unwrap();
    // As long as a disk has room for, without taking any of it.
    let huge = fs::File::create(house.root.join("new/huge.mp4")).unwrap();
    huge.set_len(1 << 43).unwrap();
    fs::create_dir(house.root.join("there")).unwrap();
    fs::write(house.root.join("there/b.mp4"), "b").unwrap();
    for (from, to) in [("new/huge.mp4", "a.mp4"), ("new", "there")] {
        let to = format!("/dav/{to}");
        let headers = [("destination", to.as_str()), ("overwrite", "T")];
        let status = house.ask("COPY", &format!("/dav/{from}"), &headers).await;
        assert!(matches!(status, 207 | 507), "{from}: {status}");
    }
    assert_eq!(fs::read(house.root.join("a.mp4")).unwrap(), b"old");
    assert_eq!(house.names(&house.root.join("there")), ["b.mp4"]);
}

#[tokio::test]
async fn a_film_is_moved_and_copied_over_another() {
    for method in ["MOVE", "COPY"] {
        let house = series().await;
        let to = [("destination", "/dav/other/c.mp4")];
        assert_eq!(house.ask(method, "/dav/d.mp4", &to).await, 204);
        assert_eq!(
            fs::read(house.root.join("other/c.mp4")).unwrap(),
            b"d.mp4",
            "{method}"
        );
        assert_eq!(house.root.join("d.mp4").exists(), method == "COPY");
        assert_eq!(house.names(&house.root.join("other")), ["c.mp4"]);
    }
}

/// In a container every server is process 1, and two may share a folder.
#[tokio::test]
async fn only_what_a_crash_left_long_ago_is_removed() {
    let house = House::new();
    let names = [
        (".homereel-0123456789abcdef-3.part", 25, false),
        (".homereel-0123456789abcdef-4.part", 23, true),
        (".homereel-0123456789abcdef-5.old", 25, true),
        (".homereel-1-5.part", 25, true),
        (".homereel-notes.txt", 25, true),
    ];
    for (name, hours, _) in names {
        let file = fs::File::create(house.root.join(name)).unwrap();
        let age = std::time::Duration::from_secs(hours * 60 * 60);
        let made = file.metadata().unwrap().modified().unwrap();
        file.set_modified(made - age).unwrap();
    }
    assert_eq!(house.ask("PROPFIND", "/dav/", &[("depth", "1")]).await, 207);
    for (name, _, stays) in names {
        assert_eq!(house.root.join(name).exists(), stays, "{name}");
    }
}

#[tokio::test]
async fn whoever_shares_the_folder_shares_what_comes() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let mode = |path: &str| {
        let metadata = fs::metadata(house.root.join(path)).unwrap();
        metadata.permissions().mode() & 0o7777
    };
    for (of_folder, of_file) in [(0o2770, 0o660), (0o755, 0o644), (0o700, 0o600)] {
        fs::set_permissions(&house.root, fs::Permissions::from_mode(of_folder)).unwrap();
        house.put("/dav/a.mp4", b"film").await;
        house.ask("MKCOL", "/dav/folder", &[]).await;
        assert_eq!(mode("a.mp4"), of_file, "in {of_folder:o}");
        assert_eq!(mode("folder"), of_folder);
        assert_eq!(house.ask("DELETE", "/dav/folder", &[]).await, 204);
    }
}
