//! Names that are passed over: files that are not finished, not meant for people, or companions
//! of a film. A pure rule; what is passed over leaves no trace anywhere.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// Endings of files that are still being downloaded or were set aside, in lower case.
const UNFINISHED: &[&str] = &[
    "part",
    "partial",
    "crdownload",
    "download",
    "opdownload",
    "!qb",
    "!ut",
    "bc!",
    "aria2",
    "tmp",
    "temp",
    "filepart",
    "ytdl",
];

/// Endings of files that lie beside a film and belong to it, in lower case.
const COMPANIONS: &[&str] = &[
    "srt", "ass", "vtt", "sub", "idx", "nfo", "jpg", "jpeg", "png",
];

/// What operating systems and storage boxes leave in folders, in lower case. Whatever begins
/// with a dot is passed over anyway.
const LITTER: &[&str] = &[
    "thumbs.db",
    "desktop.ini",
    "lost+found",
    "$recycle.bin",
    "system volume information",
    "#recycle",
    "#snapshot",
    "@eadir",
];

/// True for a file or folder name that is passed over.
pub(crate) fn is_passed_over(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    // Dots hide: .DS_Store, ._film.mp4, .syncthing.film.mp4.tmp and rsync's .film.mp4.AbCdEf.
    if name.starts_with(b".") || name.ends_with(b"~") || is_one_of(name, LITTER) {
        return true;
    }
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let ending = &name[dot + 1..];
    is_one_of(ending, UNFINISHED) || is_one_of(ending, COMPANIONS)
}

/// Without regard to case. Allocates nothing: a scan asks this for every name.
fn is_one_of(name: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| word.as_bytes().eq_ignore_ascii_case(name))
}

/// True if any name on the way from `root` to `path` is passed over, or if `path` is not below
/// `root` at all.
pub(crate) fn is_passed_over_below(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else {
        return true;
    };
    below.components().any(|component| match component {
        Component::Normal(name) => is_passed_over(name),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::{is_passed_over, is_passed_over_below};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn check(name: impl AsRef<OsStr>, expected: bool) {
        let name = name.as_ref();
        assert_eq!(is_passed_over(name), expected, "{name:?} is passed over");
    }

    #[test]
    fn unfinished_and_hidden_files_are_passed_over() {
        for name in [
            "film.mp4.part",
            "film.mkv.crdownload",
            "film.mkv.!qB",
            ".film.mp4.AbCdEf",
            ".syncthing.film.mp4.tmp",
            "~syncthing~film.mp4.tmp",
            "film.mp4~",
            "._film.mp4",
            ".DS_Store",
            "Thumbs.db",
            ".hidden.mp4",
            "@eaDir",
            "lost+found",
        ] {
            check(name, true);
        }
    }

    #[test]
    fn companions_of_a_film_are_not_films() {
        for name in [
            "film.srt",
            "film.en.ASS",
            "film.nfo",
            "poster.JPG",
            "film.idx",
            "film.sub",
        ] {
            check(name, true);
        }
    }

    #[test]
    fn films_are_taken_whatever_they_are_called() {
        for name in [
            "film.mp4",
            "film",
            "film.part.mp4",
            "part.mp4",
            "-rf.mp4",
            " .mp4",
            "a\nb.mkv",
            "$(reboot).mp4",
            "srt",
            "%s%n.ts",
            "\u{202e}4pm.mkv",
            "download.mp4",
        ] {
            check(name, false);
        }
        check(OsStr::from_bytes(b"\xff\xfe.mp4"), false);
        check("x".repeat(255), false);
    }

    #[test]
    fn whatever_lies_in_a_folder_that_is_passed_over_is_passed_over() {
        let root = Path::new("/home/.media/Drop");
        for (path, expected) in [
            ("/home/.media/Drop/a/b.mp4", false),
            ("/home/.media/Drop/.stversions/b.mp4", true),
            ("/home/.media/Drop/a/@eaDir/b.mp4", true),
            ("/home/.media/Other/b.mp4", true),
            ("/home/.media/Drop", false),
        ] {
            let found = is_passed_over_below(root, Path::new(path));
            assert_eq!(found, expected, "{path} below {root:?}");
        }
    }
}
