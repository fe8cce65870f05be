//! The lanes for picture and sound, encoded or copied: one task each, with at most one session at a
//! time.
//!
//! Units of the same title go to the living session, a second one before the first is done; a
//! unit of another title ends the session and begins a new one. What does not belong here: the
//! choice (`dispatch`), short work (`look`).

use std::sync::Arc;
use tokio::sync::mpsc;

use crate::session::Session;
use crate::trouble::Trouble;
use crate::work::{Assignment, Lane, Report};
use crate::workshop::Workshop;

/// Why a session ended.
enum Ending {
    /// Its work is no longer wanted.
    Stopped,
    /// Something went wrong.
    Trouble(Trouble),
    /// Nothing to do, or the server stops.
    Idle,
    /// Work for another title has come.
    Next(Assignment),
}

/// Works until the inbox is closed.
pub(crate) async fn run(
    lane: Lane,
    workshop: Arc<Workshop>,
    mut inbox: mpsc::Receiver<Assignment>,
) {
    let mut next = None;
    loop {
        let Some(assignment) = (match next.take() {
            Some(assignment) => Some(assignment),
            None => inbox.recv().await,
        }) else {
            return;
        };
        let mut bench = Bench {
            lane,
            workshop: workshop.clone(),
            current: assignment,
        };
        next = bench.serve(&mut inbox).await;
    }
}

/// A lane at work on one title.
struct Bench {
    lane: Lane,
    workshop: Arc<Workshop>,
    /// The newest assignment; its token stops all of them.
    current: Assignment,
}

impl Bench {
    /// Works on one title and returns the first assignment for another one.
    async fn serve(&mut self, inbox: &mut mpsc::Receiver<Assignment>) -> Option<Assignment> {
        let stop = self.current.stop.clone();
        let run = self.current.run;
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            opened = Session::open(self.workshop.clone(), self.lane, run) => Some(opened),
        };
        let (ending, session) = match opened {
            None => (Ending::Stopped, None),
            Some(Err(trouble)) => (Ending::Trouble(trouble), None),
            Some(Ok(mut session)) => {
                let ending = self.work(&mut session, inbox).await;
                (ending, Some(session))
            }
        };
        self.wind_down(ending, session).await
    }

    async fn work(
        &mut self,
        session: &mut Session,
        inbox: &mut mpsc::Receiver<Assignment>,
    ) -> Ending {
        if let Err(trouble) = session.begin(self.current.work) {
            return Ending::Trouble(trouble);
        }
        loop {
            let stop = self.current.stop.clone();
            let heard = tokio::select! {
                biased;
                () = stop.cancelled() => return Ending::Stopped,
                assignment = inbox.recv() => match self.take(session, assignment) {
                    Some(ending) => return ending,
                    None => continue,
                },
                heard = session.hear() => heard,
                () = tokio::time::sleep(self.workshop.policy.idle_worker), if session.is_idle() => {
                    return Ending::Idle;
                }
            };
            let handled = tokio::select! {
                biased;
                () = stop.cancelled() => return Ending::Stopped,
                handled = session.handle(heard) => handled,
            };
            if let Err(trouble) = handled {
                return Ending::Trouble(trouble);
            }
        }
    }

    /// Begins what has come, or says why the session ends.
    fn take(&mut self, session: &mut Session, assignment: Option<Assignment>) -> Option<Ending> {
        let Some(assignment) = assignment else {
            return Some(Ending::Idle);
        };
        if !session.serves(assignment.run) {
            return Some(Ending::Next(assignment));
        }
        self.current = assignment;
        session.begin(self.current.work).err().map(Ending::Trouble)
    }

    /// Ends the session and tells the dispatcher, unless the end was in good order.
    async fn wind_down(&mut self, ending: Ending, session: Option<Session>) -> Option<Assignment> {
        let closed = match session {
            Some(session) => session.close().await,
            None => Ok(()),
        };
        let (trouble, next) = match ending {
            Ending::Stopped => (None, None),
            Ending::Trouble(trouble) => (Some(trouble), None),
            // In good order, as long as the last segments found their way.
            Ending::Idle => (Some(closed.err()?), None),
            Ending::Next(next) => match closed {
                Ok(()) => return Some(next),
                Err(trouble) => (Some(trouble), Some(next)),
            },
        };
        // Assignments that are still in the inbox belong to this end too.
        self.current.stop.cancel();
        let stopped = Report::Stopped {
            lane: self.lane,
            epoch: self.current.epoch,
            trouble: trouble.map(|trouble| (self.current.run, trouble)),
        };
        self.workshop.report(stopped).await;
        next
    }
}
