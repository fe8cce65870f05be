//! What the dispatcher knows about a lane, and how it gives work to it.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::schedule::{Busy, Pick};
use crate::work::{Assignment, Lane};

/// Units a lane may have at once: one runs, one waits in the worker.
const UNITS_IN_LANE: usize = 2;

/// What the dispatcher knows about a lane.
#[derive(Debug)]
pub(super) struct LaneState {
    pub(super) inbox: mpsc::Sender<Assignment>,
    pub(super) busy: Vec<Busy>,
    pub(super) epoch: u64,
    pub(super) stop: CancellationToken,
}

impl LaneState {
    /// An idle lane takes anything. A lane at work on parts of a title takes one more of the same
    /// title, and nothing after it was told to stop.
    pub(super) fn takes(&self, lane: Lane, pick: Pick) -> bool {
        let same_title = |busy: &Busy| busy.run == pick.run;
        self.busy.is_empty()
            || (!matches!(lane, Lane::Look | Lane::Thumbs)
                && self.busy.len() < UNITS_IN_LANE
                && !self.stop.is_cancelled()
                && self.busy.iter().all(same_title))
    }

    pub(super) fn give(&mut self, pick: Pick) -> bool {
        if self.busy.is_empty() {
            self.epoch += 1;
            self.stop = CancellationToken::new();
        }
        let assignment = Assignment {
            run: pick.run,
            work: pick.work,
            epoch: self.epoch,
            stop: self.stop.clone(),
        };
        let given = self.inbox.try_send(assignment).is_ok();
        if given {
            self.busy.push(Busy {
                run: pick.run,
                work: pick.work,
                wished_by: pick.wished_by,
            });
        }
        given
    }
}
