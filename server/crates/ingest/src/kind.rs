//! What a file is by its first bytes, so far as that is beyond doubt.
//!
//! Only files that are certainly not media are named here; everything else is left to the
//! worker, which alone opens containers. Extensions say nothing: people rename files.

/// How many bytes from the start of a file are enough for [`kind_of`].
pub(crate) const HEAD_BYTES: usize = 4096;

/// Latin-1 text is told from binary by the absence of control characters, which is certain
/// enough only over a stretch: 512 random bytes lack them with a chance of 10^-26.
const MIN_LATIN_BYTES: usize = 512;

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// ISO base media: MP4, MOV, 3GP, M4A. Their structure can be checked box by box.
    IsoBmff,
    /// Certainly not media; what it is, with its article.
    Foreign(&'static str),
    /// Everything else.
    Unknown,
}

/// Byte strings at fixed offsets that only one kind of file has.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"\xff\xd8\xff", "a picture (JPEG)"),
    (0, b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    (0, b"GIF87a", "a picture (GIF)"),
    (0, b"GIF89a", "a picture (GIF)"),
    (8, b"WEBPVP8", "a picture (WebP)"),
    (0, b"II*\0", "a picture (TIFF)"),
    (0, b"MM\0*", "a picture (TIFF)"),
    (0, b"8BPS\0\x01", "a picture (Photoshop)"),
    (4, b"ftyphei", "a picture (HEIC)"),
    (4, b"ftypmif1", "a picture (HEIC)"),
    (4, b"ftypavif", "a picture (AVIF)"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b\x08", "a gzip archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"BZh91AY&SY", "a bzip2 archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document"),
    (0, b"\x7fELF", "a program (ELF)"),
    (0, b"SQLite format 3\0", "a database (SQLite)"),
    (0, b"d8:announce", "a torrent file"),
];

/// Types of boxes with which ISO base media and QuickTime files begin.
const FIRST_BOXES: [&[u8; 4]; 10] = [
    b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"sidx", b"free", b"skip", b"wide", b"pnot",
];

/// What a file is that begins with `head`, which should be [`HEAD_BYTES`] long unless the file
/// is shorter.
pub(crate) fn kind_of(head: &[u8]) -> Kind {
    let signature = SIGNATURES
        .iter()
        .find(|(offset, bytes, _)| head.get(*offset..).is_some_and(|at| at.starts_with(bytes)));
    if let Some((.., what)) = signature {
        return Kind::Foreign(what);
    }
    if is_windows_program(head) {
        return Kind::Foreign("a program (Windows)");
    }
    if head
        .get(4..8)
        .is_some_and(|name| FIRST_BOXES.iter().any(|first| name == *first))
    {
        return Kind::IsoBmff;
    }
    match text_in(head) {
        Some(text) if looks_like_html(&text) => Kind::Foreign("a web page (HTML)"),
        Some(_) => Kind::Foreign("a text file"),
        None => Kind::Unknown,
    }
}

/// "MZ" alone is too short a signature; the header it points to settles it.
fn is_windows_program(head: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = head.get(0x3c..).and_then(|at| at.first_chunk()) else {
        return false;
    };
    let header = u32::from_le_bytes([a, b, c, d]) as usize;
    head.starts_with(b"MZ")
        && head
            .get(header..)
            .is_some_and(|at| at.starts_with(b"PE\0\0"))
}

/// The text that `head` holds, if it holds nothing else.
fn text_in(head: &[u8]) -> Option<String> {
    utf16_in(head)
        .or_else(|| utf8_in(head))
        .or_else(|| latin_in(head))
        .filter(|text| !text.is_empty() && !text.contains(is_binary))
}

fn utf8_in(head: &[u8]) -> Option<String> {
    match std::str::from_utf8(head) {
        Ok(text) => Some(text.to_owned()),
        // A character may be cut in two where the head ends.
        Err(error) if error.error_len().is_none() => {
            let (whole, _) = head.split_at(error.valid_up_to());
            std::str::from_utf8(whole).ok().map(str::to_owned)
        }
        Err(_) => None,
    }
}

/// Windows writes UTF-16 with a byte order mark.
fn utf16_in(head: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match head {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (units, _) = head.as_chunks::<2>();
    // A surrogate pair may be cut in two where the head ends.
    let kept = units.len().min(HEAD_BYTES / 2 - 1);
    let units: Vec<u16> = units[..kept].iter().copied().map(unit).collect();
    String::from_utf16(&units).ok()
}

/// Text in one of the old 8-bit encodings.
fn latin_in(head: &[u8]) -> Option<String> {
    (head.len() >= MIN_LATIN_BYTES).then(|| head.iter().copied().map(char::from).collect())
}

/// Control characters that no text has. Those of ISO 8859 beyond 0x7F are letters elsewhere.
fn is_binary(char: char) -> bool {
    char.is_ascii_control() && !matches!(char, '\t' | '\n' | '\r' | '\x0c' | '\x1b')
}

fn looks_like_html(text: &str) -> bool {
    let start: String = text
        .trim_start_matches(|char: char| char == '\u{feff}' || char.is_whitespace())
        .chars()
        .take(16)
        .collect();
    let start = start.to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body", "<script"]
        .iter()
        .any(|tag| start.starts_with(tag))
}

#[cfg(test)]
mod tests {
    use super::{HEAD_BYTES, Kind, kind_of};

    fn check(head: impl AsRef<[u8]>, expected: Kind) {
        let head = head.as_ref();
        let shown = head.get(..24).unwrap_or(head).escape_ascii();
        assert_eq!(kind_of(head), expected, "a file that begins with {shown}");
    }

    #[test]
    fn text_is_recognised_in_every_encoding() {
        let text = Kind::Foreign("a text file");
        check("x", text);
        check("Wörter, sagte er.\r\n", text);
        check(
            "日本語".repeat(2_000).as_bytes().split_at(HEAD_BYTES).0,
            text,
        );
        check(b"Gr\xfc\xdfe aus K\xf6ln\n".repeat(40), text);
        let windows: Vec<u8> = "\u{feff}Notiz 🎬"
            .repeat(600)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        check(&windows[..HEAD_BYTES], text);
        check("#EXTM3U\n#EXT-X-VERSION:3\n", text);
    }

    #[test]
    fn web_pages_are_told_from_other_text() {
        let page = Kind::Foreign("a web page (HTML)");
        check("<!DOCTYPE html><title>Log in</title>", page);
        check("\u{feff}\n  <HTML lang=en>", page);
        check("<?xml version=\"1.0\"?>", Kind::Foreign("a text file"));
    }

    #[test]
    fn well_known_files_are_named() {
        check(
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            Kind::Foreign("a picture (JPEG)"),
        );
        check(b"PK\x03\x04\x14\0", Kind::Foreign("a ZIP archive"));
        check(b"%PDF-1.7\n%\xe2\xe3", Kind::Foreign("a PDF document"));
        check(b"\x7fELF\x02\x01\x01", Kind::Foreign("a program (ELF)"));
        check(
            b"\0\0\0\x24ftypheic\0\0\0\0",
            Kind::Foreign("a picture (HEIC)"),
        );
        let mut program = vec![0; 256];
        program[..2].copy_from_slice(b"MZ");
        program[0x3c] = 0x80;
        program[0x80..0x84].copy_from_slice(b"PE\0\0");
        check(program, Kind::Foreign("a program (Windows)"));
    }

    #[test]
    fn media_and_noise_are_left_to_the_worker() {
        check(b"\0\0\0\x18ftypisom\0\0\x02\0", Kind::IsoBmff);
        check(b"\0\0\x10\0moov\0\0\0\x6cmvhd", Kind::IsoBmff);
        check(b"\x1a\x45\xdf\xa3\x01\0\0\0", Kind::Unknown);
        check(b"\x47\x40\0\x10\0\0\xb0\x0d", Kind::Unknown);
        check(b"fLaC\0\0\0\x22", Kind::Unknown);
        check(b"ID3\x04\0\0\0\0\0\x23TSSE", Kind::Unknown);
        check(b"RIFF\x24\0\0\0AVI LIST", Kind::Unknown);
        check([0; 4096], Kind::Unknown);
        check([], Kind::Unknown);
        let mut noise = [0; HEAD_BYTES];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        check(noise, Kind::Unknown);
    }
}
