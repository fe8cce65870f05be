//! The one folder the worker writes into, given as an open descriptor.
//!
//! A file appears under its name only when it is complete. It is made durable by the server,
//! which moves it into the store.

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;

/// How files are opened: always anew, only for writing, never through a link. The sandbox lets no
/// file be opened in any other way.
pub const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::TRUNC)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);

/// Less is gathered before it is written; a coded picture has some kilobytes.
const BLOCK_BYTES: usize = 256 * 1024;

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
        self.write_parts(name, std::iter::once(bytes))
    }

    /// The same with bytes that lie in several places.
    pub fn write_parts<'a>(
        &self,
        name: &str,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<u64> {
        let temporary = format!("{name}.part");
        let written = self.write_temporary(&temporary, parts);
        let renamed = written.and_then(|size_bytes| {
            let folder = &self.folder;
            renameat(folder, temporary.as_str(), folder, name)?;
            Ok(size_bytes)
        });
        if renamed.is_err() {
            // Leaves room on a full disk; that the file may not exist is fine.
            let _ = self.remove(&temporary);
        }
        renamed
    }

    /// Removes `name`.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn write_temporary<'a>(
        &self,
        name: &str,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<u64> {
        let file = openat(&self.folder, name, NEW_FILE, Mode::RUSR | Mode::WUSR)?;
        let mut file = BufWriter::with_capacity(BLOCK_BYTES, File::from(file));
        let mut size_bytes = 0;
        for part in parts {
            file.write_all(part)?;
            size_bytes += part.len() as u64;
        }
        file.flush()?;
        Ok(size_bytes)
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
