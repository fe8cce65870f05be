//! Where the stories take place: a watched folder, a catalog, a desk, and time.

use catalog::Catalog;
use catalog::library::TitleQuery;
use catalog::viewer::Viewer;
use model::arrival::{ArrivalState, Door};
use model::clock::{SimulatedClock, WallTime};
use model::title::Title;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

use crate::desk::Desk;
use crate::{IngestPolicy, Report};

const POLICY: IngestPolicy = IngestPolicy {
    settle: Duration::from_secs(2),
    patience: Duration::from_secs(60),
};

/// A watched folder, a catalog and a desk.
pub(super) struct House {
    // Removed when the story ends.
    _home: tempfile::TempDir,
    pub(super) folder: PathBuf,
    pub(super) catalog: Catalog,
    pub(super) desk: Desk,
    pub(super) now: Instant,
}

impl House {
    pub(super) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().canonicalize().unwrap().join("Drop");
        fs::create_dir(&folder).unwrap();
        let clock = Arc::new(SimulatedClock::at(WallTime(1_000_000)));
        let catalog = Catalog::open(&home.path().join("homereel.db"), clock).unwrap();
        let now = Instant::now();
        let desk = Desk::open(catalog.clone(), POLICY, now).await.unwrap();
        Self {
            _home: home,
            folder,
            catalog,
            desk,
            now,
        }
    }

    /// The server stops and starts again; what it knows is what the catalog has.
    pub(super) async fn restart(&mut self) {
        self.now += Duration::from_secs(1);
        self.desk = Desk::open(self.catalog.clone(), POLICY, self.now)
            .await
            .unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) async fn tell(&mut self, report: Report) {
        self.desk.handle(vec![report], self.now).await;
    }

    pub(super) async fn seen(&mut self, name: &str) {
        let path = self.path(name);
        self.tell(sighting(path)).await;
    }

    pub(super) async fn gone(&mut self, name: &str) {
        let path = self.path(name);
        self.tell(Report::Gone(path)).await;
    }

    /// A whole scan of the folder.
    pub(super) async fn scan(&mut self) {
        self.now += Duration::from_millis(1);
        let began = self.now;
        let mut reports: Vec<Report> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| sighting(entry.unwrap().path()))
            .collect();
        reports.push(Report::Scanned {
            folder: self.folder.clone(),
            began,
        });
        self.desk.handle(reports, self.now).await;
    }

    /// Lets time go by; every look happens at its very moment.
    pub(super) async fn pass(&mut self, seconds: u64) {
        self.pass_ms(seconds * 1000).await;
    }

    pub(super) async fn pass_ms(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.desk.next_due().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.desk.look_at_due(self.now).await;
        }
        self.now = end;
    }

    /// A file comes, and enough time goes by for it to settle.
    pub(super) async fn drop_file(&mut self, name: &str, content: &[u8]) {
        self.write(name, content);
        self.seen(name).await;
        self.pass(2).await;
    }

    pub(super) async fn arrival(&self, name: &str) -> Option<(ArrivalState, Option<String>)> {
        let arrival = self.catalog.arrival(&self.path(name)).await.unwrap()?;
        Some((arrival.state, arrival.reason))
    }

    pub(super) async fn check_arrival(
        &self,
        name: &str,
        state: ArrivalState,
        reason: Option<&str>,
    ) {
        assert_eq!(
            self.arrival(name).await,
            Some((state, reason.map(str::to_owned))),
            "what the inbox says of {name}"
        );
    }

    pub(super) async fn titles(&self) -> Vec<Title> {
        let query = TitleQuery {
            who: Viewer::EVERYTHING,
            page: 1,
            per_page: 100,
            ..TitleQuery::default()
        };
        self.catalog.titles(query).await.unwrap().titles
    }

    /// The only title there is.
    pub(super) async fn title(&self) -> Title {
        let mut titles = self.titles().await;
        assert_eq!(titles.len(), 1, "one title, not {titles:?}");
        titles.remove(0)
    }
}

pub(super) fn sighting(path: PathBuf) -> Report {
    Report::Seen {
        paths: vec![path],
        door: Door::Folder,
    }
}

/// A film as Matroska has it; `which` makes films of equal length differ.
pub(super) fn film(which: u8) -> Vec<u8> {
    let mut bytes = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81".to_vec();
    bytes.resize(10_000, which);
    bytes
}

/// An MP4 with its index first.
pub(super) fn mp4(which: u8) -> Vec<u8> {
    let a_box = |name: &[u8; 4], length: u32| {
        let mut bytes = (length + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(name);
        bytes.resize(bytes.len() + length as usize, which);
        bytes
    };
    [
        a_box(b"ftyp", 24),
        a_box(b"moov", 300),
        a_box(b"mdat", 9_652),
    ]
    .concat()
}
