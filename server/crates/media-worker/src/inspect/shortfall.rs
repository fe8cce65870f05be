//! Whether a file is cut off: fewer bytes than its header says, and less to see or hear. Either
//! alone is no proof: recorders that were switched off leave wrong sizes, and editors wrong lengths.
//!
//! What does not belong here: MP4 files, whose boxes are checked before they come to a worker, and
//! MPEG streams, which say nothing of the kind.

use media_proto::VIDEO_TIMESCALE;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::av::input::Input;
use crate::descriptors;

/// Enough of a file for the sizes that stand at its beginning.
const HEAD_BYTES: usize = 4096;
/// From here on sizes of 32 bits are what programs write that do not know them yet.
const UNKNOWN_RIFF_BYTES: u64 = 0x7fff_0000;
/// Lengths that are off by this much, in video ticks, are usual.
const USUAL_TICKS: i64 = VIDEO_TIMESCALE as i64;
/// The same as a part of the whole.
const USUAL_PART: i64 = 20;
/// ASF's name for the object that holds the size of the file.
const ASF_FILE_PROPERTIES: [u8; 16] = [
    0xa1, 0xdc, 0xab, 0x8c, 0x47, 0xa9, 0xcf, 0x11, 0x8e, 0xe4, 0x00, 0xc0, 0x0c, 0x20, 0x53, 0x65,
];

/// Says so of a file that is cut off and whose last picture or sound ends at `end`, in video ticks.
pub(super) fn note(input: &Input, file: &File, end: i64) -> Option<String> {
    let mut head = [0; HEAD_BYTES];
    let read = file.read_at(&mut head, 0).ok()?;
    let head = head.get(..read)?;
    let container = input.container();
    let size_bytes = descriptors::size_bytes(file).ok()?;
    // Of these libav tells what is there.
    let stated = match container.as_str() {
        "avi" => avi_length(head),
        "asf" => asf_length(head),
        "wav" => wav_length(head, size_bytes, end),
        _ => input.stated_length(),
    }?;
    let missing = stated.saturating_sub(end);
    if missing <= USUAL_TICKS || missing <= stated / USUAL_PART {
        return None;
    }
    is_short(&container, head, size_bytes).then(|| {
        let (there, all) = (spelled(end), spelled(stated));
        format!("This file is cut off: {there} of {all} are there.")
    })
}

fn spelled(ticks: i64) -> String {
    let seconds = (ticks as f64 / f64::from(VIDEO_TIMESCALE)).round();
    if seconds < 120.0 {
        format!("{seconds} s")
    } else {
        format!("{} min", (seconds / 60.0).round())
    }
}

/// The file has fewer bytes than it says. Containers that say no size are believed their length.
fn is_short(container: &str, head: &[u8], size_bytes: u64) -> bool {
    let stated = match container {
        "matroska,webm" => matroska_bytes(head),
        "avi" | "wav" => riff_bytes(head),
        "asf" => asf_bytes(head),
        "flv" | "flac" => return true,
        _ => None,
    };
    stated.is_some_and(|stated| stated > size_bytes)
}

/// Frames by their length, as the header of an AVI has them.
fn avi_length(head: &[u8]) -> Option<i64> {
    let header = head.get(24..)?.strip_prefix(b"avih")?;
    let number = |at: usize| {
        let digits = header.get(at..)?.first_chunk()?;
        Some(u64::from(u32::from_le_bytes(*digits)))
    };
    let microseconds = number(4)?.checked_mul(number(20)?)?;
    let ticks = u128::from(microseconds) * u128::from(VIDEO_TIMESCALE) / 1_000_000;
    i64::try_from(ticks).ok()
}

/// The size of the first chunk (RIFF). A longer AVI has more of them behind it.
fn riff_bytes(head: &[u8]) -> Option<u64> {
    let size = head.strip_prefix(b"RIFF")?.first_chunk()?;
    let size = u64::from(u32::from_le_bytes(*size));
    (size < UNKNOWN_RIFF_BYTES).then_some(size + 8)
}

/// Every second of it has as many bytes.
fn wav_length(head: &[u8], size_bytes: u64, end: i64) -> Option<i64> {
    let stated = i128::from(riff_bytes(head)?) * i128::from(end);
    i64::try_from(stated / i128::from(size_bytes.max(1))).ok()
}

fn asf_bytes(head: &[u8]) -> Option<u64> {
    asf_property(head, 40)
}

/// In units of 100 ns, with the preroll in milliseconds.
fn asf_length(head: &[u8]) -> Option<i64> {
    let preroll = asf_property(head, 80)?.checked_mul(10_000)?;
    let units = asf_property(head, 64)?.checked_sub(preroll)?;
    let ticks = u128::from(units) * u128::from(VIDEO_TIMESCALE) / 10_000_000;
    i64::try_from(ticks).ok()
}

/// A number so many bytes behind the begin of the file properties object (ASF specification §3.2).
fn asf_property(head: &[u8], offset: usize) -> Option<u64> {
    let mut names = head.windows(ASF_FILE_PROPERTIES.len());
    let at = names.position(|name| name == ASF_FILE_PROPERTIES)?;
    let digits = head.get(at.checked_add(offset)?..)?.first_chunk()?;
    Some(u64::from_le_bytes(*digits))
}

/// Where the segment (RFC 9559 §5.1.1) ends that follows the EBML header.
fn matroska_bytes(head: &[u8]) -> Option<u64> {
    let (header_bytes, after) = element_bytes(head.strip_prefix(b"\x1a\x45\xdf\xa3")?)?;
    let segment = after.get(usize::try_from(header_bytes).ok()?..)?;
    let (segment_bytes, after) = element_bytes(segment.strip_prefix(b"\x18\x53\x80\x67")?)?;
    let begin = u64::try_from(head.len() - after.len()).ok()?;
    begin.checked_add(segment_bytes)
}

/// The size of an element (RFC 8794 §6.2) and what follows it; `None` where it is unknown.
fn element_bytes(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let (digits, after) = bytes.split_at_checked(length)?;
    let mut all = [0; 8];
    all.get_mut(8_usize.checked_sub(length)?..)?
        .copy_from_slice(digits);
    let mask = u64::MAX >> (64 - 7 * length);
    let size = u64::from_be_bytes(all) & mask;
    (size != mask).then_some((size, after))
}

#[cfg(test)]
mod tests {
    use super::{asf_bytes, matroska_bytes, riff_bytes};

    #[test]
    fn headers_tell_how_long_a_file_should_be() {
        assert_eq!(riff_bytes(b"RIFF\x00\x10\0\0AVI LIST"), Some(0x1008));
        assert_eq!(riff_bytes(b"RIFF\xff\xff\xff\xffWAVE"), None, "unknown");
        let asf = [
            &[7; 30],
            &super::ASF_FILE_PROPERTIES[..],
            &[0; 24],
            &[9],
            &[0; 7],
        ]
        .concat();
        assert_eq!(asf_bytes(&asf), Some(9));
        let known = b"\x1a\x45\xdf\xa3\x81\x00\x18\x53\x80\x67\x40\x64data";
        assert_eq!(matroska_bytes(known), Some(12 + 100));
        let live = b"\x1a\x45\xdf\xa3\x81\x00\x18\x53\x80\x67\xffdata";
        assert_eq!(matroska_bytes(live), None, "a live one does not know");
        for head in [&b""[..], b"RIFF", b"\x1a\x45\xdf\xa3\x01\xff"] {
            let said = [riff_bytes(head), asf_bytes(head), matroska_bytes(head)];
            assert_eq!(said, [None; 3]);
        }
    }
}
