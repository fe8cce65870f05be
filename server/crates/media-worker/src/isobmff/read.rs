//! A careful reader of boxes: finds encrypted tracks before libav sees the file, and lets tests
//! read back what was written.
//!
//! It bounds what it reads by what the file really holds. What does not belong here: sample
//! tables; libav reads those.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::descriptors;

/// A box's type and the bytes after its header.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    /// Four letters.
    pub kind: [u8; 4],
    /// Contents.
    pub body: &'a [u8],
}

/// The boxes that lie one after the other in `bytes`; stops at the first that does not fit.
pub fn children(bytes: &[u8]) -> impl Iterator<Item = Child<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (header, size) = header(rest)?;
        let size = if size == 0 {
            rest.len()
        } else {
            usize::try_from(size).ok()?
        };
        let body = rest.get(header.length..size)?;
        rest = &rest[size..];
        Some(Child {
            kind: header.kind,
            body,
        })
    })
}

#[derive(Clone, Copy, Debug)]
struct Header {
    kind: [u8; 4],
    length: usize,
}

/// Type, header length and total size (0: to the end) of the box at the start of `bytes`.
fn header(bytes: &[u8]) -> Option<(Header, u64)> {
    let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    let kind: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    match size {
        0 => Some((Header { kind, length: 8 }, 0)),
        1 => {
            let size = u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?);
            (size >= 16).then_some((Header { kind, length: 16 }, size))
        }
        2..8 => None,
        _ => Some((Header { kind, length: 8 }, u64::from(size))),
    }
}

/// What the outermost boxes of a file say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// It is a file of this family at all: it starts with a box that such files start with.
    pub is_isobmff: bool,
    /// A `moov` box was found.
    pub has_movie: bool,
    /// A track is marked as encrypted (`encv` or `enca`, ISO/IEC 23001-7 §4.1).
    pub is_encrypted: bool,
    /// Its one `moov` says everything of every sample: none is described further on, in fragments.
    pub is_indexed: bool,
    /// No track has its data in this file: all point to others (ISO/IEC 14496-12 §8.7.2).
    pub is_elsewhere: bool,
}

/// A `moov` over this length is not searched for tracks.
const MAX_MOVIE_BYTES: u64 = 64 * 1024 * 1024;
/// After this many outermost boxes the walk ends.
const MAX_BOXES: usize = 100_000;

/// Walks the outermost boxes of `file`.
pub fn outline(file: &File) -> io::Result<Outline> {
    let file_size = descriptors::size_bytes(file)?;
    let mut outline = Outline::default();
    let mut has_fragments = false;
    let mut position = 0;
    for index in 0..MAX_BOXES {
        let mut bytes = [0; 16];
        let filled = read_up_to(file, &mut bytes, position)?;
        let Some((header, size)) = header(&bytes[..filled]) else {
            break;
        };
        if index == 0 {
            outline.is_isobmff = is_first_box(header.kind);
        }
        if !outline.is_isobmff {
            break;
        }
        if &header.kind == b"moov" {
            outline.has_movie = true;
            let movie = movie(file, position, size)?;
            outline.is_encrypted |= is_encrypted(&movie);
            outline.is_elsewhere |= is_elsewhere(&movie);
            outline.is_indexed = is_indexed(&movie);
        }
        has_fragments |= &header.kind == b"moof";
        position = match position.checked_add(size) {
            Some(next) if size > 0 && next < file_size => next,
            _ => break,
        };
    }
    outline.is_indexed &= !has_fragments;
    Ok(outline)
}

fn is_first_box(kind: [u8; 4]) -> bool {
    matches!(
        &kind,
        b"ftyp" | b"moov" | b"styp" | b"free" | b"skip" | b"wide" | b"mdat" | b"pnot"
    )
}

/// A `moov` with its header; nothing if it is too long.
fn movie(file: &File, position: u64, size: u64) -> io::Result<Vec<u8>> {
    if size == 0 || size > MAX_MOVIE_BYTES {
        return Ok(Vec::new());
    }
    let mut movie = vec![0; usize::try_from(size).unwrap_or(0)];
    let filled = read_up_to(file, &mut movie, position)?;
    movie.truncate(filled);
    Ok(movie)
}

fn is_indexed(movie: &[u8]) -> bool {
    let mut boxes = children(movie).flat_map(|movie| children(movie.body));
    !movie.is_empty() && !boxes.any(|child| &child.kind == b"mvex")
}

fn is_encrypted(movie: &[u8]) -> bool {
    media_information(movie)
        .flat_map(|information| descend(information.body, b"stbl"))
        .flat_map(|tables| descend(tables.body, b"stsd"))
        .flat_map(|descriptions| entries(descriptions))
        .any(|entry| matches!(&entry.kind, b"encv" | b"enca"))
}

fn is_elsewhere(movie: &[u8]) -> bool {
    let mut places = media_information(movie)
        .flat_map(|information| descend(information.body, b"dinf"))
        .flat_map(|data| descend(data.body, b"dref"))
        .flat_map(|references| entries(references))
        .peekable();
    // The last bit of an entry's flags says that the data lies in the same file.
    let is_here = |place: Child<'_>| place.body.get(3).is_none_or(|flags| flags & 1 == 1);
    places.peek().is_some() && !places.any(is_here)
}

fn media_information(movie: &[u8]) -> impl Iterator<Item = Child<'_>> {
    children(movie)
        .flat_map(|movie| descend(movie.body, b"trak"))
        .flat_map(|track| descend(track.body, b"mdia"))
        .flat_map(|media| descend(media.body, b"minf"))
}

/// What a list of boxes holds behind its version, its flags and the number of its entries.
fn entries(list: Child<'_>) -> impl Iterator<Item = Child<'_>> {
    children(list.body.get(8..).unwrap_or(&[]))
}

fn descend<'a>(bytes: &'a [u8], kind: &'static [u8; 4]) -> impl Iterator<Item = Child<'a>> {
    children(bytes).filter(move |child| &child.kind == kind)
}

fn read_up_to(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A media segment as it was written; for tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) sequence_number: u32,
    pub(crate) decode_time: u64,
    pub(crate) samples: Vec<super::boxes::RunSample>,
    pub(crate) payload: Vec<u8>,
}

#[cfg(test)]
impl Fragment {
    /// When each sample is shown, in decode order.
    pub(crate) fn presentation_times(&self) -> Vec<i64> {
        let mut decoded_at = self.decode_time.cast_signed();
        let times = self.samples.iter().map(|sample| {
            let shown_at = decoded_at + i64::from(sample.composition_offset);
            decoded_at += i64::from(sample.duration);
            shown_at
        });
        times.collect()
    }
}

/// Reads a media segment; for tests.
#[cfg(test)]
pub(crate) fn fragment(bytes: &[u8]) -> Option<Fragment> {
    let word =
        |body: &[u8], at: usize| Some(u32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?));
    let moof = descend(bytes, b"moof").next()?;
    let traf = descend(moof.body, b"traf").next()?;
    let tfdt = descend(traf.body, b"tfdt").next()?;
    let trun = descend(traf.body, b"trun").next()?;
    let samples = trun.body.get(12..)?.as_chunks::<16>().0.iter();
    Some(Fragment {
        sequence_number: word(descend(moof.body, b"mfhd").next()?.body, 4)?,
        decode_time: u64::from_be_bytes(tfdt.body.get(4..12)?.try_into().ok()?),
        samples: samples
            .map(|row| {
                Some(super::boxes::RunSample {
                    duration: word(row, 0)?,
                    size: word(row, 4)?,
                    flags: word(row, 8)?,
                    composition_offset: word(row, 12)?.cast_signed(),
                })
            })
            .collect::<Option<Vec<_>>>()?,
        payload: descend(bytes, b"mdat").next()?.body.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Outline, children, outline};
    use crate::isobmff::boxes::{u32_be, write_box, write_full_box};
    use std::io::Write;

    type Fill<'a> = &'a dyn Fn(&mut Vec<u8>);

    /// A movie with a track for each of those media informations.
    fn movie_with(informations: &[Fill<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        write_box(&mut out, b"ftyp", |out| out.extend_from_slice(b"isom"));
        write_box(&mut out, b"moov", |out| {
            for information in informations {
                write_box(out, b"trak", |out| {
                    write_box(out, b"mdia", |out| write_box(out, b"minf", information));
                });
            }
        });
        out
    }

    fn movie_with_entry(entry: &[u8; 4]) -> Vec<u8> {
        movie_with(&[&|out: &mut Vec<u8>| {
            write_box(out, b"stbl", |out| {
                write_full_box(out, b"stsd", 0, 0, |out| {
                    u32_be(out, 1);
                    write_box(out, entry, |_| {});
                });
            });
        }])
    }

    fn data_at(out: &mut Vec<u8>, kind: &[u8; 4], flags: u32) {
        write_box(out, b"dinf", |out| {
            write_full_box(out, b"dref", 0, 0, |out| {
                u32_be(out, 1);
                write_full_box(out, kind, 0, flags, |_| {});
            });
        });
    }

    fn outline_of(bytes: &[u8]) -> Outline {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        outline(&file).unwrap()
    }

    #[test]
    fn encrypted_tracks_are_seen() {
        let outline = outline_of(&movie_with_entry(b"encv"));
        assert!(
            outline.is_encrypted,
            "an encv sample entry marks protected content"
        );
        assert!(!outline_of(&movie_with_entry(b"avc1")).is_encrypted);
    }

    #[test]
    fn only_a_movie_that_says_all_is_an_index() {
        let whole = movie_with_entry(b"avc1");
        assert!(outline_of(&whole).is_indexed);
        let boxed = |kind: &[u8; 4], body: &[u8]| {
            let mut out = Vec::new();
            write_box(&mut out, kind, |out| out.extend_from_slice(body));
            out
        };
        let fragments = [whole.clone(), boxed(b"moof", &[])].concat();
        assert!(!outline_of(&fragments).is_indexed, "samples follow");
        let announced = boxed(b"moov", &boxed(b"mvex", &[]));
        assert!(!outline_of(&announced).is_indexed, "samples will follow");
        assert!(!outline_of(&boxed(b"mdat", &[])).is_indexed, "no movie");
    }

    #[test]
    fn films_that_only_point_to_others_are_seen() {
        let here = |out: &mut Vec<u8>| data_at(out, b"url ", 1);
        let there = |out: &mut Vec<u8>| data_at(out, b"alis", 0);
        assert!(outline_of(&movie_with(&[&there, &there])).is_elsewhere);
        assert!(
            !outline_of(&movie_with(&[&there, &here])).is_elsewhere,
            "one track can be played"
        );
        assert!(!outline_of(&movie_with_entry(b"avc1")).is_elsewhere);
    }

    #[test]
    fn sizes_that_lie_end_the_walk_quietly() {
        for size in [0_u32, 1, 2, 7, 8, 0x7fff_ffff, 0xffff_ffff] {
            let mut bytes = size.to_be_bytes().to_vec();
            bytes.extend_from_slice(b"ftyp____");
            assert!(
                outline_of(&bytes).is_isobmff || size < 8,
                "box of claimed size {size}"
            );
            assert!(
                children(&bytes).count() <= 2,
                "a box of claimed size {size} must not loop"
            );
        }
        assert_eq!(outline_of(b"This is a text file."), Outline::default());
        assert_eq!(outline_of(b""), Outline::default());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut boxed = Vec::new();
            write_box(&mut boxed, b"moov", |out| out.extend_from_slice(&bytes));
            outline_of(&boxed);
            outline_of(&bytes);
            proptest::prop_assert!(children(&bytes).count() <= bytes.len());
            super::fragment(&bytes);
        }
    }
}
