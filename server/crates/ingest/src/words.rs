//! Sizes and file names as the owner reads them.
//!
//! Names come from outside: they are shortened and freed of control characters here, before they
//! enter a sentence or become a title.

use std::path::Path;

/// Longer names are cut; a file name has at most 255 bytes on Linux, in lossy UTF-8 a bit more.
const MAX_NAME_CHARS: usize = 200;

/// "1.2 MB": decimal units as file browsers show them, at most one digit after the point.
pub(crate) fn size(size_bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    let Some((unit_bytes, unit)) = UNITS.into_iter().find(|(bytes, _)| size_bytes >= *bytes) else {
        return format!("{size_bytes} bytes");
    };
    let tenths = size_bytes / (unit_bytes / 10);
    if tenths >= 100 {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// How far a copy has come: in percent where the file says how long it will be.
pub(crate) fn growth(size_bytes: u64, announced_bytes: Option<u64>) -> String {
    match announced_bytes {
        Some(all_bytes) if all_bytes > size_bytes => {
            let percent = u128::from(size_bytes) * 100 / u128::from(all_bytes);
            format!("Still being copied, {percent} %.")
        }
        _ => format!("Still being copied, {} so far.", size(size_bytes)),
    }
}

/// The last part of a path.
pub(crate) fn file_name(path: &Path) -> String {
    cleaned(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// What people call a film at first: its file name without the extension.
pub(crate) fn title_name(path: &Path) -> String {
    let stem = cleaned(&path.file_stem().unwrap_or_default().to_string_lossy());
    if stem.is_empty() {
        "Untitled".to_owned()
    } else {
        stem
    }
}

/// What the system says of a failure, without the number it adds for programmers.
pub(crate) fn of_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    let sentence = text.split(" (os error").next().unwrap_or_default();
    sentence.to_owned()
}

fn cleaned(name: &str) -> String {
    let printable: String = name
        .chars()
        .filter(|char| !turns_text_around(*char))
        .map(|char| if char.is_control() { ' ' } else { char })
        .take(MAX_NAME_CHARS)
        .collect();
    printable.trim().to_owned()
}

/// Unicode's bidirectional overrides can make "gpj.exe" read as "exe.jpg" (CVE-2021-42574).
fn turns_text_around(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{file_name, of_io, size, title_name};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn sizes_have_two_digits_or_more_and_never_round_up() {
        for (size_bytes, expected) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (1_299_999, "1.2 MB"),
            (34_000_000, "34 MB"),
            (999_999_999, "999 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(size_bytes), expected, "{size_bytes} bytes in words");
        }
    }

    #[test]
    fn names_from_outside_are_made_harmless() {
        let check = |bytes: &[u8], expected: &str| {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(title_name(path), expected, "title of {path:?}");
        };
        check(b"/films/Big Buck Bunny.mp4", "Big Buck Bunny");
        check(b"/films/a\nb\x1b[31m.mkv", "a b [31m");
        check(b"/films/\xff\xfe.mp4", "\u{fffd}\u{fffd}");
        check("/films/a\u{202e}b.mp4".as_bytes(), "ab");
        check(b"/films/   .mp4", "Untitled");
        check(b"/", "Untitled");
        let long = format!("/{}.mp4", "x".repeat(5_000));
        assert_eq!(title_name(Path::new(&long)).len(), 200, "names are bounded");
        assert_eq!(file_name(Path::new("/a/b.mp4")), "b.mp4");
    }

    #[test]
    fn failures_are_told_without_numbers() {
        let error = std::io::Error::from_raw_os_error(5);
        assert_eq!(of_io(&error), "Input/output error");
    }
}
