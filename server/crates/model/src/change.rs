//! What the catalog announces after a commit. A change only removes latency: whoever misses one
//! finds the same facts in the rows.

use crate::id::{JobId, TitleId};

/// Something committed a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A title appeared, moved to another state, or was renamed.
    Title(TitleId),
    /// Who may see some title changed: any listing may have become longer or shorter.
    Rights,
    /// A job moved or progressed.
    Job(JobId, TitleId),
    /// A segment or an init segment (number 0) can now be served.
    Segment {
        /// The title it belongs to.
        title: TitleId,
        /// Stream number.
        stream: u32,
        /// Segment number, 0 for the init segment.
        number: u32,
    },
    /// Somebody waits for a segment that does not exist yet.
    Wish(TitleId),
    /// The inbox changed.
    Inbox,
    /// The settings changed.
    Settings,
    /// The list of watched folders changed.
    Folders,
    /// An account, a sign-in or a token changed: what was known about callers may be wrong now.
    People,
}
