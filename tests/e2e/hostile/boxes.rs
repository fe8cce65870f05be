//! Changes films byte by byte: the boxes of an MP4, and elements of a Matroska file. What does not
//! belong here: what a change is for.

use anyhow::{Context, Result, ensure};
use std::ops::Range;

/// A box with its size in front.
pub(super) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    [&size.to_be_bytes(), kind.as_slice(), body].concat()
}

/// Where the first box of that path lies, as `moov/trak/mdia`; its size included.
pub(super) fn find(film: &[u8], path: &str) -> Result<Range<usize>> {
    let mut within = 0..film.len();
    let mut found = within.clone();
    for name in path.split('/') {
        found = child(film, within, name.as_bytes()).with_context(|| format!("no {path}"))?;
        // The body of `dref` and `stsd` begins with a version and a count.
        let header = if matches!(name, "dref" | "stsd") {
            16
        } else {
            8
        };
        within = found.start + header..found.end;
    }
    Ok(found)
}

fn child(film: &[u8], within: Range<usize>, name: &[u8]) -> Option<Range<usize>> {
    let mut at = within.start;
    while at + 8 <= within.end {
        let size = u32::from_be_bytes(film.get(at..at + 4)?.try_into().ok()?) as usize;
        if film.get(at + 4..at + 8)? == name {
            return Some(at..at + size);
        }
        at += size.max(8);
    }
    None
}

/// The film with that box replaced, and the sizes of all boxes around it made right. The film's
/// samples must lie before it.
pub(super) fn with_box(film: &[u8], path: &str, new: &[u8]) -> Result<Vec<u8>> {
    let old = find(film, path)?;
    ensure!(
        find(film, "mdat").is_ok_and(|samples| samples.start < old.start),
        "samples would move"
    );
    let mut changed = [&film[..old.start], new, &film[old.end..]].concat();
    let names: Vec<&str> = path.split('/').collect();
    for depth in 1..names.len() {
        let around = find(film, &names[..depth].join("/"))?;
        let size = around.len() + new.len() - old.len();
        let size = u32::try_from(size)?.to_be_bytes();
        changed[around.start..around.start + 4].copy_from_slice(&size);
    }
    Ok(changed)
}

/// The film with these bytes at that offset of the box, which counts from its size.
pub(super) fn patched(film: &[u8], path: &str, offset: usize, bytes: &[u8]) -> Result<Vec<u8>> {
    let at = find(film, path)?.start + offset;
    let mut changed = film.to_vec();
    changed
        .get_mut(at..at + bytes.len())
        .context("beyond the end")?
        .copy_from_slice(bytes);
    Ok(changed)
}

/// The film with every `old` replaced by `new`, which is as long.
pub(super) fn replaced(film: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>> {
    ensure!(old.len() == new.len(), "everything behind would move");
    let mut changed = film.to_vec();
    let places: Vec<usize> = film
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| *window == old)
        .map(|(at, _)| at)
        .collect();
    ensure!(!places.is_empty(), "what is to be replaced is not there");
    for at in places {
        changed[at..at + new.len()].copy_from_slice(new);
    }
    Ok(changed)
}

/// A Matroska element with its size in eight bytes.
pub(super) fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    element_claiming(id, body.len() as u64, body)
}

/// The same with a size that need not be true.
pub(super) fn element_claiming(id: &[u8], size: u64, body: &[u8]) -> Vec<u8> {
    let size = (size | 0x0100_0000_0000_0000).to_be_bytes();
    [id, &size, body].concat()
}
