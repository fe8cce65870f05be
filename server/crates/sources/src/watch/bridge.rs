//! From the kernel's events, told by a callback on a thread of `notify`, to a task that awaits.
//!
//! The queue between them is bounded. What does not fit is not lost: an alarm asks for a scan
//! instead. This is the only file that knows `notify`.

use model::error::{Error, ErrorKind, Result};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

use crate::words;

/// Paths that wait to be gathered; the kernel itself keeps 16 384 events by default.
const QUEUE: usize = 4096;
/// One alarm that waits is enough to be woken up.
const ALARMS: usize = 4;

/// What the kernel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something happened at this path.
    At(PathBuf),
    /// Whoever wrote to this path has closed it, or it was renamed to be there.
    Closed(PathBuf),
    /// Some events were lost.
    Missed,
    /// From now on events are lost; why, in a sentence.
    Failing(String),
}

/// The awaiting end. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Events {
    paths: mpsc::Receiver<Event>,
    alarms: mpsc::Receiver<Event>,
    _watcher: RecommendedWatcher,
}

/// The end that `notify` calls.
#[derive(Debug)]
struct Bridge {
    paths: mpsc::Sender<Event>,
    alarms: mpsc::Sender<Event>,
}

impl Events {
    /// Watches `folder` and all that is below it. Blocks while the folders are walked. If some
    /// of them cannot be watched, the sentence says why.
    ///
    /// # Errors
    /// `Unavailable` if the kernel offers no watch at all; the message is for the owner.
    pub(crate) fn of(folder: &Path) -> Result<(Self, Option<String>)> {
        let (path_sender, paths) = mpsc::channel(QUEUE);
        let (alarm_sender, alarms) = mpsc::channel(ALARMS);
        let bridge = Bridge {
            paths: path_sender,
            alarms: alarm_sender,
        };
        let mut watcher = RecommendedWatcher::new(
            move |event| bridge.tell(event),
            Config::default().with_follow_symlinks(false),
        )
        .map_err(|error| Error::new(ErrorKind::Unavailable, sentence(&error)))?;
        let watched = watcher.watch(folder, RecursiveMode::Recursive);
        let events = Self {
            paths,
            alarms,
            _watcher: watcher,
        };
        Ok((events, watched.err().map(|error| sentence(&error))))
    }

    /// The next event. Does not end while the watcher lives.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            Some(alarm) = self.alarms.recv() => alarm,
            Some(event) = self.paths.recv() => event,
            else => std::future::pending().await,
        }
    }
}

impl Bridge {
    /// Called by `notify`; never blocks.
    fn tell(&self, event: notify::Result<notify::Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => return self.alarm(Event::Failing(sentence(&error))),
        };
        if event.need_rescan() {
            self.alarm(Event::Missed);
        }
        if !changes_something(event.kind) {
            return;
        }
        let of_path = if closes(event.kind) {
            Event::Closed
        } else {
            Event::At
        };
        for path in event.paths {
            if self.paths.try_send(of_path(path)).is_err() {
                self.alarm(Event::Missed);
            }
        }
    }

    fn alarm(&self, alarm: Event) {
        // A full queue of alarms already asks for everything.
        let _ = self.alarms.try_send(alarm);
    }
}

/// Reading a film, as we do ourselves, is an event too.
fn changes_something(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// Most likely the last thing that happens to a file for a while.
fn closes(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
    )
}

/// What is wrong and what would mend it.
fn sentence(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "The system watches no more folders; \
            `sysctl fs.inotify.max_user_watches=524288` lets it."
            .to_owned(),
        notify::ErrorKind::Io(error) => {
            format!(
                "The system does not tell of changes: {}.",
                words::of_io(error)
            )
        }
        _ => format!("The system does not tell of changes: {error}."),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bridge, Event, Events};
    use notify::event::{
        AccessKind, AccessMode, CreateKind, EventKind, Flag, ModifyKind, RenameMode,
    };
    use std::fs;
    use std::time::Duration;
    use tokio::sync::mpsc;

    fn bridge(capacity: usize) -> (Bridge, mpsc::Receiver<Event>, mpsc::Receiver<Event>) {
        let (path_sender, paths) = mpsc::channel(capacity);
        let (alarm_sender, alarms) = mpsc::channel(1);
        let bridge = Bridge {
            paths: path_sender,
            alarms: alarm_sender,
        };
        (bridge, paths, alarms)
    }

    fn created(path: &str) -> notify::Event {
        notify::Event::new(EventKind::Create(CreateKind::File)).add_path(path.into())
    }

    #[test]
    fn events_that_do_not_fit_raise_one_alarm() {
        let (bridge, mut paths, mut alarms) = bridge(2);
        for index in 0..10_000 {
            bridge.tell(Ok(created(&format!("/drop/{index}"))));
        }
        assert_eq!(paths.try_recv(), Ok(Event::At("/drop/0".into())));
        assert_eq!(paths.try_recv(), Ok(Event::At("/drop/1".into())));
        assert!(paths.try_recv().is_err(), "the queue is bounded");
        assert_eq!(
            alarms.try_recv(),
            Ok(Event::Missed),
            "the rest asks for a scan"
        );
    }

    #[test]
    fn the_kernels_own_overflow_and_its_limits_raise_an_alarm() {
        let (bridge, _paths, mut alarms) = bridge(2);
        bridge.tell(Ok(
            notify::Event::new(EventKind::Other).set_flag(Flag::Rescan)
        ));
        assert_eq!(alarms.try_recv(), Ok(Event::Missed));
        bridge.tell(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
        let Ok(Event::Failing(sentence)) = alarms.try_recv() else {
            unreachable!("a failure is told");
        };
        assert!(
            sentence.contains("max_user_watches"),
            "{sentence} says what helps"
        );
    }

    #[test]
    fn reading_is_no_change_but_closing_after_writing_is() {
        let (bridge, mut paths, _alarms) = bridge(8);
        let access = |kind| notify::Event::new(EventKind::Access(kind)).add_path("/drop/a".into());
        bridge.tell(Ok(access(AccessKind::Open(AccessMode::Any))));
        bridge.tell(Ok(access(AccessKind::Close(AccessMode::Read))));
        assert!(
            paths.try_recv().is_err(),
            "our own reading would keep us busy for ever"
        );
        bridge.tell(Ok(access(AccessKind::Close(AccessMode::Write))));
        let closed = Event::Closed("/drop/a".into());
        assert_eq!(paths.try_recv().as_ref(), Ok(&closed));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        bridge.tell(Ok(notify::Event::new(renamed).add_path("/drop/a".into())));
        assert_eq!(paths.try_recv(), Ok(closed), "it is there under its name");
    }

    #[tokio::test]
    async fn a_file_in_a_folder_below_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        let (mut events, problem) = Events::of(folder.path()).unwrap();
        assert_eq!(problem, None);
        let film = folder.path().join("below/film.mp4");
        fs::write(&film, "film").unwrap();
        let told = tokio::time::timeout(Duration::from_secs(20), events.next()).await;
        assert_eq!(told, Ok(Event::At(film)));
    }
}
