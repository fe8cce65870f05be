//! The one folder the worker writes into, given as an open descriptor.
//!
//! A file appears under its name only when it is complete. It is made durable by the server,
//! which moves it into the store.

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// How files are opened: always anew, only for writing, never through a link. The sandbox lets no
/// file be opened in any other way.
pub const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::TRUNC)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);

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
            let _ = self.remove(&temporary);
        }
        renamed.map(|()| bytes.len() as u64)
    }

    /// Removes `name`.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn write_temporary(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = openat(&self.folder, name, NEW_FILE, Mode::RUSR | Mode::WUSR)?;
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

/// The name of a text track.
pub fn subtitle_name(index: u32) -> String {
    format!("subtitle-{index}.vtt")
}

/// The name of a sheet of thumbnails.
pub fn thumbs_name(number: u32) -> String {
    format!("thumbs-{number}.jpg")
}

/// The name of a picture that may be chosen as the poster.
pub fn poster_choice_name(number: u32) -> String {
    format!("poster-{number}.jpg")
}

/// The name of the poster.
pub const POSTER_NAME: &str = "poster.jpg";
