//! Boxes as such: a length, a four-letter name, a body. What does not belong here: what is in
//! any particular box.

use anyhow::{Context, Result, ensure};

/// A box found in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundBox<'a> {
    /// Its four-letter name.
    pub(super) name: [u8; 4],
    /// Where it begins, counted from the start of the bytes that were walked.
    pub(super) start: usize,
    /// Everything after its header.
    pub(super) body: &'a [u8],
}

impl FoundBox<'_> {
    /// Its name for messages.
    pub(super) fn label(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

/// All boxes that `bytes` consist of, to the last byte.
pub(super) fn walk(bytes: &[u8]) -> Result<Vec<FoundBox<'_>>> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let (header, length) = header_at(bytes, start)?;
        let mut name = [0; 4];
        name.copy_from_slice(&bytes[start + 4..start + 8]);
        let body = &bytes[start + header..start + length];
        found.push(FoundBox { name, start, body });
        start += length;
    }
    Ok(found)
}

/// Length of the header and of the whole box that begins at `start`.
fn header_at(bytes: &[u8], start: usize) -> Result<(usize, usize)> {
    let mut reader = Reader::new(&bytes[start..]);
    let short = reader.u32()? as usize;
    reader.skip(4)?;
    let (header, length) = if short == 1 {
        (16, usize::try_from(reader.u64()?)?)
    } else {
        (8, short)
    };
    ensure!(
        length >= header && length <= bytes.len() - start,
        "the box at byte {start} claims {length} bytes of {}",
        bytes.len() - start
    );
    Ok((header, length))
}

/// The one box called `name` among `boxes`.
pub(super) fn only<'a>(boxes: &[FoundBox<'a>], name: &[u8; 4]) -> Result<FoundBox<'a>> {
    let mut matching = boxes.iter().filter(|found| &found.name == name);
    let first = matching
        .next()
        .with_context(|| format!("there is no {} box", String::from_utf8_lossy(name)))?;
    ensure!(
        matching.next().is_none(),
        "there is more than one {} box",
        first.label()
    );
    Ok(*first)
}

/// The box reached by opening one box after the other, each the only one of its name.
pub(super) fn descend<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Result<FoundBox<'a>> {
    let (first, rest) = path.split_first().context("an empty path names no box")?;
    let found = only(&walk(bytes)?, first)?;
    if rest.is_empty() {
        return Ok(found);
    }
    descend(found.body, rest).with_context(|| format!("inside {}", found.label()))
}

/// Takes numbers from the front of a body, big-endian as the standard has them.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, left) = self
            .left
            .split_at_checked(count)
            .context("a box ends in the middle of a field")?;
        self.left = left;
        Ok(taken)
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(drop)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        let mut bytes = [0; 2];
        bytes.copy_from_slice(self.take(2)?);
        Ok(u16::from_be_bytes(bytes))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(bytes))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(u64::from_be_bytes(bytes))
    }

    /// Version and flags of a full box.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32)> {
        let word = self.u32()?;
        Ok((u8::try_from(word >> 24)?, word & 0x00ff_ffff))
    }

    /// A 32-bit field in version 0 of a box and a 64-bit one in version 1.
    pub(super) fn sized_by(&mut self, version: u8) -> Result<u64> {
        if version == 0 {
            Ok(u64::from(self.u32()?))
        } else {
            self.u64()
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.left
    }
}
