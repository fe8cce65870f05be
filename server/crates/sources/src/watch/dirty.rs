//! Paths about which something happened, gathered until they are acted on. No I/O here.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// With more paths than this a scan of the folder costs less than looking at each.
const MAX_PATHS: usize = 10_000;

/// What to do once events have been gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Look at these paths.
    Look {
        /// All of them.
        paths: Vec<PathBuf>,
        /// Those at which the last that happened was that they were closed after writing.
        closed: Vec<PathBuf>,
    },
    /// Look at everything.
    Rescan,
}

/// The gathered paths.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    paths: BTreeSet<PathBuf>,
    closed: BTreeSet<PathBuf>,
    needs_rescan: bool,
    since: Option<Instant>,
}

impl Dirty {
    /// Something happened at `path`.
    pub(crate) fn add(&mut self, path: PathBuf, now: Instant) {
        self.since.get_or_insert(now);
        if self.needs_rescan {
            return;
        }
        self.closed.remove(&path);
        self.paths.insert(path);
        if self.paths.len() > MAX_PATHS {
            self.add_everything(now);
        }
    }

    /// Whoever wrote to `path` has closed it.
    pub(crate) fn add_closed(&mut self, path: PathBuf, now: Instant) {
        self.add(path.clone(), now);
        if !self.needs_rescan {
            self.closed.insert(path);
        }
    }

    /// Something happened, and nobody knows where.
    pub(crate) fn add_everything(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.needs_rescan = true;
        self.paths.clear();
        self.closed.clear();
    }

    /// When to act: `gather` after the first event, even if more keep coming.
    pub(crate) fn due(&self, gather: Duration) -> Option<Instant> {
        self.since.map(|since| since + gather)
    }

    /// Hands over what was gathered and begins anew.
    pub(crate) fn take(&mut self) -> Work {
        let gathered = std::mem::take(self);
        if gathered.needs_rescan {
            Work::Rescan
        } else {
            Work::Look {
                paths: gathered.paths.into_iter().collect(),
                closed: gathered.closed.into_iter().collect(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dirty, MAX_PATHS, Work};
    use std::path::PathBuf;
    use std::time::Duration;
    use tokio::time::Instant;

    const GATHER: Duration = Duration::from_millis(250);

    fn look(paths: &[&str], closed: &[&str]) -> Work {
        let all = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        Work::Look {
            paths: all(paths),
            closed: all(closed),
        }
    }

    #[test]
    fn a_file_written_in_many_pieces_is_looked_at_once() {
        let mut dirty = Dirty::default();
        let start = Instant::now();
        assert_eq!(dirty.due(GATHER), None, "nothing happened");
        for ms in 0..1_000 {
            dirty.add("/drop/a.mp4".into(), start + Duration::from_millis(ms));
        }
        assert_eq!(
            dirty.due(GATHER),
            Some(start + GATHER),
            "a busy file is not put off"
        );
        assert_eq!(dirty.take(), look(&["/drop/a.mp4"], &[]));
        assert_eq!(dirty.due(GATHER), None, "what was taken is done");
    }

    #[test]
    fn too_many_paths_and_unknown_ones_ask_for_a_scan() {
        let mut dirty = Dirty::default();
        let now = Instant::now();
        for index in 0..=MAX_PATHS {
            dirty.add(PathBuf::from(format!("/drop/{index}")), now);
        }
        assert_eq!(dirty.take(), Work::Rescan);
        dirty.add("/drop/a".into(), now);
        dirty.add_everything(now);
        dirty.add("/drop/b".into(), now);
        assert_eq!(dirty.take(), Work::Rescan);
        assert_eq!(dirty.take(), look(&[], &[]), "it begins anew");
    }

    #[test]
    fn a_file_is_closed_unless_something_happens_to_it_afterwards() {
        let mut dirty = Dirty::default();
        let now = Instant::now();
        for path in ["/drop/a", "/drop/b"] {
            dirty.add(path.into(), now);
            dirty.add_closed(path.into(), now);
        }
        dirty.add("/drop/b".into(), now);
        assert_eq!(dirty.take(), look(&["/drop/a", "/drop/b"], &["/drop/a"]));
    }
}
