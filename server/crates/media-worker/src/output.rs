//! The one folder the worker writes into, given as an open descriptor.
//!
//! A file appears under its name only when it is complete. It is made durable by the server,
//! which moves it into the store.

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// The output folder.
#[derive(Debug)]
pub struct Output {
    folder: OwnedFd,
}

impl Output {
    /// Writes below `folder`, an open descriptor of a directory.
    pub fn new(folder: OwnedFd) -> Self {
        Self { folder }
    }

    /// Writes `bytes` to `name`; whoever sees the name sees all bytes.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<u64> {
        let temporary = format!("{name}.part");
        let written = self.write_temporary(&temporary, bytes);
        let renamed = written.and_then(|()| {
            Ok(renameat(
                &self.folder,
                temporary.as_str(),
                &self.folder,
                name,
            )?)
        });
        if renamed.is_err() {
            // Leaves room on a full disk; that the file may not exist is fine.
            let _ = unlinkat(&self.folder, temporary.as_str(), AtFlags::empty());
        }
        renamed.map(|()| bytes.len() as u64)
    }

    fn write_temporary(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(file).write_all(bytes)
    }
}

/// The name of an init segment.
pub fn init_name(stream: u32) -> String {
    format!("init-stream{stream}.m4s")
}

/// The name of a media segment.
pub fn segment_name(stream: u32, number: u32) -> String {
    format!("chunk-stream{stream}-{number:05}.m4s")
}

/// The name of the poster.
pub const POSTER_NAME: &str = "poster.jpg";
