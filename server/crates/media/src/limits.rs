//! How much of the machine a worker may take, by what it was started for.
//!
//! The limits are walls for a worker that runs wild on a hostile file, not budgets: a healthy one
//! stays far below. What does not belong here: setting them (`spawn`).

use std::time::Duration;

const GIBIBYTE: u64 = 1024 * 1024 * 1024;

/// What a worker is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Reading the structure of a file and trying the encoders once.
    Inspect,
    /// Making chunks, audio tracks and posters.
    Encode,
    /// Being an encoder in graphics hardware, or trying one: for pictures, never for files.
    Hardware,
}

/// Resource limits of one worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space, so that a small file cannot demand a machine's memory.
    pub address_space_bytes: u64,
    /// Processor time over the worker's whole life, all threads together.
    pub cpu_seconds: u64,
    /// The longest file it may write; a segment is a few megabytes.
    pub file_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Added to the server's niceness, so that serving players comes before encoding. The kernel
    /// derives the priority at the disk from it, too (ioprio_set(2)).
    pub niceness: i32,
}

/// How long to wait for a worker before it counts as hung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the start to its first words.
    pub hello: Duration,
    /// Without any event while it inspects or prepares.
    pub inspect: Duration,
    /// Without any event while it encodes.
    pub encode: Duration,
}

impl Duty {
    /// The limits of a worker with this duty.
    pub fn limits(self) -> Limits {
        let (address_space_bytes, cpu_seconds, file_bytes) = match self {
            // Its largest file are the words of a film.
            Self::Inspect => (2 * GIBIBYTE, 15 * 60, GIBIBYTE / 64),
            // Two days of processor time: a long 4K title on a slow machine takes hours of both cores.
            Self::Encode => (6 * GIBIBYTE, 48 * 60 * 60, GIBIBYTE / 4),
            // Drivers map the memory of the card, and of every other one, into their address space.
            Self::Hardware => (u64::MAX, 48 * 60 * 60, GIBIBYTE / 4),
        };
        Limits {
            address_space_bytes,
            cpu_seconds,
            file_bytes,
            descriptors: match self {
                Self::Inspect | Self::Encode => 64,
                Self::Hardware => 1024,
            },
            niceness: 10,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            // Indexing reads the whole file: 100 GB from a slow network folder take a while, but
            // bytes arrive all the time, and each megabyte is a sign of life.
            inspect: Duration::from_secs(90),
            encode: Duration::from_secs(120),
        }
    }
}

impl Patience {
    /// The longest silence of a worker with that duty.
    pub fn for_duty(&self, duty: Duty) -> Duration {
        match duty {
            Duty::Inspect => self.inspect,
            Duty::Encode | Duty::Hardware => self.encode,
        }
    }
}
