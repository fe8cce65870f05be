//! Whether there is room to go on. With hysteresis, so that a disk at its limit does not make the
//! work start and stop every second.

use std::io;
use std::path::Path;

/// Remembers whether the disk was found too full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpaceGate {
    reserve_bytes: u64,
    closed: bool,
}

impl SpaceGate {
    /// An open gate that closes when less than `reserve_bytes` are free.
    pub(crate) fn new(reserve_bytes: u64) -> Self {
        Self {
            reserve_bytes,
            closed: false,
        }
    }

    /// Takes note of the free space. Once closed, it opens at a quarter more than the reserve.
    pub(crate) fn observe(&mut self, free_bytes: u64) {
        let reopen_bytes = self.reserve_bytes.saturating_add(self.reserve_bytes / 4);
        let needed = if self.closed {
            reopen_bytes
        } else {
            self.reserve_bytes
        };
        self.closed = free_bytes < needed;
    }

    /// No new work may begin.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

/// Bytes that we could still write under `path`. Blocks.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let volume = rustix::fs::statvfs(path)?;
    Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::SpaceGate;

    #[test]
    fn a_gate_that_closed_wants_a_quarter_more_before_it_opens() {
        let mut gate = SpaceGate::new(100);
        for (free, closed) in [
            (100, false),
            (99, true),
            (110, true),
            (125, false),
            (100, false),
        ] {
            gate.observe(free);
            assert_eq!(gate.is_closed(), closed, "with {free} bytes free");
        }
    }
}
