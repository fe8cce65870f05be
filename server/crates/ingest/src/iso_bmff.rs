//! The top-level boxes of an ISO base media file, as ISO/IEC 14496-12 §4.2 lays them out.
//!
//! Only box headers are read, never a payload: untrusted media is parsed in the worker alone.
//! What a missing or short box means for its owner is not decided here but in `complete`.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

/// Where a walk gives up. A fragmented recording of a whole day has about 90 000 top-level boxes.
const MAX_BOXES: u32 = 200_000;

/// A compact box header: 32 bits of size and 32 bits of type.
const COMPACT_HEADER_BYTES: u64 = 8;
/// The same followed by the 64-bit `largesize`.
const LARGE_HEADER_BYTES: u64 = 16;

/// Four printable characters that name a box.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxType([u8; 4]);

impl BoxType {
    /// Declares the samples of all tracks.
    pub(crate) const MOOV: Self = Self(*b"moov");
    /// Holds samples.
    pub(crate) const MDAT: Self = Self(*b"mdat");
    /// Declares the samples of one fragment.
    pub(crate) const MOOF: Self = Self(*b"moof");

    /// Box types are printable in every brand; anything else is not a box.
    fn is_printable(self) -> bool {
        // QuickTime uses 0xA9, the copyright sign, in some names.
        self.0
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ' || *byte == 0xa9)
    }
}

impl fmt::Debug for BoxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// The start of every box:
///
/// ```text
/// aligned(8) class BoxHeader(unsigned int(32) boxtype) {
///     unsigned int(32) size;
///     unsigned int(32) type = boxtype;
///     if (size == 1) { unsigned int(64) largesize; }
///     else if (size == 0) { /* box extends to end of file */ }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BoxHeader {
    box_type: BoxType,
    extent: Extent,
}

/// How far a box reaches, its header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Bytes(u64),
    ToEndOfFile,
}

/// What a walk over the top level found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopLevel {
    /// A whole `moov` is there.
    pub(crate) has_moov: bool,
    /// A whole `mdat` is there, or one that extends to the end of the file.
    pub(crate) has_mdat: bool,
    /// The last box reaches beyond the end of the file.
    pub(crate) cut: Option<Cut>,
    /// What follows the boxes found so far is not a box.
    pub(crate) is_damaged: bool,
}

/// A box that reaches beyond the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Which one.
    pub(crate) box_type: BoxType,
    /// How long the file must be for the box to be whole.
    pub(crate) end_bytes: u64,
}

/// Walks the boxes of a file of `length_bytes`, from its start to its end, to the first thing
/// that is not a box, or to [`MAX_BOXES`].
pub(crate) fn walk(file: &mut (impl Read + Seek), length_bytes: u64) -> io::Result<TopLevel> {
    let mut found = TopLevel::default();
    let mut offset_bytes = 0;
    for _ in 0..MAX_BOXES {
        // Fewer bytes than a header are padding, not a box.
        if length_bytes - offset_bytes < COMPACT_HEADER_BYTES {
            return Ok(found);
        }
        file.seek(SeekFrom::Start(offset_bytes))?;
        let Some(header) = read_header(file)? else {
            found.is_damaged = true;
            return Ok(found);
        };
        match end_of(header.extent, offset_bytes, length_bytes) {
            None => {
                found.is_damaged = true;
                return Ok(found);
            }
            Some(end_bytes) if end_bytes > length_bytes => {
                let box_type = header.box_type;
                found.cut = Some(Cut {
                    box_type,
                    end_bytes,
                });
                return Ok(found);
            }
            Some(end_bytes) => {
                found.has_moov |= header.box_type == BoxType::MOOV;
                found.has_mdat |= header.box_type == BoxType::MDAT;
                offset_bytes = end_bytes;
            }
        }
    }
    Ok(found)
}

/// Where a box that begins at `offset_bytes` ends; `None` if no file can be that long.
fn end_of(extent: Extent, offset_bytes: u64, length_bytes: u64) -> Option<u64> {
    match extent {
        Extent::Bytes(size_bytes) => offset_bytes.checked_add(size_bytes),
        Extent::ToEndOfFile => Some(length_bytes),
    }
}

/// Reads one header; `None` where the bytes cannot be one.
fn read_header(file: &mut impl Read) -> io::Result<Option<BoxHeader>> {
    let mut compact = [0; COMPACT_HEADER_BYTES as usize];
    file.read_exact(&mut compact)?;
    let [s0, s1, s2, s3, t0, t1, t2, t3] = compact;
    let box_type = BoxType([t0, t1, t2, t3]);
    let extent = match u32::from_be_bytes([s0, s1, s2, s3]) {
        0 => Some(Extent::ToEndOfFile),
        1 => read_largesize(file)?,
        size => at_least(COMPACT_HEADER_BYTES, u64::from(size)),
    };
    Ok(extent
        .filter(|_| box_type.is_printable())
        .map(|extent| BoxHeader { box_type, extent }))
}

/// Reads the 64-bit size that follows a compact header of size 1.
fn read_largesize(file: &mut impl Read) -> io::Result<Option<Extent>> {
    let mut largesize = [0; 8];
    match file.read_exact(&mut largesize) {
        Ok(()) => Ok(at_least(LARGE_HEADER_BYTES, u64::from_be_bytes(largesize))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// A size that leaves room for the header it stands in.
fn at_least(header_bytes: u64, size_bytes: u64) -> Option<Extent> {
    (size_bytes >= header_bytes).then_some(Extent::Bytes(size_bytes))
}

#[cfg(test)]
mod tests {
    use super::{BoxType, Cut, TopLevel, walk};
    use std::io::Cursor;

    /// A box with a compact header and `payload_bytes` of zeros.
    fn compact(name: &[u8; 4], payload_bytes: u32) -> Vec<u8> {
        let mut bytes = (payload_bytes + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(name);
        bytes.resize(bytes.len() + payload_bytes as usize, 0);
        bytes
    }

    fn check(what: &str, bytes: &[u8], expected: TopLevel) {
        let found = walk(&mut Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert_eq!(found, expected, "{what}");
    }

    const WHOLE: TopLevel = TopLevel {
        has_moov: true,
        has_mdat: true,
        cut: None,
        is_damaged: false,
    };

    #[test]
    fn whole_files_are_walked_to_their_end() {
        let [ftyp, moov, mdat] = [
            compact(b"ftyp", 24),
            compact(b"moov", 90),
            compact(b"mdat", 400),
        ];
        check("index first", &[&*ftyp, &moov, &mdat].concat(), WHOLE);
        check("index last", &[&*ftyp, &mdat, &moov].concat(), WHOLE);
        check(
            "QuickTime without ftyp",
            &[&*compact(b"wide", 0), &mdat, &moov].concat(),
            WHOLE,
        );
        let fragment = [compact(b"moof", 50), compact(b"mdat", 70)].concat();
        check(
            "fragments",
            &[&*ftyp, &moov, &fragment, &fragment].concat(),
            WHOLE,
        );
        check(
            "a few bytes of padding",
            &[&*ftyp, &moov, &mdat, &[0; 7]].concat(),
            WHOLE,
        );
    }

    #[test]
    fn size_zero_reaches_to_the_end_and_size_one_is_followed_by_64_bits() {
        let moov = compact(b"moov", 90);
        let to_the_end = [&[0, 0, 0, 0][..], b"mdat", &[7; 33]].concat();
        check("size 0", &[&*moov, &to_the_end].concat(), WHOLE);
        let large = [&[0, 0, 0, 1][..], b"mdat", &20_u64.to_be_bytes(), &[7; 4]].concat();
        check("size 1", &[&*large, &moov].concat(), WHOLE);
    }

    #[test]
    fn a_box_that_ends_behind_the_file_says_how_long_the_file_must_be() {
        let front = [compact(b"ftyp", 24), compact(b"moov", 90)].concat();
        let whole = [front.clone(), compact(b"mdat", 400)].concat();
        check(
            "half an mdat",
            &whole[..whole.len() / 2],
            TopLevel {
                has_moov: true,
                cut: Some(Cut {
                    box_type: BoxType::MDAT,
                    end_bytes: whole.len() as u64,
                }),
                ..TopLevel::default()
            },
        );
        let absurd = [&[0, 0, 0, 1][..], b"mdat", &u64::MAX.to_be_bytes()].concat();
        check(
            "a box that no file can hold",
            &[front, absurd].concat(),
            TopLevel {
                has_moov: true,
                is_damaged: true,
                ..TopLevel::default()
            },
        );
    }

    #[test]
    fn what_is_not_a_box_ends_the_walk() {
        let damaged = TopLevel {
            is_damaged: true,
            ..TopLevel::default()
        };
        check(
            "a size smaller than its header",
            &[
                compact(b"ftyp", 4),
                vec![0, 0, 0, 3, b'f', b'r', b'e', b'e', 0],
            ]
            .concat(),
            damaged,
        );
        check(
            "zeros",
            &[compact(b"ftyp", 4), vec![0; 64]].concat(),
            damaged,
        );
        let headless = [&[0, 0, 0, 1][..], b"mdat", &[0, 0]].concat();
        check("a largesize that is cut off", &headless, damaged);
        check("nothing", &[], TopLevel::default());
    }

    #[test]
    fn every_prefix_of_a_file_can_be_walked() {
        let whole = [
            compact(b"ftyp", 24),
            compact(b"moov", 90),
            compact(b"mdat", 400),
        ]
        .concat();
        for length in 0..whole.len() {
            let found = walk(&mut Cursor::new(&whole[..length]), length as u64).unwrap();
            assert!(
                !found.has_mdat,
                "{length} of {} bytes must not pass for whole",
                whole.len()
            );
        }
    }
}
