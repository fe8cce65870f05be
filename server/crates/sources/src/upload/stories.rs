//! Stories of uploads over real folders: cut, resumed, lied about, killed and forgotten. Ingest is
//! a stand-in that takes every file and remembers it.

use bytes::Bytes;
use futures::{StreamExt, stream};
use ingest::{IngestHandle, Report};
use model::arrival::Door;
use model::clock::{SimulatedClock, WallTime};
use model::error::{Error, ErrorKind};
use model::id::{TitleId, UploadId, UserId};
use model::upload::{Append, Appended, Checksum, ChecksumKind, Details, NewUpload, UploadState};
use proptest::prelude::{ProptestConfig, any, proptest};
use sha2::Digest;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::{UploadPolicy, Uploads};
use crate::upload::slot::EXPIRES_AFTER;

/// What was handed to ingest.
type Taken = Arc<Mutex<Vec<(PathBuf, Details)>>>;

struct House {
    folder: TempDir,
    uploads: Uploads,
    clock: Arc<SimulatedClock>,
    taken: Taken,
    policy: UploadPolicy,
    me: UserId,
}

/// Takes everything but files called `no.txt`.
fn ingest(taken: &Taken) -> IngestHandle {
    let (inbox, mut reports) = mpsc::channel(8);
    let taken = Arc::clone(taken);
    tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            let Report::Asked {
                path,
                door,
                details,
                reply,
            } = report
            else {
                unreachable!("uploads are asked for")
            };
            assert_eq!(door, Door::Upload);
            let refused = path.ends_with("no.txt");
            taken.lock().unwrap().push((path, *details));
            let outcome = if refused {
                Err(Error::new(ErrorKind::Unsupported, "This is no film."))
            } else {
                Ok(TitleId::generate())
            };
            let _ = reply.send(outcome);
        }
    });
    IngestHandle::reporting_to(inbox)
}

fn open(
    house: &TempDir,
    clock: &Arc<SimulatedClock>,
    taken: &Taken,
    policy: UploadPolicy,
) -> Uploads {
    let uploads = Uploads::open(
        house.path().join("uploads"),
        house.path().join("originals"),
        ingest(taken),
        clock.clone(),
        policy,
    )
    .unwrap();
    uploads.start();
    uploads
}

impl House {
    fn new() -> Self {
        Self::with(UploadPolicy::default())
    }

    fn with(policy: UploadPolicy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SimulatedClock::at(WallTime(1_000)));
        let taken = Taken::default();
        Self {
            uploads: open(&folder, &clock, &taken, policy),
            folder,
            clock,
            taken,
            policy,
            me: UserId::generate(),
        }
    }

    /// Ends what runs wherever it is, and begins anew.
    async fn restart(&mut self) {
        self.uploads.shutdown().await;
        self.uploads = open(&self.folder, &self.clock, &self.taken, self.policy);
    }

    async fn create(&self, length_bytes: Option<u64>) -> UploadId {
        let new = NewUpload {
            file_name: "film.mp4".into(),
            length_bytes,
            ..NewUpload::default()
        };
        self.uploads.create(self.me, new).await.unwrap().id
    }

    async fn send(&self, id: UploadId, append: Append, bytes: &[u8]) -> Appended {
        let append = Append {
            body_bytes: append.body_bytes.or(Some(bytes.len() as u64)),
            ..append
        };
        let body = stream::iter([Ok(Bytes::copy_from_slice(bytes))]);
        self.uploads
            .append(self.me, id, append, body)
            .await
            .unwrap()
    }

    fn offset(&self, id: UploadId) -> u64 {
        self.uploads.find(self.me, id).unwrap().offset_bytes
    }

    async fn state(&self, id: UploadId) -> UploadState {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        loop {
            looks.tick().await;
            let state = self.uploads.find(self.me, id).unwrap().state;
            if state != UploadState::Arrived {
                return state;
            }
        }
    }

    async fn until_taken(&self, id: UploadId) {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        while !matches!(self.state(id).await, UploadState::Taken(_)) {
            looks.tick().await;
        }
    }

    fn original(&self, id: UploadId) -> Vec<u8> {
        let path = self.folder.path().join("originals").join(id.to_string());
        fs::read(path.join("film.mp4")).unwrap()
    }

    fn part_bytes(&self, id: UploadId) -> u64 {
        let path = self.folder.path().join("uploads").join(id.to_string());
        fs::metadata(path.join("bytes.part")).unwrap().len()
    }
}

fn at(offset_bytes: u64) -> Append {
    Append {
        offset_bytes,
        ..Append::default()
    }
}

fn sha256(bytes: &[u8]) -> Option<Checksum> {
    Some(Checksum {
        kind: ChecksumKind::Sha256,
        digest: sha2::Sha256::digest(bytes).to_vec(),
    })
}

/// Sends `all` with connections that break after each of `cuts` bytes, sometimes with the server
/// killed in between, and looks at what arrived.
async fn send_in_pieces(all: &[u8], cuts: &[(usize, bool)]) {
    let mut house = House::new();
    let id = house.create(Some(all.len() as u64)).await;
    for (cut_bytes, kill) in cuts {
        let begun = house.offset(id) as usize;
        if begun == all.len() {
            break;
        }
        let end = all.len().min(begun + cut_bytes);
        let piece = Bytes::copy_from_slice(&all[begun..end]);
        let body = stream::iter([Ok(piece), Err(io::Error::other("cut"))]);
        let append = Append {
            body_bytes: Some((all.len() - begun) as u64),
            ..at(begun as u64)
        };
        let broken = house.uploads.append(house.me, id, append, body).await;
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(house.offset(id) as usize, end, "what came is kept");
        if *kill {
            house.restart().await;
            assert_eq!(house.offset(id) as usize, end, "and survives");
        }
    }
    let begun = house.offset(id);
    if (begun as usize) < all.len() {
        house.send(id, at(begun), &all[begun as usize..]).await;
    }
    let UploadState::Taken(_) = house.state(id).await else {
        unreachable!("all is here")
    };
    assert_eq!(house.original(id), all, "the bytes are the sender's");
    let taken = house.taken.lock().unwrap();
    let paths: BTreeSet<&PathBuf> = taken.iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), 1, "one file, however often it is handed over");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_upload_cut_at_any_byte_goes_on_there(
        all in proptest::collection::vec(any::<u8>(), 1..5_000),
        cuts in proptest::collection::vec((0_usize..2_000, any::<bool>()), 0..5),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(send_in_pieces(&all, &cuts));
    }
}

#[tokio::test]
async fn several_blocks_arrive_in_their_order() {
    let house = House::new();
    let all: Vec<u8> = (0..3_500_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    let id = house.create(Some(all.len() as u64)).await;
    let chunks: Vec<_> = all.chunks(60_001).map(Bytes::copy_from_slice).collect();
    let append = Append {
        body_bytes: Some(all.len() as u64),
        checksum: sha256(&all),
        ..at(0)
    };
    let body = stream::iter(chunks.into_iter().map(Ok));
    let added = house.uploads.append(house.me, id, append, body).await;
    assert!(matches!(added, Ok(Appended::Added(_))), "{added:?}");
    house.state(id).await;
    assert!(house.original(id) == all);
}

#[tokio::test]
async fn bytes_past_the_length_leave_the_file_as_it_was() {
    let house = House::new();
    let id = house.create(Some(6)).await;
    house.send(id, at(0), b"film").await;
    let announced = house.send(id, at(4), b"too long").await;
    assert_eq!(announced, Appended::TooLong);
    let silent = Append {
        body_bytes: None,
        ..at(4)
    };
    let body = stream::iter([Ok(Bytes::from("x")), Ok(Bytes::from("too long"))]);
    let sent = house.uploads.append(house.me, id, silent, body).await;
    assert_eq!(sent.unwrap(), Appended::TooLong);
    assert_eq!((house.offset(id), house.part_bytes(id)), (4, 4));
    assert_eq!(house.send(id, at(3), b"m").await, Appended::OtherOffset(4));
    assert_eq!(house.send(id, at(5), b"!").await, Appended::OtherOffset(4));
    house.send(id, at(4), b"ed").await;
    assert_eq!(house.send(id, at(6), b"").await, Appended::OtherOffset(6));
}

#[tokio::test]
async fn bytes_that_are_not_what_was_announced_are_dropped() {
    let mut house = House::new();
    let id = house.create(Some(8)).await;
    let wrong = Append {
        checksum: sha256(b"else"),
        ..at(0)
    };
    assert_eq!(house.send(id, wrong, b"film").await, Appended::Different);
    assert_eq!((house.offset(id), house.part_bytes(id)), (0, 0));
    let broken = Append {
        checksum: sha256(b"film"),
        body_bytes: Some(4),
        ..at(0)
    };
    let body = stream::iter([Ok(Bytes::from("fi")), Err(io::Error::other("cut"))]);
    let cut = house
        .uploads
        .append(house.me, id, broken.clone(), body)
        .await;
    assert!(cut.is_err());
    assert_eq!(house.offset(id), 0, "half of it proves nothing");
    house.send(id, broken, b"film").await;
    assert_eq!(house.offset(id), 4);
    house.restart().await;
    assert_eq!(house.offset(id), 4, "what is proved survives");
}

#[tokio::test]
async fn one_sends_at_a_time_until_it_falls_silent() {
    let house = House::new();
    let id = house.create(Some(8)).await;
    // The first one never goes on and never ends. Whoever asks for more has heard what came.
    let (asked_for_more, heard) = oneshot::channel();
    let silence = stream::once(async move {
        asked_for_more.send(()).unwrap();
        std::future::pending().await
    });
    let body = stream::iter([Ok(Bytes::from("film"))]).chain(silence.boxed());
    let append = Append {
        body_bytes: Some(8),
        ..at(0)
    };
    let (uploads, me) = (house.uploads.clone(), house.me);
    let sending = tokio::spawn(async move { uploads.append(me, id, append, body).await });
    heard.await.unwrap();
    tokio::time::pause();
    let early = house.send(id, at(0), b"").await;
    assert_eq!(early, Appended::Busy, "who is heard is not interrupted");
    tokio::time::advance(house.policy.stall).await;
    // What remains to be written takes real time.
    tokio::time::resume();
    let late = house.send(id, at(0), b"").await;
    assert_eq!(late, Appended::OtherOffset(4), "what came is kept");
    assert!(sending.await.unwrap().is_err(), "the first was superseded");
    house.send(id, at(4), b"ed!!").await;
    house.state(id).await;
    assert_eq!(house.original(id), b"filmed!!");
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let house = House::new();
    let id = house.create(Some(4)).await;
    let stranger = UserId::generate();
    let body = stream::iter([Ok(Bytes::from("film"))]);
    let sent = house.uploads.append(stranger, id, at(0), body).await;
    for error in [
        sent.unwrap_err(),
        house.uploads.find(stranger, id).unwrap_err(),
        house.uploads.remove(stranger, id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    assert_eq!(house.uploads.list(stranger), []);
    assert_eq!(house.uploads.list(house.me).len(), 1);
}

#[tokio::test]
async fn what_is_given_up_is_gone_and_what_arrived_stays() {
    let mut house = House::new();
    let [given_up, arrived] = [house.create(Some(4)).await, house.create(Some(4)).await];
    house.uploads.remove(house.me, given_up).await.unwrap();
    assert!(house.uploads.find(house.me, given_up).is_err());
    house.send(arrived, at(0), b"film").await;
    house.state(arrived).await;
    assert!(house.uploads.remove(house.me, arrived).await.is_err());
    assert_eq!(house.original(arrived), b"film");
    house.restart().await;
    assert!(house.uploads.find(house.me, given_up).is_err());
    let UploadState::Taken(_) = house.state(arrived).await else {
        unreachable!("what was taken stays taken")
    };
    assert_eq!(
        house.taken.lock().unwrap().len(),
        1,
        "and is not asked again"
    );
}

#[tokio::test]
async fn a_server_killed_around_the_end_hands_the_file_over_again() {
    let mut house = House::new();
    let id = house.create(Some(4)).await;
    house.send(id, at(0), b"film").await;
    house.state(id).await;
    let record = house
        .folder
        .path()
        .join(format!("uploads/{id}/record.json"));
    let text = fs::read_to_string(&record).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Killed before the record said that it moved, or before it said what became of it.
    for state in ["receiving", "arrived"] {
        json["state"] = state.into();
        fs::write(&record, json.to_string()).unwrap();
        house.taken.lock().unwrap().clear();
        house.restart().await;
        let UploadState::Taken(_) = house.state(id).await else {
            unreachable!("it is handed over again")
        };
        assert_eq!(house.taken.lock().unwrap().len(), 1, "{state}");
    }
    assert_eq!(house.original(id), b"film");
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_told() {
    let house = House::new();
    let details = Details {
        name: Some("My notes".into()),
        ..Details::default()
    };
    let new = NewUpload {
        file_name: "../no.txt".into(),
        details: details.clone(),
        ..NewUpload::default()
    };
    let id = house.uploads.create(house.me, new).await.unwrap().id;
    house.send(id, at(0), b"notes").await;
    let upload = house.uploads.complete(house.me, id, details).await.unwrap();
    assert_eq!(upload.length_bytes, Some(5), "its length is what came");
    let reason = UploadState::Refused("This is no film.".into());
    assert_eq!(house.state(id).await, reason);
    let (_, details) = house.taken.lock().unwrap()[0].clone();
    assert_eq!(details.name.as_deref(), Some("My notes"));
    assert_eq!(details.owner, Some(house.me), "whoever sent it owns it");
}

#[tokio::test]
async fn what_cannot_fit_is_refused_before_a_byte_is_sent() {
    let policy = UploadPolicy {
        reserve_bytes: u64::MAX,
        open_per_person: 1,
        ..UploadPolicy::default()
    };
    let house = House::with(policy);
    let full = house.uploads.create(house.me, NewUpload::default()).await;
    assert_eq!(full.unwrap_err().kind(), ErrorKind::OutOfSpace);
    assert_eq!(house.uploads.list(house.me), [], "nothing is left of it");

    let house = House::with(UploadPolicy {
        open_per_person: 1,
        ..UploadPolicy::default()
    });
    house.create(Some(4)).await;
    let second = house.uploads.create(house.me, NewUpload::default()).await;
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_nobody_finishes_is_forgotten_in_the_end() {
    let house = House::new();
    let old = house.create(Some(4)).await;
    house.clock.advance(EXPIRES_AFTER / 2);
    let young = house.create(Some(4)).await;
    house.clock.advance(EXPIRES_AFTER / 2);
    house.uploads.sweep().await;
    assert!(house.uploads.find(house.me, old).is_err());
    assert!(house.uploads.find(house.me, young).is_ok());
    let folder = house.folder.path().join(format!("uploads/{old}"));
    assert!(!folder.exists(), "its bytes are gone too");
}

/// The last step can fail where all before went well: the disk is full, or away for an instant.
#[tokio::test]
async fn an_upload_that_could_not_be_finished_is_finished_in_the_end() {
    let house = House::with(UploadPolicy {
        retry: Duration::from_millis(10),
        ..UploadPolicy::default()
    });
    let blocked = house.create(Some(4)).await;
    // Where its folder is to be.
    let in_the_way = house.folder.path().join(format!("originals/{blocked}"));
    fs::write(&in_the_way, "in the way").unwrap();
    let half_done = house.create(Some(4)).await;
    // The bytes can be moved, but the record cannot say so.
    let record = house
        .folder
        .path()
        .join(format!("uploads/{half_done}/record.json"));
    let body = || stream::iter([Ok(Bytes::from("film"))]);
    let append = || Append {
        body_bytes: Some(4),
        ..at(0)
    };
    fs::rename(&record, record.with_extension("aside")).unwrap();
    fs::create_dir(&record).unwrap();
    for id in [blocked, half_done] {
        let sent = house.uploads.append(house.me, id, append(), body()).await;
        assert!(sent.is_err(), "it cannot be finished");
    }
    house.clock.advance(EXPIRES_AFTER);
    house.uploads.sweep().await;
    for id in [blocked, half_done] {
        let found = house.uploads.find(house.me, id).unwrap();
        assert_eq!(found.offset_bytes, 4, "what is here in whole is not swept");
        assert_eq!(found.state, UploadState::Receiving);
    }
    let again = Append {
        body_bytes: Some(0),
        ..at(4)
    };
    let end = stream::iter(Vec::<io::Result<Bytes>>::new());
    let sent = house.uploads.append(house.me, blocked, again, end).await;
    assert!(sent.is_err(), "a request at its end tries again");
    fs::remove_file(in_the_way).unwrap();
    fs::remove_dir(&record).unwrap();
    for id in [blocked, half_done] {
        house.until_taken(id).await;
    }
    let taken = house.taken.lock().unwrap().clone();
    for (path, _) in &taken {
        assert_eq!(fs::read(path).unwrap(), b"film");
    }
    assert_eq!(taken.len(), 2, "each is handed over once");
}

#[tokio::test]
async fn an_upload_that_the_library_forgot_is_handed_over_again() {
    let house = House::new();
    let id = house.create(Some(4)).await;
    house.send(id, at(0), b"film").await;
    assert!(matches!(house.state(id).await, UploadState::Taken(_)));
    assert!(!house.uploads.is_pending(id));
    assert!(house.uploads.hand_over_again(id).await.unwrap());
    house.until_taken(id).await;
    assert_eq!(house.taken.lock().unwrap().len(), 2);
    let unknown = UploadId::generate();
    assert!(!house.uploads.hand_over_again(unknown).await.unwrap());
}
