//! Files of subtitles that lie beside a film: `Film.srt`, `Film.de.srt`, `Film.en.forced.srt`.
//!
//! Only their names are read here; what is in them is read by a worker. What does not belong here:
//! watching for files that come later; making a title anew finds them.

use media::sidecar::Format;
use model::extras::TextPlan;
use model::language;
use rustix::fs::{Mode, OFlags};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The most files that are taken beside one film.
const MAX_FILES: usize = 16;
/// The longest file.
const MAX_BYTES: u64 = 10_000_000;

/// A file beside a film.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) file: File,
    /// For sentences.
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) text: TextPlan,
}

/// The subtitles beside the film at `film`, in the order of their names. Blocks.
///
/// # Errors
/// As the file system has it. A single file that cannot be opened is passed over.
pub(crate) fn find(film: &Path) -> io::Result<Vec<Beside>> {
    let (Some(folder), Some(stem)) = (film.parent(), film.file_stem()) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<(PathBuf, Format, TextPlan)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let said = path.file_name().and_then(|name| read_name(stem, name));
        if let Some((format, text)) = said {
            paths.push((path, format, text));
        }
    }
    paths.sort_by(|a, b| a.0.cmp(&b.0));
    paths.truncate(MAX_FILES);
    let opened = paths.into_iter().filter_map(|(path, format, text)| {
        let file = open(&path).inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "Subtitles cannot be opened.");
        });
        Some(Beside {
            file: file.ok()?,
            name: path.file_name()?.to_string_lossy().into_owned(),
            format,
            text,
        })
    });
    Ok(opened.collect())
}

/// Through no link, and never waiting for a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        let message = "it is not a regular file of 10 MB at most";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

/// What the name of a file says, if it belongs to a film called `stem`.
fn read_name(stem: &OsStr, name: &OsStr) -> Option<(Format, TextPlan)> {
    let rest = name.as_bytes().strip_prefix(stem.as_bytes())?;
    let rest = std::str::from_utf8(rest).ok()?.strip_prefix('.')?;
    let (words, extension) = rest.rsplit_once('.').unwrap_or(("", rest));
    let format = match extension.to_ascii_lowercase().as_str() {
        "srt" => Format::SubRip,
        "ass" | "ssa" => Format::Ass,
        "vtt" => Format::WebVtt,
        _ => return None,
    };
    Some((format, read_words(words)))
}

/// `de`, `pt-BR.forced`, `English.sdh`, `Director`.
fn read_words(words: &str) -> TextPlan {
    let mut text = TextPlan {
        track: None,
        language: "und".into(),
        name: None,
        default: false,
        forced: false,
        hearing_impaired: false,
    };
    let mut others: Vec<&str> = Vec::new();
    for word in words.split(['.', '_', ' ']).filter(|word| !word.is_empty()) {
        let known = text.language != "und";
        match word.to_ascii_lowercase().as_str() {
            "forced" | "foreign" => text.forced = true,
            "default" => text.default = true,
            "sdh" | "cc" => text.hearing_impaired = true,
            // The same letters are Hindi.
            "hi" if known => text.hearing_impaired = true,
            _ => match language::spelled(word).filter(|_| !known) {
                Some(tag) => text.language = tag,
                None => others.push(word),
            },
        }
    }
    text.name = (!others.is_empty()).then(|| others.join(" "));
    text
}

#[cfg(test)]
mod tests {
    use super::{find, read_name};
    use media::sidecar::Format;
    use std::ffi::OsStr;
    use std::fs;

    #[test]
    fn a_name_says_language_and_kind() {
        let cases = [
            ("Film.srt", Some(("und", "", None))),
            ("Film.de.srt", Some(("de", "", None))),
            ("Film.ger.SRT", Some(("de", "", None))),
            ("Film.German.srt", Some(("de", "", None))),
            ("Film.pt-BR.forced.srt", Some(("pt-BR", "forced", None))),
            ("Film.en.sdh.srt", Some(("en", "sdh", None))),
            ("Film.en.hi.srt", Some(("en", "sdh", None))),
            ("Film.hi.srt", Some(("hi", "", None))),
            ("Film.en.Director.srt", Some(("en", "", Some("Director")))),
            ("Film.en.default.srt", Some(("en", "default", None))),
            ("Film 2.srt", None),
            ("Filmsrt", None),
            ("Film.mp4", None),
            ("Other.srt", None),
        ];
        for (name, expected) in cases {
            let said = read_name(OsStr::new("Film"), OsStr::new(name));
            let Some((language, kind, own)) = expected else {
                assert!(said.is_none(), "{name} is not beside Film");
                continue;
            };
            let text = said.unwrap_or_else(|| panic!("{name} is beside Film")).1;
            assert_eq!(
                (text.language.as_str(), text.name.as_deref()),
                (language, own),
                "{name}"
            );
            let kinds = (text.forced, text.hearing_impaired, text.default);
            let wanted = (kind == "forced", kind == "sdh", kind == "default");
            assert_eq!(kinds, wanted, "{name}");
        }
    }

    #[test]
    fn files_beside_a_film_are_opened_through_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "Film.mkv",
            "Film.de.srt",
            "Film.ass",
            "Film.nfo",
            "Filme.srt",
        ] {
            fs::write(at(name), name).unwrap();
        }
        fs::create_dir(at("Film.en.srt")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("Film.fr.srt")).unwrap();
        fs::write(at("Film.it.srt"), vec![0; 10_000_001]).unwrap();
        let found = find(&at("Film.mkv")).unwrap();
        let found: Vec<(&str, Format)> = found
            .iter()
            .map(|beside| (beside.name.as_str(), beside.format))
            .collect();
        let expected = [("Film.ass", Format::Ass), ("Film.de.srt", Format::SubRip)];
        assert_eq!(found, expected);
    }
}
